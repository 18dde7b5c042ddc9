"""Drawing a grid of images with labels into one picture."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gans.protocol import Grid

FONT_SIZE = 14
TILE = 128  # pixels: smaller images are enlarged by the largest whole factor that keeps them within this
MARGIN = 4
CHARACTERS_PER_LINE = 28  # of a row label
FRAME_MILLISECONDS = 60


def render(grid: Grid) -> Image.Image:
    """Draw a grid: column labels on top, row labels, if there are any, on the left.

    Grey images are drawn grey. Of images with two channels the channels are drawn as red and green; of those
    with more than three, the first three as RGB.

    Args:
        grid: columns of images (N, C, H, W) in [-1, 1]; height, width and channels may differ between
            columns.

    Returns:
        An RGB picture.

    Raises:
        ValueError: if there is nothing to draw, or columns or row labels differ in number of rows.
    """
    rows = _count_rows(grid)
    columns = {label: _tiles(images) for label, images in grid.columns.items()}
    factor = max(1, TILE // max(max(tiles[0].shape[:2]) for tiles in columns.values()))
    row_labels = ["\n".join(textwrap.wrap(label, CHARACTERS_PER_LINE)) for label in grid.row_labels]

    font = ImageFont.load_default(FONT_SIZE)
    header = FONT_SIZE + 2 * MARGIN
    height = max(tiles[0].shape[0] for tiles in columns.values()) * factor + MARGIN
    widths = [
        max(tiles[0].shape[1] * factor, _text_width(label, font)) + MARGIN for label, tiles in columns.items()
    ]
    left = MARGIN + max([_text_width(label, font) + MARGIN for label in row_labels], default=0)

    picture = Image.new("RGB", (left + sum(widths), header + rows * height), "white")
    draw = ImageDraw.Draw(picture)
    for i, label in enumerate(row_labels):
        draw.multiline_text((MARGIN, header + i * height), label, "black", font)
    for (label, tiles), width in zip(columns.items(), widths, strict=True):
        draw.text((left, MARGIN), label, "black", font)
        for i, tile in enumerate(tiles):
            size = (tile.shape[1] * factor, tile.shape[0] * factor)
            enlarged = Image.fromarray(tile).resize(size, Image.Resampling.NEAREST)
            picture.paste(enlarged, (left, header + i * height))
        left += width
    return picture


def middle_slices(grid: Grid, neighbours: int) -> Grid:
    """Return a grid in which slices of volumes, with so many on either side as channels, are grey."""
    if not neighbours:
        return grid
    middle = slice(neighbours, neighbours + 1)
    columns = {
        label: images[:, middle] if images.shape[1] == 2 * neighbours + 1 else images
        for label, images in grid.columns.items()
    }
    return replace(grid, columns=columns)


def _count_rows(grid: Grid) -> int:
    counts = {label: len(images) for label, images in grid.columns.items()}
    if grid.row_labels:
        counts["row labels"] = len(grid.row_labels)
    if not grid.columns or 0 in counts.values():
        raise ValueError(
            f"A grid needs at least one image in each column, but it has {counts or 'no columns'}."
        )
    if len(set(counts.values())) > 1:
        raise ValueError(f"The columns of a grid have the same number of rows, but these have {counts}.")
    return next(iter(counts.values()))


def _tiles(images: Tensor) -> list[np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]]:
    """Convert images (N, C, H, W) in [-1, 1] to N arrays (H, W, 3) of bytes; NaN turns grey."""
    images = images.detach().float().cpu().nan_to_num(0.0)
    count, channels, height, width = images.shape
    if channels == 1:
        images = images.expand(-1, 3, -1, -1)
    elif channels == 2:
        images = torch.cat([images, images.new_full((count, 1, height, width), -1.0)], dim=1)
    pixels = ((images[:, :3] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return list(pixels.permute(0, 2, 3, 1).contiguous().numpy())


def _text_width(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    left, _, right, _ = ImageDraw.Draw(Image.new("1", (1, 1))).multiline_textbbox((0, 0), text, font)
    return int(right - left) + 1


def save_gif(frames: list[Image.Image], file: BinaryIO) -> None:
    """Write frames as an endless GIF, all in the colours that suit the first one's palette best."""
    first, *others = frames
    first.save(file, format="GIF", save_all=True, append_images=others, duration=FRAME_MILLISECONDS, loop=0)
