"""Styles of some samples, mixed with those of others layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from gans.cli.errors import UsageError
from gans.tools.latents.decoder import Decoder
from gans.tools.latents.layers import styled
from gans.tools.latents.sheet import Sheet


def mix(
    decoder: Decoder,
    rows: Sequence[int] = range(4),
    columns: Sequence[int] = range(4, 9),
    layers: Sequence[int] | None = None,
) -> Sheet:
    """Give the samples of the rows the styles of the columns in some layers (style mixing).

    The first row and the first column show the samples that the styles come from; where these meet stands
    the sample of the mean style. Layers are counted from the smallest map, 4x4 pixels, where styles decide
    what is large: of the first ones a row takes pose and shape, and keeps its colours.

    Paper: Karras et al. 2019, arXiv:1812.04948, figure 3.

    Args:
        decoder: the variant, among its styles.
        rows: seeds of the samples that are changed.
        columns: seeds of the samples that lend their styles.
        layers: in which they do; by default the first half.

    Raises:
        UsageError: if a latent is no style, if a seed occurs twice among the columns, or there is no such
            layer.
    """
    of_layers = styled(decoder, "mix")
    if len(set(columns)) < len(columns):
        raise UsageError(f"--columns {' '.join(map(str, columns))}: one of them occurs twice.")
    lent = of_layers.chosen(range(of_layers.layers // 2) if layers is None else layers)
    kept, lending = (torch.cat([of_layers.mean[None], of_layers.latents(seeds)]) for seeds in (rows, columns))
    mixed = torch.where(lent[:, None], lending[None, :, None], kept[:, None, None])
    mixed[0] = lending[:, None]
    mixed[:, 0] = kept[:, None]
    layers = lent.nonzero()[:, 0].tolist()
    return Sheet(
        mixed.flatten(2),
        columns=["rows", *(f"seed {seed}" for seed in columns)],
        rows=["columns", *(f"seed {seed}" for seed in rows)],
        numbers={"rows": np.array(rows), "columns": np.array(columns), "layers": np.array(layers)},
        findings=[
            f"Layers {' '.join(map(str, layers))} of 0 to {of_layers.layers - 1} have the styles of the "
            "columns, all others those of the rows."
        ],
    )
