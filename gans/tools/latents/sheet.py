"""What a command found, and how it becomes a picture, a GIF and a .npz."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from gans.files import written_whole
from gans.pictures.render import render, save_gif
from gans.protocol import Grid
from gans.tools.latents.decoder import Decoder


@dataclass(frozen=True)
class Sheet:
    """Latents laid out in rows and columns, as the picture shows what they decode to.

    Attributes:
        latents: (rows, columns, L).
        columns: a label for each column, all different.
        rows: a label for each row.
        beside: further columns that come from no latent: label -> images (rows, C, H, W) in [-1, 1].
        frames: latents (frames, columns, L) of a GIF that moves on by one row in each frame. What is `beside`
            a sheet of one row is shown in it, too.
        frame_columns: labels of the GIF's columns.
        numbers: further arrays for the .npz by name, such as seeds.
        findings: lines for the person who asked.
        decoder: what makes the pictures, where it is not the one that the command was given.
    """

    latents: Tensor
    columns: list[str]
    rows: list[str]
    beside: dict[str, Tensor] = field(default_factory=dict)
    frames: Tensor | None = None
    frame_columns: list[str] = field(default_factory=list)
    numbers: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    decoder: Decoder | None = None


def write(sheet: Sheet, decoder: Decoder, target: Path) -> list[Path]:
    """Write TARGET.png, TARGET.npz and, where there are frames, TARGET.gif; return their paths.

    In the .npz, `latents` decode to the picture, row by row, and `frames` to the GIF. The same sheet gives
    the same bytes of latents; files of an earlier command are replaced, each as a whole.
    """
    decoder = sheet.decoder or decoder
    arrays = {"latents": sheet.latents.numpy(), "space": np.array(decoder.space), **sheet.numbers}
    pictures = [_picture(decoder, sheet.latents, sheet.columns, sheet.rows, sheet.beside)]
    written = [_beside(target, ".png")]
    with written_whole(written[0]) as file:
        pictures[0].save(file, format="PNG")
    if sheet.frames is not None:
        arrays["frames"] = sheet.frames.numpy()
        beside = sheet.beside if len(sheet.latents) == 1 else {}
        frames = [_picture(decoder, row[None], sheet.frame_columns, [], beside) for row in sheet.frames]
        written.append(_beside(target, ".gif"))
        with written_whole(written[-1]) as file:
            save_gif(frames, file)
    written.append(_beside(target, ".npz"))
    with written_whole(written[-1]) as file:
        np.savez(file, allow_pickle=False, **arrays)
    return written


def _picture(
    decoder: Decoder,
    latents: Tensor,
    columns: list[str],
    rows: list[str] | None = None,
    beside: dict[str, Tensor] | None = None,
) -> Image.Image:
    """Draw what latents (rows, columns, L) decode to."""
    images = decoder(latents)
    decoded = {label: images[:, i] for i, label in enumerate(columns)}
    return render(Grid(decoded | (beside or {}), rows or []))


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)
