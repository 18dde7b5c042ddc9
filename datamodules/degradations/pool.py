"""Real-ESRGAN's pool of training pairs (Wang et al. 2021, arXiv:2107.10833).

What images of one batch have in common, such as the sizes on their way, is scattered over later batches.
"""

from __future__ import annotations

import torch
from torch import Tensor


class PairPool:
    """Keeps pairs of small and large images, and hands out others than it is given once it is full.

    Args:
        size: pairs that it keeps, a multiple of the batch size; the paper has 180.

    Raises:
        ValueError: a size below 1.
    """

    def __init__(self, size: int = 180) -> None:
        if size < 1:
            raise ValueError(f"size: {size} pairs are too few for a pool; it holds 1 or more.")
        self.size = size
        self._small: Tensor | None = None
        self._large: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self._small is None else len(self._small)

    @property
    def full(self) -> bool:
        """Whether pairs are exchanged; before, they are only kept."""
        return len(self) == self.size

    def exchange(self, small: Tensor, large: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        """Return as many pairs as are given: these, until the pool is full, then older ones in their stead.

        Args:
            small: (N, C, H, W).
            large: (N, C, scale * H, scale * W), always of the same size.
            order: a permutation of the pool, int64 (size,); the pairs that it names first are handed out.

        Raises:
            ValueError: the pool's size is no multiple of N.
        """
        count = len(small)
        if self.size % count:
            raise ValueError(f"size: {self.size} pairs of a pool are no multiple of a batch of {count}.")
        if self._small is None or self._large is None:
            self._small, self._large = small.clone(), large.clone()
            return small, large
        if not self.full:
            self._small = torch.cat([self._small.to(small), small])
            self._large = torch.cat([self._large.to(large), large])
            return small, large
        older_small, older_large = (kept.to(small)[order] for kept in (self._small, self._large))
        self._small = torch.cat([small, older_small[count:]])
        self._large = torch.cat([large, older_large[count:]])
        return older_small[:count], older_large[:count]

    def state_dict(self) -> dict[str, Tensor]:
        """Return the pairs that are kept, nothing where there are none."""
        if self._small is None or self._large is None:
            return {}
        return {"small": self._small, "large": self._large}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take the pairs of a pool of the same size."""
        self._small, self._large = state.get("small"), state.get("large")
