from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gans.cli.changes import changes_of, compare_starts, refuse_unasked
from gans.cli.errors import UsageError
from gans.cli.run_folder import RunPlan


def config(
    data: dict[str, Any] | None = None, model: dict[str, Any] | None = None, **others: Any
) -> dict[str, Any]:
    return {
        "data": {"class_path": "UnpairedImages", "init_args": {"root": "own", "workers": 0} | (data or {})},
        "model": {
            "class_path": "CycleGAN",
            "init_args": {"blocks": 9, "learning_rate": 2e-4} | (model or {}),
        },
        "trainer": {"max_epochs": 3},
        **others,
    }


def test_changes_are_those_of_settings_that_both_know() -> None:
    before = config(seed_everything=5, name="a", data={"attributes": ["a", "b"]})
    now = config(seed_everything=0, name="b", data={"attributes": ["a"]}, model={"new": 1})
    assert changes_of(before, now) == {"data.attributes": (["a"], ["a", "b"]), "seed_everything": (0, 5)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"data": {"root": "other"}}, "other images: data.root is other instead of own. The same images at"),
        ({"data": {"held_out_share": 0.2}}, "data.held_out_share is 0.2 instead of 0.1"),
        (
            {"model": {"blocks": 6}},
            "networks: model.blocks is 6 instead of 9. To insist, add --change model",
        ),
        ({"model": {"dropout": True}}, "model.dropout is True instead of False"),
    ],
)
def test_other_images_and_other_networks_are_refused_unless_asked_for(
    changed: dict[str, Any], said: str
) -> None:
    before = config({"held_out_share": 0.1}, {"dropout": False})
    given = config(
        {"held_out_share": 0.1} | changed.get("data", {}), {"dropout": False} | changed.get("model", {})
    )
    changes = changes_of(before, given)
    with pytest.raises(UsageError) as refusal:
        refuse_unasked(changes, [], "own.ckpt")
    assert said in str(refusal.value)
    assert "use --init_from own.ckpt instead of --ckpt_path" in str(refusal.value)
    with pytest.raises(UsageError):
        refuse_unasked(changes, {"data", "model"} - set(changed), "own.ckpt")
    refuse_unasked(changes, list(changed), "own.ckpt")


def test_what_is_merely_different_is_told(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config(logger="csv")))
    plan = RunPlan("fit", tmp_path, checkpoint=tmp_path / "checkpoints" / "last.ckpt", goes_on=True)
    now = config({"workers": 4}, {"learning_rate": 1e-4}, logger="wandb") | {"trainer": {"max_epochs": 9}}
    assert compare_starts(plan, yaml.safe_dump(now), []) == [
        "Otherwise than at the last start of this run:",
        "  data.workers is 4 instead of 0",
        "  logger is wandb instead of csv",
        "  model.learning_rate is 0.0001 instead of 0.0002",
        "  trainer.max_epochs is 9 instead of 3",
    ]
    assert compare_starts(plan, yaml.safe_dump(config(logger="csv")), []) == []
    assert compare_starts(RunPlan("fit", tmp_path), yaml.safe_dump(now), []) == []


def test_only_a_fit_can_spoil_a_run(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config()))
    other = yaml.safe_dump(config({"root": "other"}))
    last = tmp_path / "checkpoints" / "last.ckpt"
    with pytest.raises(UsageError):
        compare_starts(RunPlan("fit", tmp_path, checkpoint=last, goes_on=True), other, [])
    said = "  data.root is other instead of own"
    assert compare_starts(RunPlan("test", tmp_path, checkpoint=last, goes_on=True), other, [])[1:] == [said]
    assert compare_starts(RunPlan("fit", tmp_path, given=tmp_path, goes_on=True), other, [])[1:] == [said]


def test_what_may_change_is_spelt_out() -> None:
    with pytest.raises(UsageError, match="--change images: data and model can be named"):
        refuse_unasked({}, ["images"], "own.ckpt")
