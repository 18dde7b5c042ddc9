"""Opens a page in the browser on which trained models make pictures.

    python -m gans.tools.playground runs/cyclegan/DATE/checkpoints/last.ckpt
    python -m gans.tools.playground CKPT CKPT

Several models that do the same stand side by side, with one input for all. The page is for this machine alone
and calls no other; what is uploaded or drawn is kept nowhere. docs/playground.md tells what it offers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from threading import Event

from gans.cli import errors
from gans.tools.command_line import command_line

LOCAL = "127.0.0.1"


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    from gans import load
    from gans.tools.playground.server import served
    from gans.tools.playground.ways import ways_of

    ways = [way for path in options.checkpoints for way in ways_of(load(path).to(options.device), path)]
    with served(ways, options.host, options.port, options.browser) as address:
        sys.stdout.write(f"The playground is at {address}\nCtrl-C ends it.\n")
        sys.stdout.flush()
        Event().wait()


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.playground", __doc__)
    parser.add_argument(
        "checkpoints", type=Path, nargs="+", metavar="CKPT", help="of any variant that makes pictures"
    )
    parser.add_argument(
        "--host", default=LOCAL, help=f"address to listen at; by default {LOCAL}, this machine alone"
    )
    parser.add_argument("--port", type=int, help="by default the first free one from 7860 on")
    parser.add_argument("--device", default="cpu", help="such as cuda; by default cpu")
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="open no browser; the address is printed"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
