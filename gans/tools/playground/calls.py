"""Calls that make pictures: each is made, and written as the line of Python that makes the same again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from torch import Tensor

from gans.inference import to_pil


@dataclass(frozen=True)
class Given:
    """A value that has a name in a line of Python.

    Attributes:
        value: what a call takes.
        code: what stands for it in the line: a name, or an expression.
        definition: the line before it that gives the name its value; empty for an expression.
        imports: lines that it needs.
    """

    value: Any
    code: str
    definition: str = ""
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """A call that makes one picture or several.

    Attributes:
        function: name of a method of the model; or a function of this package, which takes the model first.
        arguments: plain Python, or `Given`.
        keywords: likewise.
        names: of its pictures, where it makes several.
    """

    function: str | Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] = ()

    def made_by(self, model: Any) -> Made:
        """Call a model, and return the pictures that it made and the line that makes them."""
        arguments = [_value(argument) for argument in self.arguments]
        keywords = {name: _value(argument) for name, argument in self.keywords.items()}
        if isinstance(self.function, str):
            made = getattr(model, self.function)(*arguments, **keywords)
        else:
            made = self.function(model, *arguments, **keywords)
        if isinstance(made, Tensor):
            return Made(to_pil(made), f"gans.to_pil({self._written()})", self)
        return Made(made if isinstance(made, list) else [made], self._written(), self)

    def givens(self) -> list[Given]:
        """Return the values that have names."""
        return [each for each in (*self.arguments, *self.keywords.values()) if isinstance(each, Given)]

    def _written(self) -> str:
        given = [_code(argument) for argument in self.arguments]
        given += [f"{name}={_code(argument)}" for name, argument in self.keywords.items()]
        if isinstance(self.function, str):
            return f"model.{self.function}({', '.join(given)})"
        return f"{self.function.__name__}({', '.join(['model', *given])})"


class Made(NamedTuple):
    """What a call made: its pictures, and the expression that makes them: one, or a list of pictures."""

    pictures: list[Image.Image]
    expression: str
    call: Call


def program(checkpoint: Path, made: Iterable[tuple[str, Made]]) -> str:
    """Return the Python that makes pictures again: what is needed once, then a line for each call.

    Args:
        checkpoint: of the model.
        made: what each line is called, and what was made.
    """
    named = list(made)
    givens = [given for _, each in named for given in each.call.givens()]
    imports = {line for given in givens for line in given.imports}
    functions = [each.call.function for _, each in named]
    imports |= {
        f"from {one.__module__} import {one.__name__}" for one in functions if not isinstance(one, str)
    }
    definitions = [given.definition for given in givens if given.definition]
    head = ["import gans", *sorted(imports), f"model = gans.load({written(str(checkpoint))})"]
    lines = [f"{each.expression}  # {name}" for name, each in named]
    return "\n".join([*head, *dict.fromkeys(definitions), *lines])


def written(value: Any) -> str:
    """Return a value as Python, texts in double quotes, also in lists and dictionaries."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{written(key)}: {written(each)}' for key, each in value.items())}}}"
    return repr(value)


def _value(argument: Any) -> Any:
    return argument.value if isinstance(argument, Given) else argument


def _code(argument: Any) -> str:
    return argument.code if isinstance(argument, Given) else written(argument)
