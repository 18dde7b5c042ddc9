from __future__ import annotations

import threading

import pytest

from gans.callbacks.predicting import background
from gans.callbacks.predicting.background import Background


def test_work_is_done_beside_what_comes_next() -> None:
    may_go, done = threading.Event(), list[int]()

    def wait() -> None:
        assert may_go.wait(60)
        done.append(1)

    doing = Background()
    doing.do(wait, 1)
    assert done == []
    may_go.set()
    doing.finish()
    assert done == [1]


def test_what_goes_wrong_is_told() -> None:
    def fail() -> None:
        raise OSError("the disk is full")

    doing = Background()
    doing.do(fail, 1)
    with pytest.raises(OSError, match="full"):
        doing.finish()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work above the bound waits for the earlier; what alone is above it is done at once."""
    monkeypatch.setattr(background, "MOST_BYTES", 10)
    done: list[str] = []
    doing = Background()
    doing.do(lambda: done.append("first"), 6)
    doing.do(lambda: done.append("second"), 6)
    assert done[0] == "first"
    doing.do(lambda: done.append("large"), 11)
    assert done == ["first", "second", "large"]
    doing.finish()


def test_what_was_abandoned_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MOST_THREADS", 1)
    begun, may_go, done = threading.Event(), threading.Event(), list[str]()

    def slow() -> None:
        begun.set()
        assert may_go.wait(60)
        done.append("begun")

    doing = Background()
    doing.do(slow, 1)
    doing.do(lambda: done.append("not begun"), 1)
    assert begun.wait(60)
    threading.Timer(0.1, may_go.set).start()
    doing.abandon()
    assert done == ["begun"]
