"""Trains one config with several seeds and tabulates mean and spread of the metrics.

    python -m gans.tools.seeds --config cyclegan --seeds 0 1 2 --logger csv --trainer.max_epochs 2

Every other argument goes to `fit`. The numbers are those of the last validation of each run. The same command
again goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gans.cli import errors
from gans.tools.row_set import Command, find_rows, run_command
from gans.tools.spread import table_of_seeds
from gans.tools.table import new_parser, tabulate


def main(command: Command = run_command) -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(*_parser().parse_known_args(), command))


def _run(options: argparse.Namespace, arguments: Sequence[str], command: Command) -> None:
    *shared, config = options.config
    [row] = find_rows(shared, [config])
    options.folder = options.folder or Path("runs", f"{row.name}-seeds")
    tabulate([row], partial(table_of_seeds, row.name), options, arguments, command)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("gans.tools.seeds", __doc__)
    parser.add_argument("--config", action="append", required=True, help="as of fit; may be repeated")
    parser.add_argument("--folder", type=Path, help="of all runs and the table; by default runs/CONFIG-seeds")
    return parser


if __name__ == "__main__":
    sys.exit(main())
