"""Where a run's metrics go: always RUN/metrics.csv, and W&B or TensorBoard beside it."""

from __future__ import annotations

import netrc
import os
import secrets
import sys
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from gans.callbacks.terminal import is_first_process, notice
from gans.cli.metrics_file import MetricsFile
from gans.cli.options import Dashboard

Mode = Literal["offline"] | None

PROJECT = "gans"
CONNECT_SECONDS = 15.0


def make_loggers(folder: Path, dashboard: Dashboard, run: Path) -> list[Logger]:
    """Return the loggers of a run: the table, then the dashboard.

    A dashboard that cannot start never stops a training: W&B goes offline, and if that fails too, it is left
    out; a notice says so.

    Args:
        folder: where the command writes.
        dashboard: `csv` is the table alone.
        run: the run folder that the command belongs to. Its last two parts name the W&B run, and a later test
            of it is shown with it.

    Raises:
        ImportError: if TensorBoard is asked for and not installed.
    """
    loggers: list[Logger] = [MetricsFile(folder)]
    if dashboard == "wandb" and (wandb := _start_wandb(folder, run)) is not None:
        loggers.append(wandb)
    if dashboard == "tensorboard":
        try:
            loggers.append(TensorBoardLogger(folder, name="", version="tensorboard"))
        except ModuleNotFoundError as error:
            raise ImportError(
                "--logger tensorboard needs TensorBoard: pip install 'gans[tensorboard]'"
            ) from error
    return loggers


def _start_wandb(folder: Path, run: Path) -> WandbLogger | None:
    """Start the W&B run of a run folder, or continue it; only the first process talks to W&B."""
    if not is_first_process():
        return _wandb_logger(folder, run, mode=None)
    offline = os.environ.get("WANDB_MODE") is None and not has_credentials()
    if offline:
        notice(
            f"W&B: no API key found, so this run stays offline in {folder / 'wandb'}. "
            "`wandb login` before the next run changes that; --logger csv leaves W&B out."
        )
    modes: tuple[Mode, ...] = ("offline",) if offline else (None, "offline")
    for mode in modes:
        logger = _wandb_logger(folder, run, mode)
        try:
            _ = logger.experiment  # connects, or creates the offline file
        except Exception as error:  # whatever it is, the training matters more than its dashboard
            notice(f"W&B could not start{' offline' if mode else ''}: {' '.join(str(error).split())}")
            sys.modules["wandb"].teardown()  # or it keeps the id for the attempt that failed
        else:
            return logger
    return None


def _wandb_logger(folder: Path, run: Path, mode: Mode) -> WandbLogger:
    import wandb  # here, because it takes half a second that other loggers need not pay

    logger = WandbLogger(
        name="/".join(run.parts[-2:]),
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        save_dir=folder,
        id=run_id(run),
        resume="allow",
        mode=mode,
        settings=wandb.Settings(silent=True, console="off", init_timeout=CONNECT_SECONDS),
    )
    logger._wandb_init.pop("anonymous", None)  # Lightning always passes it, and W&B warns of it
    return logger


def run_id(folder: Path) -> str:
    """Return the W&B id of a run, the same at every start: it is kept in RUN/wandb_id."""
    file = folder / "wandb_id"
    if file.exists():
        return file.read_text(encoding="utf-8").strip()
    identity = secrets.token_hex(4)
    if is_first_process():
        file.write_text(identity + "\n", encoding="utf-8")
    return identity


def has_credentials() -> bool:
    """Tell whether W&B can log in without asking: by environment variable or netrc file."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    files = [os.environ.get("NETRC"), "~/.netrc", "~/_netrc"]
    paths = [Path(file).expanduser() for file in files if file]
    existing = next((path for path in paths if path.is_file()), None)
    if existing is None:
        return False
    try:
        machines = netrc.netrc(str(existing)).hosts
    except (netrc.NetrcParseError, OSError):
        return False
    import wandb

    server = urlsplit(wandb.Settings().base_url).netloc
    return any(machine == server or "wandb" in machine for machine in machines)


def finish_dashboards() -> None:
    """Send or write what W&B still holds; at the end of a command, whatever its end was."""
    wandb = sys.modules.get("wandb")
    if wandb is not None and wandb.run is not None:
        wandb.finish(exit_code=0 if sys.exc_info()[0] is None else 1)
