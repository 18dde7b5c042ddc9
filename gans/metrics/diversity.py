"""How much the outcomes of one input differ from each other."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from gans.metrics.features import load_extractor
from gans.metrics.weights import verified

DistanceName = Literal["auto", "lpips", "lite0"]
ALEXNET = "alexnet-owt-7be5be79.pth"
ALEXNET_SHA256 = "7be5be79"  # as far as its name tells
ALEXNET_ADDRESS = f"https://download.pytorch.org/models/{ALEXNET}"


class Diversity(Protocol):
    """Mean distance between the outcomes of an input; made by `load_diversity`.

    Attributes:
        name: short name that metrics carry, such as `lite0`.
        smallest: least height and width in pixels of the images it takes.
    """

    name: str
    smallest: int

    def to(self, device: torch.device) -> object:
        """Move its network to a device."""
        ...

    def __call__(self, outcomes: Tensor) -> Tensor:
        """Return (N,) from outcomes (N, count, 1 or 3, H, W) in [-1, 1]: means over all pairs of `count`."""
        ...


class Lite0Diversity(nn.Module):
    """Mean Euclidean distance of the pooled EfficientNet-Lite0 features of each two outcomes.

    It is no published measure: numbers compare only with numbers of this name.
    """

    name = "lite0"
    smallest = 1

    def __init__(self) -> None:
        super().__init__()
        self.extractor = load_extractor("lite0")

    def forward(self, outcomes: Tensor) -> Tensor:
        """Return (N,) from outcomes (N, count, 1 or 3, H, W) in [-1, 1], count at least 2."""
        features = self.extractor(outcomes.flatten(0, 1)).unflatten(0, outcomes.shape[:2])
        one, other = _pairs(features)
        distances: Tensor = torch.linalg.vector_norm(one - other, dim=2)
        return distances.mean(dim=1)


class LPIPSDiversity(nn.Module):
    """Mean LPIPS of each two outcomes, by torchmetrics on AlexNet: the diversity that MUNIT's paper reports.

    Paper: Zhang et al. 2018, arXiv:1801.03924.

    Raises:
        FileNotFoundError: if the weights are absent.
        ValueError: if they are other weights.
    """

    name = "lpips"
    smallest = 32

    def __init__(self) -> None:
        super().__init__()
        # Imported here: it takes long, and few runs compute it.
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        path = lpips_weights()
        if not path.is_file():
            raise FileNotFoundError(
                f"LPIPS needs the weights of AlexNet, and {path} does not exist. Fetch {ALEXNET_ADDRESS} and "
                "put it there, or use `distance: lite0`, which needs no download."
            )
        verified(path, ALEXNET_SHA256)
        self.network = LearnedPerceptualImagePatchSimilarity("alex").net

    @torch.no_grad()
    def forward(self, outcomes: Tensor) -> Tensor:
        """Return (N,) from outcomes (N, count, 1 or 3, H, W) in [-1, 1], count at least 2."""
        images = outcomes.float().clamp(-1, 1).expand(-1, -1, 3, -1, -1)
        one, other = _pairs(images)
        with torch.autocast(images.device.type, enabled=False):
            distances: Tensor = self.network(one.flatten(0, 1), other.flatten(0, 1))
        return distances.view(one.shape[:2]).mean(dim=1)


def _pairs(outcomes: Tensor) -> tuple[Tensor, Tensor]:
    """Return one and the other of every pair of `count` outcomes (N, count, ...), each (N, pairs, ...)."""
    first, second = torch.combinations(torch.arange(outcomes.shape[1]), 2).T.to(outcomes.device)
    return outcomes[:, first], outcomes[:, second]


def lpips_weights() -> Path:
    """Return where torchmetrics looks for the weights of AlexNet: torch's hub cache."""
    return Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET


def load_diversity(distance: DistanceName = "auto") -> Diversity:
    """Return the diversity by this distance; `auto` is LPIPS where its weights are present, else Lite0.

    Raises:
        FileNotFoundError: if LPIPS is asked for and its weights are absent.
        ValueError: if the name is unknown, or a file of weights is not the expected one.
    """
    if distance not in ("auto", "lpips", "lite0"):
        raise ValueError(f"distance is {distance!r}: it is auto, lpips or lite0.")
    if distance == "lpips" or (distance == "auto" and lpips_weights().is_file()):
        return LPIPSDiversity()
    return Lite0Diversity()
