"""Two domains out of a packed set, and which of their images make a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from datamodules.found import Found
from datamodules.image_sets import Split
from datamodules.loading import Key
from datamodules.reading import Reading
from datamodules.streaming.images import PackedSet, Pixels, StreamedImages
from datamodules.streaming.order import StreamOrder
from datamodules.transforms import Preprocess
from datamodules.unpaired.sources import HeldOut, Read


class PackedDomains:
    """A packed set of two domains, read item by item.

    Args:
        root: its folder or address.
        preprocess: how images are resized.
        reading_A: how images of A are read.
        reading_B: how images of B are read.

    Raises:
        ValueError: it is no set of these, or windows are to be cut in many sizes.
        OSError: it cannot be read.
    """

    def __init__(self, root: str, preprocess: Preprocess, reading_A: Reading, reading_B: Reading) -> None:
        if preprocess.zooms:
            raise ValueError(
                f"preprocess: zoom_and_crop is for single pictures, which need no stream such as {root}: "
                "give their folder, or choose another preprocess."
            )
        self._set, self._preprocess = PackedSet(root, "UnpairedImages", reading_A), preprocess
        self._readings = {"A": reading_A, "B": reading_B}
        channels = self._set.packed.channels
        self.channels_A = reading_A.channels or channels["A"]
        self.channels_B = reading_B.channels or channels["B"]

    def prepare(self, split: Split) -> None:
        """Nothing: every process fetches what it needs."""

    def found(self, read: Read | None = None) -> list[Found]:
        """Describe both domains."""
        return [self._set.found(domain, f"train{domain}", f"test{domain}") for domain in ("A", "B")]

    def training(self, preprocess: Preprocess) -> tuple[StreamedImages, StreamedImages]:
        """Return A and B for that preprocess."""
        return self._domains("train", preprocess.for_training)

    def held_out(self) -> HeldOut:
        """Return what is evaluated on."""
        return HeldOut(*self._domains("test", self._preprocess.for_evaluation))

    def in_turn(self, seed: int) -> InTurn:
        """Return how A and B are dealt out, in orders that have nothing to do with each other."""
        A, B = self.training(self._preprocess)
        return InTurn((A.order(seed, 0), B.order(seed, 1)))

    def _domains(
        self, split: Split, resize: Callable[[Tensor], Tensor]
    ) -> tuple[StreamedImages, StreamedImages]:
        return (
            self._domain(f"{split}A", self.channels_A, resize),
            self._domain(f"{split}B", self.channels_B, resize),
        )

    def _domain(self, part: str, channels: int, resize: Callable[[Tensor], Tensor]) -> StreamedImages:
        return self._set.part(part, Pixels(channels, resize, self._readings[part[-1]].values))


@dataclass(frozen=True)
class InTurn:
    """Takes what stands at a place of A, and of B: both are gone through from the first to the last image.

    A random image of B for each of A, as `RandomPartners` takes, would fetch a chunk for each.

    Attributes:
        orders: of A and of B.
    """

    orders: tuple[StreamOrder, StreamOrder]

    def __call__(self, keys: list[Key], draws: Tensor) -> tuple[list[int], list[int]]:
        """Return the indices of A and of B for keys of an epoch and a place, counted from the first epoch."""
        places = [place for _, place in keys]
        A, B = self.orders
        return A(places), B(places)
