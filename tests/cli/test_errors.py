from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from gans.cli import errors
from gans.cli.errors import UsageError, exit_status, program, readable


def raised(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def ours(source: str) -> Callable[[], object]:
    """Compile a function as if it stood in a module of this project."""
    module = ModuleType("ours")
    exec(compile(source, errors.PACKAGES[0] + "ours.py", "exec"), vars(module))
    function: Callable[[], object] = module.function
    return function


@pytest.mark.parametrize(
    "kind", ["ValueError", "FileNotFoundError", "ArithmeticError", "ImportError", "RuntimeError"]
)
def test_what_this_project_raises_is_for_people(kind: str) -> None:
    error = raised(ours(f"def function():\n    raise {kind}(\n        'the folder is empty'\n    )"))
    assert readable(error) == "the folder is empty"


@pytest.mark.parametrize(
    "body",
    [
        "return int('x')",
        "a, b = [1]",
        "return {}['key']",
        "return None.x",
        "assert False, 'x'",
        "return [].index(3)",
    ],
)
def test_a_bug_in_this_project_is_not(body: str) -> None:
    assert readable(raised(ours(f"def function():\n    {body}"))) is None


def test_a_value_error_of_a_library_is_a_bug_too() -> None:
    def library() -> None:
        raise ValueError("expected 4 channels")

    assert readable(raised(library)) is None
    assert readable(raised(lambda: torch.zeros(2).view(3))) is None


def test_system_and_lightning_errors_are_for_people() -> None:
    missing = raised(lambda: Path("/no/such/file").read_text())
    assert readable(missing) == "[Errno 2] No such file or directory: '/no/such/file'"
    assert readable(MisconfigurationException("no such accelerator")) == "no such accelerator"


def test_the_reason_is_found_below_what_wraps_it() -> None:
    cause = raised(ours("def function():\n    raise ValueError('no trainB')"))

    def wrap() -> None:
        raise ValueError("Does not validate against any of the Union subtypes") from cause

    assert readable(raised(wrap)) == "no trainB"


def test_an_error_while_handling_one_for_people_is_a_bug() -> None:
    function = ours(
        "def function():\n    try:\n        raise ValueError('x')\n    except ValueError:\n        {}['key']"
    )
    assert readable(raised(function)) is None


def test_running_out_of_memory_says_what_helps() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB. GPU 0 has ...")
    message = readable(error)
    assert message is not None
    assert message.startswith("CUDA out of memory.")
    assert "--data.batch_size" in message
    assert "Tried" not in message
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    message = readable(caught.value)
    assert message is not None
    assert message.startswith("can't allocate memory: you tried to allocate 4000000000000000 bytes.")
    assert "in predict --data.tile 512 cuts large images" in message


@pytest.mark.parametrize(
    "error",
    [
        torch.distributed.DistBackendError("NCCL error: remote process exited\nmore"),
        RuntimeError("[gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]:18088."),
    ],
)
def test_the_end_of_another_process_is_no_bug_of_this_one(error: Exception) -> None:
    first_line = str(error).partition("\n")[0]
    assert readable(error) == (
        f"The connection to another process is lost; its own message says more. {first_line}"
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SystemExit(None), 0),
        (SystemExit(3), 3),
        (SystemExit("text"), 1),
        (KeyboardInterrupt(), 130),
        (UsageError("x"), 2),
        (OSError("x"), 1),
    ],
)
def test_exit_statuses(error: BaseException, status: int) -> None:
    if isinstance(error, UsageError):
        error = raised(
            ours("from gans.cli.errors import UsageError\ndef function():\n    raise UsageError('x')")
        )
    assert exit_status(error) == status


def test_lightnings_exit_after_a_keyboard_interrupt() -> None:
    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)

    assert exit_status(raised(interrupted)) == 128 + signal.SIGINT


def test_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    exit_status(OSError("disk full"))
    assert capsys.readouterr() == ("", "error: disk full\n")


def test_bugs_and_debugging_keep_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        exit_status(KeyError("x"))
    monkeypatch.setenv("GANS_DEBUG", "1")
    with pytest.raises(OSError, match="disk full"):
        exit_status(OSError("disk full"))


def test_other_processes_say_which_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "2")
    exit_status(OSError("disk full"))
    assert capsys.readouterr().err == "error in process 2: disk full\n"


@pytest.mark.parametrize(
    ("script", "called"),
    [("train.py", "python train.py"), ("/venv/bin/gans", "gans"), ("../a/train.py", "python ../a/train.py")],
)
def test_the_program_is_named_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch, script: str, called: str
) -> None:
    monkeypatch.setattr(sys, "argv", [script, "fit"])
    assert program() == called
