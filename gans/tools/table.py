r"""Trains several configs with several seeds and tabulates mean and spread of the metrics.

    python -m gans.tools.table --config ablations/base --configs ablations/l1 ablations/cgan \
        --seeds 0 1 2 --metrics val/l1/A2B val/kid_lite0/A2B

Each of --configs is a row, on top of the configs given by --config. Every other argument goes to `fit`. The
numbers are those of the last validation of each run. The same command again goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gans.cli import errors
from gans.tools.command_line import command_line
from gans.tools.row_set import Command, Results, Row, find_rows, run_command, run_row_set
from gans.tools.spread import metric_names, table_of_rows, write_tables

MakeTable = Callable[[Results, Sequence[str]], str]


def main(command: Command = run_command) -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(*_parser().parse_known_args(), command))


def _run(options: argparse.Namespace, arguments: Sequence[str], command: Command) -> None:
    rows = find_rows(options.config or [], options.configs)
    tabulate(rows, table_of_rows, options, arguments, command)


def tabulate(
    rows: Sequence[Row],
    make_table: MakeTable,
    options: argparse.Namespace,
    arguments: Sequence[str],
    command: Command,
) -> None:
    """Run all rows with all seeds; write FOLDER/table.md and table.csv after each run, and print the table.

    Args:
        rows: what to train.
        make_table: lays the results of these metrics out in Markdown.
        options: `seeds`, `metrics` and `folder`, from a parser made by `new_parser`.
        arguments: of `fit`.
        command: what runs `fit`.
    """
    folder: Path = options.folder
    table = ""
    for results in run_row_set(rows, options.seeds, arguments, folder, command):
        metrics = metric_names(results, options.metrics)
        table = make_table(results, metrics)
        write_tables(results, metrics, table, folder)
    sys.stdout.write(f"\n{table}\n{folder / 'table.md'}\n")


def new_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what all commands that tabulate have in common."""
    parser = command_line(module, description)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--metrics", nargs="+", help="such as val/l1/A2B; by default all of the validation")
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("gans.tools.table", __doc__)
    parser.add_argument("--config", action="append", help="shared by all rows; may be repeated")
    parser.add_argument("--configs", nargs="+", required=True, help="one row each")
    parser.add_argument("--folder", type=Path, default=Path("runs/table"), help="of all runs and the tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
