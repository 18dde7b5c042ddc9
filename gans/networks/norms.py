"""The one place that turns the name of a normalisation into layers, and normalisation of weights."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal, TypeVar, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd  # what all convolutions share, the transposed ones too
from torch.nn.utils import parametrizations, parametrize

Norm = Literal["instance", "batch", "layer", "none"]
Network = TypeVar("Network", bound=nn.Module)

SMALLEST_NORM = 1e-12  # of a vector that is brought to length 1


class InstanceNorm2d(nn.InstanceNorm2d):
    """Instance norm whose gradient is right on a CPU, too; without running statistics.

    The backward pass of torch's own is wrong there for a single image when the incoming gradient lies
    channels last, as that of a compiled network or of a sampler of patches does. Group norm with one group
    for each channel computes the same and is right. On a GPU torch's own is right, and under autocast group
    norm would return float32.

    Args:
        channels: number of channels of the feature map.
        eps: added to the variance.
        affine: whether each channel has a scale and a shift that are learnt.

    Shape:
        (N, channels, H, W) to the same.
    """

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = False) -> None:
        super().__init__(channels, eps, affine=affine)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """Normalise every channel of every image by its own mean and variance."""
        if input.is_cuda:
            return super().forward(input)
        return F.group_norm(input, self.num_features, self.weight, self.bias, self.eps)


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
        return InstanceNorm2d(channels)
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


def spectral_normalised(network: Network) -> Network:
    """Divide the weights of every layer of `network`, in place, by their largest singular value; return it.

    Convolutions, linear layers and embeddings become Lipschitz with constant 1 (a convolution: its weights as
    a matrix of outputs by all the rest). Each forward in training improves the estimate of the singular
    vectors by one step of the power iteration; in eval they rest. They are buffers, so a checkpoint holds
    them; the trained weight is its key `...parametrizations.weight.original`.

    Paper: Miyato et al. 2018, arXiv:1802.05957.

    Args:
        network: a network, usually a discriminator, its weights already drawn: `initialise` finds none
            that it could fill afterwards.

    Raises:
        ValueError: if a layer is normalised already.
    """
    for name, layer in list(network.named_modules()):  # each gets further modules
        if isinstance(layer, (_ConvNd, nn.Linear, nn.Embedding)):
            if parametrize.is_parametrized(layer, "weight"):
                raise ValueError(f"the weights of {name or 'the network'} are spectrally normalised already")
            parametrizations.spectral_norm(layer)
    return network


def bounded_by_power_iteration(layer: Network) -> Network:
    """Divide the weights of one layer, in place, by their largest singular value; return the layer.

    See `PowerIteration` for what differs from `spectral_normalised`. The trained weight is the layer's key
    `parametrizations.weight.original`.

    Raises:
        ValueError: if the layer has no weight.
    """
    if not isinstance(getattr(layer, "weight", None), Tensor):
        raise ValueError(f"a {type(layer).__name__} has no weight to normalise")
    parametrize.register_parametrization(layer, "weight", PowerIteration(layer.weight))  # type: ignore[arg-type]
    return layer


class PowerIteration(nn.Module):
    """Spectral norm as it was first programmed, of which published checkpoints hold the singular vectors.

    Each forward in training finds the right singular vector from the left one, then the left from the right.
    PyTorch's present one goes the other way round, which gives other numbers from the same vectors, and
    starts with fifteen iterations; this one starts from random vectors, as published.

    Paper: Miyato et al. 2018, arXiv:1802.05957, algorithm 1.

    Args:
        weight: of the layer, (outputs, ...).

    Shape:
        (outputs, ...) to the same.
    """

    left: Tensor
    right: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        outputs, inputs = weight.flatten(1).shape
        self.register_buffer("left", F.normalize(torch.randn(outputs), dim=0, eps=SMALLEST_NORM))
        self.register_buffer("right", F.normalize(torch.randn(inputs), dim=0, eps=SMALLEST_NORM))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight, divided by the estimate of its largest singular value, in its own precision."""
        matrix = weight.flatten(1)
        # A bound that is rounded bounds nothing; on `meta` there are no numbers to round.
        with nullcontext() if weight.is_meta else torch.autocast(weight.device.type, enabled=False):
            if self.training:
                with torch.no_grad():
                    self.right.copy_(F.normalize(matrix.T @ self.left, dim=0, eps=SMALLEST_NORM))
                    self.left.copy_(F.normalize(matrix @ self.right, dim=0, eps=SMALLEST_NORM))
            # Copies: another forward moves the vectors before the backward pass of this one.
            left, right = self.left.clone(), self.right.clone()
            return weight / torch.dot(left, matrix @ right)
