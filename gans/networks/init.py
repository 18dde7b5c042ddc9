"""Initial weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase  # what batch and instance norms share
from torch.nn.modules.conv import _ConvNd  # what all convolutions share, the transposed ones too

Initialisation = Literal["normal", "xavier", "kaiming", "orthogonal"]
Network = TypeVar("Network", bound=nn.Module)


def initialise(
    network: Network, kind: Initialisation = "normal", gain: float = 0.02, scales: float = 0.02
) -> Network:
    """Draw the weights of `network` anew, in place, from torch's global generator; return the network.

    Convolutions and linear layers get weights of the chosen kind and bias 0; batch and instance norms with
    scale and shift get scale N(1, scales) and shift 0 (a scale drawn around 0 would silence its channel).

    Args:
        network: any network; layers of other types are left as they are.
        kind: `normal` N(0, gain), the default of DCGAN, pix2pix and CycleGAN; `xavier` (Glorot) normal;
            `kaiming` (He) normal, which ignores the gain; `orthogonal`.
        gain: standard deviation of `normal`, scaling factor of `xavier` and `orthogonal`.
        scales: standard deviation of the norms' scales.

    Raises:
        ValueError: if `kind` is none of the known names.
    """
    fillers: dict[str, Callable[[torch.Tensor], Any]] = {
        "normal": lambda weight: nn.init.normal_(weight, 0.0, gain),
        "xavier": lambda weight: nn.init.xavier_normal_(weight, gain=gain),
        "kaiming": nn.init.kaiming_normal_,
        "orthogonal": lambda weight: nn.init.orthogonal_(weight, gain=gain),
    }
    if kind not in fillers:
        raise ValueError(f"unknown initialisation {kind!r}: choose from {', '.join(fillers)}")
    for module in network.modules():
        if isinstance(module, (_ConvNd, nn.Linear)):
            fillers[kind](module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, _NormBase) and module.affine:
            nn.init.normal_(module.weight, 1.0, scales)
            nn.init.zeros_(module.bias)
    return network


def initialise_damped(network: nn.Module, share: float = 0.1) -> None:
    """Draw the convolutions of `network` anew, in place: a share of Kaiming's (He's) normal weights, bias 0.

    So residual branches start small, and a deep network without normalisation starts near the identity
    (ESRGAN, Wang et al. 2018, arXiv:1809.00219, section 3.1).

    Args:
        network: any network; its other layers are left as they are.
        share: factor on the weights.
    """
    for module in network.modules():
        if isinstance(module, _ConvNd):
            nn.init.kaiming_normal_(module.weight)
            with torch.no_grad():
                module.weight.mul_(share)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
