"""Reads the arguments of constructors from source files, without importing them: importing takes seconds.

Types are told as far as they are made of Python's own; an argument of any other type has `Any`.
"""

from __future__ import annotations

import ast
import inspect
import typing
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Parameter = inspect.Parameter

PLAIN: dict[str, Any] = {
    kind.__name__: kind for kind in (bool, int, float, str, bytes, list, tuple, dict, set, type, timedelta)
} | {name: getattr(typing, name) for name in ("Any", "Literal", "Optional", "Union")}
"""Names in annotations that mean the same everywhere here."""


WITHOUT_ARGUMENTS = ("Generic", "Protocol")
"""Base classes that tell types alone."""


class UnreadableError(Exception):
    """Something is written in a way that this file does not read."""


def parameters(module: str, name: str) -> list[Parameter]:
    """Return what a class or function takes by keyword, with what `**` hands on to a base or another class.

    Args:
        module: dotted name of a module, which is not imported.
        name: a class or function in it, defined there or imported from elsewhere.

    Raises:
        UnreadableError: if that is not to be read there.
    """
    module, node = _definition(module, name)
    if isinstance(node, ast.FunctionDef):
        return list(_parameters_of(module, node))
    if not isinstance(node, ast.ClassDef):
        raise UnreadableError(f"{name} in {module} is no class")
    constructor = _method(node, "__init__")
    if constructor is None:
        return list(_fields(module, node)) if _is_dataclass(node) else _parameters_of_bases(module, node)
    own = list(_parameters_of(module, constructor))
    if constructor.args.kwarg is None:
        return own
    taker = _taker(constructor, constructor.args.kwarg.arg)
    named = isinstance(taker.func, ast.Name)
    theirs = parameters(module, ast.unparse(taker.func)) if named else _parameters_of_bases(module, node)
    given = {each.name for each in own} | {each.arg for each in taker.keywords}
    return own + [each for each in theirs if each.name not in given]


def method_parameters(module: str, name: str, of_method: str) -> list[Parameter]:
    """Return the same for a method of a class."""
    return list(_parameters_of(module, method(module, name, of_method)))


def method(module: str, name: str, of_method: str) -> ast.FunctionDef:
    """Return the definition of a method of a class.

    Raises:
        UnreadableError: if there is none.
    """
    _, node = _definition(module, name)
    function = _method(node, of_method) if isinstance(node, ast.ClassDef) else None
    if function is None:
        raise UnreadableError(f"{name} in {module} has no method {of_method}")
    return function


def docstring(module: str, name: str) -> str:
    """Return what is said of a class or function in its source; nothing if it has no docstring.

    Raises:
        UnreadableError: if it is not to be read there.
    """
    _, node = _definition(module, name)
    return ast.get_docstring(node) or "" if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else ""


def assigned_value(module: str, name: str) -> ast.AST:
    """Return what a module assigns to a name.

    Raises:
        UnreadableError: if it does not.
    """
    return _definition(module, name)[1]


def imported_from(module: str, name: str) -> tuple[str, str]:
    """Return where a module has a name from: a module, itself perhaps, and the name there.

    Raises:
        UnreadableError: if it has no such name.
    """
    defined_in, node = _definition(module, name)
    return defined_in, getattr(node, "name", name)


def annotated_type(module: str, annotation: ast.expr | None) -> Any:
    """Return the type that an annotation in a module means; `Any` if it is not made of Python's own."""
    try:
        return Any if annotation is None else _evaluated(module, annotation)
    except UnreadableError:
        return Any


@cache
def _tree(module: str) -> ast.Module:
    """Return the syntax tree of a module that is not imported."""
    try:
        return ast.parse(_path_of(module).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeError) as error:
        raise UnreadableError(module) from error


def _path_of(module: str) -> Path:
    package, _, rest = module.partition(".")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise UnreadableError(module)
    base = Path(spec.origin).parent.joinpath(*rest.split(".")) if rest else Path(spec.origin).parent
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _definition(module: str, name: str) -> tuple[str, ast.AST]:
    """Return where a name is defined and as what: a class, a function or the value of an assignment."""
    for node in _tree(module).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return module, node
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return module, node.value
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _definition(node.module, alias.name)
    raise UnreadableError(f"{name} in {module}")


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    found = (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == name)
    return next(found, None)


def _parameters_of_bases(module: str, node: ast.ClassDef) -> list[Parameter]:
    """Return the arguments of the base classes, in the order in which Python looks the classes up.

    What several bases have from one above them comes after what each has of its own.
    """
    found: list[Parameter] = []
    for base in node.bases:
        base = base.value if isinstance(base, ast.Subscript) else base
        if not isinstance(base, ast.Name):
            raise UnreadableError(f"the base of {node.name} in {module}")
        if base.id in WITHOUT_ARGUMENTS:
            continue
        theirs = parameters(module, base.id)
        found = [each for each in found if each not in theirs]
        names = {each.name for each in found}
        found += [each for each in theirs if each.name not in names]
    return found


def _taker(constructor: ast.FunctionDef, others: str) -> ast.Call:
    """Return the call by which a constructor hands `**others` on: to its base, or to a class by its name."""
    for call in ast.walk(constructor):
        if (
            isinstance(call, ast.Call)
            and (isinstance(call.func, ast.Name) or ast.unparse(call.func) == "super().__init__")
            and any(each.arg is None and ast.unparse(each.value) == others for each in call.keywords)
        ):
            return call
    raise UnreadableError(f"**{others}")


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(ast.unparse(each).partition("(")[0] == "dataclass" for each in node.decorator_list)


def _fields(module: str, node: ast.ClassDef) -> Iterator[Parameter]:
    """Yield the fields of a dataclass, which are the arguments of its constructor."""
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            name, kind = each.target.id, annotated_type(module, each.annotation)
            yield Parameter(name, Parameter.KEYWORD_ONLY, default=_value(each.value), annotation=kind)


def _parameters_of(module: str, function: ast.FunctionDef) -> Iterator[Parameter]:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    no_default: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    arguments = [*positional, *given.kwonlyargs]
    for argument, default in zip(arguments, [*no_default, *given.defaults, *given.kw_defaults], strict=True):
        if argument.arg in ("self", "cls"):
            continue
        kind = annotated_type(module, argument.annotation)
        yield Parameter(argument.arg, Parameter.KEYWORD_ONLY, default=_value(default), annotation=kind)


def _value(default: ast.expr | None) -> Any:
    """Return a default; None for one that is not written out, since it is not wrong."""
    if default is None:
        return Parameter.empty
    try:
        return ast.literal_eval(default)
    except ValueError:
        return None


def _evaluated(module: str, node: ast.AST) -> Any:
    """Return the type that an annotation means.

    Raises:
        UnreadableError: if anything in it is not one of Python's own types.
    """
    if isinstance(node, ast.Constant):
        return (
            _evaluated(module, ast.parse(node.value, mode="eval").body)
            if isinstance(node.value, str)
            else None
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return typing.Union[_evaluated(module, node.left), _evaluated(module, node.right)]  # noqa: UP007
    if isinstance(node, ast.Subscript):
        return _subscripted(module, node)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return _evaluated_name(*_imported(module, node.value.id, node.attr))
    if isinstance(node, ast.Name):
        return PLAIN[node.id] if node.id in PLAIN else _evaluated_name(module, node.id)
    raise UnreadableError(ast.unparse(node))


def _subscripted(module: str, node: ast.Subscript) -> Any:
    outer = _evaluated(module, node.value)
    if outer is typing.Literal:
        return outer[ast.literal_eval(node.slice)]
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    inner = tuple(... if _is_dots(part) else _evaluated(module, part) for part in parts)
    return outer[inner if len(inner) > 1 else inner[0]]


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _evaluated_name(module: str, name: str) -> Any:
    module, node = _definition(module, name)
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        raise UnreadableError(name)
    return _evaluated(module, node)


def _imported(module: str, package: str, name: str) -> tuple[str, str]:
    """Return module and name of what is written PACKAGE.NAME after `from somewhere import PACKAGE`."""
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == package:
                    return f"{node.module}.{alias.name}", name
    raise UnreadableError(f"{package}.{name} in {module}")
