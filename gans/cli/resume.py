"""The model's arguments that a checkpoint brings, where `--ckpt_path` or `--init_from` names one."""

from __future__ import annotations

from collections.abc import Collection
from inspect import signature
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from gans.base import AdversarialModule
from gans.checkpoints.reading import read_checkpoint
from gans.cli.errors import UsageError


def stored_arguments(path: Path) -> dict[str, Any]:
    """Return the model's arguments kept in a checkpoint, and its class as `_class_path`.

    Raises:
        ValueError: if the file is no checkpoint of this project, or only a part of one.
    """
    checkpoint = read_checkpoint(path)
    arguments = {"_class_path": checkpoint["gans"]["variant"], **checkpoint["hyper_parameters"]}
    arguments.pop("_instantiator", None)
    return arguments


def initial_checkpoint(init_from: str, command: str) -> Path:
    """Return the file given by `--init_from`.

    Raises:
        UsageError: if the command is not `fit`.
        FileNotFoundError: if there is no such file.
    """
    if command != "fit":
        raise UsageError(f"--init_from is for fit; the model of a {command} is given with --ckpt_path.")
    path = Path(init_from).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"--init_from {init_from}: no such file.")
    return path


def architecture_arguments(path: Path, variant: type[AdversarialModule]) -> dict[str, Any]:
    """Return what of `stored_arguments` a training that starts anew takes over: not how to optimise.

    What the networks of a variant are to fit its own data in is left to these.
    Of another variant that is a stage before this one, they are those which the stages share.
    """
    stored = stored_arguments(path)
    stage = str(stored["_class_path"]).rpartition(".")[2]
    if stage in variant.first_stages:
        return {name: stored[name] for name in variant.first_stages[stage]}
    optimisation = signature(AdversarialModule.__init__).parameters
    left = {*optimisation, *variant.facts_of_its_own}
    return {name: value for name, value in stored.items() if name not in left}


def refuse_weights_alone(path: Path) -> None:
    """Refuse to continue a training from a checkpoint that holds none.

    Raises:
        UsageError: naming the option that starts from its weights.
    """
    if "optimizer_states" not in read_checkpoint(path):
        raise UsageError(
            f"{path} holds weights and no training to continue. Start from them with --init_from {path}."
        )


def with_stored_arguments(
    model: Namespace,
    stored: dict[str, Any],
    written: Collection[str],
    on_command_line: Collection[str],
    source: Path,
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments of a model that goes on from a checkpoint, and remarks on them.

    What was stored wins over configs and defaults, and the command line wins over what was stored: the
    networks fit the weights without naming every option again. Where the user wrote another value, there is
    a remark.

    Args:
        model: class path and arguments, as configs and command line have them.
        stored: what `stored_arguments` returns.
        written: names of arguments that configs or command line give.
        on_command_line: names of those that the command line gives.
        source: the checkpoint, for messages.

    Raises:
        ValueError: if the checkpoint holds another variant.
    """
    own_class = model.class_path.rpartition(".")[2]
    stored_class = str(stored.pop("_class_path", own_class)).rpartition(".")[2]
    if stored_class != own_class:
        raise ValueError(
            f"{source} holds a {stored_class}, but the model is a {own_class}. Use a config of "
            f"{stored_class}, or another checkpoint."
        )
    arguments: dict[str, Any] = model.init_args.as_dict() if "init_args" in model else {}
    remarks = []
    for name, value in stored.items():
        current = arguments.get(name)
        if _plain(current) == _plain(value):
            continue
        if name in on_command_line:
            remarks.append(f"model.{name} is {current} (command line) instead of {value} (checkpoint).")
        else:
            arguments[name] = value
            if name in written:
                remarks.append(f"model.{name} is {value} (checkpoint) instead of {current} (config).")
    return {"class_path": model.class_path, "init_args": arguments}, remarks


def _plain(value: Any) -> Any:
    """Return a value as YAML has it: without tuples."""
    return list(value) if isinstance(value, tuple) else value
