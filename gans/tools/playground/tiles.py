"""Large pictures in tiles, as `predict` cuts and blends them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from datamodules.prediction.batches import PROBE_NAME, PROBE_SIZE, PredictBatch
from datamodules.prediction.tiles import Overlap, Reach, choose_tiling
from gans.callbacks.predicting.blending import Blend
from gans.callbacks.predicting.reach import try_out
from gans.callbacks.predicting.write_predictions import to_pixels
from gans.protocol import Predictions, scale_of


def in_tiles(
    model: Any, method: str, picture: Image.Image, tile: int, overlap: Overlap = "auto", **settings: Any
) -> Image.Image:
    """Return what a model makes of a picture of any size, tile by tile.

    Where the tiles cannot equal the whole picture, as with instance norm, they fade into each other and a
    warning names the reason; see `datamodules.prediction.tiles.choose_tiling`.

    Args:
        model: a trained variant.
        method: of the model, which makes one picture of one: `translate` or `upscale`.
        picture: grey or RGB, of 8 bit.
        tile: side of a tile in pixels.
        overlap: of neighbouring tiles in pixels; `auto` as `predict` chooses it.
        **settings: what else the method takes.

    Raises:
        ValueError: as the method, and if the tile is no multiple of what the model needs.
    """
    scale, asked = scale_of(model), _Asked(model, method, settings)
    tiling = choose_tiling(tile, overlap, asked.reach())
    pixels = np.asarray(picture)
    image = torch.from_numpy(pixels.copy() if pixels.ndim == 3 else pixels[:, :, None].copy()).permute(
        2, 0, 1
    )
    height, width = image.shape[1:]
    blend = Blend(tiling.enlarged(scale), scale * height, scale * width, to_pixels)
    for place in tiling.tiles(height, width):
        blend.add(asked.made_of(tiling.cut(image, place)), place.enlarged(scale))
    made, _ = blend.finish()
    return Image.fromarray(made[:, :, 0] if made.shape[2] == 1 else made)


class _Asked:
    """A model asked by one of its methods, as `try_out` asks it by `predict_step`."""

    def __init__(self, model: Any, method: str, settings: dict[str, Any]) -> None:
        self._model, self._method, self._settings = model, method, settings
        self.scale = scale_of(model)

    def reach(self) -> Reach:
        """Return how far the model sees when it is asked so."""
        grey = torch.full((1, 3, PROBE_SIZE, PROBE_SIZE), 127, dtype=torch.uint8)
        return try_out(self, PredictBatch(grey, [PROBE_NAME]))[0]

    def made_of(self, image: Tensor) -> Tensor:
        """Return the picture (C, H, W) in [-1, 1] that is made of pixels (C, h, w) of uint8."""
        pixels = image.permute(1, 2, 0).numpy()
        tile = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        made = np.array(getattr(self._model, self._method)(tile, **self._settings))
        made = made[:, :, None] if made.ndim == 2 else made
        return torch.from_numpy(made).permute(2, 0, 1) / 127.5 - 1

    def generator_networks(self) -> tuple[str, ...]:
        """Return the model's own."""
        names: tuple[str, ...] = self._model.generator_networks()
        return names

    def averaged(self, name: str) -> nn.Module:
        """Return the model's own."""
        network: nn.Module = self._model.averaged(name)
        return network

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Ask for the first image of a batch."""
        return Predictions(self.made_of(batch.images[0])[None], batch.names)
