"""What is refused before torch is imported: nothing that the real parser accepts, and in its words."""

from __future__ import annotations

import inspect
import shlex
import sys
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from jsonargparse import ArgumentParser, Namespace
from support.commands import run, write_toy_config

import datamodules
import gans
from gans.cli import sources, stand_ins
from gans.cli.application import Application
from gans.cli.config_files import known_configs, with_found_configs
from gans.cli.early import refuse_mistakes
from gans.cli.errors import UsageError

CLASSES = {**gans.VARIANTS, **datamodules.DATA_MODULES}
SINGLE: tuple[Any, ...] = (None, True, 0, -1, 2.5, "x", "1", "hinge", "")
VALUES = (*SINGLE, [], [1, 2], [0.5, 0.9], ["a"], [["a", "b"]], {}, {"a": 1}, {"class_path": "CycleGAN"})


def class_parser(made: type, only: str | None = None) -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False)
    skip = {name for name in inspect.signature(made).parameters if only not in (None, name)}
    parser.add_class_arguments(made, fail_untyped=False, sub_configs=True, skip=skip)
    return parser


def real_and_stand_in(name: str) -> tuple[type, type]:
    stand_ins.stand_in_parser("fit", {name})
    return getattr(import_module(CLASSES[name]), name), getattr(sys.modules[stand_ins.MODULE], name)


def is_refused(parser: ArgumentParser, key: str, value: Any) -> bool:
    try:
        parser.parse_object({key: deepcopy(value)})
    except Exception:
        return True
    return False


@pytest.mark.parametrize("name", CLASSES)
def test_constructors_are_read_as_they_are(name: str) -> None:
    """Same arguments in the same order, and the same defaults; those of nested settings are not judged."""
    real, stand_in = (vars(class_parser(each).get_defaults()) for each in real_and_stand_in(name))
    assert list(stand_in) == list(real)
    assert stand_in == {key: None if isinstance(value, Namespace) else value for key, value in real.items()}


def arguments_by_type() -> dict[str, tuple[str, str]]:
    """Return one argument of every type: as its class and its name."""
    found = {}
    for name, module in CLASSES.items():
        for each in sources.parameters(module, name):
            if each.annotation is not Any and str(each.annotation) not in found:
                found[str(each.annotation)] = name, each.name
    return found


@pytest.mark.parametrize(("name", "argument"), arguments_by_type().values(), ids=arguments_by_type())
def test_no_value_is_refused_that_the_class_itself_takes(name: str, argument: str) -> None:
    real, stand_in = (class_parser(each, only=argument) for each in real_and_stand_in(name))
    refused = {repr(value): is_refused(stand_in, argument, value) for value in VALUES}
    assert refused == {repr(value): is_refused(real, argument, value) for value in VALUES}
    assert False in refused.values()


@pytest.mark.parametrize("name", CLASSES)
def test_nearly_all_types_are_understood(name: str) -> None:
    found = sources.parameters(CLASSES[name], name)
    assert sum(each.annotation is Any for each in found) <= 1


@pytest.mark.parametrize("name", ["fit", "validate", "test", "predict"])
def test_the_parser_has_the_keys_of_the_real_one(name: str) -> None:
    real = real_parser(name)
    stand_in, unjudged = stand_ins.stand_in_parser(name, ())
    assert set(stand_in.get_defaults().keys()) == set(real.get_defaults().keys())
    assert unjudged >= {"trainer.callbacks", "trainer.logger", "trainer.strategy", "trainer.plugins"}


def real_parser(name: str) -> ArgumentParser:
    class Parsed(Exception):  # noqa: N818
        pass

    class OnlyParser(Application):
        def parse_arguments(self, *_: Any) -> None:
            raise Parsed(self._subcommand_parsers[name])

    with patch.object(sys, "argv", ["train.py", name]), pytest.raises(Parsed) as caught:
        OnlyParser()
    parser: ArgumentParser = caught.value.args[0]
    return parser


COMPLETED_BY = {"ablations": "ablations/base", "toys": "toys/base_ring", "fast": "cyclegan"}
"""Folder of configs that are laid over another -> the other."""


@pytest.mark.parametrize("config", known_configs())
def test_every_config_passes(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gans.cli.early.refuse_empty_folders", lambda _: None)  # some name folders of images
    below = COMPLETED_BY.get(config.partition("/")[0], config)
    refuse_mistakes(with_found_configs(["fit", "--config", below, "--config", config]))


MISTAKES = (
    "--model CycelGAN",
    "--data UnpairedImage",
    "--model.lamda_cycle 5",
    "--model.learning_rat=1",
    "--model.init_args.lamda_cycle 5",
    "--data.rot x",
    "--sample_grid.cont 2",
    "--samplegrid.count 2",
    "--trainer.max_epoch 3",
    "--trainer.max_epochs many",
    "--trainer.max_epochs",
    "--seed_every 3",
    "--model.blocks many",
    "--model.objective hing",
    "--model.betas [0.5]",
    "--data.size [64]",
    "--logger wandbb",
    "epochs",
    "--config '{model: {class_path: CycleGAN, init_args: {lamda_cycle: 3}}}'",
    "--config '{model: {class_path: CycleGAN, lambda_cycle: 3}}'",
    "--config '{model: {class_path: CycelGAN}}'",
    "--config '{trainer: {max_epoch: 3}}'",
    "--config '{modle: {class_path: CycleGAN}}'",
    "--config '{trainer: {max_epochs: many}}'",
)


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_are_refused_in_the_words_of_the_real_parser(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fit", "--config", str(write_toy_config(tmp_path / "toy.yaml")), *shlex.split(line)]
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    with pytest.raises(UsageError) as caught:
        refuse_mistakes(arguments)
    assert f"error: {caught.value}\n" == said.replace("gans_stand_ins", "gans")


ACCEPTED = (
    "--model CycleGAN",
    "--model gans.CycleGAN",
    "--model=gans.cyclegan.CycleGAN",
    "--model.class_path CycleGAN",
    "--model '{class_path: CycleGAN, init_args: {blocks: 1}}'",
    "--model.init_args.blocks 1 --model.blocks=null",
    "--model.betas [0.5,0.9] --model.learning_rate 1e-3",
    "--model.ema_networks+=generator_A2B",
    "--data datamodules.UnpairedImages --data.value_range [0,255] --data.predict_dir null",
    "--trainer.callbacks+=LearningRateMonitor --trainer.callbacks.logging_interval=epoch",
    "--trainer.callbacks '[{class_path: LearningRateMonitor}]'",
    "--trainer.strategy ddp --trainer.accelerator cpu --trainer.devices 1 --trainer.max_time 00:01:00:00",
    "--trainer.logger false --trainer.limit_val_batches 0.5 --trainer.profiler simple",
    "--trainer.plugins+=AsyncCheckpointIO",
    "--trainer '{max_epochs: 2, devices: 1}'",
    "--without metrics --without [metrics,sample_grid]",
    "--without+=metrics",
    "--sample_grid.count 2 --sample_grid '{count: 3}' --metrics.features inception",
    "--seed_everything true",
    "--seed_everything=3 --name=x --run null --logger csv",
    "--config '{trainer: {max_epochs: 1}}'",
    "--config '{trainer: {callbacks: [{class_path: LearningRateMonitor}]}, model: {init_args: {blocks: 1}}}'",
    "--config '{trainer: {max_time: {days: 1}, max_steps: 3}}' -c '{metrics: {neighbours: 3}}'",
    "--model DCGAN --data Images",
)


@pytest.mark.parametrize("line", ACCEPTED)
def test_what_the_real_parser_accepts_passes(line: str, tmp_path: Path) -> None:
    toy = write_toy_config(tmp_path / "toy.yaml")
    arguments = ["fit", "--config", str(toy), *shlex.split(line)]
    assert run(*arguments, "--print_config") == 0, "the example itself is wrong"
    refuse_mistakes(arguments)
