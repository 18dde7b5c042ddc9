"""Which settings of a config hold: all images have its plain part, and drawn faces what is laid over it.

A config may have a section `drawn_faces`, built like the config itself, with what makes its quick start
small. It is laid over the rest of its file unless the command line or one of the configs names images of the
user's own. No torch is needed to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import get_loader

import datamodules
from gans.cli.config_files import CONFIG_OPTIONS, is_written_out
from gans.cli.errors import UsageError

SECTION = "drawn_faces"


@dataclass(frozen=True)
class Settings:
    """The settings that a command line asks for.

    Attributes:
        arguments: the command line, with the settings' text in place of each config that has the section.
        own_images: whether images of the user's own are named.
        configs: names of the configs with the section.
    """

    arguments: list[str]
    own_images: bool
    configs: list[str]

    def __str__(self) -> str:
        """Say which settings hold; nothing where no config leaves a choice."""
        if not self.configs:
            return ""
        names = ", ".join(Path(config).stem for config in self.configs)
        if self.own_images:
            return f"Own images: the full settings of {names}; those for drawn faces are left out."
        return f"Drawn faces: the quick settings of {names} (its section {SECTION})."


def settings_of(arguments: list[str]) -> Settings:
    """Return the settings that command line arguments ask for.

    Raises:
        UsageError: a section is no mapping.
    """
    own_images, arguments = names_own_images(arguments), list(arguments)
    configs = []
    for place, option, value in _options(arguments):
        config = _read(value) if option in CONFIG_OPTIONS else {}
        if SECTION in config:
            text = yaml.safe_dump(_chosen(config, own_images, value), sort_keys=False)
            arguments[place] = text if arguments[place] == value else f"{option}={text}"
            configs.append(value)
    return Settings(arguments, own_images, configs)


def read_settings(path: Path) -> dict[str, Any]:
    """Return what a config says, without its section: laid over the rest, or left out for images of its own.

    Raises:
        UsageError: the section is no mapping.
    """
    return _chosen(_read(str(path)), names_own_images(["--config", str(path)]), str(path))


def names_own_images(arguments: list[str]) -> bool:
    """Tell whether a command line, or a config on it, names images of the user's own.

    So it is when any argument of the data module that says where images are is not null, or when the data
    module draws no faces. As everywhere, what comes later wins.
    """
    path, given = "", dict[str, Any]()
    for data in _data_settings(arguments):
        path = data.get("class_path") or path
        given |= data.get("init_args") or {}
    module, _, name = path.rpartition(".")
    ours = module.partition(".")[0] in ("", datamodules.__name__)
    if not ours or name not in datamodules.SOURCES:
        return bool(path)
    return any(given.get(source) is not None for source in datamodules.SOURCES[name])


def _data_settings(arguments: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what configs and options say of the data, as `class_path` and `init_args`, in their order."""
    for _, option, value in _options(arguments):
        if option in CONFIG_OPTIONS:
            said = _read(value).get("data")
        elif option == "--data":
            said = _loaded(value)
        elif option.startswith("--data."):
            name = option.removeprefix("--data.").removeprefix("init_args.")
            said = (
                {name: _loaded(value)}
                if name in ("class_path", "init_args")
                else {"init_args": {name: _loaded(value)}}
            )
        else:
            continue
        if isinstance(said, str):
            said = {"class_path": said}
        if isinstance(said, dict):
            yield said


def _chosen(config: dict[str, Any], own_images: bool, name: str) -> dict[str, Any]:
    section = config.get(SECTION) or {}
    if not isinstance(section, dict):
        raise UsageError(
            f"{SECTION} in {name} is {section!r}: expected are keys as those of the file, such as data."
        )
    plain = {key: value for key, value in config.items() if key != SECTION}
    return plain if own_images else _laid_over(plain, section)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings with others on top: single values and lists are replaced."""
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            value = _laid_over(under, value)
        both[key] = value
    return both


def _options(arguments: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield options, given as `--KEY VALUE` or `--KEY=VALUE`: place of the value, option, value."""
    for place, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if not option.startswith("-"):
            continue
        if equals:
            yield place, option, value
        elif place + 1 < len(arguments):
            yield place + 1, option, arguments[place + 1]


def _read(config: str) -> dict[str, Any]:
    """Return what a config says; nothing where it cannot be read, which the parser reports in its turn."""
    try:
        text = config if is_written_out(config) else Path(config).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    read = _loaded(text)
    return read if isinstance(read, dict) else {}


def _loaded(text: str) -> Any:
    """Return YAML as the parser reads it: 1e-3 is a number; and what is no YAML as text."""
    try:
        return get_loader("yaml")(text)
    except yaml.YAMLError:
        return text
