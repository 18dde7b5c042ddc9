from __future__ import annotations

import io
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from support.toys import make_model

from gans.cli.going_on import with_own_config
from gans.cli.summary import RunSummary, metrics_table


def drawn(*args: object, **kwargs: object) -> list[list[str]]:
    """Return the cells of a table as it is printed."""
    console = Console(file=io.StringIO(), width=200)
    console.print(metrics_table(*args, **kwargs))  # type: ignore[arg-type]
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    rows = [line.replace("┃", "│").split("│") for line in lines if line.startswith(("┃", "│"))]
    return [[cell.strip() for cell in row[1:-1]] for row in rows]


METRICS = {"test/l1/A2B": 12.34567, "test/l1/B2A": 20, "test/kid": 0.5, "test/kid/A2B": 0.25, "val/l1/A2B": 1}


def test_one_row_per_metric_and_one_column_per_name() -> None:
    assert drawn("test", METRICS) == [
        ["test", "A2B", "B2A", "mean"],
        ["kid", "0.25", "", "0.5"],
        ["l1", "12.35", "20", ""],
    ]


def test_two_states_stand_side_by_side_and_equal_ones_once() -> None:
    before = {"test/l1/A2B": 90.0, "test/l1/B2A": 20.0}
    assert drawn("test", METRICS, before=before)[2] == ["l1", "90 -> 12.35", "20", ""]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("DCGAN", "predict --ckpt_path {} --data.predict_count 64"),
        ("CycleGAN", "predict --ckpt_path {} --data.predict_dir FOLDER"),
        ("GANCLS", "predict --ckpt_path {} --data.prompts '[A CAPTION, ANOTHER]'"),
        ("TextEncoder", "fit --config gan_cls --model.text_encoder {}"),
    ],
)
def test_the_next_command_predicts_what_the_model_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, command: str
) -> None:
    (tmp_path / "checkpoints").mkdir()
    last = tmp_path / "checkpoints" / "last.ckpt"
    last.touch()
    trainer: Any = SimpleNamespace(
        default_root_dir=tmp_path, is_global_zero=True, lightning_module=make_model(name), loggers=[]
    )
    RunSummary().teardown(trainer, trainer.lightning_module, "fit")
    told = capsys.readouterr()
    assert f" {command.format(last)}\n" in told.out + told.err
    assert (" predict " in told.out + told.err) == command.startswith("predict")


@pytest.mark.parametrize("saved", [True, False])
def test_an_interruption_prints_a_command_that_can_be_pasted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], saved: bool
) -> None:
    """Also from a folder with a blank in its name."""
    folder = tmp_path / "my runs"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("model: {class_path: CycleGAN}")
    last = folder / "checkpoints" / "last.ckpt"
    if saved:
        last.touch()
    trainer: Any = SimpleNamespace(
        default_root_dir=folder, is_global_zero=True, state=SimpleNamespace(fn="fit")
    )
    RunSummary().on_exception(trainer, make_model("CycleGAN"), KeyboardInterrupt())
    told = capsys.readouterr()
    program, script, *typed = shlex.split((told.out + told.err).splitlines()[-1])
    assert (program, script) == ("python", "train.py")
    assert with_own_config(typed)[1:3] == ["--config", str(folder / "config.yaml")]
    assert with_own_config(typed)[-1] == (str(last) if saved else "last")
