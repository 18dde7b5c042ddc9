"""Opens a run: its folder, its loggers, and the record of what it was started with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger

from gans.callbacks.terminal import notice
from gans.cli import interrupts
from gans.cli.loggers import Dashboard, make_loggers
from gans.cli.run_folder import CONFIG, RunPlan
from gans.files import written_whole

NOT_RECORDED = ("config", "ckpt_path", "run", "output")
"""Keys of one start and not of the run: `fit --config RUN/config.yaml` starts a run of its own."""
COMPARED = ("data", "seed_everything", "trainer")
"""Keys that must stay for a run to go on exactly; the model's are compared with the checkpoint."""


class OpenRun(Callback):
    """Opens the run when the data is ready, so that a mistyped folder leaves nothing behind.

    The first process makes the folder and the others are told, however they were launched. From then on it is
    `trainer.default_root_dir`. It gets config.yaml, at later starts config_resumed_1.yaml and so on; W&B gets
    the same. What differs from the start before is said.

    Args:
        plan: where the command writes.
        dashboard: where metrics are shown beside RUN/metrics.csv; None for a start that logs nothing.
        parser: parser of the command.
        config: what it parsed, with all defaults.
    """

    def __init__(
        self, plan: RunPlan, dashboard: Dashboard | None, parser: ArgumentParser, config: Namespace
    ) -> None:
        self._plan = plan
        self._dashboard = dashboard
        self._parser = parser
        self._config = config

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Open the run; this callback is the first, so the others find folder and loggers."""
        interrupts.hand_over()
        made = str(self._plan.make_folder()) if trainer.is_global_zero else ""
        folder = Path(trainer.strategy.broadcast(made))
        vars(trainer)["_default_root_dir"] = str(folder)  # Lightning has no public way once it is built
        if self._plan.command == "predict":
            return  # its folder holds pictures and nothing else
        if trainer.is_global_zero:
            text = recorded(self._parser, self._config)
            self._record(folder, text)
        if self._dashboard is None:
            return
        trainer.loggers = [
            *make_loggers(folder, self._dashboard, run=self._plan.run or folder),
            *trainer.loggers,
        ]
        for logger in trainer.loggers if trainer.is_global_zero else []:
            if isinstance(logger, WandbLogger):
                logger.experiment.config.update(yaml.safe_load(text), allow_val_change=True)

    def _record(self, folder: Path, text: str) -> None:
        *earlier, own = config_paths(folder)
        if earlier:
            before = yaml.safe_load(earlier[-1].read_text(encoding="utf-8"))
            for difference in differences(before, yaml.safe_load(text)):
                notice(f"{difference} at the last start of this run ({earlier[-1].name}).")
        with written_whole(own) as file:
            file.write(text.encode())


def recorded(parser: ArgumentParser, config: Namespace) -> str:
    """Return a parsed config as YAML that `--config` takes, for the same command and the others."""
    config = config.clone()
    for key in NOT_RECORDED:
        config.pop(key, None)
    return str(parser.dump(config, skip_unset=False))


def config_paths(folder: Path) -> list[Path]:
    """Return the configs of a run's starts, config.yaml, config_resumed_1.yaml and so on; the last is new."""
    paths = [folder / CONFIG]
    for number in count(1):
        if not paths[-1].exists():
            break
        paths.append(folder / f"config_resumed_{number}.yaml")
    return paths


def differences(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Yield texts such as `data.size is 64 instead of 128`, for single values under the keys `COMPARED`."""
    old, new = (
        dict(_values({key: config[key] for key in COMPARED if key in config})) for config in (before, now)
    )
    for key, value in new.items():
        if key in old and old[key] != value:
            yield f"{key} is {value} instead of {old[key]}"


def _values(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted keys, without `init_args`, and their single values."""
    for key, value in tree.items():
        below = path if key == "init_args" else f"{path}.{key}".lstrip(".")
        if isinstance(value, dict):
            yield from _values(value, below)
        elif not isinstance(value, list):
            yield below, value
