from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.commands import run, write_toy_config

STOPPING = "{class_path: EarlyStopping, init_args: {monitor: val/l1/A2C}}"
CHECKPOINT = "{class_path: ModelCheckpoint, init_args: {monitor: val/l1/A2C}}"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--best_checkpoint.monitor", "val/l1/A2C"], "best_checkpoint.monitor is val/l1/A2C"),
        ([f"--trainer.callbacks+={STOPPING}"], "monitor of EarlyStopping is val/l1/A2C"),
        ([f"--trainer.callbacks+={CHECKPOINT}"], "monitor of ModelCheckpoint is val/l1/A2C"),
    ],
)
def test_a_monitor_that_names_no_metric_is_said_with_those_there_are(
    wrong: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_toy_config(Path("toy.yaml"))
    quick: list[Any] = ["--without", "[metrics,sample_grid]"]
    assert run("fit", "--config", "toy.yaml", *wrong, *quick) == 2
    message = capsys.readouterr().err
    assert f"{said}: this run has no metric of that name. Did you mean val/l1/" in message
    assert "Metrics: train/" in message
    assert "val/l1/A2B, val/l1/B2A" in message
    assert "Traceback" not in message
