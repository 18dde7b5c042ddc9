"""SIGINT and SIGTERM at any moment of a start: the process ends with 130 or 143, and says nothing odd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import write_toy_config

ROOT = Path(__file__).parents[2]
AT = """
import os, signal, sys
sys.path.insert(0, {root!r})

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Finder())
from gans.cli.start import main
sys.exit(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "module", ["gans.cli.command", "jsonargparse", "torch", "numpy.linalg", "torchmetrics"]
)
def test_while_something_is_imported(tmp_path: Path, module: str, number: signal.Signals) -> None:
    # A shell that starts the tests in the background has them ignore SIGINT, which would be inherited.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)" + AT.format(
        root=str(ROOT), module=module, number=int(number)
    )
    arguments = ["fit", "--config", "cyclegan", "--logger", "csv"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 128 + number
    assert done.stderr in ("", "gans 0.1.0: fit cyclegan, loading PyTorch ...\n")
    assert list(tmp_path.iterdir()) == []


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """As after nohup, or in the background of a script."""
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + AT.format(
        root=str(ROOT), module="gans.cli.command", number=int(signal.SIGINT)
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0
    assert "torch" in done.stdout


def test_while_faces_are_drawn_in_other_processes(tmp_path: Path) -> None:
    toy = write_toy_config(tmp_path / "toy.yaml")
    arguments = ["fit", "--config", str(toy), "--data.faces_count", "3000"]
    started = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    while not (drawing := children_of(started.pid)):
        assert started.poll() is None, started.communicate()[0]
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    said, _ = started.communicate()
    assert started.returncode == 130
    assert "Traceback" not in said
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}/cmdline").exists() for child in drawing):
        assert time.monotonic() < deadline, "drawing processes were left behind"
        time.sleep(0.05)
    assert not (tmp_path / "runs").exists()


def children_of(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # the thread is over
            continue
    return found
