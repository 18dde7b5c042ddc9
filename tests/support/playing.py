"""Untrained variants whose pictures are not grey all over: what depends on a setting can be seen to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from support.checkpoints import checkpoint_of
from support.uses import usable

FAINT = 0.5
"""Standard deviation of weights below which a network makes every picture grey."""


def write_lively(folder: Path, name: str) -> Path:
    """Write the checkpoint of a variant at toy size with weights large enough to be seen; return its path."""
    model = usable(name)
    for weight in model.parameters():
        if weight.ndim > 1 and weight.std() < FAINT:
            if not weight.any():  # R3GAN's blocks end in zeros
                weight.data.normal_()
            weight.data.mul_(FAINT / weight.std())
    path = folder / f"{name.lower()}.ckpt"
    torch.save(checkpoint_of(model), path)
    return path


def same(a: Image.Image, b: Image.Image) -> bool:
    """Tell whether two pictures are of one mode and equal in every pixel."""
    return a.mode == b.mode and np.array_equal(np.asarray(a), np.asarray(b))
