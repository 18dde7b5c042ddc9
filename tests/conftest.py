from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def private_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the user's cache and from a dashboard."""
    folder: Path = tmp_path_factory.mktemp("user")
    kept = dict(os.environ)
    os.environ |= {"GANS_CACHE": str(folder / "cache"), "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    yield
    os.environ.clear()
    os.environ.update(kept)
