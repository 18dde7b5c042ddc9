"""Finds the configs that come with the project, so that `--config cyclegan` works in any folder.

This module answers before torch is imported: a mistyped name costs no five seconds.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

SUFFIXES = (".yaml", ".yml", ".json")
CONFIG_OPTIONS = ("--config", "-c")


def configs_folder() -> Path:
    """Return the folder of the project's configs: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def known_configs() -> list[str]:
    """Return the names that `--config` knows, such as `cyclegan` and `paper/cyclegan_horse2zebra`."""
    folder = configs_folder()
    found = (path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in found)


def find_config(name: str) -> Path:
    """Return the file meant by `--config NAME`: a file of that name, else one among the project's configs.

    Raises:
        FileNotFoundError: if there is neither; the message suggests and lists the known names.
    """
    own = Path(name).expanduser()
    if own.is_file():
        return own
    shipped = configs_folder() / name
    for candidate in (shipped, *(Path(f"{shipped}{suffix}") for suffix in SUFFIXES)):
        if candidate.is_file():
            return candidate
    known = known_configs()
    bare = name.removesuffix(Path(name).suffix) if Path(name).suffix in SUFFIXES else name
    raise FileNotFoundError(
        f"--config {name}: no such file, and no config of that name.{suggestion(bare, known)}\n"
        f"Known configs: {', '.join(known)}"
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word nearest to `word` in its letters, or nothing if none is near."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return by_lower_case[near[0]] if near else ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean ...?` for the known word nearest to `word`, or nothing if none is near."""
    near = nearest(word, known)
    return f" Did you mean {near}?" if near else ""


def with_found_configs(arguments: list[str]) -> list[str]:
    """Return command line arguments with the file in place of every `--config NAME`.

    Raises:
        FileNotFoundError: if one of the names is not known.
    """
    found = []
    previous = ""
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if previous in CONFIG_OPTIONS:
            argument = _file_of(argument)
        elif option in CONFIG_OPTIONS and equals:
            argument = f"{option}={_file_of(value)}"
        found.append(argument)
        previous = argument
    return found


def given_configs(arguments: list[str]) -> list[str]:
    """Return the values of all `--config` options among command line arguments."""
    return list(given_values(arguments, CONFIG_OPTIONS))


def given_values(arguments: list[str], options: Collection[str]) -> Iterator[str]:
    """Yield the values of some options, given as `--KEY VALUE` or `--KEY=VALUE`."""
    for previous, argument in zip(["", *arguments], arguments, strict=False):
        option, equals, value = argument.partition("=")
        if previous in options:
            yield argument
        elif option in options and equals:
            yield value


def is_written_out(config: str) -> bool:
    """Tell whether a value of `--config` is YAML instead of a file's name."""
    return config.lstrip().startswith("{") or "\n" in config or ": " in config


def _file_of(value: str) -> str:
    return value if is_written_out(value) else str(find_config(value))
