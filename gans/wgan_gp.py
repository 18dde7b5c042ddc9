"""WGAN-GP: a critic kept Lipschitz by a gradient penalty (Gulrajani et al. 2017, arXiv:1704.00028)."""

from __future__ import annotations

from typing import Any, Literal, get_args

from torch import nn

from gans.families.noise_to_image import NoiseToImage
from gans.losses.adversarial import ObjectiveName
from gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gans.networks.init import initialise
from gans.networks.mlp import MLPDiscriminator, MLPGenerator
from gans.networks.residual import ResidualCritic, ResidualGenerator

Architecture = Literal["residual", "dcgan", "mlp"]
CriticNorm = Literal["layer", "none"]

MLP_LAYERS = 3  # as in the paper's toy experiments


class WGANGP(NoiseToImage):
    """Learns to make images by bringing the critic's mean scores of real and of generated ones together.

    The paper's defaults: the critic minimises E[D(fake)] - E[D(real)] + 10 E[(|grad D| - 1)^2], the gradient
    taken at a random point between each real and a fake; five steps of the critic for each of the generator;
    Adam(1e-4, 0, 0.9). The critic is the player `discriminator`. It has no batch norm, under which the
    penalty has no meaning.

    Args:
        latent_size: numbers in a latent.
        architecture: of both networks: `residual`, the paper's for CIFAR-10; `dcgan`, convolutions with
            strides; `mlp`, three hidden linear layers, for points in the plane or tiny images.
        width: channels (mlp: features) of the layers; 128 in the paper, with mlp 512.
        critic_norm: `layer`, which the paper recommends, or `none`, as in its CIFAR-10 critic; an mlp has
            none.
        objective: the adversarial loss.
        discriminator_steps: steps of the critic for each step of the generator.
        gradient_penalty: its weight.
        learning_rate: see `AdversarialModule`.
        betas: see `AdversarialModule`.
        **shared: the other arguments of `NoiseToImage`, `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or nothing keeps the critic Lipschitz.
    """

    def __init__(
        self,
        latent_size: int = 128,
        architecture: Architecture = "residual",
        width: int = 128,
        critic_norm: CriticNorm = "layer",
        objective: ObjectiveName = "wasserstein",
        discriminator_steps: int = 5,
        gradient_penalty: float = 10.0,
        learning_rate: float = 1e-4,
        betas: tuple[float, float] = (0.0, 0.9),
        **shared: Any,
    ) -> None:
        super().__init__(
            latent_size=latent_size,
            objective=objective,
            discriminator_steps=discriminator_steps,
            gradient_penalty=gradient_penalty,
            learning_rate=learning_rate,
            betas=betas,
            **shared,
        )
        shape = {name: self.hparams[name] for name in ("channels", "image_size", "width", "classes")}
        self.play(*_networks(architecture, latent_size, shape, critic_norm))


def _networks(
    architecture: Architecture, latent_size: int, shape: dict[str, Any], critic_norm: CriticNorm
) -> tuple[nn.Module, nn.Module]:
    """Return generator and critic."""
    if critic_norm not in get_args(CriticNorm):
        raise ValueError(f"model.critic_norm is {critic_norm!r}: it is layer or none.")
    if architecture == "residual":
        return ResidualGenerator(latent_size, **shape), ResidualCritic(**shape, norm=critic_norm)
    if architecture == "dcgan":
        critic = initialise(DCGANDiscriminator(**shape, norm=critic_norm))
        return initialise(DCGANGenerator(latent_size, **shape)), critic
    if architecture == "mlp":
        sizes = shape | {"layers": MLP_LAYERS}
        generator = MLPGenerator(latent_size, **sizes, bounded=shape["image_size"] != 1)
        return generator, MLPDiscriminator(**sizes)
    raise ValueError(
        f"model.architecture is {architecture!r}: it is one of {', '.join(get_args(Architecture))}."
    )
