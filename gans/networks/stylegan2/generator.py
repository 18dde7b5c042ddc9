"""StyleGAN2's generator: mapping and synthesis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gans.networks.sizes import Side, refuse_under_one
from gans.networks.stylegan2.mapping import Mapping
from gans.networks.stylegan2.sizes import map_channels, map_sizes
from gans.networks.stylegan2.synthesis import Architecture, Noise, Synthesis


class StyleGAN2Generator(nn.Module):
    """Latents, and classes, to images, by way of one style w for each layer.

    Paper: Karras et al. 2020, arXiv:1912.04958.

    Args:
        latent_size: numbers in a latent z.
        style_size: numbers in w.
        mapping_layers: of the mapping network.
        channels: of the images.
        image_size: their side in pixels, or height and width, see `map_sizes`.
        width: channels times side of a feature map, see `map_channels`.
        most_channels: of a feature map.
        classes: number of classes; 0 for a generator without condition.
        architecture: `skip`, as in the paper, `residual` or `plain`.

    Shape:
        latents (N, latent_size), in training drawn from N(0, 1), and labels (N,) of int64 to
        (N, channels, height, width), about in [-1, 1].

    Raises:
        ValueError: if an argument is out of range, or in forward if there are classes and no labels.
    """

    def __init__(
        self,
        latent_size: int = 512,
        style_size: int = 512,
        mapping_layers: int = 8,
        channels: int = 3,
        image_size: Side = 256,
        width: int = 16384,
        most_channels: int = 512,
        classes: int = 0,
        architecture: Architecture = "skip",
    ) -> None:
        super().__init__()
        refuse_under_one(
            latent_size=latent_size, style_size=style_size, mapping_layers=mapping_layers, channels=channels
        )
        sizes = map_sizes(image_size)
        widths = map_channels(len(sizes), width, most_channels)
        self.synthesis = Synthesis(style_size, channels, sizes, widths, architecture)
        self.mapping = Mapping(latent_size, style_size, mapping_layers, classes)

    def forward(
        self,
        latents: Tensor,
        labels: Tensor | None = None,
        truncation: float = 1.0,
        noise: Noise = "constant",
    ) -> Tensor:
        """Make images of latents (N, latent_size) and labels (N,); see `styles` and `Synthesis`."""
        images: Tensor = self.synthesis(self.styles(latents, labels, truncation), noise)
        return images

    def styles(
        self,
        latents: Tensor,
        labels: Tensor | None = None,
        truncation: float = 1.0,
        layers: int | None = None,
    ) -> Tensor:
        """Return w of every layer, (N, layers, style_size), for `synthesis`.

        Args:
            latents: (N, latent_size).
            labels: (N,) classes, if there are any.
            truncation: psi, by which the distance of w from its mean is multiplied: below 1 images are more
                alike and more like the training images; at 0 all are the mean one.
            layers: how many layers, from the first, are truncated; by default all.
        """
        w: Tensor = self.mapping(latents, labels)[:, None].expand(-1, self.synthesis.layers, -1)
        if truncation == 1:
            return w
        drawn_in = self.mapping.mean.lerp(w[:, :layers], truncation)
        return drawn_in if layers is None else torch.cat([drawn_in, w[:, layers:]], dim=1)
