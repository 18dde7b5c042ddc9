"""The data module that a command line of `fit` would train on, without a model or a trainer."""

from __future__ import annotations

from argparse import ArgumentError
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import lightning as L
import yaml
from jsonargparse import ActionConfigFile, ArgumentParser  # type: ignore[attr-defined] # not re-exported

import datamodules
from datamodules.base import BatchDataModule
from gans.cli.config_files import CONFIG_OPTIONS, is_written_out, with_found_configs
from gans.cli.errors import UsageError
from gans.cli.own_images import settings_of

SKIPPING = "on_bad_image"


def open_images(arguments: Sequence[str]) -> BatchDataModule:
    """Build the data module of command line arguments, such as `--config cyclegan --data.root FOLDER`.

    Bad images, and pairs without a partner, are left out whatever the arguments say, so that all can be told.

    Args:
        arguments: as `fit` takes them; of configs the data alone counts.

    Raises:
        UsageError: if they name no data module of ours, or it takes no such argument.
        FileNotFoundError: if a config or a folder is not there.
    """
    for module in datamodules.DATA_MODULES.values():
        import_module(module)  # makes the short name known
    parser = ArgumentParser(exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--config", action=ActionConfigFile)
    parser.add_subclass_arguments(L.LightningDataModule, "data", required=True)
    settings = settings_of(with_found_configs(["fit", *arguments])).arguments[1:]
    try:
        config = parser.parse_args(list(_of_data(settings)))
        if SKIPPING in (config.data.get("init_args") or {}):
            config.data.init_args[SKIPPING] = "skip"
        opened: Any = parser.instantiate(config).data
    except ArgumentError as error:
        raise UsageError(" ".join(str(error).split())) from error
    if not isinstance(opened, BatchDataModule):
        raise UsageError(f"{type(opened).__name__} is no data module of this project.")
    return opened


def _of_data(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the options of the data, and what configs say of them.

    Raises:
        UsageError: if there is any other option.
    """
    waiting = list(reversed(arguments))
    while waiting:
        option, equals, value = waiting.pop().partition("=")
        if not equals and waiting:
            value = waiting.pop()
        if option in CONFIG_OPTIONS:
            text = value if is_written_out(value) else Path(value).read_text(encoding="utf-8")
            data = (yaml.safe_load(text) or {}).get("data")
            if data:
                yield f"--config={yaml.safe_dump({'data': data})}"
        elif option.partition(".")[0] == "--data":
            yield f"{option}={value}"
        else:
            raise UsageError(
                f"{option}: this command takes --config NAME, --data CLASS and --data.KEY VALUE, as fit does."
            )
