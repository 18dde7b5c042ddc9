"""Images of a packed set, as `ImageSet`s that data modules deal out like those in files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from datamodules.files.readers import ImageError, read_content
from datamodules.files.value_range import ValueRange
from datamodules.found import Found
from datamodules.reading import Reading
from datamodules.streaming.chunks import Chunks, Item, read_index
from datamodules.streaming.order import StreamOrder
from datamodules.streaming.packed import Packed, refuse_with_stream

Make = Callable[[Item], Tensor]
"""Makes an image (C, H, W) of an item."""


class Names(Sequence[str]):
    """Names of the items of a part: read one by one, for there may be millions."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks

    def __len__(self) -> int:
        return len(self._chunks)

    def __getitem__(self, index: int) -> str:  # type: ignore[override] # nobody asks for slices of them
        return self._chunks[index].name

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))


class Labels:
    """Classes of the items of a part, (N,) of int64 for a list of N indices."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks

    def __getitem__(self, rows: Sequence[int]) -> Tensor:
        return torch.tensor([self._chunks[row].label for row in rows], dtype=torch.int64)


@dataclass(frozen=True, eq=False)
class StreamedImages:
    """A part of a packed set as an `ImageSet`.

    Attributes:
        chunks: where its items are.
        make: what an image is made of an item by.

    Raises:
        ImageError: when an image is asked for that cannot be used; names it.
    """

    chunks: Chunks
    make: Make
    folder: Path | None = field(default=None, init=False)
    """None: its images are in no files of their own."""

    @property
    def one_size(self) -> bool:
        """Not known before the images are read."""
        return False

    @cached_property
    def names(self) -> Sequence[str]:
        """Paths relative to the folder that was packed."""
        return Names(self.chunks)

    @cached_property
    def labels(self) -> Labels:
        """Their classes."""
        return Labels(self.chunks)

    def order(self, *seed: int) -> StreamOrder:
        """Return in which order they are dealt out in training."""
        return StreamOrder(self.chunks.sizes, *seed)

    def __len__(self) -> int:
        return len(self.chunks)

    def __getitem__(self, index: int) -> Tensor:
        item = self.chunks[index]
        try:
            return self.make(item)
        except ImageError as error:
            raise ImageError(f"{self.chunks.place}: {error}") from error
        except ValueError as error:
            raise ImageError(f"{self.chunks.place}: {item.name}: {error}") from error


@dataclass(frozen=True)
class Pixels:
    """Makes an image (channels, H, W) of an item's file.

    Attributes:
        channels: number of channels every image is converted to.
        prepare: resizes it.
        value_range: the values that become -1 and 1.
    """

    channels: int
    prepare: Callable[[Tensor], Tensor]
    value_range: ValueRange

    def __call__(self, item: Item) -> Tensor:
        """Decode and resize."""
        return self.prepare(pixels(item.image, item.name, self.channels, self.value_range))


def pixels(content: bytes, name: str, channels: int, value_range: ValueRange) -> Tensor:
    """Decode the content of a file as (channels, H, W), see `read_content`."""
    return (
        torch.from_numpy(read_content(content, Path(name), channels, value_range))
        .permute(2, 0, 1)
        .contiguous()
    )


class PackedSet:
    """A packed set that a data module was given as its root.

    Args:
        root: its folder or address.
        data: name of the data module.
        reading: how images are read.

    Raises:
        ValueError: it is none, or one of another data module, or an argument contradicts it.
        OSError: its index cannot be read.
    """

    def __init__(self, root: str, data: str, reading: Reading) -> None:
        self.root, self.reading = root.rstrip("/"), reading
        self.packed = Packed.from_json(read_index(self.root), self.root)
        self.packed.check_for(data, self.root)
        refuse_with_stream(reading, self.root)
        self._chunks: dict[str, Chunks] = {}

    def part(self, name: str, make: Make) -> StreamedImages:
        """Return the images of a part.

        Raises:
            ValueError: it is not what was packed.
            OSError: its index cannot be read.
        """
        if name not in self._chunks:
            chunks = Chunks(f"{self.root}/{name}", self.reading.store_gigabytes)
            if len(chunks) != self.packed.parts[name]:
                raise ValueError(
                    f"{self.root}/{name}: {len(chunks)} items where {self.packed.parts[name]} were packed: "
                    "copy the whole set anew."
                )
            self._chunks[name] = chunks
        return StreamedImages(self._chunks[name], make)

    def found(self, name: str, train: str, held_out: str) -> Found:
        """Describe a domain whose images are in two parts."""
        parts, channels = self.packed.parts, self.packed.channels
        depth = "8 or 16 bit"
        return Found(name, self.root, parts[train], parts[held_out], {}, None, channels[name], depth)
