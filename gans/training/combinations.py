"""Combinations of settings that cannot be right, refused with the reason before a training begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm  # what all batch norms share, the synchronised one too

from gans.protocol import scale_of
from gans.training.turns import Player

PENALTIES = ("gradient_penalty", "r1_weight", "r2_weight")
AUGMENT_RULES = (None, "adaptive", "fixed", "scheduled")
WITH_TARGET = ("minimax", "non_saturating", "least_squares")


def refuse_wrong_combinations(module: LightningModule, trainer: Trainer) -> None:
    """Refuse what would train, but not what was asked for.

    Raises:
        ValueError: for accumulation under 16-mixed, weights in 16 bits, and synchronised batch norm on a CPU.
    """
    if trainer.scaler is not None and module.hparams["accumulate"] > 1:
        raise ValueError(
            "model.accumulate above 1 cannot be right under 16-mixed: when one player's gradients overflow, "
            "the scale changes before the other's are unscaled. Use --trainer.precision bf16-mixed."
        )
    if trainer.precision in ("16-true", "bf16-true"):
        raise ValueError(
            f"--trainer.precision {trainer.precision} cannot train: a step of Adam, or of an average, is "
            "mostly too small to change a weight of 16 bits, and penalties need 32. Use bf16-mixed."
        )
    synchronised = any(isinstance(part, nn.SyncBatchNorm) for part in module.modules())
    if synchronised and trainer.world_size > 1 and trainer.strategy.root_device.type == "cpu":
        raise ValueError(
            "--trainer.sync_batchnorm has no effect that could be right on a CPU: PyTorch has synchronised "
            "batch norm for GPUs only. Leave it out; each process then uses the statistics of its own images."
        )


def refuse_rates_of_nobody(arguments: Mapping[str, Any], players: Sequence[Player]) -> None:
    """Refuse a learning rate of its own for a player that a variant does not have.

    Raises:
        ValueError: naming the argument and the players.
    """
    names = [player.name for player in players]
    for argument in ("generator_learning_rate", "discriminator_learning_rate"):
        name = argument.removesuffix("_learning_rate")
        if arguments[argument] is not None and name not in names:
            raise ValueError(
                f"model.{argument} is {arguments[argument]}, but there is no {name} that learns: the rate of "
                f"{' and '.join(names)} is model.learning_rate."
            )


def refuse_other_batches(module: LightningModule, taken: type, made: type) -> None:
    """Refuse batches of the type `made` for a module that learns from the type `taken`.

    Raises:
        ValueError: if they are of another kind.
    """
    if not issubclass(made, taken):
        raise ValueError(
            f"{type(module).__name__} learns from a {taken.__name__}, but the data module makes a "
            f"{made.__name__}: choose another --data or --model."
        )


def refuse_other_scale(module: LightningModule, made: int) -> None:
    """Refuse targets that are not as much larger than their inputs as the pictures of a module are.

    Raises:
        ValueError: if `made`, the scale of the data module, is another one.
    """
    scale = scale_of(module)
    if scale != made:
        raise ValueError(
            f"{type(module).__name__} makes pictures {scale} times as high and wide as its inputs, and the "
            f"targets of the data module are {made} times as high and wide as theirs: set data.scale to "
            f"{scale}, or choose a model of scale {made}."
        )


def refuse_batch_norm(discriminator: nn.Module, arguments: Mapping[str, Any]) -> None:
    """Refuse to bound a discriminator, as built, under batch norm.

    Args:
        discriminator: before spectral norm.
        arguments: of its variant.

    Raises:
        ValueError: for penalties and spectral norm with batch norm.
    """
    bounded = bounding(arguments)
    if bounded and any(isinstance(part, _BatchNorm) for part in discriminator.modules()):
        norm = "discriminator_norm" if "discriminator_norm" in arguments else "norm"
        raise ValueError(
            f"model.{bounded[0]} bounds how a score changes with its image, but under batch norm a score "
            f"depends on the whole batch: set --model.{norm} to none, layer or instance."
        )


def refuse_wrong_augmentation(arguments: Mapping[str, Any]) -> None:
    """Refuse a probability of augmentation that does not go with its rule, and images that no pipe takes.

    Args:
        arguments: of a variant.

    Raises:
        ValueError: naming the arguments and what to do.
    """
    rule, end = arguments["augment"], arguments["augment_final_probability"]
    if rule not in AUGMENT_RULES:
        raise ValueError(f"model.augment is {rule!r}: it is one of adaptive, fixed and scheduled, or null.")
    if (rule == "scheduled") != (end is not None):
        raise ValueError(
            f"model.augment is {rule} and model.augment_final_probability {end}: a scheduled probability "
            "moves to a final one, and no other does."
        )
    if rule == "fixed" and arguments["augment_probability"] == 0:
        raise ValueError(
            "model.augment is fixed, at model.augment_probability 0, which changes nothing: give it another, "
            "such as 0.2, or set --model.augment adaptive."
        )
    if rule and arguments.get("image_size", 0) == 1:
        raise ValueError(f"model.augment is {rule}, but these are points in the plane, not images.")


def bounding(arguments: Mapping[str, Any]) -> list[str]:
    """Return the arguments that bound how a score changes with its image."""
    return [name for name in (*PENALTIES, "spectral_norm") if arguments[name]]


def refuse_wrong_objective(arguments: Mapping[str, Any]) -> None:
    """Refuse regularisers that do not do what they are for with this objective.

    Raises:
        ValueError: for label smoothing without a target, and a Wasserstein critic that nothing keeps
            Lipschitz.
    """
    objective, smoothing = arguments["objective"], arguments["label_smoothing"]
    if smoothing and objective not in WITH_TARGET:
        raise ValueError(
            f"model.label_smoothing is {smoothing}, but the objective {objective} has no target to smooth: "
            f"only {', '.join(WITH_TARGET)} have. Set it to 0, or choose one of these."
        )
    if objective == "wasserstein" and not bounding(arguments):
        raise ValueError(
            "model.objective is wasserstein, whose critic grows without end if nothing keeps it Lipschitz: "
            f"set one of {', '.join(PENALTIES)} (the paper's gradient_penalty is 10), or spectral_norm."
        )
