"""From features at single places to the vectors that a patchwise contrast compares."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

NORM_SLACK = 1e-7  # added to a length, not a lower bound of it, as in the authors' program


class PatchProjection(nn.Module):
    """One perceptron of two layers for each feature map; its vectors have length 1.

    Paper: CUT (Park et al. 2020, arXiv:2007.15651), after SimCLR (Chen et al. 2020, arXiv:2002.05709).

    Args:
        channels: of each feature map.
        width: numbers in a vector, and of hidden units.

    Shape:
        For each feature map rows (N, P, channels) to (N, P, width).
    """

    def __init__(self, channels: Sequence[int], width: int = 256) -> None:
        super().__init__()
        self.perceptrons = nn.ModuleList(
            nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width)) for size in channels
        )

    def forward(self, rows: Sequence[Tensor]) -> list[Tensor]:
        """Project the rows of each feature map, in the precision of the weights.

        At first the vectors are a ten-thousandth of the features: 16 bits would not hold their squares.
        """
        kind = next(self.parameters()).dtype
        with torch.autocast(rows[0].device.type, enabled=False):
            pairs = zip(self.perceptrons, rows, strict=True)
            made = [perceptron(part.to(kind)) for perceptron, part in pairs]
            return [vectors / (vectors.norm(dim=-1, keepdim=True) + NORM_SLACK) for vectors in made]


def rows_at(features: Tensor, places: Tensor, mirrored: bool = False) -> Tensor:
    """Return features at some places, a row for each.

    The last axis is indexed: sampling a permuted map would send gradients back channels last, which torch's
    instance norm on a CPU turns into wrong ones for a single image.

    Args:
        features: (N, C, H, W).
        places: (P,) of int64, row by row over H and W.
        mirrored: whether the features are those of mirrored images, and the places those of unmirrored ones.

    Returns:
        (N, P, C).
    """
    width = features.shape[-1]
    if mirrored:
        places = places + (width - 1 - 2 * (places % width))
    return features.flatten(2)[..., places.to(features.device)].transpose(1, 2)


def places_drawn(features: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw different places of a feature map (N, C, H, W), on the CPU: (P,), all where it has fewer."""
    return torch.randperm(features.shape[-2] * features.shape[-1], generator=generator)[:count]
