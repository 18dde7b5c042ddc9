"""Says in a line or two what is wrong with a command line or a config.

jsonargparse reports every alternative of every union that a value did not fit. Here its report is searched
for the innermost mistake, which is said with its place and the nearest name that exists.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

import datamodules
import gans
from gans.cli.config_files import given_configs, known_configs, nearest, suggestion


def _classes(key: str) -> Collection[str]:
    """Return the names of classes that a key knows."""
    if key == "trainer.callbacks":
        from lightning.pytorch import callbacks  # here, because what needs no torch is said without it

        return [name for name in callbacks.__all__ if name != "Callback"]
    return {"model": gans.VARIANTS, "data": datamodules.DATA_MODULES}.get(key, ())


@dataclass(frozen=True)
class _Report:
    """A report of jsonargparse and what it is about.

    Attributes:
        text: the message of its `ArgumentError`.
        parser: parser of the command; None where its keys do not matter.
        arguments: the command line.
    """

    text: str
    parser: ArgumentParser | None
    arguments: list[str]

    @property
    def keys(self) -> list[str]:
        """Return the nested keys named in the report, from the outside in, such as ['model', 'blocks']."""
        return re.findall(r'Parser key "([^"]+)"', self.text)

    def nearest_key(self, key: str) -> str:
        """Return the existing key that is nearest to `key`, or nothing."""
        known = [*self.parser.get_defaults().keys(), "model", "data", "config"] if self.parser else []
        group, dot, rest = key.partition(".")
        groups = sorted({name.partition(".")[0] for name in known})
        near_group = nearest(group, groups) if dot else ""  # perhaps only the group is misspelt
        return nearest(key, known) or (f"{near_group}.{rest}" if near_group else "")

    def place(self, word: str) -> str:
        """Return where a key or value was given: ` on the command line`, ` in my.yaml`, or nothing."""
        for argument in self.arguments:
            option, _, value = argument.partition("=")
            if word in (option, value) or _is_end(word, option.lstrip("-").replace("init_args.", "")):
                return " on the command line"
        for name in reversed(given_configs(self.arguments)):  # a later config wins
            if any(_is_end(word, path) for path in _paths(_parsed(name))):
                return f" in {name}"
        return ""


def explain(text: str, parser: ArgumentParser | None, arguments: list[str]) -> str:
    """Return a readable message for jsonargparse's report of a mistake.

    Args:
        text: the message of its `ArgumentError`.
        parser: parser of the command, for the names of its keys; None where they do not matter.
        arguments: the command line.
    """
    for pattern, say in _MISTAKES:
        if found := re.search(pattern, text):
            return say(_Report(text, parser, arguments), found)
    return text.strip()


def _unknown_option(report: _Report, found: re.Match[str]) -> str:
    option = found[1].partition("=")[0]
    if not option.startswith("-"):
        return f"{option} on the command line belongs to no option: options are written --KEY VALUE."
    near = report.nearest_key(option.lstrip("-"))
    return f"There is no option {option}." + (f" Did you mean --{near}?" if near else "")


def _unknown_key(report: _Report, found: re.Match[str]) -> str:
    key = found[1]
    near = report.nearest_key(key)
    where = report.place(key.replace("init_args.", ""))
    return f"There is no key {key}{where}." + (f" Did you mean {near}?" if near else "")


def _unknown_argument(report: _Report, found: re.Match[str]) -> str:
    class_path, argument = found[1], found[2]
    if argument == "class_path":
        return (
            f"The key {report.keys[0]}{report.place('class_path')} takes class_path and init_args, and "
            "nothing beside them: arguments belong under init_args."
        )
    module, _, name = class_path.rpartition(".")
    known = ArgumentParser(exit_on_error=False).add_class_arguments(
        getattr(import_module(module), name), fail_untyped=False, sub_configs=True
    )
    return (
        f"{name} has no argument {argument}{report.place(argument)}.{suggestion(argument, known)}\n"
        f"Arguments of {name}: {', '.join(known)}"
    )


def _unknown_class(report: _Report, found: re.Match[str]) -> str:
    key, name = report.keys[0], found[1]
    known = list(_classes(key))
    reason = f" ({found[2].strip()})" if found.re.groups > 1 else ""
    return (
        f"{key}{report.place(name)} names no class known here: {name}{reason}."
        f"{suggestion(name.rpartition('.')[2], known)}\n"
        f"Known names: {', '.join(known)}. Others are given by import path, such as package.module.Class."
    )


def _nothing_given(report: _Report, found: re.Match[str]) -> str:
    return (
        "Nothing says what to train on what: name a config with --config, or give --model and --data.\n"
        f"Known configs: {', '.join(known_configs())}"
    )


def _broken_yaml(report: _Report, found: re.Match[str]) -> str:
    for name in given_configs(report.arguments):
        try:
            _parsed(name)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            return f"{name}{where} is not YAML: {error.problem}."
    return " ".join(report.text.split())


def _wrong_value(report: _Report, found: re.Match[str]) -> str:
    key = ".".join(report.keys)
    innermost = report.text.rpartition(f'Parser key "{report.keys[-1]}"')[2]
    value = re.findall(r"(?:Got|Given) value: (.*)", innermost)
    expected = dict.fromkeys(_type_name(text) for text in re.findall(r"Expected an? ([^\n]+)", innermost))
    if not value or not expected:
        return f"{key}: {' '.join(innermost.strip(': ').split())}"
    return f"{key} is {value[0]}{report.place(key)}: expected {' or '.join(expected)}."


def _type_name(text: str) -> str:
    """Return a type of a report as one would write it: `<class 'int'>` is int, None is null."""
    text = text.partition(". Got value")[0]
    text = re.sub(r"<class '(?:[\w.]*\.)?(\w+)'>", r"\1", text).replace("NoneType", "null")
    return re.sub(r"typing\.Literal\[(.*)\]", r"one of \1", text)


def _is_end(word: str, path: str) -> bool:
    """Tell whether dotted names end in others, such as `model.blocks` in `blocks`."""
    return f".{path}".endswith(f".{word}")


def _parsed(config: str) -> Any:
    path = Path(config)
    return yaml.safe_load(path.read_text(encoding="utf-8") if path.is_file() else config)


def _paths(tree: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted keys of a parsed YAML file, without `init_args`, and the names that are its values."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            below = path if key == "init_args" else f"{path}.{key}".lstrip(".")
            yield below
            yield from _paths(value, below)
    elif isinstance(tree, list):
        for value in tree:
            yield from _paths(value, path)
    else:
        yield str(tree)


_MISTAKES = (
    (r"unrecognized arguments: (\S+)", _unknown_option),
    (r"Problem with given class_path '([^']+)':\s+Option '([^']+)' is not accepted", _unknown_argument),
    (r"Problem with given class_path '([^']+)':\s+(.*(?:No module|no attribute).*)", _unknown_class),
    (r"Expected a dot import path string: (\S+)", _unknown_class),
    (r"does not accept option '([^']+)'", _unknown_key),
    (r"arguments are required:.*\b(?:model|data)\b", _nothing_given),
    (r"^Problems parsing config", _broken_yaml),
    (r'Parser key "', _wrong_value),
)
"""What a report contains -> what is said about it; the first that fits."""
