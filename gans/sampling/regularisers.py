"""What keeps a discriminator from winning outright, as a part that any adversarial variant can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import Tensor, nn

from gans.losses.penalties import Discriminator, gradient_penalty, interpolate, r1_penalty, r2_penalty
from gans.networks.norms import spectral_normalised
from gans.sampling.augmentation import DiffAugment, instance_noise
from gans.training.arguments import REGULARISER_RANGES, check_ranges
from gans.training.combinations import PENALTIES, refuse_batch_norm

Network = TypeVar("Network", bound=nn.Module)


class Regularisers(nn.Module):
    """Penalties, DiffAugment, instance noise and spectral norm, by the arguments of `gans.base.Regularised`.

    It is a module of the variant: what it may have to remember is a part of the checkpoint.

    Args:
        arguments: of the variant.

    Raises:
        ValueError: if one is out of range.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        check_ranges(arguments, REGULARISER_RANGES)
        self._arguments = arguments
        self._augment = DiffAugment(arguments["diffaugment"]) if arguments["diffaugment"] else None
        self._noisy_steps = float("inf")

    @property
    def asked(self) -> list[str]:
        """Names of the arguments that ask for something."""
        switches = (*PENALTIES, "diffaugment", "instance_noise", "spectral_norm")
        return [name for name in switches if self._arguments[name]]

    def bound(self, discriminator: Network) -> Network:
        """Return a discriminator, initialised, with its weights normalised if that is asked for.

        Raises:
            ValueError: if penalties or spectral norm meet batch norm.
        """
        refuse_batch_norm(discriminator, self._arguments)
        return spectral_normalised(discriminator) if self._arguments["spectral_norm"] else discriminator

    def start(self, length: int | None) -> None:
        """Take notice of how many steps the training has, None if it has no end.

        Raises:
            ValueError: if there is instance noise and nothing ends the training.
        """
        if not self._arguments["instance_noise"]:
            return
        if length is None:
            raise ValueError(
                "model.instance_noise fades over a share of the training, but this one has no end: set "
                "--trainer.max_epochs or --trainer.max_steps."
            )
        self._noisy_steps = length * self._arguments["instance_noise_share"]

    def shown(self, images: Tensor, step: int) -> Tensor:
        """Return images (N, C, H, W) as the discriminator sees them after `step` counted steps."""
        if self._augment is not None:
            images = self._augment(images)
        std = self._arguments["instance_noise"] * (1 - step / self._noisy_steps)
        return instance_noise(images, std) if std > 0 else images

    def penalties(
        self,
        score: Discriminator,
        real: Tensor,
        fake: Tensor,
        step: int,
        score_fake: Discriminator | None = None,
    ) -> dict[str, Tensor]:
        """Return the weighted penalties that are due after `step` counted steps.

        Args:
            score: the discriminator.
            real: images (N, ...) as it sees them.
            fake: likewise; of the same shape for the penalty between both.
            step: number of counted steps.
            score_fake: the discriminator of fakes, where it judges them as something else than the real ones:
                of R2, and of the penalty between both.
        """
        score_fake = score_fake or score
        every = self._arguments["penalty_every"]
        if step % every:
            return {}
        penalties: dict[str, Callable[[], Tensor]] = {
            "gradient_penalty": lambda: gradient_penalty(score_fake, interpolate(real, fake)),
            "r1_weight": lambda: r1_penalty(score, real),
            "r2_weight": lambda: r2_penalty(score_fake, fake),
        }
        return {
            argument.removesuffix("_weight"): every * self._arguments[argument] * penalty()
            for argument, penalty in penalties.items()
            if self._arguments[argument]
        }
