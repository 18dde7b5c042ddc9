"""How good and how diverse generated images are beside real ones, while training and in test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from gans.callbacks.evaluation import ComparisonCallback, Stage, check_interval, is_due, log_synchronised
from gans.metrics.distances import dealt_out, frechet_distance, halves, kernel_distance
from gans.metrics.features import FeatureExtractor, FeaturesName, load_extractor, to_pixels
from gans.metrics.inception import find_weights
from gans.metrics.inception_score import inception_score
from gans.metrics.manifold import manifold_scores
from gans.metrics.processes import gather
from gans.metrics.statistics_cache import RealFeatures, content_keys
from gans.protocol import Comparison

# Only in the features of the 2015 Inception network do metrics bear the names that papers report.
NAMES: dict[FeaturesName, tuple[str, str]] = {
    "lite0": ("fd_lite0", "kid_lite0"),
    "inception": ("fid", "kid"),
}
SUFFIXES: dict[FeaturesName, str] = {"lite0": "_lite0", "inception": ""}


def default_monitor(features: FeaturesName, kernel: bool) -> str:
    """Return the distance by which the best checkpoint is chosen, such as `val/kid_lite0`."""
    frechet_name, kernel_name = NAMES[features]
    return f"val/{kernel_name if kernel else frechet_name}"


DISTANCE = "distance between generated and real images"
MANIFOLD = "precision, recall, density and coverage"


@dataclass
class _Seen:
    """What is kept of the images of one name, on the CPU: features (n, D) and, of fakes, logits (n, classes).

    The keys identify images by content; fakes have some where they have logits.
    """

    fake: list[Tensor] = field(default_factory=list)
    fake_keys: list[bytes] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)
    real: list[Tensor] = field(default_factory=list)
    real_keys: list[bytes] = field(default_factory=list)


class GenerativeMetrics(ComparisonCallback):
    """Logs how generated images compare with real ones in the features of a network, all from one pass.

    For the name A2B and the features lite0:

    * Frechet and kernel distance, `val/fd_lite0/A2B` and `val/kid_lite0/A2B`; their floors
      `val/fd_lite0_floor/A2B` and `val/kid_lite0_floor/A2B`, the distance between two halves of the real
      images (n // 2 against n // 2, dealt out by content);
    * `val/precision_lite0/A2B`, `val/recall_lite0/A2B`, `val/density_lite0/A2B`, `val/coverage_lite0/A2B`;
      see `gans.metrics.manifold`;
    * the numbers of images `val/images/A2B` and `val/real_images/A2B`.

    With the features inception the distances are called `fid` and `kid`, the others have no suffix, and there
    are the Inception score `val/inception_score/A2B` and its standard deviation over splits,
    `val/inception_score_deviation/A2B`. The mean over names has no name: `val/kid_lite0`. In test `test/`
    stands in place of `val/`. Images of one pixel are points and pass in silence.

    All numbers are of all images of all processes, so neither batch size nor number of processes enters. The
    feature network is kept here and not in the module, so it is in no checkpoint and no optimiser.

    Args:
        features: `lite0`, which is installed, or `inception`, the network that defines FID.
        every_n_epochs: in a fit, measure in every n-th epoch and in the last; `validate` and `test` always
            measure.
        frechet: log the Frechet distance.
        kernel: log the kernel distance, which is unbiased and so says more for few images.
        manifold: log precision, recall, density and coverage.
        neighbours: k of these four: a ball reaches to its centre's k-th nearest neighbour.
        splits: of the images for the Inception score.
        weights: path of the Inception weights; by default they are looked for in torch's hub cache.
        download: fetch the Inception weights if they are absent.

    Raises:
        ValueError: if an argument is out of range, or all metrics are switched off.
        FileNotFoundError: at the start of a run, if the Inception weights are absent.
    """

    def __init__(
        self,
        features: FeaturesName = "lite0",
        every_n_epochs: int = 1,
        frechet: bool = True,
        kernel: bool = True,
        manifold: bool = True,
        neighbours: int = 5,
        splits: int = 10,
        weights: str | None = None,
        download: bool = False,
    ) -> None:
        if features not in NAMES:
            raise ValueError(f"features is {features!r}: it is one of {', '.join(NAMES)}.")
        if not (frechet or kernel or manifold):
            raise ValueError(
                "frechet, kernel and manifold are all false: nothing is left for GenerativeMetrics to do."
            )
        for argument, value in {"neighbours": neighbours, "splits": splits}.items():
            if value < 1:
                raise ValueError(f"{argument} is {value}: it is 1 or more.")
        self._features = features
        self._every_n_epochs = check_interval(every_n_epochs)
        self._manifold, self._neighbours, self._splits = manifold, neighbours, splits
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
        self._warned: set[tuple[str, str]] = set()

    @property
    def names(self) -> list[str]:
        """Return the names of the metrics that compare with real images, without stage and name."""
        suffix = SUFFIXES[self._features]
        shares = ("precision", "recall", "density", "coverage") if self._manifold else ()
        return [*self._distances, *(f"{share}{suffix}" for share in shares)]

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
        channels, height, width = comparison.fake.shape[1:]
        if height == width == 1:
            return
        if channels not in (1, 3):
            self._warn_once(
                DISTANCE, name, f"{channels} channels have no features, which exist for grey and RGB images"
            )
            return
        seen = self._seen.setdefault(name, _Seen())
        if len(comparison.fake):
            pixels = to_pixels(comparison.fake)
            features, logits = self._extractor.classify(pixels)
            seen.fake.append(features.cpu())
            if logits is not None:
                seen.logits.append(logits.cpu())
                seen.fake_keys.extend(content_keys(pixels))
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
        scores_of_names: list[dict[str, float]] = []
        for name in sorted({name for seen in everyone for name in seen}):
            seen = _joined([seen[name] for seen in everyone if name in seen])
            scores, context = self._measure(name, seen, pl_module.device)
            values = {f"{stage}/{metric}/{name}": value for metric, value in (context | scores).items()}
            log_synchronised(pl_module, values)
            scores_of_names.append(scores)
        for metric in dict.fromkeys(metric for scores in scores_of_names for metric in scores):
            of_names = [scores[metric] for scores in scores_of_names if metric in scores]
            log_synchronised(pl_module, {f"{stage}/{metric}": sum(of_names) / len(of_names)})

    def _measure(
        self, name: str, seen: _Seen, device: torch.device
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return the scores, and what is needed to read them: numbers of images and floors."""
        if not seen.real:
            return {}, {}  # nothing to compare with, as in reconstruction
        counts = {"images": sum(map(len, seen.fake)), "real_images": sum(map(len, seen.real))}
        fewest = min(counts.values())
        if fewest < 2:
            self._warn_once(DISTANCE, name, "a distance needs two generated and two real images")
            return {}, {}
        fake, real = torch.cat(seen.fake).to(device), torch.cat(seen.real).to(device)
        scores = {metric: distance(real, fake) for metric, distance in self._distances.items()}
        if self._manifold and fewest > self._neighbours:
            suffix = SUFFIXES[self._features]
            of_balls = manifold_scores(real, fake, self._neighbours)
            scores |= {f"{metric}{suffix}": value for metric, value in of_balls.items()}
        elif self._manifold:
            self._warn_once(MANIFOLD, name, f"{fewest} images are too few for {self._neighbours} neighbours")
        if seen.logits:
            scores |= self._inception_score(name, seen)
        return scores, counts | self._floor(real, seen.real_keys)

    def _inception_score(self, name: str, seen: _Seen) -> dict[str, float]:
        logits = torch.cat(seen.logits)
        if len(logits) < 2 * self._splits:
            reason = f"{len(logits)} generated images are too few for {self._splits} splits"
            self._warn_once("Inception score", name, reason)
            return {}
        score = inception_score(logits[dealt_out(seen.fake_keys)], self._splits)
        return {"inception_score": score.mean, "inception_score_deviation": score.deviation}

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

    def _warn_once(self, what: str, name: str, reason: str) -> None:
        if (what, name) not in self._warned:
            self._warned.add((what, name))
            rank_zero_warn(f"No {what} for {name}: {reason}.")


def _joined(parts: list[_Seen]) -> _Seen:
    """Return what several processes have kept as if one had."""
    kept = {f.name: [row for part in parts for row in getattr(part, f.name)] for f in fields(_Seen)}
    return _Seen(**kept)
