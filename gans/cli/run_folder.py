"""One folder per run: where it is, which checkpoint is its newest, and which run a checkpoint belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from gans.cli.errors import UsageError

CONFIG = "config.yaml"
CHECKPOINTS = "checkpoints"
REPORT = "report.html"


@dataclass(frozen=True)
class RunPlan:
    """Where a command writes.

    Attributes:
        command: `fit`, `validate`, `test` or `predict`.
        runs_of_name: RUNS/NAME, which holds one folder per run.
        given: the folder given by `--run`: a fit's own, else the run that is looked at.
        checkpoint: the checkpoint that the command starts from.
        output: the folder given by `--output` for the pictures of `predict`.
        goes_on: whether the command is to start from a checkpoint if there is one: a scheduler repeats it
            where a run was stopped before its first.
    """

    command: str
    runs_of_name: Path
    given: Path | None = None
    checkpoint: Path | None = None
    output: Path | None = None
    goes_on: bool = False

    def check(self, inputs: Path | None = None) -> None:
        """Refuse what would overwrite something.

        Args:
            inputs: the folder of pictures that `predict` reads.

        Raises:
            UsageError: if `--output` is given to another command or names the inputs, or a fit would start
                from the beginning, or from the checkpoint of another run, in the folder of an earlier run.
        """
        if self.output is not None and self.command != "predict":
            raise UsageError(f"--output is for predict; the folder of a {self.command} is chosen with --run.")
        if self.output is not None and inputs is not None and self.output.resolve() == inputs.resolve():
            raise UsageError(
                f"--output {self.output} is the folder of the inputs: they would be overwritten."
            )
        if self.command == "fit" and self._other_run_is_in_the_way():
            raise UsageError(
                f"--run {self.given} holds another run than that of {self.checkpoint}. Add --ckpt_path last "
                "to go on with it, or choose another folder."
            )
        begins = self.command == "fit" and self.checkpoint is None and not self.goes_on
        if begins and self.given is not None and (self.given / CONFIG).exists() and not _requeued(self.given):
            raise UsageError(
                f"--run {self.given} holds a run already. Add --ckpt_path last to go on with it, or choose "
                "another folder."
            )

    @property
    def origin(self) -> Path | None:
        """Return the run whose settings hold: the checkpoint's, or one stopped before its first."""
        if self.checkpoint is not None:
            return run_of(self.checkpoint)
        return self.given if self.goes_on else None

    def _other_run_is_in_the_way(self) -> bool:
        if self.given is None or self.checkpoint is None or not (self.given / CONFIG).exists():
            return False
        origin = self.origin
        return origin is None or origin.resolve() != self.given.resolve()

    @property
    def run(self) -> Path | None:
        """Return the run that the command belongs to, if there is one already."""
        return self.given or (run_of(self.checkpoint) if self.checkpoint else None)

    def make_folder(self) -> Path:
        """Make the folder that the command writes to and return it.

        A fit that goes on from a checkpoint stays in its run folder; another command on a checkpoint gets a
        folder in the run, RUN/test/DATE for example. All else gets RUNS/NAME/DATE.
        """
        folder = self.output or (self.run if self.command == "fit" else None)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        return reserve(
            self.runs_of_name if self.command == "fit" else (self.run or self.runs_of_name) / self.command
        )


def reserve(parent: Path) -> Path:
    """Create PARENT/YYYY-mm-dd_HH-MM-SS and return it; another run of the same second gets -2 behind it."""
    now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    for number in count(1):
        folder = parent / (now if number == 1 else f"{now}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() does not end")


def run_of(checkpoint: Path) -> Path | None:
    """Return the run folder that a checkpoint lies in; None if it was copied elsewhere."""
    checkpoint = checkpoint if len(checkpoint.parts) > 2 else checkpoint.absolute()
    folder = checkpoint.parent
    return folder.parent if folder.name == CHECKPOINTS and (folder.parent / CONFIG).is_file() else None


def newest_checkpoint(run: Path) -> Path | None:
    """Return the checkpoint of a run that was written last, or None if it has none."""
    return max((run / CHECKPOINTS).glob("*.ckpt"), key=lambda file: file.stat().st_mtime, default=None)


def config_paths(run: Path) -> list[Path]:
    """Return the configs of a run's starts, config.yaml, config_resumed_1.yaml and so on; the last is new."""
    paths = [run / CONFIG]
    for number in count(1):
        if not paths[-1].exists():
            break
        paths.append(run / f"config_resumed_{number}.yaml")
    return paths


def newest_config(run: Path) -> Path | None:
    """Return the config of a run's last start, which is complete; None where no run is."""
    return next(reversed(config_paths(run)[:-1]), None)


def _requeued(run: Path) -> bool:
    """Tell whether a cluster stopped the run to start it again: Lightning's checkpoint for that is there."""
    return any(run.glob("hpc_ckpt_*.ckpt"))
