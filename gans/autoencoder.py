"""The auto-encoder: what GANs are compared with."""

from __future__ import annotations

from typing import Any, ClassVar, get_args
from zlib import crc32

import torch
from torch import Tensor, nn

from datamodules.base import PredictBatch
from datamodules.images.batches import ImageBatch, SampleBatch
from gans.families.from_latents import FromLatents
from gans.inference import Given, Images, coded, mapped
from gans.losses.reconstruction import ReconstructionName, negative_log_likelihood
from gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator, Kernel
from gans.networks.init import initialise
from gans.networks.norms import Norm
from gans.protocol import Comparison, Grid, Predictions
from gans.sampling.code_statistics import CodeStatistics
from gans.training.turns import Player

PLANE = 8  # codes on a side of the picture of a plane of codes
PLANE_EXTENT = 2.0  # standard deviations that it reaches from the middle to a side


class AutoEncoder(FromLatents):
    """Learns to bring images through a short code and back.

    The encoder has the shape of DCGAN's discriminator and the decoder is DCGAN's generator, so that the same
    network is compared as an auto-encoder, as a VAE and as a GAN. The loss is `reconstruction` alone: nothing
    is adversarial, and whatever a code cannot tell is averaged over all images that fit it, which blurs.

    Samples are decoded from a Gaussian that is fitted to the training codes; see
    `gans.sampling.code_statistics`. The latents of this variant are such codes.

    Images are (N, channels, image_size, image_size) in [-1, 1], codes (N, latent_size).

    Args:
        channels: channels of the images; taken from the data on the command line.
        image_size: their edge in pixels, a power of two from 16; likewise.
        latent_size: numbers in a code, 2 or more. With 2 a picture of the plane of codes is drawn too.
        width: channels next to the image in both networks.
        kernel: side of their stride-2 kernels, 4 or 5.
        norm: normalisation of both, see `gans.networks.norms`.
        reconstruction: `l1`, `l2` or `bce`; see `gans.losses.reconstruction.negative_log_likelihood`.
        learning_rate: of Adam.
        betas: its decay rates; its own defaults, because nothing oscillates here.
        **optimisation: the other arguments of `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range.
    """

    batch_type = ImageBatch
    players: ClassVar[tuple[Player, ...]] = (Player("autoencoder", ("encoder", "generator")),)
    numbers_per_code = 1
    """What the encoder says about each number of a code."""

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 64,
        latent_size: int = 100,
        width: int = 64,
        kernel: Kernel = 4,
        norm: Norm = "batch",
        reconstruction: ReconstructionName = "l1",
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        **optimisation: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, betas=betas, **optimisation)
        if latent_size < 2:
            raise ValueError(f"model.latent_size is {latent_size}: a code has 2 numbers or more.")
        if reconstruction not in get_args(ReconstructionName):
            known = ", ".join(get_args(ReconstructionName))
            raise ValueError(f"model.reconstruction is {reconstruction!r}: it is one of {known}.")
        self.latent_size = latent_size
        self.generator = initialise(
            DCGANGenerator(latent_size, channels, image_size, width, kernel, norm=norm)
        )
        outputs = self.numbers_per_code * latent_size
        self.encoder = initialise(
            DCGANDiscriminator(channels, image_size, width, kernel, norm, outputs=outputs)
        )
        self.prior = self.make_prior()

    def make_prior(self) -> nn.Module:
        """Return what makes codes of standard normal noise (N, latent_size); called by the constructor."""
        return CodeStatistics(self.latent_size)

    def autoencoder_terms(self, batch: ImageBatch, products: None) -> dict[str, Tensor]:
        """Return the reconstruction loss."""
        codes: Tensor = self.encoder(batch.images)
        assert isinstance(self.prior, CodeStatistics)
        self.prior.follow(codes.detach(), self.global_step)
        return {"reconstruction": self.reconstruction_loss(codes, batch.images)}

    def reconstruction_loss(self, codes: Tensor, images: Tensor) -> Tensor:
        """Return how far the images that codes decode to are from these images."""
        return negative_log_likelihood(self.hparams["reconstruction"], self.generator(codes), images)

    def encode(self, images: Images) -> Tensor:
        """Return the codes (N, latent_size) of images of the size trained on, where the module is.

        They are (N, C, H, W) or (C, H, W) in [-1, 1], or Pillow images; see `gans.inference.Images`.

        Raises:
            ValueError: if the images have other channels or another size than those trained on, or another
                type or range.
        """
        said = coded(images, self.averaged("encoder"), self.hparams["channels"], self.averaged("encoder"))
        return said[:, : self.latent_size]  # a VAE's encoder says more

    def reconstruct(self, images: Given) -> Given:
        """Return images as they come back from their codes, without a trainer or data module.

        Args:
            images: (N, C, H, W) or (C, H, W) in [-1, 1], or Pillow images, of the size trained on; see
                `gans.inference.Images`.

        Returns:
            Images of the same size: as tensor in [-1, 1] where the module is, or as Pillow images.

        Raises:
            ValueError: if the images have other channels or another size than those trained on, or another
                type or range.
        """
        return mapped(
            images,
            self.averaged("encoder"),
            self.hparams["channels"],
            lambda batch: self.decode(self.encode(batch)),
        )

    def from_noise(self, noise: Tensor) -> Tensor:
        """Return the codes at standard normal noise (N, latent_size)."""
        codes: Tensor = self.prior(noise)
        return codes

    def comparisons(self, batch: ImageBatch) -> dict[str, Comparison]:
        """Return as many samples as the batch has images, and the reconstructions of these."""
        seeds = [crc32(name.encode()) for name in batch.names]
        reconstructed = self.reconstruct(batch.images)
        return {
            "samples": Comparison(self.decode(self.latents(seeds)), batch.images),
            "reconstruction": Comparison(reconstructed, batch.images, truth=batch.images),
        }

    def grids(self, batch: ImageBatch) -> dict[str, Grid]:
        """Return images beside their reconstructions, samples, and the plane of codes of two numbers."""
        columns = {"input": batch.images, "reconstruction": self.reconstruct(batch.images)}
        grids = {"reconstruction": Grid(columns), "samples": self.sample_grid(len(batch.images))}
        return grids | ({"plane": self._plane()} if self.latent_size == 2 else {})

    def _plane(self) -> Grid:
        """Decode a grid of codes: the first number grows to the right, the second downwards."""
        steps = torch.linspace(-PLANE_EXTENT, PLANE_EXTENT, PLANE)
        columns = {}
        for step in steps.tolist():
            noise = torch.stack([torch.full_like(steps, step), steps], dim=1)
            columns[f"{step:.2g}"] = self.decode(self.from_noise(noise))
        return Grid(columns)

    def predict_step(self, batch: PredictBatch | SampleBatch, batch_idx: int) -> Predictions:
        """Reconstruct a batch of a folder, or make the samples of a batch of seeds."""
        if isinstance(batch, SampleBatch):
            return super().predict_step(batch, batch_idx)
        return Predictions(self.reconstruct(batch.images), list(batch.names))
