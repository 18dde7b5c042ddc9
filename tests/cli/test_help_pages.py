"""The pages of `--help` and `--list`: short, complete, and true to the real parser."""

from __future__ import annotations

import re

import pytest
from lightning.pytorch import Trainer
from support.commands import run

import datamodules
import gans
from gans.cli.config_files import known_configs
from gans.cli.help_pages import FOLDERS, USES, listing
from gans.cli.options import COMMANDS, EVERY_COMMAND, OPTIONS
from gans.cli.shared import SHARED_CALLBACKS
from gans.cli.sources import parameters


def test_commands_are_told_once() -> None:
    assert tuple(COMMANDS) == EVERY_COMMAND


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_help_tells_what_a_command_takes_and_is_short(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert run(command, "--config", "cyclegan", "--help") == 0
    page = capsys.readouterr().out
    options = set(re.findall(r"^  --([\w.]+)", page, re.MULTILINE))
    assert {option.name for option in OPTIONS} & options == {
        option.name for option in OPTIONS if command in option.commands
    }
    assert set(SHARED_CALLBACKS) & options == {
        key for key, (_, commands) in SHARED_CALLBACKS.items() if command in commands
    }
    trainer = {each.name for each in parameters("lightning.pytorch.trainer.trainer", Trainer.__name__)}
    assert {name.partition(".")[2] for name in options if name.startswith("trainer.")} <= trainer
    assert "`last` is that of the newest run" in page
    assert len(page.splitlines()) < 80
    assert max(map(len, page.splitlines())) <= 100


def test_help_all_tells_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "--help", "all") == 0
    page = capsys.readouterr().out
    for key in ("--trainer.val_check_interval", "--metrics.features", "--change", "--ckpt_path"):
        assert key in page


def test_list_tells_every_config_and_class_by_use_in_whole_sentences() -> None:
    told = re.sub(r"\n {5,}", " ", listing())
    rows = dict(re.findall(r"^  (\S+) +(.*)$", told, re.MULTILINE))
    assert set(rows) == {*known_configs(), *gans.VARIANTS, *datamodules.DATA_MODULES}
    assert [name for name, text in rows.items() if not text.endswith(".")] == []
    assert {name for name in known_configs() if "/" not in name} <= set(
        told.partition("As published:")[0].split()
    )
    headings = re.findall(r"^(\S.*):$", told, re.MULTILINE)
    assert set(headings) == {*USES.values(), *FOLDERS.values(), "models (--model)", "data modules (--data)"}
