"""What a start of a run does otherwise than its last one, and which of that a run must not suffer unasked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import yaml

from gans.cli.errors import UsageError
from gans.cli.run_folder import RunPlan, newest_config
from gans.cli.settings import single_settings

CHANGEABLE = ("data", "model")
"""What `--change` names."""
OF_ONE_START = ("name", "runs", "init_from")
"""Recorded keys that say nothing about the training."""
HOW_DATA_IS_READ = (
    "batch_size",
    "cache_gigabytes",
    "download",
    "epoch_length",
    "eval_batch_size",
    "flip",
    "load_size",
    "on_bad_image",
    "overlap",
    "predict_count",
    "predict_dir",
    "prompts",
    "seed",
    "store_gigabytes",
    "tile",
    "turn",
    "windows_until",
    "workers",
)
"""Arguments of data modules that leave open which images are trained on; all others decide it."""
HOW_TO_TRAIN = (
    "accumulate",
    "augment",
    "augment_every",
    "augment_final_probability",
    "augment_pipe",
    "betas",
    "diffaugment",
    "direction",
    "discriminator_steps",
    "diversity_steps",
    "ema_decay",
    "ema_kimg",
    "ema_networks",
    "ema_rampup",
    "extra_generator_steps",
    "flip_equivariance",
    "freeze_discriminator",
    "gradient_clip",
    "halve_at",
    "halve_every",
    "landmarks",
    "langevin_steps",
    "looks",
    "minibatch_group",
    "nce_identity",
    "negatives",
    "objective",
    "patches",
    "path_length_every",
    "penalty_every",
    "pool_size",
    "r1_weight",
    "references",
    "restart_every",
    "sampling_steps",
    "schedule",
    "schedule_images",
    "separate_batches",
    "sharpen_targets",
    "target",
)
"""Arguments of models, beside weights of losses and rates, that leave the networks as they are."""
OF_THE_NETWORKS = ("high_pass",)
"""Arguments that are numbers with a fraction and no weights of losses or rates."""

Change = tuple[Any, Any]


def changes_of(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Change]:
    """Return (value now, value before) by key, for every setting of the last start that is another now.

    A setting that the last start did not know, because it was of another version, is none.
    """
    old, new = single_settings(before), single_settings(now)
    return {
        key: (value, old[key])
        for key, value in new.items()
        if key in old and old[key] != value and key.partition(".")[0] not in OF_ONE_START
    }


def compare_starts(plan: RunPlan, config: str, asked: Collection[str]) -> list[str]:
    """Return lines that tell what this start of a run does otherwise than its last; none at the first.

    Args:
        plan: of the command.
        config: what it would record.
        asked: what may change, as named by `--change`.

    Raises:
        UsageError: if a fit would spoil the run that it goes on with.
    """
    last = newest_config(plan.origin) if plan.origin else None
    if last is None:
        return []
    before = yaml.safe_load(last.read_text(encoding="utf-8"))
    changes = changes_of(before, yaml.safe_load(config))
    if plan.command == "fit" and plan.checkpoint is not None:
        refuse_unasked(changes, asked, str(plan.checkpoint))
    lines = [f"  {key} is {now} instead of {before}" for key, (now, before) in changes.items()]
    return ["Otherwise than at the last start of this run:", *lines] if lines else []


def refuse_unasked(changes: Mapping[str, Change], asked: Collection[str], checkpoint: str) -> None:
    """Refuse that a run goes on with other images or other networks than it began with.

    Args:
        changes: of this start.
        asked: what may change nevertheless, as named by `--change`: `data`, `model`.
        checkpoint: from which the run goes on.

    Raises:
        UsageError: naming what changes and what to do instead; also if `asked` names something else.
    """
    for name in asked:
        if name not in CHANGEABLE:
            raise UsageError(f"--change {name}: {' and '.join(CHANGEABLE)} can be named.")
    for group, decides, remedy in (
        ("data", _decides_the_images, "The same images at another place: add --change data."),
        ("model", _is_of_the_networks, "To insist, add --change model."),
    ):
        refused = [
            f"{key} is {now} instead of {old}" for key, (now, old) in changes.items() if decides(key, now)
        ]
        if refused and group not in asked:
            what = "images" if group == "data" else "networks"
            raise UsageError(
                f"This run was trained with other {what}: {', '.join(refused)}. {remedy}\n"
                f"To train on from its weights as a run of its own, use --init_from {checkpoint} instead of "
                "--ckpt_path, with a --config."
            )


def _decides_the_images(key: str, _: Any) -> bool:
    group, _, name = key.partition(".")
    return group == "data" and name.partition(".")[0] not in HOW_DATA_IS_READ


def _is_of_the_networks(key: str, value: Any) -> bool:
    group, _, name = key.partition(".")
    return group == "model" and decides_the_networks(name.partition(".")[0], value)


def decides_the_networks(name: str, value: Any) -> bool:
    """Tell whether an argument of a model is more than a weight of a loss or a rate, which are floats."""
    return name in OF_THE_NETWORKS or (not isinstance(value, float) and name not in HOW_TO_TRAIN)
