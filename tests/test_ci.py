"""The program that decides what lands, with stand-ins for the programs it calls."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_ci_runs_the_readmes_test_command_and_then_the_linters(tmp_path: Path) -> None:
    called = tmp_path / "called"
    for name in ("pip", "pytest", "ruff", "mypy", "python3"):
        program = tmp_path / name
        # `python3 -m venv FOLDER` must leave an environment that can be activated.
        program.write_text(
            f'#!/bin/sh\necho {name} "$@" >> {called}\n'
            'if [ "$2" = venv ]; then mkdir -p "$3/bin" && touch "$3/bin/activate"; fi\n'
        )
        program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([ROOT / ".ci" / "run"], env=os.environ | {"PATH": path}, check=True, capture_output=True)
    environment, *checks = called.read_text().splitlines()
    assert environment.startswith("python3 -m venv ")
    assert checks == ["pip install -e .[dev]", "pytest", "ruff check .", "ruff format --check .", "mypy"]
