"""StyleGAN2's mapping network: latents and classes to styles."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.conditioning import needed_labels
from gans.networks.equalised import EqualisedLinear, normalised

RATE = 0.01  # at which mapping networks learn, relative to all others
MEAN_DECAY = 0.995  # of the running mean of w


class Mapping(nn.Module):
    """Latents and classes to intermediate latents w, whose axes need not be as independent as those of z.

    Latent and embedded class are each divided by their root mean square and joined; then linear layers and
    LeakyReLU follow. Without latents it maps a class alone, which discriminators do. The running mean of w,
    a part of the state, is moved by `follow` alone.

    Paper: Karras et al. 2019, arXiv:1812.04948, and 2020, arXiv:2006.06676 for classes.

    Args:
        latent_size: numbers in a latent z; 0 for classes alone.
        width: numbers in w, and features of all layers.
        layers: of them.
        classes: number of classes; 0 for none.

    Shape:
        latents (N, latent_size) or None, and labels (N,) of int64, to (N, width).

    Raises:
        ValueError: in forward, if there are classes and no labels.
    """

    mean: Tensor

    def __init__(self, latent_size: int, width: int, layers: int, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        joined = latent_size
        if classes:
            self.embed = EqualisedLinear(classes, width)
            joined += width
        features = [joined, *[width] * (layers - 1)]
        self.layers = nn.Sequential(
            *(EqualisedLinear(inputs, width, activation=True, rate=RATE) for inputs in features)
        )
        if latent_size:
            self.register_buffer("mean", torch.zeros(width))

    def forward(self, latents: Tensor | None, labels: Tensor | None = None) -> Tensor:
        """Map latents (N, latent_size), of classes (N,), to (N, width)."""
        parts = [] if latents is None else [normalised(latents)]
        if self.classes:
            one_hot = F.one_hot(needed_labels(labels, self.classes), self.classes)
            parts.append(normalised(self.embed(one_hot.to(self.embed.weight.dtype))))
        styles: Tensor = self.layers(torch.cat(parts, dim=1))
        return styles

    @torch.no_grad()
    def follow(self, mean: Tensor) -> None:
        """Move the running mean of w, (width,), a little towards that of a batch."""
        self.mean.lerp_(mean.to(self.mean), 1 - MEAN_DECAY)
