"""GAN: fully connected generator and discriminator (Goodfellow et al. 2014, arXiv:1406.2661)."""

from __future__ import annotations

from typing import Any

from gans.families.noise_to_image import NoiseToImage
from gans.networks.mlp import MLPDiscriminator, MLPGenerator


class GAN(NoiseToImage):
    """Learns to make images, or points in the plane, by the first GAN's algorithm with linear layers.

    Algorithm 1 of the paper: `discriminator_steps` steps of the discriminator, each on a batch of images and
    as many fakes of fresh noise, then one step of the generator, here on the last of these fakes. `objective`
    chooses one of the paper's two losses of the generator, `minimax` and `non_saturating`, or a later one.

    Where it differs from the paper: ReLU and LeakyReLU instead of maxout and sigmoid, noise from N(0, I)
    instead of a cube, and Adam instead of momentum, because these train it in minutes.

    Args:
        latent_size: numbers in a latent.
        width: features of the hidden layers of both networks.
        layers: hidden layers of both networks.
        **shared: the other arguments of `NoiseToImage`, `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or regularisers do not fit objective or discriminator.
    """

    takes_oblongs = True

    def __init__(self, latent_size: int = 100, width: int = 256, layers: int = 2, **shared: Any) -> None:
        super().__init__(latent_size=latent_size, **shared)
        images = {name: self.hparams[name] for name in ("channels", "image_size", "classes")}
        sizes = {"width": width, "layers": layers} | images
        bounded = self.hparams["image_size"] != 1
        self.play(MLPGenerator(latent_size, **sizes, bounded=bounded), MLPDiscriminator(**sizes))
