"""Real-ESRGAN's pool of training pairs (Wang et al. 2021, arXiv:2107.10833)."""

from __future__ import annotations

import torch
from torch import Tensor

from gans.checkpoints.contents import OwnState


class PairPool(OwnState):
    """Keeps pairs of small and large images, and hands out others than it is given once it is full.

    So what images of one batch have in common, such as how they are resized on their way, is scattered over
    later batches.

    The pairs are part of `state_dict()`, hence of a checkpoint, so that a resumed run continues exactly; each
    process keeps its own. Draws come from torch's global CPU generator, so the device is never waited for.

    Args:
        size: pairs that are kept at most, in whole batches; the paper has 180. 0 passes all batches on.

    Raises:
        ValueError: a size below 0.
    """

    def __init__(self, size: int = 180) -> None:
        super().__init__()
        if size < 0:
            raise ValueError(f"model.pool_size is {size}: it is 0 or more.")
        self.size = size
        self._small: Tensor | None = None
        self._large: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self._small is None else len(self._small)

    def forward(self, small: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
        """Return as many pairs as are given: these, until the pool is full, then older ones in their stead.

        Args:
            small: (N, C, H, W), always of the same size.
            large: (N, C, scale * H, scale * W).

        Raises:
            ValueError: the pool is smaller than a batch, or the pairs in it have another size.
        """
        count = len(small)
        if self.size == 0:
            return small, large
        if count > self.size:
            raise ValueError(
                f"model.pool_size is {self.size}, less than a batch of {count} pairs: raise it, or set it to "
                "0 for none."
            )
        if self._small is None or self._large is None:
            self._small, self._large = small.clone(), large.clone()
            return small, large
        _refuse_other_sizes(self._small, small)
        if len(self) + count <= self.size:
            self._small = torch.cat([self._small.to(small), small])
            self._large = torch.cat([self._large.to(large), large])
            return small, large
        order = torch.randperm(len(self), device="cpu")
        older_small, older_large = (kept.to(small)[order] for kept in (self._small, self._large))
        self._small = torch.cat([small, older_small[count:]])
        self._large = torch.cat([large, older_large[count:]])
        return older_small[:count], older_large[:count]

    def get_extra_state(self) -> list[Tensor]:
        """Return the pairs, on the CPU, for `state_dict`: small and large ones, or nothing."""
        kept = (self._small, self._large)
        return [images.cpu() for images in kept if images is not None]

    def set_extra_state(self, state: list[Tensor]) -> None:
        """Take over pairs from `load_state_dict`; a smaller pool keeps the first ones."""
        self._small, self._large = (images[: self.size] for images in state) if state else (None, None)


def _refuse_other_sizes(kept: Tensor, given: Tensor) -> None:
    if kept.shape[1:] != given.shape[1:]:
        sizes = [f"{images.shape[3]}x{images.shape[2]}" for images in (kept, given)]
        raise ValueError(
            f"model.pool_size: the pool holds small images of {sizes[0]} pixels, and this batch has them of "
            f"{sizes[1]}: a pool needs one size."
        )
