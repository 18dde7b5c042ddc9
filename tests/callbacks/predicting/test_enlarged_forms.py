"""Enlarged pictures in the form of their images, in tiles, in another size, and under other names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from support.enlarging import predict
from support.pictures import random_pixels, write_deep_png, write_image

from gans.callbacks.predicting.output_names import output_names
from gans.callbacks.predicting.write_predictions import WritePredictions
from gans.srresnet import SRResNet

Array = np.ndarray[Any, Any]
GENERATORS: dict[str, dict[str, Any]] = {
    "msrresnet_x2": {"generator": "msrresnet", "scale": 2},
    "msrresnet_x3": {"generator": "msrresnet", "scale": 3},
    "rrdbnet_x4": {"generator": "rrdbnet", "scale": 4},
    "rrdbnet_x2": {"generator": "rrdbnet", "scale": 2},
    "srvgg_x4": {"generator": "srvgg", "scale": 4},
}


def enlarging(channels: int = 3, **arguments: Any) -> SRResNet:
    """Return an untrained model whose weights are large enough for all of an image to show."""
    torch.manual_seed(0)
    model = SRResNet(
        channels_in=channels, channels_out=channels, generator_width=4, blocks=1, growth=2, **arguments
    )
    with torch.no_grad():
        for parameter in model.generator.parameters():
            parameter.mul_(2)
    return model


def pixels_of(path: Path) -> Array:
    return np.atleast_3d(imagecodecs.png_decode(path.read_bytes())).astype(int)


TILES = {"rrdbnet_x4": 80, "rrdbnet_x2": 160}  # twice as large as what these see of an image


@pytest.mark.filterwarnings("error:Tiles differ")
@pytest.mark.parametrize("name", GENERATORS)
def test_tiles_of_every_generator_are_the_whole_picture(name: str, tmp_path: Path) -> None:
    """Also of a transparent image, and of odd sides where pixels become channels at the entry."""
    model = enlarging(**GENERATORS[name])
    tile = TILES.get(name, 24)
    write_image(tmp_path / "in" / "a.png", random_pixels(tile + 33, tile + 8))
    write_image(tmp_path / "in" / "clear.png", random_pixels(tile + 8, tile + 33, 4, seed=1))
    write_image(tmp_path / "in" / "small.png", random_pixels(9, 7, seed=2))  # than a tile
    whole, tiled = predict(model, tmp_path, "whole"), predict(model, tmp_path, "tiled", tile=tile)
    assert set(whole) == set(tiled) == {"a.png", "clear.png", "small.png"}
    for image in whole:
        one, other = pixels_of(whole[image]), pixels_of(tiled[image])
        assert one.shape[2] == (4 if image == "clear.png" else 3)
        assert abs(one - other).max() <= 1  # rounding may fall to either side
        assert (one != other).mean() < 0.01
        assert one.std() > 5


def test_depth_transparency_and_grey_are_kept_in_every_format(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_image(folder / "grey.jpg", random_pixels(9, 7, 1))
    write_image(folder / "clear.webp", random_pixels(9, 7, 4), lossless=True)
    Image.fromarray(random_pixels(9, 7, 2)).save(folder / "grey_clear.png")
    write_deep_png(folder / "deep_clear.png", random_pixels(9, 7, 4, dtype=np.uint16))
    tifffile.imwrite(folder / "clear.tif", random_pixels(9, 7, 4), extrasamples=["unassalpha"])
    palette = Image.fromarray(random_pixels(9, 7)).quantize(16)
    palette.save(folder / "palette.png", transparency=3)
    made = predict(enlarging(scale=2), tmp_path, "out")
    with Image.open(made["grey.jpg"]) as picture:
        assert (picture.mode, picture.size) == ("L", (14, 18))
    with Image.open(made["clear.webp"]) as picture:
        assert picture.mode == "RGBA"
    for name in ("grey_clear.png", "deep_clear.png", "palette.png"):
        assert pixels_of(made[name]).shape == (18, 14, 4)
    assert imagecodecs.png_decode(made["deep_clear.png"].read_bytes()).dtype == np.uint16
    with tifffile.TiffFile(made["clear.tif"]) as tiff:
        assert tiff.pages[0].extrasamples == (2,)  # type: ignore[union-attr]  # alpha that stands by itself


def test_alpha_is_seen_as_a_grey_image_and_colours_behind_it_as_they_are(tmp_path: Path) -> None:
    model, image = enlarging(scale=2), random_pixels(9, 7, 4)
    write_image(tmp_path / "in" / "a.png", image)
    made = pixels_of(predict(model, tmp_path, "out")["a.png"])
    colours, alpha = (model.upscale(Image.fromarray(part)) for part in (image[:, :, :3], image[:, :, 3]))
    assert abs(made[:, :, :3] - np.asarray(colours)).max() == 0
    weights = [0.299, 0.587, 0.114]
    grey = np.asarray(model.upscale(alpha_of(image))).astype(float) @ weights
    assert abs(made[:, :, 3] - grey).max() <= 1
    assert alpha.size == colours.size


def alpha_of(image: Array) -> Image.Image:
    return Image.fromarray(np.repeat(image[:, :, 3:], 3, 2))


def test_a_range_of_brightness_or_a_grey_model_leaves_transparency_on_white(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "a.png", random_pixels(9, 7, 4))
    for output, model, settings in (
        ("ranged", enlarging(scale=2), {"value_range": [0, 200]}),
        ("grey", enlarging(channels=1, scale=2), {}),
    ):
        made = predict(model, tmp_path, output, **settings)
        assert pixels_of(made["a.png"]).shape[2] == (3 if output == "ranged" else 1)


@pytest.mark.parametrize(
    ("outscale", "size"), [(3.5, (24, 31)), (2, (14, 18)), (0.01, (1, 1)), (5, (35, 45))]
)
def test_pictures_get_the_size_that_is_asked_for(
    outscale: float, size: tuple[int, int], tmp_path: Path
) -> None:
    write_image(tmp_path / "in" / "a.png", random_pixels(9, 7))
    made = predict(enlarging(scale=2), tmp_path, "out", outscale=outscale, suffix="_large", tile=32)
    assert list(made) == ["a_large.png"]
    with Image.open(made["a_large.png"]) as picture:
        assert picture.size == size


def test_a_size_asked_for_counts_for_what_is_copied_beside(tmp_path: Path) -> None:
    for folder in ("in", "masks"):
        write_image(tmp_path / folder / "a.png", random_pixels(8, 8))
    masks = str(tmp_path / "masks")
    made = predict(enlarging(scale=2), tmp_path, "out", outscale=1, also_copy=masks, suffix="_x")
    assert set(made) == {"a_x.png", "masks/a_x.png"}
    with pytest.raises(ValueError, match=r"pictures are 1\.5 times as high and wide"):
        predict(enlarging(scale=2), tmp_path, "other", outscale=1.5, also_copy=masks)


def test_names_with_a_suffix_are_found_again_and_never_alike(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "a.png", random_pixels(8, 8))
    write_image(tmp_path / "in" / "sub" / "a_x.png", random_pixels(8, 8))
    model = enlarging(scale=2)
    first = predict(model, tmp_path, "out", suffix="_x")
    assert set(first) == {"a_x.png", "sub/a_x_x.png"}
    times = {name: path.stat().st_mtime_ns for name, path in first.items()}
    again = predict(model, tmp_path, "out", suffix="_x", skip_existing=True)
    assert {name: path.stat().st_mtime_ns for name, path in again.items()} == times
    names = output_names(["a.png", "a_x.png", "slice.nii.gz", f"{'n' * 251}.png"], "_x")
    assert [name.same for name in names.values()][:3] == ["a_x.png", "a_x_x.png", "slice_x.nii.gz"]
    assert len(names[f"{'n' * 251}.png"].same) <= 255
    assert names[f"{'n' * 251}.png"].same.endswith("_x.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"suffix": "../x"}, "suffix is '../x': it is a part of a name, without /"),
        ({"outscale": 0}, "outscale is 0: it is a number above 0"),
        ({"outscale": float("nan")}, "outscale is nan"),
    ],
)
def test_impossible_wishes_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WritePredictions(**arguments)
