"""The images a checkpoint was trained on, found by the config beside it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from datamodules import DATA_MODULES
from datamodules.image_sets import Split
from datamodules.images.batches import ImageBatch
from datamodules.images.module import Images
from datamodules.progress import progress_bar
from gans.cli.config_files import find_config
from gans.cli.own_images import read_settings
from gans.cli.run_folder import CONFIG, run_of


def open_data(checkpoint: Path, config: str | None = None) -> Images:
    """Return the data module of the run that a checkpoint belongs to.

    Args:
        checkpoint: its file, in the folder of its run unless a config is given.
        config: a file, or the name of one of the project's configs, instead of the run's own.

    Raises:
        FileNotFoundError: if there is no config, or the images are not where it says.
        ValueError: if the config names no data of single images, or options that its data does not have.
    """
    run = run_of(checkpoint)
    if config is None and run is None:
        raise FileNotFoundError(
            f"{checkpoint} lies in no run folder, so the images it was trained on are unknown: name them by "
            "--config FILE, the config it was trained with."
        )
    path = find_config(config) if config is not None else Path(run or "") / CONFIG
    chosen = read_settings(path).get("data") or {}
    module, _, name = str(chosen.get("class_path")).rpartition(".")
    module = module or DATA_MODULES.get(name, "")
    variant: Any = getattr(import_module(module), name, None) if module else None
    if not (isinstance(variant, type) and issubclass(variant, Images)):
        raise ValueError(f"{path}: data is {name}, and this command needs images by themselves: Images.")
    try:
        return variant(**chosen.get("init_args", {}))
    except TypeError as error:
        raise ValueError(f"{path}: data does not fit this version of {name}: {error}") from error


def every_image(data: Images, split: Split, purpose: str | None = None) -> Iterator[ImageBatch]:
    """Yield every image of a split once, whole and unmirrored, in batches; a purpose heads a progress bar."""
    batches = data.once(split)
    images = len(batches) * (data.eval_batch_size or 1) if purpose else 0
    with progress_bar(purpose or "", images) as advance:
        for batch in batches:
            yield batch.finish()
            for _ in batch.batch.names:
                advance()
