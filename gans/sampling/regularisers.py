"""What keeps a discriminator from winning outright, as a part that any adversarial variant can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from torch import Tensor, nn

from gans.losses.penalties import Discriminator, gradient_penalty, interpolate, r1_penalty, r2_penalty
from gans.networks.freezing import freeze_first
from gans.networks.norms import spectral_normalised
from gans.sampling.adaptive import AdaptiveProbability
from gans.sampling.augmentation import DiffAugment, instance_noise
from gans.sampling.colours import TRANSFORMS as COLOUR_TRANSFORMS
from gans.sampling.draws import Draws
from gans.sampling.pipe import BGC, Pipe
from gans.training.arguments import REGULARISER_RANGES, check_ranges
from gans.training.combinations import PENALTIES, refuse_batch_norm, refuse_wrong_augmentation
from gans.training.schedules import half_cosine

Network = TypeVar("Network", bound=nn.Module)
AugmentRule = Literal["adaptive", "fixed", "scheduled"]


class Regularisers(nn.Module):
    """Penalties, augmentation, instance noise and spectral norm, by the arguments of `Regularised`.

    It is a module of the variant: what it may have to remember is a part of the checkpoint.

    Args:
        arguments: of the variant.

    Attributes:
        draws: where the numbers of the augmentation pipe come from; anew in every step.
        adaptive: the probability of that pipe, where it adapts itself.

    Raises:
        ValueError: if one is out of range.
    """

    adaptive: AdaptiveProbability | None

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        check_ranges(arguments, REGULARISER_RANGES)
        self._arguments = arguments
        refuse_wrong_augmentation(arguments)
        self._augment = DiffAugment(arguments["diffaugment"]) if arguments["diffaugment"] else None
        self._pipe = Pipe(arguments["augment_pipe"] or BGC) if arguments["augment"] else None
        start, target = arguments["augment_probability"], arguments["augment_target"]
        adapts = arguments["augment"] == "adaptive"
        self.adaptive = AdaptiveProbability(start, target, arguments["augment_kimg"]) if adapts else None
        self.draws = Draws()
        self._noisy_steps = float("inf")
        self._augmented_steps = float("inf")

    @property
    def asked(self) -> list[str]:
        """Names of the arguments that ask for something."""
        switches = (*PENALTIES, "augment", "diffaugment", "instance_noise", "spectral_norm")
        return [name for name in switches if self._arguments[name]]

    @property
    def changes_colours(self) -> bool:
        """Whether images are shown to the discriminator in other colours."""
        of_pipe = self._pipe is not None and self._pipe.factors.keys() & COLOUR_TRANSFORMS.keys()
        return bool(of_pipe) or "color" in (self._arguments["diffaugment"] or ())

    def bound(self, discriminator: Network) -> Network:
        """Return a discriminator, initialised, with weights normalised and layers frozen as is asked for.

        Raises:
            ValueError: if penalties or spectral norm meet batch norm, or no layer would learn.
        """
        refuse_batch_norm(discriminator, self._arguments)
        freeze_first(discriminator, self._arguments["freeze_discriminator"])
        return spectral_normalised(discriminator) if self._arguments["spectral_norm"] else discriminator

    def start(self, length: int | None) -> None:
        """Take notice of how many steps the training has, None if it has no end.

        Raises:
            ValueError: if instance noise or the augmentation's probability go by the training's length and
                nothing ends it.
        """
        if length is not None:
            self._noisy_steps = length * self._arguments["instance_noise_share"]
            self._augmented_steps = length * self._arguments["augment_share"]
        elif self._arguments["instance_noise"]:
            raise ValueError(
                "model.instance_noise fades over a share of the training, but this one has no end: set "
                "--trainer.max_epochs or --trainer.max_steps."
            )
        elif self._arguments["augment"] == "scheduled":
            raise ValueError(
                "model.augment is scheduled over a share of the training, but this one has no end: set "
                "--trainer.max_epochs or --trainer.max_steps."
            )

    def augment_probability(self, step: int) -> float:
        """Return how probable each transform of the pipe is after `step` counted steps."""
        if self.adaptive is not None:
            return self.adaptive.probability
        begin, end = self._arguments["augment_probability"], self._arguments["augment_final_probability"]
        return float(begin if end is None else half_cosine(begin, end, step / self._augmented_steps))

    def shown(self, images: Tensor, step: int, probability: float) -> Tensor:
        """Return images (N, C, H, W) as the discriminator sees them after `step` counted steps.

        Args:
            images: in [-1, 1].
            step: number of counted steps.
            probability: of each transform of the pipe.
        """
        if self._pipe is not None:
            images = self._pipe(images, probability, self.draws)
        if self._augment is not None:
            images = self._augment(images)
        std = self._arguments["instance_noise"] * (1 - step / self._noisy_steps)
        return instance_noise(images, std) if std > 0 else images

    def due(self, step: int) -> dict[str, float]:
        """Return the weights of the penalties that are due after `step` counted steps, by argument."""
        every = self._arguments["penalty_every"]
        if step % every:
            return {}
        return {name: every * self._arguments[name] for name in PENALTIES if self._arguments[name]}

    def penalties(
        self,
        score: Discriminator,
        real: Tensor,
        fake: Tensor,
        weights: Mapping[str, float],
        score_fake: Discriminator | None = None,
    ) -> dict[str, Tensor]:
        """Return, by name, the weighted penalties.

        Args:
            score: the discriminator.
            real: images (N, ...) as it sees them.
            fake: likewise; of the same shape for the penalty between both.
            weights: by argument, as `due` returns them.
            score_fake: the discriminator of fakes, where it judges them as something else than the real ones:
                of R2, and of the penalty between both.
        """
        score_fake = score_fake or score
        penalties: dict[str, Callable[[], Tensor]] = {
            "gradient_penalty": lambda: gradient_penalty(score_fake, interpolate(real, fake)),
            "r1_weight": lambda: r1_penalty(score, real),
            "r2_weight": lambda: r2_penalty(score_fake, fake),
        }
        return {
            argument.removesuffix("_weight"): weight * penalties[argument]()
            for argument, weight in weights.items()
        }
