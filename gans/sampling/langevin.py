"""Images made by climbing a score, and what to do when the score runs away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]  # images (N, C, H, W) to scores (N,)


class Climbed(NamedTuple):
    """Where chains have come: images (N, C, H, W) in [-1, 1], and their scores (N,) before the last step."""

    images: Tensor
    scores: Tensor


@dataclass(frozen=True)
class Langevin:
    """Langevin steps x <- x + (step_size / 2) grad D(x) + noise, within [-1, 1] (arXiv:1903.08689).

    With step size e and noise of deviation sqrt(e) they would sample from the density exp(D), given time. As
    in the paper the noise is far smaller here: few steps are to arrive, and find modes rather than samples.

    Attributes:
        step_size: twice the factor of the gradient.
        noise: standard deviation of the noise that is added before each step.
        gradient_clamp: largest absolute value of the gradient at any pixel.

    Raises:
        ValueError: if a value is negative, or step size or clamp are 0.
    """

    step_size: float
    noise: float
    gradient_clamp: float

    def __post_init__(self) -> None:
        if min(self.step_size, self.gradient_clamp) <= 0 or self.noise < 0:
            raise ValueError(
                f"model.step_size is {self.step_size}, model.gradient_clamp {self.gradient_clamp} and "
                f"model.langevin_noise {self.noise}: the first two are above 0, the noise 0 or more."
            )

    def climb(
        self, score: Score, images: Tensor, steps: int, draw: Callable[[], Tensor] | None = None
    ) -> Climbed:
        """Take some steps from images, also where gradients are off or in `torch.inference_mode`.

        Gradients are taken in the images' own precision even under autocast: in 16 bits many are 0.

        Args:
            score: whose gradient is climbed; the score of an image must not depend on the others.
            images: where to begin, (N, C, H, W) in [-1, 1].
            steps: number of steps, 1 or more.
            draw: returns standard normal noise of the images' shape; by default from torch's generator.

        Raises:
            ValueError: if there are no steps to take.
        """
        if steps < 1:
            raise ValueError(f"{steps} Langevin steps: 1 or more are taken.")
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast(images.device.type, enabled=False),
        ):
            points = images.clone()
            for _ in range(steps):
                noise = torch.randn_like(points) if draw is None else draw()
                points = (points + self.noise * noise).clamp_(-1, 1).requires_grad_()
                scores = score(points)
                (gradient,) = torch.autograd.grad(scores.sum(), points)
                slope = gradient.clamp(-self.gradient_clamp, self.gradient_clamp)
                points = (points.detach() + self.step_size / 2 * slope).clamp_(-1, 1)
        return Climbed(points, scores.detach())


class DivergedError(ArithmeticError):
    """The scores of a discriminator have run away; the message says what may help."""


class DivergenceGuard:
    """Finds chains whose scores have run away, and stops a training in which most of them do.

    Scores stay on their device; only `check` waits for it.

    Args:
        bound: absolute score above which a chain has run away, as it has where the score is no number.

    Attributes:
        restarted: number of chains that ran away since the guard was made, a scalar tensor.
    """

    SHARE = 0.5  # of the chains that, running away on average over the last steps, stops the training
    MEMORY = 0.02  # weight of a step in that average: about fifty steps count

    def __init__(self, bound: float) -> None:
        self._bound = bound
        self.restarted = torch.zeros((), dtype=torch.int64)
        self._share = torch.zeros(())

    def strays(self, scores: Tensor) -> Tensor:
        """Return which chains (N,) have run away by their scores (N,), and count them."""
        strays: Tensor = ~(scores.abs() <= self._bound)  # NaN is not within any bound
        self.restarted = self.restarted.to(strays.device) + strays.sum()
        self._share = torch.lerp(self._share.to(strays.device), strays.float().mean(), self.MEMORY)
        return strays

    def check(self) -> None:
        """Look at how the last steps went.

        Raises:
            DivergedError: if on average over the last steps most chains ran away.
        """
        share = float(self._share)
        if share > self.SHARE:
            raise DivergedError(
                f"{share:.0%} of the samples of the last steps have scores beyond {self._bound:g}: the "
                "discriminator diverges. A lower --model.learning_rate, a larger --model.score_weight or "
                "more --model.langevin_steps may help; the checkpoints written before are kept."
            )
