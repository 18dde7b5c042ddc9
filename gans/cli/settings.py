"""Settings of two configs side by side, by dotted keys as on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def single_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return every single setting of a config by its key, such as `data.size`.

    Lists are settings as a whole. Class paths are shortened to the class, and numbers that YAML takes for
    texts, such as 1e-4, are numbers, so that equal settings are equal however they are written.
    """
    return dict(_settings(config, ""))


def _settings(config: Mapping[str, Any], path: str) -> list[tuple[str, Any]]:
    settings: list[tuple[str, Any]] = []
    for key, value in config.items():
        below = path if key == "init_args" else f"{path}.{key}".lstrip(".")
        if isinstance(value, Mapping) and value:
            settings += _settings(value, below)
        else:
            settings.append((below, _plain(key, value)))
    return settings


def _plain(key: str, value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value.rpartition(".")[2] if key == "class_path" else value
    return value
