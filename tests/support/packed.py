"""Packed sets of small pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

from gans.tools import pack


def run_pack(*arguments: object) -> int:
    """Run `python -m gans.tools.pack` with these arguments and return its exit status."""
    with patch.object(sys, "argv", ["pack", *map(str, arguments)]):
        return pack.main()


def packed(folder: Path, output: Path, data: str, *arguments: object, items: int = 3) -> str:
    """Pack a folder of pictures of about 700 bytes in chunks of so many items, and return its path."""
    megabytes = items * 1e-3
    assert run_pack(folder, output, "--data", data, "--chunk_megabytes", megabytes, *arguments) == 0
    return str(output)
