"""Silences what libraries say at every run and nobody can act on, so that the rest is read."""

from __future__ import annotations

import logging
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
    # Pillow warns of half as many pixels as are refused.
    r"Image size \(\d+ pixels\) exceeds limit of \d+ pixels, could be decompression bomb DOS attack",
)
ADVERTISEMENT = "💡 Tip"

_with_its_place = warnings.formatwarning


def quieten() -> None:
    """Silence them for this process, and let this project's own warnings stand without a line of its code."""
    warnings.formatwarning = _formatted
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_no_tip)


def _formatted(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    if filename.startswith(PACKAGES):
        return f"warning: {message}\n"
    return _with_its_place(message, category, filename, lineno, line)


def _is_no_tip(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(ADVERTISEMENT)
