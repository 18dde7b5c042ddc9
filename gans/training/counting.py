"""Groups of batches whose gradients are accumulated."""

from __future__ import annotations


class Groups:
    """Groups of batches whose gradients are accumulated: they end at multiples of a size and with the epoch.

    A group begins with the batch after the last one's end; in a run that goes on amid a group, with its first
    batch, because the gradients of those before are lost.
    """

    def __init__(self) -> None:
        self._begin: int | None = None

    def place(self, batch: int, size: int, batches: int | float) -> tuple[int, int]:
        """Return a batch's position in its group, and how many batches the group has.

        Args:
            batch: number of the batch in its epoch, from 0.
            size: of a whole group.
            batches: number of batches in the epoch; infinite if it has no end.
        """
        if self._begin is None:
            self._begin = batch
        end = int(min(batch - batch % size + size, batches))
        return batch - self._begin, end - self._begin

    def close(self) -> None:
        """Note that the optimisers have stepped, or that what was accumulated is gone."""
        self._begin = None
