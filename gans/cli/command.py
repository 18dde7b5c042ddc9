"""What `python train.py` and the console command `gans` start.

Answers all that needs no torch (help, lists, a mistyped command or config) within a fraction of a second, and
leaves the rest to `gans.cli.application`.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

from gans.cli import errors
from gans.cli.config_files import given_configs, is_written_out, suggestion, with_found_configs
from gans.cli.deferred import signal_processing_deferred
from gans.cli.going_on import with_own_config
from gans.cli.help_pages import command_help, listing, overview
from gans.cli.options import COMMANDS


def main() -> int:
    """Run the command in `sys.argv` and return its exit status.

    0 is success, 1 an error while running, 2 a command line that makes no sense, 130 an interrupt from the
    keyboard and 143 a SIGTERM. What the user can mend is reported in a line or two; with `GANS_DEBUG=1` as a
    traceback.
    """
    return errors.status_of(lambda: _run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    first = arguments[0] if arguments else "--help"
    if first in ("--help", "-h"):
        sys.stdout.write(overview() + "\n")
        return 0
    if first == "--version":
        sys.stdout.write(_versions() + "\n")
        return 0
    if first == "--list":
        sys.stdout.write(listing() + "\n")
        return 0
    if first not in COMMANDS:
        raise errors.UsageError(
            f"{first} is not a command.{suggestion(first, list(COMMANDS))} The command comes first: "
            f"{errors.program()} {{{','.join(COMMANDS)}}} --config NAME"
        )
    if arguments[-1] in ("--help", "-h"):
        sys.stdout.write(command_help(first) + "\n")
        return 0
    if arguments[-2:] == ["--help", "all"]:
        arguments = arguments[:-1]
    # In place, because the processes that Lightning starts for more devices run sys.argv again.
    sys.argv[1:] = with_found_configs(with_own_config(arguments))
    if "torch" not in sys.modules:
        _before_torch(sys.argv[1:], asked=arguments)
    # Threads of torch on a CPU spin while they wait for each other. Where anything else runs beside them, a
    # small network's step then takes several times as long; without any spinning it takes half as long again
    # where nothing does. So they spin briefly. To be set before torch is imported.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    with signal_processing_deferred():
        from gans.cli.application import run

    run()
    return 0


def _before_torch(arguments: list[str], asked: list[str]) -> None:
    """Refuse mistakes in the seconds before torch is there, and say what they are spent on.

    Args:
        arguments: the command line with the files of all configs, also those of a run that goes on.
        asked: the command line as it was typed.
    """
    from gans.cli.early import refuse_mistakes

    refuse_mistakes(arguments)
    if "LOCAL_RANK" not in os.environ:  # one of several processes says it
        configs = [config for config in given_configs(asked) if not is_written_out(config)]
        what = " ".join([asked[0], *(Path(config).stem for config in configs)])
        sys.stderr.write(f"gans {_version('gans')}: {what}, loading PyTorch ...\n")
        sys.stderr.flush()


def _versions() -> str:
    return "\n".join(
        f"{name} {_version(name)}" for name in ("gans", "torch", "lightning", "torchmetrics", "wandb")
    )


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
