"""Pictures larger than their images: whole, out of tiles, and what does not fit them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from support.enlarging import Enlarger, enlarger, predict
from support.pictures import channels_last, random_pixels, write_image
from torch import Tensor, nn

from datamodules.prediction.batches import PROBE_NAME, PredictBatch
from datamodules.prediction.tiles import Tiling, choose_tiling
from gans.callbacks.predicting.blending import Blend
from gans.callbacks.predicting.reach import try_out
from gans.networks.rrdbnet import RRDBNet

PROBE = PredictBatch(torch.zeros(1, 3, 32, 32), [PROBE_NAME])


def pixels_of(path: Path) -> Any:
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize("scale", [2, 3])
def test_a_folder_becomes_larger_whole_and_in_tiles(
    tmp_path: Path, scale: int, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {"a.png": (70, 45), "sub/b.png": (33, 96), "small.png": (20, 24)}  # the last one is no tile
    for seed, (name, size) in enumerate(sizes.items()):
        write_image(tmp_path / "in" / name, random_pixels(*size, seed=seed))
    model = enlarger(scale)
    whole = predict(model, tmp_path, "whole")
    capsys.readouterr()
    tiled = predict(model, tmp_path, "tiled", tile=32)
    assert capsys.readouterr().out.count("where tiles meet") == 2
    assert set(whole) == set(tiled) == set(sizes)
    for name, (height, width) in sizes.items():
        one, other = pixels_of(whole[name]), pixels_of(tiled[name])
        assert one.shape[:2] == other.shape[:2] == (scale * height, scale * width)
        assert abs(one - other).max() <= 1  # rounding may fall to either side
        assert one.std() > 10


def blended(model: Enlarger, image: Tensor, tiling: Tiling) -> Tensor:
    """Make a picture (C, scale * H, scale * W) of an image (C, H, W) in tiles."""
    scale, (_, height, width) = model.scale, image.shape
    blend = Blend(tiling.enlarged(scale), scale * height, scale * width, to_pixels=channels_last)
    for tile in tiling.tiles(height, width):
        blend.add(model.translate(tiling.cut(image, tile)), tile.enlarged(scale))
    return torch.from_numpy(blend.finish()[0]).permute(2, 0, 1)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(61, 40), (16, 50)])
def test_tiles_together_are_the_larger_picture(scale: int, size: tuple[int, int]) -> None:
    model = enlarger(scale)
    reach, _ = try_out(model, PROBE)
    assert (reach.multiple, reach.whole) == (1, ())
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    tiling = choose_tiling(16, "auto", reach)
    assert tiling.exact
    whole = model.translate(image)
    torch.testing.assert_close(blended(model, image, tiling), whole, rtol=0, atol=1e-6)
    less = tiling._replace(overlap=0)
    assert (blended(model, image, less) - whole).abs().max() > 1e-4, "the overlap is not what does it"


def test_where_tiles_fade_the_larger_weights_add_up_to_one() -> None:
    tiling = Tiling(16, 6, 6, multiple=2).enlarged(3)
    added = torch.zeros(3 * 41, 3 * 30)
    for tile in tiling.tiles(3 * 41, 3 * 30):
        weights = tiling.weights(tile)
        added[tile.top : tile.top + len(weights), tile.left : tile.left + weights.shape[1]] += weights
    torch.testing.assert_close(added, torch.ones_like(added))


@pytest.mark.parametrize("last", [nn.Upsample(scale_factor=2), nn.PixelShuffle(2)], ids=repr)
def test_the_reach_of_fine_pixels_is_an_upper_bound_in_pixels_of_the_image(last: nn.Module) -> None:
    model = Enlarger().double()
    features = 4 if isinstance(last, nn.PixelShuffle) else 1
    model.generator = nn.Sequential(
        nn.Conv2d(3, features, 3, padding=1), last, *[nn.Conv2d(1, 1, 3, padding=1) for _ in range(3)]
    ).double()
    reach = try_out(model, PROBE._replace(images=PROBE.images.double()))[0]
    assert reach.whole == ()
    furthest = 0
    for pixel in (32, 33):  # both of the fine pixels of a pixel
        image = torch.rand(1, 3, 32, 32, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(model.generator(image)[0, 0, pixel, pixel], image)
        rows, columns = gradient[0].sum(0).nonzero().T
        furthest = max(furthest, int((rows - 16).abs().max()), int((columns - 16).abs().max()))
    assert furthest <= reach.pixels <= furthest + 1


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_reach_of_pixels_that_become_channels_is_followed(scale: Literal[1, 2, 4]) -> None:
    model = Enlarger(scale=scale).double()
    model.generator = nn.Sequential(RRDBNet(width=2, blocks=1, growth=1, scale=scale)).double()
    reach = try_out(model, PROBE._replace(images=PROBE.images.double()))[0]
    assert (reach.whole, reach.multiple) == ((), 4 // scale)
    image = torch.rand(1, 3, 256, 256, dtype=torch.float64, requires_grad=True)
    furthest = 0
    for pixel in range(128 * scale, 128 * scale + 4):
        (gradient,) = torch.autograd.grad(model.generator(image)[0, 0, pixel, pixel], image)
        rows = gradient[0].sum((0, 2)).nonzero()
        furthest = max(furthest, int((rows - pixel // scale).abs().max()))
    assert furthest <= reach.pixels <= furthest + 4 // scale


def test_a_model_that_does_not_keep_to_its_scale_is_told(tmp_path: Path) -> None:
    model = enlarger(2)
    model.scale = 4
    assert try_out(model, PROBE)[0].whole == ("a layer that cannot be followed",)
    write_image(tmp_path / "in" / "a.png", random_pixels(40, 40))
    with (
        pytest.warns(UserWarning, match="cannot be followed"),
        pytest.raises(ValueError, match=r"Enlarger made 64x64 pixels of a tile of 32x32, and its scale is 4"),
    ):
        predict(model, tmp_path, "out", tile=32)


def test_masks_of_the_images_are_not_put_beside_larger_pictures(tmp_path: Path) -> None:
    for folder in ("in", "masks"):
        write_image(tmp_path / folder / "a.png", random_pixels(20, 20))
    masks = str(tmp_path / "masks")
    with pytest.raises(ValueError, match=r"also_copy: what lies in .*masks, .* 2 times as high and wide"):
        predict(enlarger(2), tmp_path, "out", also_copy=masks)
    assert not (tmp_path / "out").exists()
    predict(enlarger(1), tmp_path, "same", also_copy=masks)
    assert (tmp_path / "same" / "masks" / "a.png").is_file()


def test_a_command_that_is_repeated_leaves_larger_pictures_out(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "a.png", random_pixels(20, 20))
    first = predict(enlarger(2), tmp_path, "out")
    written = first["a.png"].stat().st_mtime_ns
    assert predict(enlarger(2), tmp_path, "out", skip_existing=True) == first
    assert first["a.png"].stat().st_mtime_ns == written
