"""Weights that define a metric are known by their hash: another file would be another metric."""

from __future__ import annotations

import hashlib
from pathlib import Path


def verified(path: Path, sha256: str) -> Path:
    """Return `path` if the file has the expected content.

    Args:
        path: an existing file.
        sha256: the expected hash in hexadecimal, or its beginning.

    Raises:
        ValueError: if the file has another hash, for example because its download was cut short.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not found.startswith(sha256):
        raise ValueError(
            f"{path} is not the file that defines this metric: its sha256 is {found}, expected {sha256}. "
            "Remove it and fetch it again."
        )
    return path
