"""Cuts the pictures of a folder into squares that overlap, which are read much faster than large pictures.

    python -m gans.tools.sub_images data/DIV2K/DIV2K_train_HR data/DIV2K_sub
    python -m gans.tools.sub_images data/DF2K data/DF2K_sub --size 400 --step 200 --copies

The first is what BasicSR trains SRResNet and ESRGAN on, the second what Real-ESRGAN is trained on. Squares
are numbered row by row: 0001_s001.png, 0001_s002.png and so on. Of a picture that is no whole number of steps
large, the last ones end at its edge; one that is smaller than a square stays whole. An interrupted command is
repeated: it goes on with the first picture whose squares are not all there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from datamodules.arguments import at_least
from datamodules.files.readers import read_image
from datamodules.files.writers import encoding_of, renamed
from datamodules.image_sets import find_images
from datamodules.progress import progress_bar
from gans.cli import errors
from gans.files import written_whole
from gans.tools.command_line import command_line

Pixels = npt.NDArray[Any]

SCALES = (0.75, 0.5, 1 / 3)
"""Of the copies that Real-ESRGAN is trained on, beside one with a shorter side of `SHORTEST` pixels."""
SHORTEST = 400


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    written = cut_folder(options.folder, options.output, options.size, options.step, copies=options.copies)
    sys.stdout.write(f"{written} squares\n{options.output}\n")


def cut_folder(folder: Path, output: Path, size: int = 480, step: int = 240, *, copies: bool = False) -> int:
    """Cut all pictures of a folder, sub-folders included, and return how many squares there are of them.

    Args:
        folder: of the pictures.
        output: where the squares go, in the same sub-folders, as .png.
        size: side of a square in pixels.
        step: from one square to the next.
        copies: cut smaller copies of every picture, too: see `smaller_copies`.

    Raises:
        FileNotFoundError: the folder is missing or has no pictures.
        ValueError: an argument is out of its range, or a picture cannot be read.
    """
    at_least("--size", size, 1)
    at_least("--step", step, 1)
    listing = find_images(folder, "sub-images")
    if output.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{output} lies in {folder}, whose pictures are cut: choose another folder.")
    cut = partial(cut_file, size=size, step=step, copies=copies)
    targets = [output / renamed(name, "") for name in listing.names]
    with progress_bar(f"Cutting {folder}", len(targets)) as advance, ThreadPoolExecutor() as pool:
        count = 0
        for squares in pool.map(cut, listing.paths, targets):
            count += squares
            advance()
    return count


def cut_file(path: Path, target: Path, size: int, step: int, *, copies: bool) -> int:
    """Write the squares of one picture to TARGET_s001.png and on, those of its copies to TARGETT0_s001.png.

    They are written one after the other, each of them whole: if the last is there, all are.
    """
    picture = read_image(path)
    versions = {target: picture}
    if copies:
        versions |= {
            target.with_name(f"{target.name}T{number}"): copy
            for number, copy in enumerate(smaller_copies(picture))
        }
    count = 0
    for stem, pixels in versions.items():
        height, width = pixels.shape[:2]
        squares = {
            stem.with_name(f"{stem.name}_s{number:03d}.png"): place
            for number, place in enumerate(places(height, width, size, step), start=1)
        }
        count += len(squares)
        if list(squares)[-1].exists():
            continue
        for file, (top, left) in squares.items():
            _write(file, pixels[top : top + size, left : left + size])
    return count


def places(height: int, width: int, size: int, step: int) -> list[tuple[int, int]]:
    """Return where squares begin, (top, left), row by row."""
    return [(top, left) for top in _starts(height, size, step) for left in _starts(width, size, step)]


def _starts(length: int, size: int, step: int) -> list[int]:
    last = max(length - size, 0)
    starts = list(range(0, last + 1, step))
    return starts if starts[-1] == last else [*starts, last]


def smaller_copies(picture: Pixels) -> Iterator[Pixels]:
    """Yield 3/4, 1/2 and 1/3 of a picture (H, W, C), and it with a shorter side of 400 pixels, by Lanczos."""
    height, width = picture.shape[:2]
    for scale in SCALES:
        yield resized(picture, int(height * scale), int(width * scale))
    shorter = min(height, width)
    yield resized(picture, int(height * SHORTEST / shorter), int(width * SHORTEST / shorter))


def resized(picture: Pixels, height: int, width: int) -> Pixels:
    """Return a picture (H, W, C) of uint8, or float32 in [-1, 1], resized by Lanczos in its own type."""
    size = max(width, 1), max(height, 1)
    channels = [
        np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.LANCZOS))
        for channel in np.ascontiguousarray(picture.transpose(2, 0, 1))
    ]
    return np.stack(channels, axis=2)


def _write(file: Path, pixels: Pixels) -> None:
    """Write pixels (H, W, C): uint8 as they are, float32 in [-1, 1] in 16 bit."""
    if pixels.dtype != np.uint8:
        pixels = ((pixels.astype(np.float64).clip(-1, 1) + 1) * 32767.5).round().astype(np.uint16)
    encoding = encoding_of(pixels, file.name)
    with written_whole(file.with_name(encoding.name)) as opened:
        encoding.write(opened)


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.sub_images", __doc__)
    parser.add_argument("folder", type=Path, help="of the pictures, sub-folders included")
    parser.add_argument("output", type=Path, help="folder for the squares")
    parser.add_argument("--size", type=int, default=480, help="side of a square in pixels (480)")
    parser.add_argument("--step", type=int, default=240, help="pixels from one square to the next (240)")
    parser.add_argument(
        "--copies", action="store_true", help="cut copies of 3/4, 1/2, 1/3 and 400 pixels, too"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
