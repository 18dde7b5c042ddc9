"""A parser that knows the keys and types of the real one, made without importing torch.

The real parser is made of classes, and importing those imports torch. This one is made of stand-ins: classes
of the same names whose constructors take the same arguments, read from the source files.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Collection, Iterable, Iterator
from types import ModuleType
from typing import Any

from jsonargparse import ActionConfigFile, ArgumentParser  # type: ignore[attr-defined] # not re-exported

import datamodules
import gans
from gans.cli.options import OPTIONS
from gans.cli.sources import (
    Parameter,
    UnreadableError,
    assigned_value,
    imported_from,
    method_parameters,
    parameters,
)

CLASSES = {"model": gans.VARIANTS, "data": datamodules.DATA_MODULES}
"""Keys that take one of our classes -> class name -> module."""

TRAINER = ("lightning.pytorch.trainer.trainer", "Trainer")
SHARED = "gans.cli.shared"
NEVER_GIVEN = {
    *("model", "train_dataloaders", "val_dataloaders", "dataloaders", "datamodule"),
    *("verbose", "return_predictions"),
}
"""What the trainer's methods take and no user gives."""

MODULE = "gans_stand_ins"
"""Where jsonargparse finds the stand-ins by name: a module without a file or a package."""


def command_parser(command: str, parser: ArgumentParser) -> ArgumentParser:
    """Return the parser of whole command lines with the parser of their only command."""
    whole = ArgumentParser(exit_on_error=False, allow_abbrev=False)
    whole.add_subcommands().add_subcommand(command, parser)
    return whole


def stand_in_parser(command: str, chosen: Collection[str]) -> tuple[ArgumentParser, set[str]]:
    """Return the parser of a command's options, and the dotted keys whose values it cannot judge.

    Those are of types that are not Python's own. The parser takes anything for them, but not what
    jsonargparse makes of their types, such as `+=` and keys below them.

    Args:
        command: such as `fit`.
        chosen: names of the variants and data modules whose arguments are to be known.

    Raises:
        UnreadableError: if a source file is written in a way that is not understood.
    """
    sys.modules[MODULE] = ModuleType(MODULE)
    parser = ArgumentParser(exit_on_error=False, allow_abbrev=False)
    parser.add_argument("-c", "--config", action=ActionConfigFile)
    parser.add_argument("--seed_everything", type=bool | int)
    unjudged = set(_add_group(parser, "trainer", "Trainer", parameters(*TRAINER)))
    for key, known in CLASSES.items():
        base = _class(f"Any{key.capitalize()}", (), object)
        for name, module in known.items():
            found = parameters(module, name) if name in chosen else []
            unjudged |= {f"{key}.init_args.{each.name}" for each in found if each.annotation is Any}
            _class(name, found, base)
        parser.add_subclass_arguments(base, key, fail_untyped=False, required=True)
    own = [Parameter(each.name, Parameter.KEYWORD_ONLY, annotation=each.kind) for each in OPTIONS]
    unjudged |= set(_add_options(parser, own))
    for key, (module, name, _) in shared_callbacks().items():
        unjudged |= set(_add_group(parser, key, name, parameters(module, name)))
    of_method = [each for each in method_parameters(*TRAINER, command) if each.name not in NEVER_GIVEN]
    return parser, unjudged | set(_add_options(parser, of_method))


def _add_group(parser: ArgumentParser, key: str, name: str, found: list[Parameter]) -> Iterator[str]:
    parser.add_class_arguments(_class(name, found, object), key, fail_untyped=False, sub_configs=True)
    return (f"{key}.{each.name}" for each in found if each.annotation is Any)


def _add_options(parser: ArgumentParser, found: list[Parameter]) -> Iterator[str]:
    for each in found:
        parser.add_argument(f"--{each.name}", type=each.annotation)
    return (each.name for each in found if each.annotation is Any)


def _class(name: str, found: Iterable[Parameter], base: type) -> type:
    """Return a class of that name whose constructor takes these arguments."""

    def __init__(self: object, **arguments: Any) -> None:  # noqa: N807 - it becomes a method below
        pass

    itself = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    vars(__init__)["__signature__"] = inspect.Signature([itself, *found])
    made = type(name, (base,), {"__init__": __init__, "__module__": MODULE})
    setattr(sys.modules[MODULE], name, made)
    return made


def shared_callbacks() -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Return key -> module and name of what makes the callback, and the commands that use it.

    They are read from `gans.cli.shared.SHARED_CALLBACKS`.

    Raises:
        UnreadableError: if that is written in another way.
    """
    table = assigned_value(SHARED, "SHARED_CALLBACKS")
    if not isinstance(table, ast.Dict):
        raise UnreadableError(SHARED)
    found = {}
    for key, value in zip(table.keys, table.values, strict=True):
        if not isinstance(value, ast.Tuple) or not isinstance(value.elts[0], ast.Name) or key is None:
            raise UnreadableError(ast.unparse(value))
        used_by = value.elts[1]
        commands = assigned_value(SHARED, used_by.id) if isinstance(used_by, ast.Name) else used_by
        maker = imported_from(SHARED, value.elts[0].id)
        found[ast.literal_eval(key)] = (*maker, ast.literal_eval(ast.unparse(commands)))
    return found
