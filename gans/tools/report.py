r"""Writes RUN/report.html anew, or one page that compares several runs.

    python -m gans.tools.report RUN
    python -m gans.tools.report RUN RUN ... --output comparison.html

The page opens from disk: it needs no server and no network. docs/report.md shows what is in it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gans.cli import errors
from gans.cli.run_folder import REPORT
from gans.tools.command_line import command_line

COMPARISON = Path("comparison.html")
PROGRAM = "python -m gans"


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    from gans.cli.report.callback import write_page  # imports torch, which `--help` need not wait for

    runs: list[Path] = options.runs
    output: Path = options.output or (runs[0] / REPORT if len(runs) == 1 else COMPARISON)
    write_page(runs, output, PROGRAM)
    sys.stdout.write(f"{output}\n")


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.report", __doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "--output", type=Path, help=f"by default RUN/{REPORT}, and {COMPARISON} here for several runs"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
