"""Pairs as pictures that show A at the left and B at the right, and as two folders of files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from datamodules.files.formats.common import Array
from datamodules.files.readers import ImageError, read_image
from datamodules.files.value_range import from_unit
from datamodules.files.writers import Origin, Target, encoding_of, renamed, target_of
from datamodules.image_sets import find_images
from datamodules.paired.folders import match_folders
from datamodules.progress import progress_bar
from gans.files import written_whole


def join_folders(folder_A: Path, folder_B: Path, output: Path) -> int:
    """Write a picture for each pair of two folders, matched by name without suffix; return how many.

    Sub-folders stay: of A/train and B/train comes OUTPUT/train. Pictures are .png, or .tiff where PNG cannot
    hold them; 8 and 16 bit are kept as they are. Beside a coloured image a grey one becomes coloured.

    Raises:
        FileExistsError: if the output is there already.
        FileNotFoundError: if a folder is missing or has no images.
        ValueError: if an image has no partner, or is damaged, or differs from it in height, width or depth.
        OSError: if the output cannot be written. Then, as after any other error, it is absent.
    """
    listing, partners = match_folders(folder_A, folder_B)
    with _whole_folder(output) as folder, progress_bar("Joining", len(listing.paths)) as advance:
        for name, path in zip(listing.names, listing.paths, strict=True):
            _write(_joined(path, partners[path]), folder / name, target_of(Origin(path)))
            advance()
    return len(listing.paths)


def split_folder(source: Path, output: Path) -> int:
    """Write the left halves of pictures to OUTPUT/A and the right ones to OUTPUT/B; return how many.

    Sub-folders stay: of train comes OUTPUT/A/train and OUTPUT/B/train, which training takes as its `root`.

    Raises:
        FileExistsError: if the output is there already.
        FileNotFoundError: if the folder is missing or has no images.
        ValueError: if a picture is damaged or has an odd width.
        OSError: if the output cannot be written. Then, as after any other error, it is absent.
    """
    listing = find_images(source, "pairs")
    with _whole_folder(output) as folder, progress_bar("Splitting", len(listing.paths)) as advance:
        for name, path in zip(listing.names, listing.paths, strict=True):
            pixels = read_image(path)
            width = pixels.shape[1]
            if width % 2:
                raise ImageError(
                    f"{path} is {width} pixels wide: two pictures of one size have an even width."
                )
            target = target_of(Origin(path))
            _write(pixels[:, : width // 2], folder / "A" / name, target)
            _write(pixels[:, width // 2 :], folder / "B" / name, target)
            advance()
    return len(listing.paths)


def _joined(path_A: Path, path_B: Path) -> Array:
    A, B = read_image(path_A), read_image(path_B)
    if A.shape[2] != B.shape[2]:
        channels = max(A.shape[2], B.shape[2])
        A, B = read_image(path_A, channels), read_image(path_B, channels)
    depths = [target_of(Origin(path)).dtype for path in (path_A, path_B)]
    if A.shape != B.shape or depths[0] != depths[1]:
        raise ImageError(
            f"{path_A} is {_said(A)} of {depths[0]}, and its partner {path_B} {_said(B)} of {depths[1]}: "
            "side by side they have one size and one depth. Two folders as they are can be trained on, too: "
            "--data.folder_A and --data.folder_B."
        )
    return np.concatenate([A, B], axis=1)


def _said(pixels: Array) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def _write(pixels: Array, path: Path, like: Target) -> None:
    """Write pixels as `read_image` returns them with the depth of a file, in a format that loses nothing."""
    if pixels.dtype != np.uint8:
        pixels = from_unit(pixels, like.bounds, like.dtype)
    encoding = encoding_of(np.ascontiguousarray(pixels), renamed(path.as_posix(), ".png"))
    with written_whole(Path(encoding.name)) as file:
        encoding.write(file)


@contextmanager
def _whole_folder(output: Path) -> Iterator[Path]:
    """Make a folder that appears under its name when the block ends without error, and not before.

    Raises:
        FileExistsError: if there is something of that name.
    """
    if output.exists():
        raise FileExistsError(f"{output} is there already. Choose another folder, or remove that one.")
    output.parent.mkdir(parents=True, exist_ok=True)
    begun = output.with_name(f".{output.name}.{os.getpid()}.part")
    begun.mkdir()
    try:
        yield begun
        begun.rename(output)
    finally:
        shutil.rmtree(begun, ignore_errors=True)
