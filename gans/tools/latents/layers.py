"""Layers of a model with styles, in which alone something is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from gans.cli.errors import UsageError
from gans.tools.latents.decoder import Decoder, StyleDecoder


def styled(decoder: Decoder, what: str) -> StyleDecoder:
    """Return a decoder among styles; refuse another one, which cannot do what is asked for.

    Raises:
        UsageError: if a latent is no style.
    """
    if not isinstance(decoder, StyleDecoder):
        raise UsageError(f"{what} takes a model with styles w, such as StyleGAN2, and no --space z.")
    return decoder


def moved(decoder: Decoder, latents: Tensor, moves: Tensor, layers: Sequence[int] | None = None) -> Tensor:
    """Return latents that are moved, in all layers or in some.

    Args:
        decoder: the variant.
        latents: (..., L).
        moves: likewise.
        layers: of a model with styles.

    Returns:
        (..., L), or of some layers the style of each of them, one after the other, (..., layers * L).

    Raises:
        UsageError: as `styled`, and if there is no such layer.
    """
    if layers is None:
        return latents + moves
    chosen = styled(decoder, "--layers").chosen(layers)
    return (latents[..., None, :] + chosen[:, None] * moves[..., None, :]).flatten(-2)


def recorded(layers: Sequence[int] | None) -> dict[str, npt.NDArray[Any]]:
    """Return the layers as the .npz keeps them: nothing where they are all."""
    return {} if layers is None else {"layers": np.array(sorted(set(layers)))}
