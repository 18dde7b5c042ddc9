"""DCGAN: deep convolutional generator and discriminator (Radford et al. 2016, arXiv:1511.06434)."""

from __future__ import annotations

from typing import Any

from gans.families.noise_to_image import NoiseToImage
from gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator, Kernel
from gans.networks.init import initialise
from gans.networks.norms import Norm


class DCGAN(NoiseToImage):
    """Learns to make images by convolutions alone, with batch norm, ReLU and Adam(2e-4, 0.5, 0.999).

    By default it is, step by step, the DCGAN of the PyTorch examples: 4x4 kernels and 64 channels at the
    images' side. Kernel 5 and width 128 make it the paper's. With `classes` it is conditional: the label
    joins the generator's latent (Mirza & Osindero 2014, arXiv:1411.1784) and is projected onto the
    discriminator's features (Miyato & Koyama 2018, arXiv:1802.05637).

    Args:
        image_size: edge of the images in pixels, a power of two from 16; taken from the data.
        width: channels next to the images in both networks; eight times as many next to the latent.
        discriminator_width: of the discriminator, where it has another one.
        kernel: side of the strided kernels, 4 or 5.
        generator_norm: normalisation of the generator; `batch` as in the paper, else as below.
        discriminator_norm: normalisation of the discriminator; `batch` as in the paper, or `none`, `layer` or
            `instance`, which penalties and spectral norm need.
        **shared: the other arguments of `NoiseToImage`, `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or regularisers do not fit objective or discriminator.
    """

    def __init__(
        self,
        image_size: int = 64,
        width: int = 64,
        discriminator_width: int | None = None,
        kernel: Kernel = 4,
        generator_norm: Norm = "batch",
        discriminator_norm: Norm = "batch",
        **shared: Any,
    ) -> None:
        super().__init__(image_size=image_size, **shared)
        channels, classes = self.hparams["channels"], self.hparams["classes"]
        shape, judged = (channels, image_size), discriminator_width or width
        self.play(
            initialise(DCGANGenerator(self.latent_size, *shape, width, kernel, classes, generator_norm)),
            initialise(DCGANDiscriminator(*shape, judged, kernel, discriminator_norm, classes)),
        )
