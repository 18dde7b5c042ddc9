"""The command line that all programs run by `python -m` have in common."""

from __future__ import annotations

import argparse
from typing import Any


def command_line(module: str, description: str | None, **options: Any) -> argparse.ArgumentParser:
    """Return a parser that shows a module's docstring as it is written.

    Args:
        module: its full name, after `python -m`.
        description: its docstring.
        **options: of `argparse.ArgumentParser`.
    """
    return argparse.ArgumentParser(
        f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # else --seed_ would be taken for --seeds
        **options,
    )
