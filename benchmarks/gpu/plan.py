"""What is checked and measured, and in which order: what matters most comes first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import gans
from benchmarks.gpu.checks import Check
from benchmarks.gpu.machine import copies, describe_machine, one_process
from benchmarks.gpu.speed import predict_pace, step_time, where_time_goes
from benchmarks.gpu.variants import ARITHMETICS, check_variant

PAPERS = ("CycleGAN", "Pix2Pix", "StarGAN", "DCGAN", "CUT", "ESRGAN", "StyleGAN2", "R3GAN")
SYSTEMS = {
    "cyclegan": "cyclegan_32",
    "pix2pix": "pix2pix",
    "stargan_b16": "stargan_64",
    "dcgan": "dcgan_b8",
    "cut": "cut_64",
    "esrgan": "esrgan_8",
    "stylegan2_256": "stylegan2_8",
    "r3gan_64": "r3gan_8",
}
"""What is measured on a GPU -> what stands for it in a rehearsal on a CPU."""
SLOWER = 3
PREDICTED = {"cyclegan": (256, 16), "esrgan": (64, 16)}
"""System -> side of the images and images of a batch, on a GPU."""


@dataclass(frozen=True)
class Plan:
    """Makes the checks.

    Attributes:
        folder: for pictures and images.
        rehearse: whether all is small, for a CPU.
        variants: to be checked; the papers' eight come first in any case.
        systems: to be measured.
    """

    folder: Path
    rehearse: bool
    variants: tuple[str, ...]
    systems: tuple[str, ...]

    def checks(self) -> Iterator[Check]:
        """Yield all checks in their order; in a rehearsal each may take longer, as CPUs are slow."""
        for check in self._in_order():
            yield replace(check, seconds=SLOWER * check.seconds) if self.rehearse else check

    def _in_order(self) -> Iterator[Check]:
        yield Check("machine", "machine", describe_machine)
        yield from self._of_variants("fp32, TF32")
        yield Check("processes", "one process", one_process, {"name": "CycleGAN", "pictures": self.pictures})
        yield Check("copies", "copies", copies, {"pictures": self.pictures}, alone=True)
        yield from self._steps("fp32, TF32")
        yield from self._of_variants("bf16-mixed", "16-mixed")
        yield from self._predict()
        yield from self._profiles("fp32, TF32", 2)
        yield from self._steps("bf16-mixed")
        yield from self._of_variants("fast")
        yield from self._steps("fast")
        yield from self._profiles("bf16-mixed", len(self.systems))

    @property
    def pictures(self) -> Path:
        """Where the toys' pictures are."""
        return self.folder / "pictures"

    def _of_variants(self, *arithmetics: str) -> Iterator[Check]:
        papers = [name for name in PAPERS if name in self.variants]
        others = [name for name in self.variants if name not in PAPERS]
        for group, arithmetic in product((papers, others), arithmetics):
            for name in group:
                arguments = {"name": name, "arithmetic": arithmetic, "pictures": self.pictures}
                seconds = 180.0 if ARITHMETICS[arithmetic].acceleration.get("compile") else 60.0
                yield Check("variants", f"{name}, {arithmetic}", check_variant, arguments, seconds)

    def _steps(self, mode: str) -> Iterator[Check]:
        counts = {"periods": 1, "warm_up": 1} if self.rehearse else {"periods": 5, "warm_up": 3}
        for name in self.systems:
            chosen = SYSTEMS[name] if self.rehearse else name
            arguments = {"system": chosen, "mode": mode, "folder": self.folder, **counts}
            yield Check("steps", f"{chosen}, {mode}", step_time, arguments, 120.0, alone=True)

    def _predict(self) -> Iterator[Check]:
        for (name, (size, batch)), kind in product(PREDICTED.items(), ("png", "jpg")):
            if name not in self.systems:
                continue
            counts = (
                {"images": 3, "size": 16, "batch": 1} if self.rehearse else {"size": size, "batch": batch}
            )
            arguments = {"system": name, "kind": kind, "images": 256, **counts}
            yield Check("predict", f"{name}, {kind}", predict_pace, arguments, 90.0, alone=True)

    def _profiles(self, mode: str, count: int) -> Iterator[Check]:
        for name in self.systems[:count]:
            chosen = SYSTEMS[name] if self.rehearse else name
            arguments = {"system": chosen, "mode": mode, "folder": self.folder}
            yield Check("where time goes", f"{chosen}, {mode}", where_time_goes, arguments, 60.0, alone=True)


EVERY_VARIANT = tuple(gans.VARIANTS)
EVERY_SYSTEM = tuple(SYSTEMS)
