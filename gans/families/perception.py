"""The features that perceptual losses of super-resolution compare: VGG-19's, or those that are installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn

from gans.metrics.lite0 import load_lite0
from gans.metrics.weights import verified
from gans.networks.vgg import VGG19Features

FeatureSource = Literal["auto", "vgg19", "lite0"]

VGG19 = "vgg19-dcbb9e9d.pth"
VGG19_SHA256 = "dcbb9e9d"  # torchvision's names of files hold the beginning of their hash
LITE0_BLOCKS = (0, 2, 4, 10)  # the last blocks at a half, a quarter, an eighth and a sixteenth of the sides
SMALLEST_FOR_VGG = 16


class Perception(NamedTuple):
    """What sees the difference of two images.

    Attributes:
        name: under which the loss is logged.
        network: maps pixels (N, 1 or 3, H, W) in [0, 1] to a list of features (N, C, h, w).
        weights: one for each of the features.
    """

    name: str
    network: nn.Module
    weights: tuple[float, ...]


class Lite0Features(nn.Module):
    """Feature maps of EfficientNet-Lite0 at four sizes, before any activation, frozen.

    Shape:
        (N, 1 or 3, H, W) in [0, 1] to four maps, about 1/2, 1/4, 1/8 and 1/16 as high and wide; grey is
        repeated.
    """

    def __init__(self) -> None:
        super().__init__()
        network = load_lite0()
        self.stem, self.blocks = network.stem, network.blocks[: LITE0_BLOCKS[-1] + 1]
        self.requires_grad_(False).eval()

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Return the features, finest first."""
        features = self.stem((pixels.expand(-1, 3, -1, -1) * 255 - 127) / 128)
        kept = []
        for place, block in enumerate(self.blocks):
            features = block(features)
            if place in LITE0_BLOCKS:
                kept.append(features)
        return kept


def perception(source: FeatureSource, layers: Mapping[str, float], vgg_weights: str | None) -> Perception:
    """Return the features of a source, and say which they are where the source is to be found out.

    Args:
        source: `vgg19`, `lite0`, or `auto`: VGG-19 where its file is there, else EfficientNet-Lite0.
        layers: names of VGG-19's layers -> their weights.
        vgg_weights: file of torchvision's `vgg19`; by default it is looked for in torch's hub cache.

    Raises:
        FileNotFoundError: if VGG-19 is asked for, or its file named, and the file is absent.
        ValueError: if the source is unknown, or the file is another one.
    """
    refuse_unknown_source(source)
    path = Path(vgg_weights) if vgg_weights else Path(torch.hub.get_dir()) / "checkpoints" / VGG19
    if source == "vgg19" or (source == "auto" and (vgg_weights or path.is_file())):
        return Perception("perceptual", load_vgg19(path, layers), tuple(layers.values()))
    if source == "auto":
        rank_zero_info(
            f"The perceptual loss compares features of EfficientNet-Lite0: {path}, the papers' VGG-19, is "
            "not there."
        )
    return Perception("perceptual_lite0", Lite0Features(), (1.0,) * len(LITE0_BLOCKS))


def refuse_unknown_source(source: str) -> None:
    """Raise a ValueError if there are no features of this name."""
    if source not in get_args(FeatureSource):
        raise ValueError(
            f"model.perceptual_features is {source!r}: it is one of {', '.join(get_args(FeatureSource))}."
        )


def load_vgg19(path: Path, layers: Mapping[str, float]) -> VGG19Features:
    """Return the network with the weights of torchvision's `vgg19`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is another file.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist. The perceptual loss of the papers needs {VGG19} of torchvision: put it "
            "there or give its path as --model.vgg_weights; or take --model.perceptual_features lite0, which "
            "is installed."
        )
    network = VGG19Features(tuple(layers))
    state = torch.load(verified(path, VGG19_SHA256), map_location="cpu", weights_only=True)
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    return network
