"""What variants share that play the game of a generator of latents and a discriminator, regularised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from gans.base import Player
from gans.families.from_latents import FromLatents
from gans.losses import adversarial
from gans.losses.penalties import gradient_penalty, interpolate, r1_penalty, r2_penalty
from gans.networks.norms import spectral_normalised
from gans.sampling.augmentation import DiffAugment, instance_noise
from gans.sampling.joined_noise import joined_noise
from gans.training.arguments import REGULARISER_RANGES, check_ranges
from gans.training.combinations import refuse_wrong_regularisers
from gans.training.schedules import training_length


class RegularisedGAN(FromLatents):
    """Base of the variants whose generator turns latents N(0, I), and maybe a condition, into images.

    In every step the discriminator learns; in every `discriminator_steps`-th the generator then learns, by
    the updated discriminator.

    The regularisers below apply to every variant alike. DiffAugment and instance noise change whatever the
    discriminator sees, real and fake, in both players' turns: a variant passes its images through `shown`.
    Penalties (`penalties`) are taken on images as it sees them.

    A variant builds two networks, (latents, condition) to images and (images, condition) to scores, and hands
    them to `play`. Noise is drawn for the joined batch of all processes, of which each takes its rows, so
    that several processes learn the same as one.

    Images are (N, channels, image_size, image_size) in [-1, 1], latents (N, latent_size).

    Args:
        channels: channels of the images; taken from the data on the command line.
        image_size: their edge in pixels; likewise.
        latent_size: numbers in a latent.
        objective: the adversarial losses, see `gans.losses.adversarial`.
        discriminator_steps: steps of the discriminator for each step of the generator.
        label_smoothing: how far the discriminator's target for real images lies under 1, such as 0.1
            (one-sided: Salimans et al. 2016, arXiv:1606.03498).
        instance_noise: standard deviation, at the start, of noise added to what the discriminator sees
            (Sønderby et al. 2017, arXiv:1610.04490).
        instance_noise_share: share of the training over which that noise fades to nothing, in (0, 1].
        r1_weight: gamma of the penalty on the discriminator's gradient at real images (Mescheder et al. 2018,
            arXiv:1801.04406).
        r2_weight: the same at fakes.
        gradient_penalty: weight of the penalty on gradients off length 1 between real and fake (Gulrajani et
            al. 2017, arXiv:1704.00028).
        penalty_every: apply the three penalties in every n-th step only, there n times as strongly (lazy
            regularisation: Karras et al. 2020, arXiv:1912.04958).
        diffaugment: which differentiable augmentations the discriminator sees through, of color, translation
            and cutout (Zhao et al. 2020, arXiv:2006.10738); for sets of a few hundred to thousand images.
        spectral_norm: divide the discriminator's weights by their largest singular value (Miyato et al. 2018,
            arXiv:1802.05957).
        **optimisation: the arguments of `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or regularisers do not fit objective or discriminator.
    """

    players: ClassVar[tuple[Player, ...]] = (
        Player("discriminator", ("discriminator",)),
        Player("generator", ("generator",), every="discriminator_steps"),
    )
    objective: adversarial.Objective
    generator: nn.Module
    discriminator: nn.Module

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 64,
        latent_size: int = 100,
        objective: adversarial.ObjectiveName = "non_saturating",
        discriminator_steps: int = 1,
        label_smoothing: float = 0.0,
        instance_noise: float = 0.0,
        instance_noise_share: float = 0.5,
        r1_weight: float = 0.0,
        r2_weight: float = 0.0,
        gradient_penalty: float = 0.0,
        penalty_every: int = 1,
        diffaugment: list[str] | None = None,
        spectral_norm: bool = False,
        **optimisation: Any,
    ) -> None:
        super().__init__(**optimisation)
        check_ranges(self.hparams, REGULARISER_RANGES)
        self.latent_size = latent_size
        self._augment = DiffAugment(diffaugment) if diffaugment else None
        self._noisy_steps = float("inf")

    def play(self, generator: nn.Module, discriminator: nn.Module) -> None:
        """Take the two networks of a variant, initialised; to be called once, at the constructor's end.

        Raises:
            ValueError: if objective or discriminator cannot be regularised as asked.
        """
        refuse_wrong_regularisers(discriminator, self.hparams)
        smoothed = 1 - self.hparams["label_smoothing"]
        self.objective = adversarial.objective(self.hparams["objective"], real_target=smoothed)
        self.generator = generator
        self.discriminator = (
            spectral_normalised(discriminator) if self.hparams["spectral_norm"] else discriminator
        )

    def on_train_start(self) -> None:
        """Find out after how many steps the instance noise has faded.

        Raises:
            ValueError: if there is such noise and nothing ends the training.
        """
        super().on_train_start()
        if self.hparams["instance_noise"]:
            length = training_length(self.trainer, "step", self.hparams["accumulate"])
            if length is None:
                raise ValueError(
                    "model.instance_noise fades over a share of the training, but this one has no end: set "
                    "--trainer.max_epochs or --trainer.max_steps."
                )
            self._noisy_steps = length * self.hparams["instance_noise_share"]

    def noise(self, count: int) -> Tensor:
        """Draw the latents (count, latent_size) of a training batch, where the module is."""
        return joined_noise(self, count, self.latent_size)

    def penalties(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> dict[str, Tensor]:
        """Return the weighted penalties that are due, on images as shown, fakes detached."""
        every = self.hparams["penalty_every"]
        if self.global_step % every:
            return {}

        def score(images: Tensor) -> Tensor:
            scores: Tensor = self.discriminator(images, condition)
            return scores

        penalties: dict[str, Callable[[], Tensor]] = {
            "gradient_penalty": lambda: gradient_penalty(score, interpolate(real, fake)),
            "r1_weight": lambda: r1_penalty(score, real),
            "r2_weight": lambda: r2_penalty(score, fake),
        }
        return {
            argument.removesuffix("_weight"): every * self.hparams[argument] * penalty()
            for argument, penalty in penalties.items()
            if self.hparams[argument]
        }

    def shown(self, images: Tensor) -> Tensor:
        """Return images as the discriminator sees them in this step."""
        if self._augment is not None:
            images = self._augment(images)
        std = self.hparams["instance_noise"] * (1 - self.global_step / self._noisy_steps)
        return instance_noise(images, std) if std > 0 else images
