r"""Makes pairs side by side out of two folders, and two folders out of pairs side by side.

    python -m gans.tools.pairs join FOLDER_A FOLDER_B OUTPUT
    python -m gans.tools.pairs split FOLDER OUTPUT

Files are matched by their names without suffix, sub-folders included: of A/train and B/train comes
OUTPUT/train, and back. What is written loses nothing, and the output is whole or absent.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gans.cli import errors
from gans.tools.command_line import command_line


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    from gans.tools.images import side_by_side  # imports torch, which `--help` need not wait for

    if options.what == "join":
        count = side_by_side.join_folders(options.folder_A, options.folder_B, options.output)
    else:
        count = side_by_side.split_folder(options.folder, options.output)
    sys.stdout.write(f"{count} pairs in {options.output}\n")


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.pairs", __doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    join = commands.add_parser("join", help="two folders to one of pictures with A left and B right")
    join.add_argument("folder_A", type=Path)
    join.add_argument("folder_B", type=Path)
    split = commands.add_parser("split", help="a folder of such pictures to OUTPUT/A and OUTPUT/B")
    split.add_argument("folder", type=Path)
    for command in (join, split):
        command.add_argument("output", type=Path, help="a folder that is not there yet")
    return parser


if __name__ == "__main__":
    sys.exit(main())
