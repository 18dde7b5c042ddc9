"""The options of a command beside the groups of model, data, trainer and shared callbacks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from gans.cli.config_files import suggestion
from gans.cli.errors import UsageError

Dashboard = Literal["wandb", "tensorboard", "csv"]

COMMANDS = {
    "fit": "Train a model.",
    "validate": "Compute the metrics of a checkpoint on the validation images.",
    "test": "Compute the metrics of a checkpoint on the test images.",
    "predict": "Translate or generate pictures with a checkpoint.",
}
EVERY_COMMAND = ("fit", "validate", "test", "predict")  # written out: it is read from the source, too


@dataclass(frozen=True)
class Option:
    """An option that every command's parser knows, since they share configs, and which some commands use.

    Attributes:
        name: without dashes.
        kind: type of its values.
        help: one sentence.
        commands: those that use it.
    """

    name: str
    kind: Any
    help: str
    commands: tuple[str, ...] = EVERY_COMMAND


OPTIONS = (
    Option("name", str | None, "Name of the run; by default the config's."),
    Option("runs", str, "Folder of all runs: a run is RUNS/NAME/DATE."),
    Option("run", str | None, "The run's folder itself, instead of RUNS/NAME/DATE."),
    Option("output", str | None, "Folder of the pictures.", ("predict",)),
    Option(
        "init_from",
        str | None,
        "A checkpoint whose networks the training starts with; all else starts anew.",
        ("fit",),
    ),
    Option(
        "change",
        str | list[str],
        "With --ckpt_path: what the run may go on with otherwise than it began, `data` or `model`.",
        ("fit",),
    ),
    Option("logger", Dashboard, "Dashboard beside RUN/metrics.csv.", ("fit", "validate", "test")),
    Option("without", str | list[str], "Shared callbacks to leave out."),
)


def refuse_unknown_parts(without: Collection[str], known: Collection[str]) -> None:
    """Refuse a value of `--without` that names no shared callback.

    Raises:
        UsageError: with the name meant, perhaps, and all there are.
    """
    for key in without:
        if key not in known:
            raise UsageError(
                f"--without {key}: no shared callback is called that.{suggestion(key, known)}\n"
                f"Shared callbacks: {', '.join(known)}"
            )
