"""scipy.signal stays out of a start, and is itself for whoever asks for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASES = [
    ("import torchmetrics.functional.audio", "assert 'scipy.signal' not in sys.modules"),
    ("import torchmetrics", "import scipy.signal; assert scipy.signal.windows.hamming(3)[1] == 1"),
    ("import torchmetrics", "import scipy; assert scipy.signal.firwin(3, 0.5).shape == (3,)"),
    ("from scipy.signal import firwin", "assert firwin(3, 0.5).shape == (3,)"),
    ("import scipy.signal.windows as w", "assert w.hamming(3)[1] == 1"),
]
"""What is imported while scipy.signal is deferred, and what holds afterwards."""
PROGRAM = """
import json, os, sys, traceback
sys.path.insert(0, {root!r})
import torch  # takes most of the time, and leaves scipy alone
from gans.cli.deferred import signal_processing_deferred
assert not [name for name in sys.modules if name.partition(".")[0] in ("scipy", "torchmetrics")]

def answer(inside, afterwards):
    there = {{"sys": sys}}
    try:
        with signal_processing_deferred():
            exec(inside, there)
        exec(afterwards, there)
    except BaseException:
        return traceback.format_exc()
    return ""

for case in json.loads(sys.argv[1]):
    receiver, sender = os.pipe()
    if os.fork() == 0:
        os.write(sender, json.dumps(answer(*case)).encode())
        os._exit(0)
    os.close(sender)
    with open(receiver) as said:
        print(said.read())
"""


@pytest.fixture(scope="module")
def answers() -> list[str]:
    """Return the error of each case, or nothing; each in a process that has imported no scipy before."""
    command = [sys.executable, "-c", PROGRAM.format(root=str(ROOT)), json.dumps(CASES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("inside", "afterwards"), CASES)
def test_asked_for_or_not(answers: list[str], inside: str, afterwards: str) -> None:
    error = answers[CASES.index((inside, afterwards))]
    assert error == "", error
