from __future__ import annotations

from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar

from gans.callbacks.progress import EpochLines
from gans.cli.errors import UsageError
from gans.cli.settings import shared_defaults
from gans.cli.shared import SHARED_CALLBACKS, choose_callbacks

BUILT: dict[str, Any] = {key: Callback() for key in SHARED_CALLBACKS} | {
    "progress": EpochLines(),
    "last_checkpoint": ModelCheckpoint(),
    "best_checkpoint": ModelCheckpoint(),
}


def chosen(command: str, *without: str, **options: Any) -> list[Any]:
    trainer = {"callbacks": None, "enable_progress_bar": None, "enable_checkpointing": None} | options
    callbacks = choose_callbacks(BUILT, command, list(without), trainer)
    names = {id(callback): key for key, callback in BUILT.items()}
    return [names.get(id(callback), callback) for callback in callbacks]


def test_each_command_gets_its_own() -> None:
    assert set(chosen("fit")) == set(SHARED_CALLBACKS) - {"write_predictions"}
    assert set(chosen("predict")) == {"progress", "write_predictions"}
    assert {"metrics", "translation_error"} <= set(chosen("test"))


def test_one_argument_leaves_one_out() -> None:
    assert "sample_grid" in chosen("fit")
    assert "sample_grid" not in chosen("fit", "sample_grid", "metrics")


def test_the_users_own_come_after_the_shared_ones() -> None:
    own = Callback()
    assert chosen("fit", callbacks=[own])[-1] is own
    assert chosen("fit", callbacks=own)[-1] is own


def test_a_progress_bar_of_the_user_replaces_the_shared_one() -> None:
    assert "progress" not in chosen("fit", callbacks=[TQDMProgressBar()])


def test_lightnings_switches_are_obeyed() -> None:
    assert "progress" not in chosen("fit", enable_progress_bar=False)
    assert not {"last_checkpoint", "best_checkpoint"} & set(chosen("fit", enable_checkpointing=False))


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"--without sample_grids: .* Did you mean sample_grid\?"):
        chosen("fit", "sample_grids")


def test_defaults_are_dotted_keys() -> None:
    defaults = shared_defaults()
    assert defaults["seed_everything"] == 0
    assert defaults["trainer.use_distributed_sampler"] is False
    assert not any(isinstance(value, dict) for value in defaults.values())
