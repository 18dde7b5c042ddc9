"""Pairs out of a packed set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from datamodules.found import Found
from datamodules.image_sets import Split
from datamodules.paired.pair import Halves, match
from datamodules.paired.sources import Pairing, Resize
from datamodules.streaming.chunks import Item
from datamodules.streaming.images import PackedSet, Pixels, StreamedImages, pixels


@dataclass(frozen=True)
class Pair:
    """Makes a pair (C, H, W) of an item: of its two files, or of the halves of one.

    Attributes:
        channels_A: channels of A.
        channels_B: channels of B.
        resize: of each of them.
        pairing: how pairs are made.
    """

    channels_A: int
    channels_B: int
    resize: Resize
    pairing: Pairing

    def __call__(self, item: Item) -> Tensor:
        """Decode, resize and join.

        Raises:
            ValueError: they are no pair.
        """
        pairing, direction = self.pairing, self.pairing.direction
        if not item.partner:
            halves = Halves(self.resize, self.channels_A, self.channels_B, direction, None)
            return Pixels(max(self.channels_A, self.channels_B), halves, pairing.value_range)(item)
        A = pixels(item.image, item.name, self.channels_A, pairing.reading_A.values)
        B = pixels(item.partner, item.partner_name, self.channels_B, pairing.reading_B.values)
        return match(A, B, self.resize, direction)


class PackedPairs:
    """A packed set of pairs, read item by item.

    Args:
        root: its folder or address.
        pairing: how pairs are made.

    Raises:
        ValueError: it is no set of these, or a task is to make the pairs.
        OSError: it cannot be read.
    """

    def __init__(self, root: str, pairing: Pairing) -> None:
        if pairing.task:
            raise ValueError(
                f"task: {pairing.task} makes pairs of the plain pictures of a folder, and {root} is a packed "
                "set of pairs: leave the task out."
            )
        self._set, self._pairing = PackedSet(root, "PairedImages", pairing.reading_A), pairing
        channels = self._set.packed.channels
        self.channels_A = pairing.reading_A.channels or channels["A"]
        self.channels_B = pairing.reading_B.channels or channels["B"]

    def found(self) -> list[Found]:
        """Describe A and B."""
        return [self._set.found(domain, "train", self._part("val")) for domain in ("A", "B")]

    def prepare(self, split: Split) -> None:
        """Nothing: every process fetches what it needs."""

    @cached_property
    def training(self) -> StreamedImages:
        """Pairs in the size windows are cut from."""
        return self._read("train", self._pairing.preprocess.for_training)

    @cached_property
    def validation(self) -> StreamedImages:
        """Pairs in the size the network sees."""
        return self._read(self._part("val"), self._pairing.preprocess.for_evaluation)

    @cached_property
    def test(self) -> StreamedImages:
        """Pairs in the size the network sees."""
        return self._read(self._part("test"), self._pairing.preprocess.for_evaluation)

    def _part(self, wanted: str) -> str:
        """Return the part to evaluate on: where there is only one, that."""
        return wanted if wanted in self._set.packed.parts else {"val": "test", "test": "val"}[wanted]

    def _read(self, part: str, resize: Resize) -> StreamedImages:
        return self._set.part(part, Pair(self.channels_A, self.channels_B, resize, self._pairing))
