"""Distances between generated and real images, while training and in test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from gans.callbacks.evaluation import ComparisonCallback, Stage, check_interval, is_due, log_synchronised
from gans.metrics.distances import frechet_distance, halves, kernel_distance
from gans.metrics.features import FeatureExtractor, FeaturesName, load_extractor
from gans.metrics.inception import find_weights
from gans.metrics.processes import gather
from gans.metrics.statistics_cache import RealFeatures
from gans.protocol import Comparison

# Only in the features of the 2015 Inception network do the distances bear the names that papers report.
NAMES: dict[FeaturesName, tuple[str, str]] = {
    "lite0": ("fd_lite0", "kid_lite0"),
    "inception": ("fid", "kid"),
}


@dataclass
class _Seen:
    """The features of the images of one name: rows of D, on the CPU, and what identifies the real ones."""

    fake: list[Tensor] = field(default_factory=list)
    real: list[Tensor] = field(default_factory=list)
    real_keys: list[bytes] = field(default_factory=list)


class GenerativeMetrics(ComparisonCallback):
    """Logs Frechet and kernel distance between generated and real images, by name and as the mean over names.

    For the name A2B and the features lite0: `val/fd_lite0/A2B`, `val/kid_lite0/A2B`; their floors
    `val/fd_lite0_floor/A2B`, `val/kid_lite0_floor/A2B`, the distance between two halves of the real images (n
    // 2 against n // 2, dealt out by content); the numbers of images `val/images/A2B` and
    `val/real_images/A2B`; and the means `val/fd_lite0`, `val/kid_lite0`. With the features inception the
    distances are called `fid` and `kid`. In test `test/` stands in place of `val/`.

    All numbers are of all images of all processes, so neither batch size nor number of processes enters. The
    feature network is kept here and not in the module, so it is in no checkpoint and no optimiser.

    Args:
        features: `lite0`, which is installed, or `inception`, the network that defines FID.
        every_n_epochs: in a fit, measure in every n-th epoch and in the last; `validate` and `test` always
            measure.
        frechet: log the Frechet distance.
        kernel: log the kernel distance, which is unbiased and so says more for few images.
        weights: path of the Inception weights; by default they are looked for in torch's hub cache.
        download: fetch the Inception weights if they are absent.

    Raises:
        ValueError: if an argument is out of range, or both distances are switched off.
        FileNotFoundError: at the start of a run, if the Inception weights are absent.
    """

    def __init__(
        self,
        features: FeaturesName = "lite0",
        every_n_epochs: int = 1,
        frechet: bool = True,
        kernel: bool = True,
        weights: str | None = None,
        download: bool = False,
    ) -> None:
        if features not in NAMES:
            raise ValueError(f"features is {features!r}: it is one of {', '.join(NAMES)}.")
        if not (frechet or kernel):
            raise ValueError(
                "frechet and kernel are both false: there is nothing left for GenerativeMetrics to do."
            )
        self._features = features
        self._every_n_epochs = check_interval(every_n_epochs)
        self._weights = weights
        self._download = download
        frechet_name, kernel_name = NAMES[features]
        self._distances: dict[str, Callable[[Tensor, Tensor], float]] = {}
        if frechet:
            self._distances[frechet_name] = frechet_distance
        if kernel:
            self._distances[kernel_name] = kernel_distance
        self._extractor: FeatureExtractor | None = None
        self._seen: dict[str, _Seen] = {}
        self._reals: dict[tuple[Stage, str], RealFeatures] = {}
        self._floors: dict[bytes, dict[str, float]] = {}
        self._warned: set[str] = set()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Load the feature network, so that a missing file is known before hours of training."""
        if stage == "predict" or self._extractor is not None:
            return
        if self._features == "inception" and self._download:
            if trainer.local_rank == 0:  # one process of each machine fetches, the others wait
                find_weights(self._weights, download=True)
            trainer.strategy.barrier("inception weights")
        self._extractor = load_extractor(self._features, self._weights)

    def wanted(self, trainer: Trainer) -> bool:
        """Return whether the running epoch is due."""
        return is_due(trainer, self._every_n_epochs)

    def begin(self, pl_module: LightningModule, stage: Stage) -> None:
        """Forget the features of the last epoch's fakes."""
        assert self._extractor is not None
        self._extractor.to(pl_module.device)
        self._seen = {}

    def collect(self, stage: Stage, name: str, comparison: Comparison) -> None:
        """Extract the features of one batch; those of real images that were seen before are looked up."""
        assert self._extractor is not None
        channels = comparison.fake.shape[1]
        if channels not in (1, 3):
            self._warn_once(
                name, f"{channels} channels have no features, which exist for grey and RGB images"
            )
            return
        seen = self._seen.setdefault(name, _Seen())
        if len(comparison.fake):
            seen.fake.append(self._extractor(comparison.fake).cpu())
        if comparison.real is not None and len(comparison.real):
            if (stage, name) not in self._reals:
                self._reals[stage, name] = RealFeatures(self._extractor)
            features, keys = self._reals[stage, name](comparison.real)
            seen.real.append(features)
            seen.real_keys.extend(keys)

    def finish(self, pl_module: LightningModule, stage: Stage) -> None:
        """Bring the features of all processes together, measure and log."""
        for real in self._reals.values():
            real.finish()
        everyone = gather(self._seen)
        measured: dict[str, dict[str, float]] = {}
        for name in sorted({name for seen in everyone for name in seen}):
            values = self._measure(name, [seen[name] for seen in everyone if name in seen], pl_module.device)
            log_synchronised(
                pl_module, {f"{stage}/{metric}/{name}": value for metric, value in values.items()}
            )
            measured[name] = values
        for metric in self._distances:
            values_of_names = [values[metric] for values in measured.values() if metric in values]
            if values_of_names:
                mean = sum(values_of_names) / len(values_of_names)
                log_synchronised(pl_module, {f"{stage}/{metric}": mean})

    def _measure(self, name: str, parts: list[_Seen], device: torch.device) -> dict[str, float]:
        fake = [rows for part in parts for rows in part.fake]
        real = [rows for part in parts for rows in part.real]
        if not real:
            return {}  # nothing to compare with, as in reconstruction
        counts = {"images": sum(map(len, fake)), "real_images": sum(map(len, real))}
        if min(counts.values()) < 2:
            self._warn_once(name, "a distance needs two generated and two real images")
            return {}
        generated, originals = torch.cat(fake).to(device), torch.cat(real).to(device)
        keys = [key for part in parts for key in part.real_keys]
        distances = {metric: distance(originals, generated) for metric, distance in self._distances.items()}
        return counts | distances | self._floor(originals, keys)

    def _floor(self, real: Tensor, keys: list[bytes]) -> dict[str, float]:
        """Return the distances between two halves of the real images, measured once for each set."""
        if len(keys) < 4:
            return {}
        identity = hashlib.blake2b(b"".join(sorted(keys))).digest()
        if identity not in self._floors:
            one, other = halves(real, keys)
            self._floors[identity] = {
                f"{metric}_floor": distance(one, other) for metric, distance in self._distances.items()
            }
        return self._floors[identity]

    def _warn_once(self, name: str, reason: str) -> None:
        if name not in self._warned:
            self._warned.add(name)
            rank_zero_warn(f"No distance between generated and real images for {name}: {reason}.")
