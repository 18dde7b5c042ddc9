"""scipy.signal stays out of a start, and is itself for whoever asks for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGINNING = """
import sys
sys.path.insert(0, {root!r})
from gans.cli.deferred import signal_processing_deferred
with signal_processing_deferred():
"""


@pytest.mark.parametrize(
    ("inside", "afterwards"),
    [
        ("import torchmetrics.functional.audio", "assert 'scipy.signal' not in sys.modules"),
        ("import torchmetrics", "import scipy.signal; assert scipy.signal.windows.hamming(3)[1] == 1"),
        ("import torchmetrics", "import scipy; assert scipy.signal.firwin(3, 0.5).shape == (3,)"),
        ("from scipy.signal import firwin", "assert firwin(3, 0.5).shape == (3,)"),
        ("import scipy.signal.windows as w", "assert w.hamming(3)[1] == 1"),
    ],
)
def test_asked_for_or_not(inside: str, afterwards: str) -> None:
    program = BEGINNING.format(root=str(ROOT)) + f"    {inside}\n{afterwards}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
