"""A folder enlarged as the authors' program does it: `sr_inference` holds what that made of tiny images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import lightning as L
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.official import save
from support.parity import vectors
from torch import Tensor

from datamodules import PairedImages
from datamodules.files.formats.pictures import encode
from gans.callbacks.predicting.write_predictions import WritePredictions, to_pixels
from gans.esrgan import ESRGAN
from gans.networks.rrdbnet import RRDBNet
from gans.pictures.lanczos import resized
from gans.real_esrgan import RealESRGAN
from gans.tools.official.convert import import_official
from gans.tools.official.names import official_names

Array = np.ndarray[Any, Any]
RECORDED = vectors("sr_inference")
ENTRIES = {entry["name"]: entry for entry in RECORDED.facts["entries"]}
WHOLE = [
    "rgb8",
    "rgb8_params_only",
    "rgb8_outscale_3.5",
    "grey8",
    "rgba8_network",
    "rgb16",
    "grey16",
    "x2_odd",
]


def model_of(entry: dict[str, Any], folder: Path) -> ESRGAN | RealESRGAN:
    """Return the recorded network, from a file as the authors publish it."""
    network = RRDBNet(width=8, blocks=1, growth=4, scale=entry["network"]["scale"])
    state = {}
    for index, (name, value) in enumerate(network.state_dict().items()):
        s = np.sin(0.37 * index + 0.011 * np.arange(value.numel()))
        values = ((0.05 if value.ndim > 1 else 0.02) * s).astype(np.float32)
        state[official_names(network)[name]] = torch.from_numpy(values).view(value.shape)
    path = save({entry["checkpoint_key_used"]: state}, folder / "RealESRGAN.pth")
    model = import_official(path, "RealESRGAN").model
    assert isinstance(model, RealESRGAN)
    return model


def recorded_image(entry: dict[str, Any]) -> Array:
    """Return the recorded input with its channels as RGB(A), (h, w, c)."""
    dtype, shape = entry["input"].split("]")[0].split(" [")
    half = 127.5 if dtype == "uint8" else 32767.5
    sides = [int(side) for side in shape.split(", ")]
    pixels = np.round(half + half * np.sin(0.013 * np.arange(np.prod(sides)))).astype(dtype).reshape(sides)
    return in_rgb(np.atleast_3d(pixels))


def in_rgb(pixels: Array) -> Array:
    """Return (h, w, c) of which OpenCV has the colours in the order BGR."""
    order = [0] if pixels.shape[2] == 1 else [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[:, :, order])


def predict(model: Any, folder: Path, image: Array, suffix: str = "", **settings: Any) -> Array:
    """Predict a folder with this image in it by a trainer, and return the picture's pixels (H, W, C)."""
    source = folder / "in" / "a.png"
    source.parent.mkdir(exist_ok=True)
    with source.open("wb") as file:
        encode(image, "PNG", file)
    writer = {key: settings.pop(key) for key in ("outscale",) if key in settings}
    data = PairedImages(faces_count=1, test_count=1, predict_dir=str(folder / "in"), **settings)
    trainer = L.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        default_root_dir=folder / "out",
        callbacks=[WritePredictions(suffix=suffix, **writer)],
    )
    trainer.predict(model, data, return_predictions=False)
    (made,) = (folder / "out").iterdir()
    assert made.name == f"a{suffix}.png"
    return np.atleast_3d(imagecodecs.png_decode(made.read_bytes()))


def assert_as_recorded(made: Array, name: str) -> None:
    """Where a value lies between two levels, rounding may fall to either side."""
    recorded = in_rgb(np.atleast_3d(RECORDED.arrays[name]))
    assert (made.shape, made.dtype) == (recorded.shape, recorded.dtype)
    differences = np.abs(made.astype(int) - recorded)
    assert differences.max() <= 1
    assert (differences > 0).mean() <= 0.002


@pytest.mark.parametrize("name", WHOLE)
def test_a_folder_becomes_what_the_authors_program_makes_of_it(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    model, image = model_of(entry, tmp_path), recorded_image(entry)
    outscale = entry["enhance"].get("outscale")
    assert_as_recorded(predict(model, tmp_path, image, "_out", outscale=outscale), name)


# What the program here does not do by itself ---------------------------------------------------------------


def in_the_authors_tiles(model: Any, image: Tensor, tile: int, tile_pad: int, pre_pad: int) -> Tensor:
    """Enlarge an image (3, H, W) padded at two sides, in cores with surroundings that are cut hard."""
    height, width = image.shape[1:]
    scale, even = model.scale, 2 if model.scale == 2 else 1
    padded = F.pad(image[None], (0, pre_pad, 0, pre_pad), mode="reflect")
    more = [-side % even for side in padded.shape[-2:]]
    padded = F.pad(padded, (0, more[1], 0, more[0]), mode="reflect")
    high, wide = padded.shape[-2:]
    made = torch.zeros(1, 3, scale * high, scale * wide)
    core = tile or max(high, wide)
    for top in range(0, high, core):
        for left in range(0, wide, core):
            bottom, right = min(top + core, high), min(left + core, wide)
            above, before = max(top - tile_pad, 0), max(left - tile_pad, 0)
            part = model.upscale(padded[..., above : bottom + tile_pad, before : right + tile_pad])
            made[..., scale * top : scale * bottom, scale * left : scale * right] = part[
                ...,
                scale * (top - above) : scale * (bottom - above),
                scale * (left - before) : scale * (right - before),
            ]
    return made[0, :, : scale * height, : scale * width]


@pytest.mark.parametrize("name", ["rgb8_pre_pad", "rgb8_tiles", "x2_odd_tiles_outscale_4"])
def test_the_authors_padding_and_tiles_give_what_they_recorded(name: str, tmp_path: Path) -> None:
    """Their tiles differ from the whole image, which those here equal, so they are no setting here."""
    entry = ENTRIES[name]
    model, image = model_of(entry, tmp_path), recorded_image(entry)
    asked = {"tile_pad": 0} | entry["constructor"]
    given = torch.from_numpy(image).permute(2, 0, 1) / 127.5 - 1
    made = to_pixels(in_the_authors_tiles(model, given, **asked))
    if "outscale" in entry["enhance"]:
        made = resized(made, *(int(entry["enhance"]["outscale"] * side) for side in image.shape[:2]))
    assert_as_recorded(made, name)


def test_alpha_enlarged_by_interpolation_is_the_other_recorded_way(tmp_path: Path) -> None:
    entry = ENTRIES["rgba8_bicubic"]
    model, image = model_of(entry, tmp_path), recorded_image(entry)
    given = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
    alpha = F.interpolate(given[:, 3:], scale_factor=4, mode="bilinear")
    assert_as_recorded(to_pixels(torch.cat([model.upscale(given[:, :3]), alpha], 1)[0]), "rgba8_bicubic")
