"""Finds what is wrong with a command line before torch is imported, which takes seconds.

What is refused here the real parser would refuse in the same words: both are jsonargparse's, and
`gans.cli.usage` says what they found. What is not understood here is left to the real one.
"""

from __future__ import annotations

import json
from argparse import ArgumentError
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import get_loader

from gans.cli.config_files import CONFIG_OPTIONS, is_written_out
from gans.cli.early_folders import refuse_empty_folders
from gans.cli.errors import UsageError
from gans.cli.options import refuse_unknown_parts
from gans.cli.own_images import settings_of
from gans.cli.printed import OPTION
from gans.cli.sources import UnreadableError
from gans.cli.stand_ins import CLASSES, MODULE, command_parser, shared_callbacks, stand_in_parser
from gans.cli.usage import explain


class _NotUnderstoodError(Exception):
    """The command line holds something that is left to the real parser."""


@dataclass(frozen=True)
class _Option:
    """An option of the command line.

    Attributes:
        name: with its dashes, such as `--model.blocks`; empty for a value that belongs to no option.
        value: None where none is given.
        tree: what the value of `--config` stands for.
    """

    name: str
    value: str | None = None
    tree: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Return the dotted key, as a config has it: `--model.blocks` is model.init_args.blocks."""
        key = self.name.lstrip("-").removesuffix("+")
        group, _, rest = key.partition(".")
        short = group in CLASSES and rest and rest.partition(".")[0] not in ("class_path", "init_args")
        return f"{group}.init_args.{rest}" if short else key

    def words(self) -> list[str]:
        """Return it as a command line has it."""
        value = self.value if self.tree is None else json.dumps(self.tree)
        if self.name and value is not None:
            return [f"{self.name}={value}"]
        return [self.name or str(value)]


def refuse_mistakes(arguments: list[str]) -> None:
    """Refuse a command line on which a key, a value or a folder makes no sense.

    Args:
        arguments: the command and its options, with the files of all configs.

    Raises:
        UsageError: with a readable message.
        FileNotFoundError: if a folder of the data module is not there, or holds no image.
    """
    try:
        options = [_with_stand_ins(option) for option in _options(settings_of(arguments).arguments[1:])]
        parser, unjudged = stand_in_parser(arguments[0], _classes_named(options))
        judged = [_without(unjudged, option) for option in options if not _is_in(unjudged, option.key)]
        words = [word for option in judged for word in option.words()]
        parsed = command_parser(arguments[0], parser).parse_args([arguments[0], *words])
    except (_NotUnderstoodError, UnreadableError):
        return
    except yaml.YAMLError:
        raise UsageError(explain("Problems parsing config", None, arguments)) from None
    except ArgumentError as error:
        raise UsageError(explain(str(error), parser, arguments)) from error
    config = parsed[arguments[0]]
    without = [config.without] if isinstance(config.without, str) else config.without or []
    refuse_unknown_parts(without, shared_callbacks())
    data = config.data.get("init_args")
    if data is not None and not any(
        word.startswith(OPTION) for word in arguments
    ):  # printing needs no images
        refuse_empty_folders(vars(data))


def _options(words: list[str]) -> Iterator[_Option]:
    """Yield the options of a command line, without those that only print."""
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        name, equals, value = word.partition("=")
        if name.endswith("help") or name == "-h" or "dict_kwargs" in name:
            raise _NotUnderstoodError(word)
        if not name.startswith("-"):
            yield _Option("", word)
        elif name.startswith(OPTION):
            continue
        elif equals:
            yield _Option(name, value)
        else:
            has_value = waiting and not waiting[-1].startswith("--")
            yield _Option(name, waiting.pop() if has_value else None)


def _with_stand_ins(option: _Option) -> _Option:
    """Return an option that names the stand-ins of our classes, with the tree of a config."""
    if option.value is None:
        return option
    if option.name in CONFIG_OPTIONS:
        return replace(option, tree=_tree(option.value))
    group = option.key.removesuffix(".class_path")
    if group in CLASSES:
        return replace(option, value=_stand_in(group, option.value))
    return option


def _tree(config: str) -> dict[str, Any]:
    text = config if is_written_out(config) else Path(config).read_text(encoding="utf-8")
    tree = get_loader("yaml")(text)
    if not isinstance(tree, dict) or not _is_json(tree):
        raise _NotUnderstoodError(config)
    for key in CLASSES:
        chosen = tree.get(key)
        if isinstance(chosen, str):
            tree[key] = _stand_in(key, chosen)
        elif isinstance(chosen, dict) and isinstance(chosen.get("class_path"), str):
            chosen["class_path"] = _stand_in(key, chosen["class_path"])
    return tree


def _is_json(tree: dict[str, Any]) -> bool:
    """Tell whether a tree of YAML, which also knows dates and infinities, can be handed on as JSON."""
    try:
        json.dumps(tree, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _stand_in(key: str, given: str) -> str:
    """Return the import path of the stand-in of one of our classes, or an unknown name as it is."""
    name = given.rpartition(".")[2]
    module = CLASSES[key].get(name)
    if module is not None and given in (name, f"{module}.{name}", f"{module.partition('.')[0]}.{name}"):
        return f"{MODULE}.{name}"
    if given.isidentifier() and not Path(given).is_file():
        return given
    raise _NotUnderstoodError(given)  # a class of somebody else, or a file


def _classes_named(options: list[_Option]) -> set[str]:
    """Return the names of the classes that options and configs choose."""
    named: set[str] = set()
    for key in CLASSES:
        trees = [option.tree[key] for option in options if option.tree is not None and key in option.tree]
        paths = [tree.get("class_path") if isinstance(tree, dict) else tree for tree in trees]
        paths += [option.value for option in options if option.key.removesuffix(".class_path") == key]
        here = {str(path).rpartition(".")[2] for path in paths if path is not None}
        if not here and (paths or any(option.key.startswith(f"{key}.") for option in options)):
            raise _NotUnderstoodError(f"arguments of no {key}")
        named |= here
    return named


def _is_in(unjudged: set[str], key: str) -> bool:
    return any(key == each or key.startswith(f"{each}.") for each in unjudged)


def _without(unjudged: set[str], option: _Option) -> _Option:
    """Return a config without the keys whose values the stand-ins cannot judge."""
    if option.tree is None:
        return option
    return replace(option, tree=_pruned(option.tree, unjudged))


def _pruned(tree: dict[str, Any], unjudged: set[str], path: str = "") -> dict[str, Any]:
    return {
        key: _pruned(value, unjudged, f"{path}{key}.") if isinstance(value, dict) else value
        for key, value in tree.items()
        if f"{path}{key}" not in unjudged
    }
