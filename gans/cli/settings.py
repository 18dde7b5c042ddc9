"""Settings by dotted keys as on the command line: those of a config, and the defaults that all runs share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def shared_defaults() -> dict[str, Any]:
    """Return the values of defaults.yaml by dotted key, such as `trainer.log_every_n_steps`."""
    values = yaml.safe_load((Path(__file__).parent / "defaults.yaml").read_text(encoding="utf-8"))
    return {
        f"{key}.{name}" if name else key: value
        for key, group in values.items()
        for name, value in (group if isinstance(group, dict) else {"": group}).items()
    }


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
