"""The patchwise contrastive loss (PatchNCE)."""

from __future__ import annotations

import torch
from torch import Tensor

MASKED = -10.0  # similarity that the authors' program gives a patch with itself among the negatives


def patch_nce(queries: Tensor, keys: Tensor, temperature: float = 0.07, first: int = 0) -> Tensor:
    """Return how badly queries tell their own key from all others, a scalar: the mean cross-entropy.

    Gradients reach the queries alone.

    Paper: CUT (Park et al. 2020, arXiv:2007.15651), after InfoNCE (van den Oord et al. 2018,
    arXiv:1807.03748).

    Args:
        queries: G groups of P vectors of length 1, (G, P, C).
        keys: (G, K, C), K at least P: that of query i is key `first` + i, the others are its negatives.
        temperature: by which similarities are divided.
        first: see above.
    """
    kind = torch.promote_types(queries.dtype, torch.float32)
    with torch.autocast(queries.device.type, enabled=False):
        queries, keys = queries.to(kind), keys.detach().to(kind)
        similarity = queries @ keys.transpose(1, 2) / temperature
        own = similarity.diagonal(first, 1, 2)
        # Beside the negatives the authors keep a masked one in the place of the query's own key.
        masked = own.new_tensor(MASKED / temperature)
        return (torch.logaddexp(similarity.logsumexp(2), masked) - own).mean()
