from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Before torch is imported: on two cores, two workers of two threads each spend half the time on waiting.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from support.sweep_table import sweep_table

import gans


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let more damaged image files be read than a plain run has time for."""
    parser.addoption("--damaged", type=int, default=1000, help="damaged image files to read (1000)")


@pytest.fixture(scope="session", autouse=True)
def private_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the user's cache and from a dashboard."""
    folder: Path = tmp_path_factory.mktemp("user")
    kept = dict(os.environ)
    os.environ |= {"GANS_CACHE": str(folder / "cache"), "WANDB_MODE": "offline"}
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(autouse=True)
def no_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a test from the seed that an earlier one on this worker has left to its process."""
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show which variant passed which check of the sweep."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    swept = [(report.nodeid, report.outcome) for report in reports if "test_sweep.py" in report.nodeid]
    if swept:
        terminalreporter.section("every variant, every check (tests that passed)")
        for line in sweep_table(swept, gans.VARIANTS):
            terminalreporter.write_line(line)
