"""Writes packed sets: chunks of image files as they are, or resized, by litdata."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from datamodules.files.formats.common import Array
from datamodules.files.readers import MODULES, PICTURES, ImageError, format_of, read_image, read_stored
from datamodules.files.slice_names import slice_of
from datamodules.files.writers import encoding_of
from datamodules.progress import progress_bar
from datamodules.streaming.chunks import Item, engine
from datamodules.streaming.packed import INDEX, Packed, Source, ToPack
from datamodules.transforms import resize

AHEAD = 64  # images that are read before they are written


def pack(
    found: ToPack, output: Path, side: int | None, megabytes: float, *, skip_bad: bool = False
) -> Packed:
    """Pack a set into a new folder, which is whole or absent.

    Within a part the items are in an order by their names that is none of the folders': so every chunk is a
    sample of the whole.

    Args:
        found: what is packed.
        output: the new folder.
        side: images whose shorter side is longer are resized to it; None takes all as they are.
        megabytes: that a chunk takes.
        skip_bad: leave out images that cannot be used, with one warning that names them.

    Raises:
        FileExistsError: the output is there already.
        ImageError: an image cannot be used.
        OSError: the disk is full.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} is there already: give another folder, or remove it.")
    if output.resolve().is_relative_to(found.folder.resolve()):
        raise ValueError(f"{output} lies in {found.folder}, which is packed: choose another folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as begun:
        counts = {
            part: _write(sources, Path(begun) / part, side, int(megabytes * 1e6), skip_bad)
            for part, sources in found.parts.items()
        }
        packed = Packed(found.data, found.channels, counts, found.classes)
        (Path(begun) / INDEX).write_bytes(packed.to_json())
        shutil.copymode(output.parent, begun)
        Path(begun).replace(output)
    return packed


def _write(sources: Sequence[Source], folder: Path, side: int | None, size: int, skip_bad: bool) -> int:
    """Write the chunks of one part and return how many items they have."""
    folder.mkdir()
    writer = engine("streaming.cache").Cache(str(folder), chunk_bytes=size)
    count = 0
    for item in _items(sorted(sources, key=_chance), side, skip_bad, f"Packing {folder.name}"):
        writer[count] = item.fields()
        count += 1
    writer.done()
    writer.merge(1)
    return count


def _chance(source: Source) -> bytes:
    return hashlib.sha256(source.name.encode(errors="surrogateescape")).digest()


def _items(sources: Sequence[Source], side: int | None, skip_bad: bool, told: str) -> Iterator[Item]:
    bad: list[str] = []

    def read(source: Source) -> Item | ImageError:
        try:
            return _item(source, side)
        except ImageError as error:
            return error

    with progress_bar(told, len(sources)) as advance, ThreadPoolExecutor() as pool:
        for start in range(0, len(sources), AHEAD):
            for item in pool.map(read, sources[start : start + AHEAD]):
                advance()
                if isinstance(item, Item):
                    yield item
                elif not skip_bad:
                    raise item
                else:
                    bad.append(str(item))
    if len(bad) == len(sources):
        raise ImageError(f"{told}: none of {len(bad)} images can be used, such as {bad[0]}")
    if bad:
        warnings.warn("\n  ".join([f"{len(bad)} images were left out:", *bad]), stacklevel=2)


def _item(source: Source, side: int | None) -> Item:
    image, name = _content(source.path, source.name, side)
    partner, partner_name = b"", ""
    if source.partner is not None:
        partner, partner_name = _content(source.partner, source.partner.name, side)
    return Item(image, partner, name, partner_name, source.label)


def _content(path: Path, name: str, side: int | None) -> tuple[bytes, str]:
    """Return the content of an image file and its name: as they are, or of a PNG where it has to change.

    Raises:
        ImageError: the image is damaged, or cannot be stored as PNG without loss.
    """
    pixels = read_image(path)  # whole, so that what is packed can be read
    kept = MODULES.get(format_of(path) or "") == PICTURES
    if not kept:
        _refuse_lossy(path, pixels)
    resized = pixels if side is None else _shrunk(pixels, side)
    if kept and resized is pixels:
        return path.read_bytes(), name
    if resized.dtype != np.uint8:
        resized = ((resized.astype(np.float64) + 1) * 32767.5).round().astype(np.uint16)
    encoding, file = encoding_of(resized, f"{name}.png"), io.BytesIO()
    encoding.write(file)
    return file.getvalue(), f"{name}.png"


def _refuse_lossy(path: Path, pixels: Array) -> None:
    stored = None if slice_of(path) else read_stored(path)
    depth = stored.dtype if stored else None
    if depth not in (np.bool_, np.uint8, np.uint16) or pixels.shape[2] not in (1, 3):
        what = "slices of volumes" if stored is None else f"{pixels.shape[2]} channels of {depth}"
        raise ImageError(
            f"{path}: {what} are not streamed, since their values and units do not fit the PNG of 8 or 16 "
            "bit that chunks hold. Train on the folder itself, or save what is to be learnt as PNG."
        )


def _shrunk(pixels: Array, side: int) -> Array:
    height, width = pixels.shape[:2]
    shorter = min(height, width)
    if shorter <= side:
        return pixels
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    smaller = resize(image, round(height * side / shorter), round(width * side / shorter))
    return np.ascontiguousarray(smaller.permute(1, 2, 0).numpy())
