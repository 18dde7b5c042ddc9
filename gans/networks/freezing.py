"""Layers that keep what they have learnt."""

from __future__ import annotations

from torch import nn

from gans.networks.multiscale import MultiScaleDiscriminator


def freeze_first(network: nn.Module, count: int) -> None:
    """Let the first layers of a discriminator rest, from the image inwards (FreezeD).

    A layer is a convolution or linear layer, with the norm that follows it. Of a discriminator at several
    scales those of each scale rest.

    Paper: Mo et al. 2020, arXiv:2002.10964.

    Args:
        network: whose layers were registered in that order.
        count: of layers.

    Raises:
        ValueError: if none would be left to learn.
    """
    for scale in network.judges if isinstance(network, MultiScaleDiscriminator) else [network]:
        seen = 0
        for part in scale.modules():
            own = list(part.parameters(recurse=False))
            seen += any(parameter.ndim > 1 for parameter in own)
            for parameter in own if seen <= count else []:
                parameter.requires_grad_(False)
        if count and seen <= count:
            raise ValueError(
                f"model.freeze_discriminator is {count}, and the discriminator has {seen} layers: one at "
                "least has to learn."
            )
