"""The ranges of the arguments that variants share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Range = tuple[Callable[[Any], bool], str]  # whether a value is in it, and what it is

NOT_NEGATIVE: Range = (lambda value: value >= 0, "is 0 or more")
NOT_NEGATIVE_IF_GIVEN: Range = (lambda value: value is None or value >= 0, "is 0 or more, or null")
ABOVE_ZERO: Range = (lambda value: value > 0, "is above 0")
AT_LEAST_ONE: Range = (lambda value: value >= 1, "is 1 or more")

RANGES: dict[str, Range] = {
    "learning_rate": NOT_NEGATIVE,
    "generator_learning_rate": NOT_NEGATIVE_IF_GIVEN,
    "discriminator_learning_rate": NOT_NEGATIVE_IF_GIVEN,
    "betas": (
        lambda betas: len(betas) == 2 and all(0 <= beta < 1 for beta in betas),
        "holds two numbers in [0, 1)",
    ),
    "weight_decay": NOT_NEGATIVE,
    "decay_share": (lambda share: 0 <= share <= 1, "is a share of the training, from 0 to 1"),
    "halve_every": (lambda count: count >= 1, "counts epochs or steps, so it is 1 or more"),
    # Clipping to a negative norm would turn every gradient round.
    "gradient_clip": (lambda norm: norm is None or norm > 0, "is above 0, or null"),
    "accumulate": (lambda batches: batches >= 1, "counts batches, so it is 1 or more"),
    "ema_decay": (lambda decay: 0 <= decay < 1, "lies in [0, 1), for example 0.999"),
}
"""Argument of `gans.base.AdversarialModule` -> whether a value is in its range, and what the range is."""

LATENT_RANGES: dict[str, Range] = {
    "latent_size": AT_LEAST_ONE,
    "discriminator_steps": AT_LEAST_ONE,
    "label_smoothing": (lambda step: 0 <= step < 0.5, "lies in [0, 0.5), for example 0.1"),
}
"""The same for the arguments of `gans.families.noise_to_image.LatentGAN`."""

REGULARISER_RANGES: dict[str, Range] = {
    "instance_noise": NOT_NEGATIVE,
    "instance_noise_share": (lambda share: 0 < share <= 1, "is a share of the training, above 0 and up to 1"),
    "r1_weight": NOT_NEGATIVE_IF_GIVEN,
    "r2_weight": NOT_NEGATIVE,
    "gradient_penalty": NOT_NEGATIVE,
    "penalty_every": (lambda steps: steps >= 1, "counts steps, so it is 1 or more"),
    "freeze_discriminator": NOT_NEGATIVE,
    "augment_probability": NOT_NEGATIVE,
    "augment_final_probability": NOT_NEGATIVE_IF_GIVEN,
    "augment_share": (lambda share: 0 < share <= 1, "is a share of the training, above 0 and up to 1"),
    "augment_target": (lambda sign: -1 < sign < 1, "is a mean of signs, between -1 and 1, such as 0.6"),
    "augment_kimg": ABOVE_ZERO,
    "augment_every": (lambda steps: steps >= 1, "counts steps, so it is 1 or more"),
}
"""The same for the arguments of `gans.families.regularised.Regularised`."""


def check_ranges(arguments: Mapping[str, Any], ranges: Mapping[str, Range] = RANGES) -> None:
    """Refuse arguments that are out of range.

    Args:
        arguments: of a variant.
        ranges: those of this file that the variant has.

    Raises:
        ValueError: naming the argument, its value and its range.
    """
    for name, (is_in_range, expected) in ranges.items():
        if not is_in_range(arguments[name]):
            raise ValueError(f"model.{name} is {arguments[name]}: it {expected}.")
