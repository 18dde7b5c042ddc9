"""DCGAN's networks with a caption beside the latent and beside the image (GAN-CLS)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gans.networks.dcgan import DCGANGenerator, Kernel, halving_stages, width_of_map
from gans.networks.norms import Norm, needs_bias, norm_layer
from gans.networks.sizes import SMALLEST_MAP, refuse_other_size, refuse_under_one


class TextProjection(nn.Sequential):
    """Embeddings of captions made smaller: a linear layer and LeakyReLU 0.2.

    Args:
        embedding_size: numbers in an embedding.
        size: numbers that come out.

    Shape:
        (N, embedding_size) to (N, size).

    Raises:
        ValueError: if an argument is under 1.
    """

    def __init__(self, embedding_size: int, size: int = 128) -> None:
        refuse_under_one(embedding_size=embedding_size, projection=size)
        super().__init__(nn.Linear(embedding_size, size), nn.LeakyReLU(0.2, inplace=True))


class CaptionGenerator(nn.Module):
    """Latents and embeddings of captions to images: the projected embedding is joined with the latent.

    The rest is `gans.networks.dcgan.DCGANGenerator`, whose arguments the others are.

    Paper: Reed et al. 2016, arXiv:1605.05396.

    Args:
        latent_size: numbers in a latent.
        embedding_size: numbers in the embedding of a caption.
        projection: numbers that the embedding is projected to.
        channels: channels of the images.
        image_size: height and width of the images in pixels, a power of two from 16.
        width: channels before the last layer.
        kernel: side of the stride-2 kernels, 4 or 5.
        norm: `batch`, as in the paper, or another.

    Shape:
        latents (N, latent_size), in training drawn from N(0, 1), and embeddings (N, embedding_size) to
        (N, channels, image_size, image_size) in (-1, 1).

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        latent_size: int = 100,
        embedding_size: int = 1024,
        projection: int = 128,
        channels: int = 3,
        image_size: int = 64,
        width: int = 64,
        kernel: Kernel = 4,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        refuse_under_one(latent_size=latent_size)
        self.project = TextProjection(embedding_size, projection)
        joined = latent_size + projection
        self.decode = DCGANGenerator(joined, channels, image_size, width, kernel, norm=norm)

    def forward(self, latents: Tensor, embeddings: Tensor) -> Tensor:
        """Make images (N, channels, image_size, image_size) of latents and embeddings."""
        images: Tensor = self.decode(torch.cat([latents, self.project(embeddings)], dim=1))
        return images


class CaptionDiscriminator(nn.Module):
    """Images and embeddings of captions to one raw score: how real the image is and how well both match.

    DCGAN's layers down to the 4x4 map, at each of whose places the projected embedding is joined; then a 1x1
    convolution with norm and LeakyReLU, and one convolution over the whole map. `features` (images alone) and
    `judge` are apart so that one image can be judged with several captions.

    Paper: Reed et al. 2016, arXiv:1605.05396.

    Args:
        embedding_size: numbers in the embedding of a caption.
        projection: numbers that the embedding is projected to.
        channels: channels of the images.
        image_size: height and width of the images in pixels, a power of two from 16.
        width: channels after the first convolution; doubled by each up to eight times.
        kernel: side of the stride-2 kernels, 4 or 5.
        norm: `batch`, as in the paper, or for penalties and spectral norm `layer`, `instance` or `none`.

    Shape:
        images (N, channels, image_size, image_size) in [-1, 1] and embeddings (N, embedding_size) to scores
        (N,), higher meaning more real and matching.

    Raises:
        ValueError: if an argument is out of range, or in forward if the images are of another size.
    """

    def __init__(
        self,
        embedding_size: int = 1024,
        projection: int = 128,
        channels: int = 3,
        image_size: int = 64,
        width: int = 64,
        kernel: Kernel = 4,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.features = halving_stages(channels, image_size, width, kernel, norm)
        deepest, bias = width_of_map(width, image_size), needs_bias(norm)
        self.project = TextProjection(embedding_size, projection)
        self.join = nn.Sequential(
            nn.Conv2d(deepest + projection, deepest, 1, bias=bias),
            norm_layer(norm, deepest),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.score = nn.Conv2d(deepest, 1, SMALLEST_MAP, bias=bias)

    def forward(self, images: Tensor, embeddings: Tensor) -> Tensor:
        """Score images (N, channels, image_size, image_size) with embeddings: (N,)."""
        refuse_other_size(images, self.image_size)
        return self.judge(self.features(images), embeddings)

    def judge(self, features: Tensor, embeddings: Tensor) -> Tensor:
        """Score the features of images, (N, D, 4, 4), with embeddings: (N,)."""
        tiled = self.project(embeddings)[..., None, None].expand(-1, -1, *features.shape[2:])
        scores: Tensor = self.score(self.join(torch.cat([features, tiled], dim=1)))
        return scores.flatten()
