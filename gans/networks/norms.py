"""The one place that turns the name of a normalisation into layers, and normalisation of weights."""

from __future__ import annotations

from typing import Literal, TypeVar, get_args

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd  # what all convolutions share, the transposed ones too
from torch.nn.utils import parametrizations, parametrize

Norm = Literal["instance", "batch", "layer", "none"]
Network = TypeVar("Network", bound=nn.Module)


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
