"""The first lines of the program: Ctrl-C is answered before anything else is imported."""

from __future__ import annotations

from gans.cli import interrupts


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, see `gans.cli.command.main`.

    A process that a signal has ended does not return: it leaves with 130 or 143.
    """
    interrupts.end_at_once()
    from gans.cli.command import main as command
    from gans.cli.errors import INTERRUPTED, TERMINATED

    status = command()
    if status in (INTERRUPTED, TERMINATED):
        interrupts.leave(status)
    return status
