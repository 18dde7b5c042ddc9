"""Which settings of a run are other than the defaults of its variant, data and callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import Parameter
from typing import Any

import datamodules
import gans
from gans.callbacks.generative_metrics import default_monitor
from gans.cli.settings import shared_defaults, single_settings
from gans.cli.sources import UnreadableError, parameters
from gans.cli.stand_ins import TRAINER, shared_callbacks

OF_THE_RUN = ("name", "runs", "weights_only")
"""Keys that say where a run lies, and not what it is."""

Difference = tuple[Any, Any]


def class_name(config: Mapping[str, Any], group: str) -> str:
    """Return the name of the `model` or `data` class of a recorded config; empty where it has none."""
    part = config.get(group)
    path = part.get("class_path") if isinstance(part, Mapping) else part
    return str(path or "").rpartition(".")[2]


def differences(config: Mapping[str, Any]) -> dict[str, Difference]:
    """Return (value, default) of every setting that is not the default, by key.

    Defaults are those of the variant's and the data module's constructors, of Lightning's trainer as this
    project sets it, and of the shared callbacks. What has none, such as a required argument, has the default
    None.

    Args:
        config: as recorded in RUN/config.yaml.
    """
    now, default = single_settings(config), single_settings(_defaults(config))
    return {
        key: (value, default.get(key))
        for key, value in now.items()
        if key not in OF_THE_RUN and not key.endswith("class_path") and not _same(value, default.get(key))
    }


def compared(configs: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the settings in which several runs differ: key -> value in each, None where it has none."""
    runs = [single_settings(config) for config in configs]
    keys = dict.fromkeys(key for run in runs for key in run)
    values = {key: [run.get(key) for run in runs] for key in keys if key not in OF_THE_RUN}
    return {key: each for key, each in values.items() if any(not _same(each[0], other) for other in each)}


def _defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of a config's groups, nested as the config is."""
    found: dict[str, Any] = {}
    for group, known in (("model", gans.VARIANTS), ("data", datamodules.DATA_MODULES)):
        name = class_name(config, group)
        if name in known:
            found[group] = {"init_args": _of_constructor(known[name], name)}
    found["trainer"] = _of_constructor(*TRAINER)
    for key, (module, name, _) in shared_callbacks().items():
        found[key] = _of_constructor(module, name)
    for key, value in shared_defaults().items():
        group, _, name = key.partition(".")
        found[group] = {**found.get(group, {}), name: value} if name else value
    metrics = {**found["metrics"], **(config.get("metrics") or {})}
    found["best_checkpoint"]["monitor"] = default_monitor(metrics["features"], metrics["kernel"])
    return found


def _of_constructor(module: str, name: str) -> dict[str, Any]:
    try:
        found = parameters(module, name)
    except UnreadableError:
        return {}
    return {each.name: _as_yaml(each.default) for each in found if each.default is not Parameter.empty}


def _as_yaml(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _same(value: Any, other: Any) -> bool:
    return bool(value == other) or (value in (None, [], {}) and other in (None, [], {}))
