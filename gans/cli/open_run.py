"""Opens a run: its folder, its loggers, and the record of what it was started with."""

from __future__ import annotations

from pathlib import Path

import yaml
from jsonargparse import ArgumentParser, Namespace
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger

from gans.cli import interrupts
from gans.cli.loggers import make_loggers
from gans.cli.options import Dashboard
from gans.cli.run_folder import RunPlan, config_paths
from gans.files import written_whole

NOT_RECORDED = ("config", "ckpt_path", "run", "output", "change")
"""Keys of one start and not of the run: `fit --config RUN/config.yaml` starts a run of its own."""


class OpenRun(Callback):
    """Opens the run when the data is ready, so that a mistyped folder leaves nothing behind.

    The first process makes the folder and the others are told, however they were launched. From then on it is
    `trainer.default_root_dir`. It gets config.yaml, at later starts config_resumed_1.yaml and so on; W&B gets
    the same.

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
        self._text = ""  # to be recorded by the first process

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Open the run; this callback is the first, so the others find folder and loggers."""
        interrupts.hand_over()
        made = str(self._plan.make_folder()) if trainer.is_global_zero else ""
        folder = Path(trainer.strategy.broadcast(made))
        vars(trainer)["_default_root_dir"] = str(folder)  # Lightning has no public way once it is built
        if self._plan.command == "predict":
            return  # its folder holds pictures and nothing else
        if trainer.is_global_zero:
            self._text = recorded(self._parser, self._config)
            if stage != "fit":
                self._record(folder)
        if self._dashboard is None:
            return
        trainer.loggers = [
            *make_loggers(folder, self._dashboard, run=self._plan.run or folder),
            *trainer.loggers,
        ]
        for logger in trainer.loggers if trainer.is_global_zero else []:
            if isinstance(logger, WandbLogger):
                logger.experiment.config.update(yaml.safe_load(self._text), allow_val_change=True)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record what a fit was started with: a start that fails before is none that a run goes on with."""
        if trainer.is_global_zero and not self._config.trainer.fast_dev_run:  # nor is a trial
            self._record(Path(trainer.default_root_dir))

    def _record(self, folder: Path) -> None:
        with written_whole(config_paths(folder)[-1]) as file:
            file.write(self._text.encode())


def recorded(parser: ArgumentParser, config: Namespace) -> str:
    """Return a parsed config as YAML that `--config` takes, for the same command and the others."""
    config = config.clone()
    for key in NOT_RECORDED:
        config.pop(key, None)
    return str(parser.dump(config, skip_validation=True, skip_unset=False))
