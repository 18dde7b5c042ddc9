from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.toys import make_model

from gans.cli.going_on import with_own_config
from gans.cli.results import metrics_table
from gans.cli.summary import RunSummary
from gans.metrics.reading import BETTER, COUNTS, plain


def cells(*args: Any, **kwargs: Any) -> list[list[str]]:
    """Return the cells of a table as it is printed, without what stands below it."""
    table = metrics_table(*args, **kwargs).partition("\n\n")[0]
    starts = [match.start() for match in re.finditer(r"(?<!\S)\S+(?: -> \S+)?", table.splitlines()[0])]
    return [
        [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        for line in table.splitlines()
    ]


METRICS = {
    "test/l1/A2B": 12.34567,
    "test/l1/B2A": 20,
    "test/kid": 0.5,
    "test/kid/A2B": 0.25,
    "test/images/A2B": 1200,
    "test/real_images/A2B": 1300,
    "val/l1/A2B": 1,
}


def test_metrics_stand_in_the_order_that_matters_and_numbers_of_images_below() -> None:
    assert cells("test", METRICS) == [
        ["test", "better", "A2B", "B2A", "mean"],
        ["kid", "lower", "0.25", "", "0.5"],
        ["l1", "lower", "12.35", "20", ""],
    ]
    assert metrics_table("test", METRICS).endswith("\n\nCompared with real images: 1200 of each kind.")


def test_two_states_stand_side_by_side_and_equal_ones_once() -> None:
    before = {"test/l1/A2B": 90.0, "test/l1/B2A": 20.0}
    assert cells("test", METRICS, before=before)[2] == ["l1", "lower", "90 -> 12.35", "20", ""]


def test_only_the_last_state_is_shown_where_both_have_no_room() -> None:
    before = {"test/l1/A2B": 90.0}
    assert cells("test", METRICS, before=before, width=40)[0][0] == "last"
    assert cells("test", METRICS, before=before, width=40)[2] == ["l1", "lower", "12.35", "20", ""]


@pytest.mark.parametrize(("images", "marked"), [(99, "fd_lite0 kid_lite0"), (100, "fd_lite0"), (1280, "")])
def test_values_of_fewer_images_than_their_metric_wants_are_marked(images: int, marked: str) -> None:
    metrics = {"val/images/A2B": images, "val/real_images/A2B": 5000, "val/psnr/A2B": 20.0}
    for metric in ("kid_lite0", "fd_lite0"):
        metrics |= {f"val/{metric}/A2B": 1.0, f"val/{metric}": 1.0}
    values = {row[0]: row[2:] for row in cells("val", metrics)[1:]}
    assert sorted(name for name, row in values.items() if row == ["1*", "1*"]) == marked.split()
    assert values["psnr"] == ["20", ""]
    assert ("* few for" in metrics_table("val", metrics)) is bool(marked)


def test_every_metric_of_the_page_has_its_place() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    named = {name.split("/")[0] for name in re.findall(r"`val/([\w/]+)`", page)}
    assert {plain(name) for name in named} <= {*BETTER, *COUNTS} | {"fid", "kid"}
    assert {"kid_lite0", "l1", "modes"} <= named


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
    if command.startswith("predict"):  # with the checkpoint that is tested
        assert f" test --ckpt_path {last}\n" in told.out + told.err
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
