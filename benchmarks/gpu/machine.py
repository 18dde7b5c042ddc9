"""What the machine has; NCCL with one process; copies beside arithmetic."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from benchmarks.gpu.checks import Findings
from benchmarks.gpu.toys import make_toy
from benchmarks.gpu.variants import QUIET
from gans.training.strategy import GANDDPStrategy

BESIDE = ("torch", "torchvision", "lightning", "torchmetrics")
NEEDED = (
    *("jsonargparse", "docstring-parser", "typeshed-client"),
    *("numpy", "pillow", "imagecodecs", "tifffile", "rich", "filelock", "platformdirs", "plotly", "PyYAML"),
)
"""Packages without which nothing here runs, beside the four above."""
WITHOUT = {
    "wandb": "runs log to a table",
    "dicebear-core": "noise in place of drawn faces",
    "dicebear-styles": "noise in place of drawn faces",
    "resvg-py": "noise in place of drawn faces",
}
"""Packages without which it runs -> what happens then."""


def versions(names: tuple[str, ...]) -> dict[str, str | None]:
    """Return the versions of packages, None of those that are missing."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def missing_packages() -> list[str]:
    """Return those of the packages needed that are not installed."""
    return [name for name, found in versions((*BESIDE, *NEEDED)).items() if found is None]


def describe_machine() -> Findings:
    """Tell device, driver's CUDA, versions, and what is replaced where a package is missing."""
    facts = {f"{name} version": str(found) for name, found in versions(BESIDE).items()}
    facts |= {"Python": platform.python_version(), "CPU cores": str(len(os.sched_getaffinity(0)))}
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        facts |= {
            "device": properties.name,
            "memory, GB": f"{properties.total_memory / 1e9:.0f}",
            "multiprocessors": str(properties.multi_processor_count),
            "CUDA of torch": str(torch.version.cuda),
            "cuDNN": str(torch.backends.cudnn.version()),
        }
    else:
        facts["device"] = f"no GPU: a rehearsal on the CPU, {torch.backends.cpu.get_cpu_capability()}"
    lacking = [name for name, found in versions(tuple(WITHOUT)).items() if found is None]
    facts |= {f"without {name}": WITHOUT[name] for name in lacking}
    return Findings(facts)


class Averaging(GANDDPStrategy):
    """Averages over the processes even where there is one, and counts how often."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.averaged = 0

    def average_gradients(self, optimizer: Any) -> None:
        """Send the gradients around, and count."""
        self.averaged += 1
        self.send_gradients(optimizer, dist.get_world_size())


class Weights(Callback):
    """Keeps the weights at the end, and which backend was used."""

    def __init__(self) -> None:
        self.at_end: list[Tensor] = []
        self.backend = "none"

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Copy them."""
        self.at_end = [part.detach().cpu().clone() for part in pl_module.parameters()]
        self.backend = dist.get_backend() if dist.is_initialized() else "none"


def one_process(name: str, pictures: Path) -> Findings:
    """Train with the strategy and one process, gradients sent around; compare with no strategy."""
    on_gpu = torch.cuda.is_available()
    strategy = Averaging(process_group_backend="nccl" if on_gpu else "gloo")
    ends = []
    for chosen in (strategy, "auto"):
        torch.manual_seed(0)
        model, data = make_toy(name, pictures)
        weights = Weights()
        options: dict[str, Any] = QUIET | {"accelerator": "gpu" if on_gpu else "cpu", "devices": 1}
        trainer = L.Trainer(
            strategy=chosen,
            callbacks=[weights],
            use_distributed_sampler=False,
            deterministic="warn",
            max_steps=4,
            **options,
        )
        trainer.fit(model, datamodule=data)
        ends.append(weights)
    apart = max(float((a - b).abs().max()) for a, b in zip(ends[0].at_end, ends[1].at_end, strict=True))
    facts = {
        "backend": ends[0].backend,
        "averaged": f"{strategy.averaged} times in 4 steps",
        "weights": "as without" if not apart else f"{apart:.1e} from those without",
    }
    return Findings(facts, ("weights",) if apart > 1e-6 or not strategy.averaged else ())


def copies(pictures: Path) -> Findings:
    """Look whether batches lie in pinned memory, and whether a copy runs beside arithmetic."""
    _, data = make_toy("DCGAN", pictures)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    tensors = [part for part in batch if isinstance(part, Tensor)]
    pinned = all(part.is_pinned() for part in tensors)
    if not torch.cuda.is_available():
        return Findings({"batches": "not pinned without a GPU", "copies": "without a GPU there are none"})
    facts = {"batches": "pinned" if pinned else "not pinned"}
    alone, returned, beside = _copy_times()
    arithmetic, copy = alone
    facts |= {
        "copies": f"returns after {returned / copy:.0%} of the copy",
        "beside arithmetic": f"{beside * 1e3:.1f} ms for {arithmetic * 1e3:.1f} + {copy * 1e3:.1f} ms",
    }
    wrong = [] if pinned else ["batches"]
    wrong += ["copies"] if returned > copy / 2 else []
    wrong += ["beside arithmetic"] if beside > arithmetic + 0.5 * copy else []
    return Findings(facts, tuple(wrong))


def _copy_times() -> tuple[tuple[float, float], float, float]:
    """Return seconds: (arithmetic, copy) alone, until the copy's call returns, and of both at once."""
    source = torch.zeros(2**29, dtype=torch.uint8).pin_memory()
    target = torch.empty_like(source, device="cuda")
    matrix = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    stream = torch.cuda.Stream()
    returned = [0.0]

    def copy() -> None:
        with torch.cuda.stream(stream):
            began = time.perf_counter()
            target.copy_(source, non_blocking=True)
            returned[0] = time.perf_counter() - began

    def multiply() -> None:
        for _ in range(20):
            matrix @ matrix

    def both() -> None:
        multiply()
        copy()

    def timed(function: Any) -> float:
        times = []
        for _ in range(3):
            torch.cuda.synchronize()
            began = time.perf_counter()
            function()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
        return min(times)

    alone = timed(multiply), timed(copy)
    return alone, returned[0], timed(both)
