"""What memory a large image takes: docs/predict.md states the bound, these hold it."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support.pictures import write_image
from support.predictions import Negative, predict
from support.processes import run_alone

MMAP_THRESHOLD = -3  # of glibc's malloc.h


def grown_by(small: str, large: str) -> int:
    """Predict two folders in tiles; return by how many bytes the second one makes this process grow."""
    # What is large goes back to the system once it is freed: else the peak depends on how the heap is torn.
    assert ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, 1 << 18)
    data = {"tile": 256, "overlap": 32, "eval_batch_size": 2}
    peaks = []
    for folder in (small, large):
        predict(Path(folder), data=data, model=Negative(["one"]))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return 1024 * (peaks[1] - peaks[0])


def write(folder: Path, name: str, side: int) -> int:
    """Write a picture of three channels; return how many values it has."""
    across = np.arange(side, dtype=np.uint16)
    pixels = np.stack([across[:, None] + across] * 3, 2)
    path = folder / "set" / "images" / name
    path.parent.mkdir(parents=True)
    if path.suffix == ".png":
        write_image(path, (pixels // 32).astype(np.uint8), compress_level=1)
    else:
        tifffile.imwrite(path, pixels, photometric="rgb")
    return pixels.size


@pytest.mark.parametrize(("name", "bytes_per_value"), [("a.png", 3.5), ("a.tif", 9.5)])
def test_a_large_image_is_held_a_few_times_at_most(tmp_path: Path, name: str, bytes_per_value: float) -> None:
    """The image in 8 bit or float32, the picture in 8 or 16 bit; what is computed on the way is by strips."""
    write(tmp_path / "small", name, side=300)
    values = write(tmp_path / "large", name, side=3000)
    grown = run_alone(grown_by, str(tmp_path / "small"), str(tmp_path / "large"))
    assert grown < bytes_per_value * values, f"{grown / values:.2f} bytes per value"
