from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from lightning.pytorch.callbacks import ProgressBar
from support.tiny import TinyGAN, rows, trainer

from gans.callbacks import duration, progress
from gans.callbacks.progress import EpochLines, Speed, TrainingBar


class Pair(NamedTuple):
    names: list[str]
    A: torch.Tensor
    B: torch.Tensor


class Clock:
    """Stands in for `time.monotonic`."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (progress, duration):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.mark.parametrize(
    "batch",
    [
        torch.zeros(5, 3),
        [torch.zeros(5), torch.zeros(2)],
        {"name": "x", "image": torch.zeros(5)},
        Pair(["a"], torch.zeros(5, 3), torch.zeros(2, 3)),
    ],
    ids=["tensor", "list", "dict", "named tuple"],
)
def test_a_batch_has_as_many_images_as_its_first_tensor_has_rows(batch: Any) -> None:
    assert progress.rows(batch) == 5


def test_a_batch_without_tensors_has_none() -> None:
    assert progress.rows(["a", 3]) == 0


def test_speed_leaves_validation_out(clock: Clock) -> None:
    speed = Speed()
    clock.now += 2
    speed.count(torch.zeros(6), processes=2)
    speed.pause()
    clock.now += 50
    assert speed.images_per_second == 6
    speed.go_on()
    clock.now += 1
    assert speed.images_per_second == 4
    speed.restart()
    clock.now += 1
    assert speed.images_per_second == 0


@pytest.mark.parametrize(("terminal", "kind"), [(True, TrainingBar), (False, EpochLines)])
def test_a_log_file_gets_lines(terminal: bool, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert type(progress.progress()) is kind


def fit(folder: Path, callback: Any, rows_of_set: int = 4) -> None:
    fitting = trainer(
        folder, callbacks=[callback], enable_progress_bar=True, max_epochs=2, limit_val_batches=0
    )
    fitting.fit(TinyGAN().double(), rows(rows_of_set))


def test_one_line_per_epoch_with_losses_and_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tmp_path, EpochLines())
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [["epoch 1/2", "step 2"], ["epoch 2/2", "step 4"]]
    for line in lines:
        assert line.split("  ")[2].startswith("critic ")
        assert line.split("  ")[3].startswith("generator ")
        assert line.endswith(" images/s")
    assert "\x1b" not in "".join(lines)


def test_the_bar_reads_losses_now_and_then_because_that_waits_for_the_device(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def counted(self: Any, *args: Any) -> dict[str, Any]:
        read.append(clock.now)
        return {"train/critic/total": 0.25}

    monkeypatch.setattr(ProgressBar, "get_metrics", counted)
    bar = TrainingBar()
    fit(tmp_path, bar)  # on a clock that stands still: at the first batch, and at the end of each epoch
    assert len(read) == 3


def test_speed_leaves_the_first_batch_of_a_start_out(clock: Clock) -> None:
    """Also where a run goes on amid an epoch, whose start is not told."""
    speed = Speed()
    clock.now += 1000  # until the training starts
    speed.restart(warm=False)
    clock.now += 40
    speed.count(torch.zeros(8), processes=1)
    assert speed.images_per_second == 0.2  # of one batch nothing better is known
    clock.now += 2
    speed.count(torch.zeros(8), processes=1)
    clock.now += 2
    speed.count(torch.zeros(8), processes=1)
    assert speed.images_per_second == 4


def test_the_bar_counts_from_one_and_is_left_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bar = TrainingBar()
    fit(tmp_path, bar)
    left = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch")]
    assert len(left) == 1
    assert left[0].startswith("Epoch 2/2 ")
    assert " 2/2 " in left[0].removeprefix("Epoch 2/2")
    assert "images/s  critic " in left[0]


def test_the_bar_tells_what_is_left_of_the_whole_run(tmp_path: Path, clock: Clock) -> None:
    told: list[str] = []

    class Told(TrainingBar):
        def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
            clock.now += 3
            super().on_train_batch_end(trainer, *args)
            told.append(self.texts(trainer, trainer.lightning_module)[0])

    fit(tmp_path, Told(), rows_of_set=24)
    assert told[:10] == [""] * 10  # until the first batches are over
    assert told[10:13] == ["0:39 left", "0:36 left", "0:33 left"]
    assert told[-1] == "0:00 left"
