"""The one place that turns the name of a normalisation into layers."""

from __future__ import annotations

from typing import Literal, get_args

from torch import nn

Norm = Literal["instance", "batch", "layer", "none"]


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """Return the normalisation that follows a convolution with `channels` outputs.

    Args:
        norm: `instance`: each image by its own statistics, without scale and shift and without running
            statistics, as in CycleGAN; `batch`: with scale, shift and running statistics, as in DCGAN and
            pix2pix; `layer`: each image by the statistics of all its channels together, with scale and shift
            for each channel, as in WGAN-GP; `none`: no normalisation.
        channels: number of channels of the feature map.

    Raises:
        ValueError: if `norm` is none of the known names.
    """
    if norm == "instance":
        return nn.InstanceNorm2d(channels)
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "layer":
        return nn.GroupNorm(1, channels)  # nn.LayerNorm would fix the size of the image
    if norm == "none":
        return nn.Identity()
    raise ValueError(f"unknown norm {norm!r}: choose from {', '.join(get_args(Norm))}")


def needs_bias(norm: Norm) -> bool:
    """Say whether a convolution followed by `norm` has a bias of its own.

    Batch norm brings a shift, which makes the bias redundant. Instance norm without affine parameters cancels
    the bias; the official CycleGAN has it nevertheless, and its checkpoints hold it. Layer norm keeps what
    the biases of the channels differ by.
    """
    return norm != "batch"
