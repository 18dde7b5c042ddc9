"""What distances between sets of images are measured in: the features of a frozen network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from gans.metrics import inception, lite0

FeaturesName = Literal["lite0", "inception"]

# Images that go through the network together on a CPU, where more are not faster: 64 took 2.2 GB, more than
# many a training, and 16 half a GB.
AT_ONCE = 16

# Part of every cache key: raise it when anything between an image and its features changes.
PREPARATION = 1


class FeatureExtractor(nn.Module):
    """A frozen network from images to features, always in evaluation mode and single precision.

    Images are first rounded to 8 bits, as they would be in a file, and grey ones repeated to three channels.

    Attributes:
        name: short name that metrics carry, such as `lite0`.
        dimension: number of features D.
        fingerprint: name of everything that decides a feature's value, the image itself aside.
        network: maps uint8 RGB images to features, or to features and the logits of its classes.
    """

    def __init__(self, name: str, network: nn.Module, dimension: int, fingerprint: str) -> None:
        super().__init__()
        self.name = name
        self.dimension = dimension
        self.fingerprint = f"{fingerprint}-{PREPARATION}"
        self.network = network.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the features (N, D) of images (N, 1 or 3, H, W) in [-1, 1].

        Raises:
            ValueError: if the images have another number of channels.
        """
        return self.of_pixels(to_pixels(images))

    def of_pixels(self, pixels: Tensor) -> Tensor:
        """Return the features (N, D), float32, of uint8 RGB images (N, 3, H, W)."""
        features, _ = self.classify(pixels)
        return features

    @torch.no_grad()
    def classify(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features (N, D) and, from a network that has classes, logits (N, classes), in one pass."""
        at_once = AT_ONCE if pixels.device.type == "cpu" else max(len(pixels), 1)
        with torch.autocast(pixels.device.type, enabled=False), _full_precision():
            outputs = [self.network(part) for part in pixels.split(at_once)]
        if isinstance(outputs[0], tuple):
            features, logits = zip(*outputs, strict=True)
            return torch.cat(features), torch.cat(logits)
        return torch.cat(outputs), None


@contextmanager
def _full_precision() -> Iterator[None]:
    """Keep convolutions on NVIDIA cards from rounding to TF32: a number should not depend on the device."""
    convolutions = getattr(torch.backends.cudnn, "conv", None)  # torch 2.8 has no such switch
    if convolutions is None:
        yield
        return
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = before


def to_pixels(images: Tensor) -> Tensor:
    """Round images (N, 1 or 3, H, W) in [-1, 1] to uint8 RGB (N, 3, H, W).

    Raises:
        ValueError: if the images have another number of channels.
    """
    channels = images.shape[1]
    if channels not in (1, 3):
        raise ValueError(
            f"Features are defined for grey and RGB images, but these have {channels} channels: "
            "metrics on features cannot be computed."
        )
    pixels = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return pixels.expand(-1, 3, -1, -1)


def load_extractor(
    name: FeaturesName, weights: str | None = None, download: bool = False
) -> FeatureExtractor:
    """Return the feature extractor called `name`.

    Args:
        name: `lite0` (EfficientNet-Lite0, installed with this package) or `inception` (the network that
            defines FID).
        weights: path of the Inception weights; by default they are looked for in torch's hub cache.
        download: fetch the Inception weights if they are absent.

    Raises:
        FileNotFoundError: if the weights are absent.
        ValueError: if the name is unknown, or a file of weights is not the expected one.
    """
    if name == "inception":
        path = inception.find_weights(weights, download)
        return FeatureExtractor(
            name, inception.InceptionNetwork(path), inception.DIMENSION, f"inception-{inception.SHA256[:8]}"
        )
    if name != "lite0":
        raise ValueError(f"features is {name!r}: it is lite0 or inception.")
    if weights is not None:
        raise ValueError(f"weights is {weights!r}, but only `features: inception` takes a file of weights.")
    return FeatureExtractor(name, lite0.load_lite0(), lite0.DIMENSION, f"lite0-{lite0.SHA256[:8]}")
