"""Silences what libraries say at every run and nobody can act on, so that the rest is read."""

from __future__ import annotations

import logging
import os
import re
import warnings

from gans.cli.errors import PACKAGES

WARNINGS = (
    # Lightning 2.6 on torch 2.11 and later.
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    # Test and predict write no checkpoints.
    r"Be aware that when using `ckpt_path`, callbacks used to create the checkpoint",
    # A resumed run goes on in its folder.
    r"Checkpoint directory .* exists and is not empty",
    # Averaged networks are always in evaluation mode.
    r"Found \d+ module\(s\) in eval mode at the start of training",
    # Predicted pictures are written by name.
    r"Couldn't infer the batch indices fetched from your dataloader",
    # A run of few steps, which the table and the closing lines tell all of.
    r"The number of training batches \(\d+\) is smaller than the logging interval",
    # Pillow warns of half as many pixels as are refused.
    r"Image size \(\d+ pixels\) exceeds limit of \d+ pixels, could be decompression bomb DOS attack",
)
LOGGERS = (
    "lightning.pytorch.utilities.rank_zero",
    "lightning.pytorch.trainer.connectors.checkpoint_connector",
    "lightning.fabric.utilities.seed",
)
NEWS = re.compile(
    # An advertisement.
    r"💡 Tip"
    # The block before training says where it runs, and where it goes on.
    r"|(GPU|TPU|HPU) available: |LOCAL_RANK: \d+ - CUDA_VISIBLE_DEVICES"
    r"|`weights_only` was not set, defaulting to "
    r"|Restoring states from the checkpoint|Restored all states from|Loaded model weights from"
    # The config is kept in the run's folder.
    r"|(\[rank: \d+\] )?Seed set to "
    # The bar or the epoch's line ends there, and would be broken by it.
    r"|`Trainer\.\w+` stopped: "
)
"""What Lightning logs at every run and this program says in its own way, or need not say."""

_with_its_place = warnings.formatwarning


def quieten() -> None:
    """Silence them for this process, and let other warnings stand without a line of code.

    What will change in a library is for those who write against it, and is not said at all.
    """
    warnings.formatwarning = _formatted
    warnings.filterwarnings("ignore", category=FutureWarning)
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_is_wanted)


def _formatted(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    if filename.startswith(PACKAGES):
        return f"warning: {message}\n"
    _, installed, inside = filename.partition(f"{os.sep}site-packages{os.sep}")
    if installed:
        return f"warning of {inside.partition(os.sep)[0].removesuffix('.py')}: {message}\n"
    return _with_its_place(message, category, filename, lineno, line)


def _is_wanted(record: logging.LogRecord) -> bool:
    return NEWS.match(record.getMessage()) is None
