"""How far a trained model sees: found by following one small image through its layers."""

from __future__ import annotations

from math import ceil
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # what all batch norms share, the synchronised one too
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from datamodules.prediction.batches import PredictBatch
from datamodules.prediction.tiles import Reach
from gans.networks.antialiasing import AntialiasedDownsample
from gans.protocol import Predictions, scale_of


class Predicts(Protocol):
    """A variant that predicts images, as all of `gans.base` do."""

    def generator_networks(self) -> tuple[str, ...]:
        """Return the names of the networks that make pictures."""
        ...

    def averaged(self, name: str) -> nn.Module:
        """Return a network as predictions use it."""
        ...

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """Return the `Predictions` of a batch."""
        ...


class _Path:
    """Adds up, layer by layer in the order of their calls, how far the deepest path reaches."""

    def __init__(self) -> None:
        self.pixels = 0.0
        self.jump = 1.0  # pixels of the image between two neighbouring features
        self.multiple = 1
        self.whole: dict[str, None] = {}  # a set in order

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Take a layer into account; a forward hook."""
        if isinstance(layer, _ConvNd):
            self._follow_convolution(layer)
        elif isinstance(layer, AntialiasedDownsample):
            self.pixels += self.jump
            self._shrink(2)
        elif isinstance(layer, nn.Upsample):
            # Linear interpolation looks at the next of the smaller pixels, too.
            self._enlarge(int(cast(float, layer.scale_factor)), 0 if layer.mode == "nearest" else 2)
        elif isinstance(layer, nn.PixelShuffle):
            self._enlarge(layer.upscale_factor, 0)
        elif isinstance(layer, nn.PixelUnshuffle):
            self.pixels += (layer.downscale_factor - 1) * self.jump
            self._shrink(layer.downscale_factor)
        elif (isinstance(layer, nn.Dropout) and layer.training and layer.p > 0) or (
            _looks_at_all(layer) and isinstance(output, Tensor) and output.ndim == 4
        ):
            self.whole[type(layer).__name__] = None

    def _follow_convolution(self, layer: _ConvNd) -> None:
        span = layer.dilation[0] * (layer.kernel_size[0] - 1)
        padding = layer.padding[0] if isinstance(layer.padding, tuple) else 0
        further = max(int(padding), span - int(padding))
        if isinstance(layer, _ConvTransposeNd):
            self._enlarge(layer.stride[0], further)
            return
        self.pixels += further * self.jump
        self._shrink(layer.stride[0])

    def _shrink(self, factor: int) -> None:
        self.jump *= factor
        self.multiple = max(self.multiple, int(self.jump))

    def _enlarge(self, factor: int, further: int) -> None:
        self.jump /= factor
        self.pixels += max(further, factor - 1) * self.jump


def _looks_at_all(layer: nn.Module) -> bool:
    """Whether a layer takes statistics of the whole image; batch norm does not where it has running ones."""
    if isinstance(layer, _BatchNorm):
        return layer.training or layer.running_mean is None
    return "Norm" in type(layer).__name__ or isinstance(layer, nn.AdaptiveAvgPool2d)


@torch.no_grad()
def try_out(module: Predicts, probe: PredictBatch) -> tuple[Reach, list[str]]:
    """Predict one small image and see how far its generator sees and what the pictures are called.

    Args:
        module: a trained model.
        probe: one image.

    Returns:
        The reach along the longest path through the layers, an upper bound in pixels of the image, whatever
        the scale of the pictures; and the names of the pictures that the model makes of the one.
    """
    path = _Path()
    hooks = [
        layer.register_forward_hook(path)
        for name in module.generator_networks()
        for layer in module.averaged(name).modules()
    ]
    try:
        made: Predictions = module.predict_step(probe, 0)
    finally:
        for hook in hooks:
            hook.remove()
    if path.jump * scale_of(module) != 1:
        path.whole["a layer that cannot be followed"] = None
    return Reach(ceil(path.pixels), path.multiple, tuple(path.whole)), list(made.names)
