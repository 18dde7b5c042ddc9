"""Sharp images whose small ones are spoilt on the device, given in files, mirrored and turned."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.degrading import array, entry
from support.pairs import FACES, assert_resumes, epoch, finished, unit
from support.pictures import random_pixels, write_deep_png, write_folder, write_image
from torch import Tensor

from datamodules import SharpImages
from datamodules.degradations.filtering import sharpen
from datamodules.degradations.parameters import Degradation, PassParameters, SecondPassParameters
from datamodules.degradations.pipeline import degrade
from datamodules.files.readers import ImageError
from datamodules.loading import uniform_draws
from datamodules.sharp.batches import Turns
from datamodules.transforms import Augmentation

GENTLE = Degradation(
    PassParameters(
        sigma=(0.2, 0.4), resize=(0, 0, 1), gaussian_noise=(0, 0), photon_noise=(0, 0), quality=(95, 95)
    ),
    SecondPassParameters(
        blur=0, resize=(0, 0, 1), gaussian_noise=(0, 0), photon_noise=(0, 0), quality=(95, 95)
    ),
    sinc=0,
    sharpen=False,
)


def sharp(folder: Path, **changes: Any) -> SharpImages:
    arguments = {"scale": 2, "size": 8, "batch_size": 2, "eval_batch_size": 1}
    return SharpImages(folder=str(folder), **(arguments | changes))


# Turning ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(8))
def test_squares_are_turned_as_officially(number: int) -> None:
    flip, upside_down, turned = bool(number & 4), bool(number & 2), bool(number & 1)
    name = f"augment/hflip{flip:d}_vflip{upside_down:d}_rot{turned:d}"
    assert entry(name)["dtype"] == "float32"
    square = torch.full((1, 3, 3, 3), float("nan"), dtype=torch.float64)
    square[:, :, :2] = torch.arange(18.0).view(2, 3, 3).permute(2, 0, 1)  # the recorded one is no square
    nowhere = torch.zeros(1, dtype=torch.long)
    cut = Augmentation(nowhere, nowhere, torch.tensor([flip]), 3, 3)
    made = Turns(cut, torch.tensor([upside_down]), torch.tensor([turned]))(square)[0].permute(1, 2, 0)
    rows, columns = (made.isfinite().any(dim) for dim in ((1, 2), (0, 2)))
    assert torch.equal(made[rows][:, columns], array(name))


@pytest.mark.parametrize(("turn", "ways"), [(None, 8), (False, 2)])
def test_windows_lie_in_every_way_and_small_ones_alike(tmp_path: Path, turn: bool | None, ways: int) -> None:
    pixels = write_folder(tmp_path, 2, (16, 16))
    data = sharp(tmp_path, task="area", turn=turn, batch_size=1)
    seen = set()
    for number in range(60):
        (batch,) = epoch(data, number)
        means = torch.nn.functional.avg_pool2d(batch.target, 2)
        assert (means - batch.input).abs().max() <= 0.5001 / 127.5
        seen.add(batch.target.numpy().tobytes())
    whole = unit(pixels[batch.names[0]])
    assert whole.contiguous().numpy().tobytes() in seen
    assert len(seen) == ways


def test_spoilt_windows_are_not_turned_by_default() -> None:
    assert not SharpImages(**FACES, task="real")._windows.turn
    assert SharpImages(**FACES, task="real", turn=True)._windows.turn


# Spoiling ---------------------------------------------------------------------------------------------------


def test_windows_are_spoilt_in_a_larger_region_and_show_the_same(tmp_path: Path) -> None:
    for number in range(4):
        waves = np.sin(np.arange(60) / (9 + number))[:, None] + np.cos(np.arange(70) / 7)
        write_image(tmp_path / f"{number}.png", (127 + 60 * waves)[..., None].repeat(3, 2).astype(np.uint8))
    data = sharp(tmp_path, task="real", degradation=GENTLE, load_size=16)
    for number in range(8):
        (batch,) = epoch(data, number)
        assert batch.input.shape == (2, 3, 8, 8)
        assert batch.target.shape == (2, 3, 16, 16)
        small = torch.nn.functional.avg_pool2d(batch.target, 2)
        for one, other in zip(batch.input, small, strict=True):
            apart = torch.stack(
                [(one - other.roll(by, dim)).abs().mean() for dim in (1, 2) for by in (-1, 0, 1)]
            )
            assert int(apart.argmin()) in (1, 4)
            assert float(apart.min()) < 0.05
        assert torch.equal((batch.input * 127.5 + 127.5).round() / 127.5 - 1, batch.input)


def test_what_is_drawn_depends_on_seed_epoch_and_index_alone(tmp_path: Path) -> None:
    write_folder(tmp_path, 9, (40, 40))
    options: dict[str, Any] = {"task": "real", "scale": 2, "size": 8, "batch_size": 2}
    first = epoch(sharp(tmp_path, **options, cache_gigabytes=0), 1)
    again = epoch(sharp(tmp_path, **options), 1)
    assert all(torch.equal(one.input, other.input) for one, other in zip(first, again, strict=True))
    assert all(torch.equal(one.target, other.target) for one, other in zip(first, again, strict=True))
    for other in (epoch(sharp(tmp_path, **options), 2), epoch(sharp(tmp_path, **options, seed=1), 1)):
        assert not any(torch.equal(one.input, two.input) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("task", ["real", "bicubic"])
def test_a_run_resumes_whatever_the_workers(tmp_path: Path, task: str, workers: int) -> None:
    write_folder(tmp_path, 9, (40, 40))
    assert_resumes(partial(sharp, tmp_path, task=task), workers)


def test_evaluation_spoils_whole_pictures_alike_whatever_the_batch(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 12, (23, 30))
    options: dict[str, Any] = {"task": "real", "scale": 4, "size": 4, "held_out_share": 0.5}
    (together,) = finished(sharp(tmp_path, **options, eval_batch_size=6, seed=3).val_dataloader())
    alone = finished(sharp(tmp_path, **options, eval_batch_size=1).val_dataloader())
    assert together.input.shape == (6, 3, 5, 7)
    assert torch.equal(together.input, torch.cat([batch.input for batch in alone]))
    for row, name in enumerate(together.names):
        large = (unit(pixels[name])[:, :20, :28] + 1) / 2
        torch.testing.assert_close(together.target[row], 2 * large - 1, rtol=0, atol=1e-6)
        drawn = Degradation().drawn(uniform_draws(0, [(0, row)], 40))
        small = degrade(sharpen(large[None].float()), drawn, 4)
        torch.testing.assert_close(together.input[row], 2 * small[0] - 1, rtol=0, atol=1e-6)
    (other, *_) = finished(
        sharp(tmp_path, **options, degradation=Degradation(sharpen=False)).val_dataloader()
    )
    assert not torch.equal(other.input[0], together.input[0])


def test_the_small_images_of_the_test_are_predicted() -> None:
    data = SharpImages(**FACES, task="real", scale=2)
    (batch,) = [batch.finish() for batch in data.predict_dataloader()]
    (test,) = finished(data.test_dataloader())
    assert torch.equal(batch.images, test.input)
    assert list(batch.names) == list(test.names)
    preview = data.preview(2)
    assert torch.equal(preview.input[0], test.input[0])


def test_pictures_too_small_are_mirrored_where_they_are_spoilt(tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / f"{number}.png", np.full((5, 40, 3), 40 * number, np.uint8))
    (batch,) = epoch(sharp(tmp_path, task="real", degradation=GENTLE))
    assert batch.target.shape == (2, 3, 16, 16)
    assert all(float(image.std()) < 1e-6 for image in batch.target)


def test_grey_and_deep_pictures_are_spoilt_in_colour(tmp_path: Path) -> None:
    for number in range(3):
        levels = np.linspace(0, 65535, 30 * 30).reshape(30, 30, 1).astype(np.uint16)
        write_deep_png(tmp_path / f"{number}.png", levels + number)
    data = sharp(tmp_path, task="real", degradation=GENTLE)
    assert (data.channels_in, data.channels_out) == (3, 3)
    (batch, *_) = epoch(data)
    assert batch.input.shape == (2, 3, 8, 8)
    assert batch.target.unique().numel() > 256


def test_faces_are_drawn_as_large_as_what_is_spoilt() -> None:
    data = SharpImages(**FACES, task="real", scale=2)
    assert data.found()[0].sizes == ((50, 50), (50, 50))
    (batch, *_) = epoch(data)
    assert batch.target.shape == (1, 3, 32, 32)
    (whole,) = finished(data.val_dataloader())
    assert whole.target.shape == (3, 3, 50, 50)
    assert whole.input.shape == (3, 3, 25, 25)


# Given small images -----------------------------------------------------------------------------------------


def given(root: Path, sizes: dict[str, tuple[int, int]], scale: int = 2, end: str = "") -> dict[str, Tensor]:
    """Write small pictures, and sharp ones of constant blocks; return the latter."""
    written = {}
    for seed, (name, (height, width)) in enumerate(sizes.items()):
        small = random_pixels(-(-height // scale), -(-width // scale), seed=seed)
        large = small.repeat(scale, 0).repeat(scale, 1)[:height, :width]
        write_image(root / "sharp" / f"{name}.png", large)
        write_image(root / "small" / f"{name}{end}.png", small)
        written[f"{name}.png"] = unit(large)
    return written


@pytest.mark.parametrize("end", ["", "x2"])
def test_given_pairs_are_found_by_name_and_cut_alike(tmp_path: Path, end: str) -> None:
    written = given(tmp_path, {f"{number:04d}": (20 + number, 24) for number in range(6)}, end=end)
    data = sharp(tmp_path / "sharp", small=str(tmp_path / "small"), held_out_share=0.3)
    for number in range(4):
        for batch in epoch(data, number):
            repeated = batch.input.repeat_interleave(2, 2).repeat_interleave(2, 3)
            torch.testing.assert_close(repeated, batch.target, rtol=0, atol=1e-6)
    for batch in finished(data.val_dataloader()):
        height, width = written[batch.names[0]].shape[1:]
        assert batch.target.shape[2:] == (height - height % 2, width)
        expected = written[batch.names[0]][:, : height - height % 2]
        torch.testing.assert_close(batch.target[0], expected, rtol=0, atol=1e-6)
        assert batch.input.shape[2:] == (height // 2, width // 2)


def test_given_pairs_lie_in_folders_of_their_splits(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            pixels = random_pixels(16, 16, seed=number)
            write_image(tmp_path / "sharp" / split / f"{number}.png", pixels.repeat(4, 0).repeat(4, 1))
            write_image(tmp_path / "small" / split / f"{number}.png", pixels)
    data = SharpImages(root=str(tmp_path / "sharp"), small=str(tmp_path / "small"), size=16, task="real")
    assert [each.training for each in data.found()] == [3]
    (batch,) = finished(data.test_dataloader())
    assert torch.equal(batch.target[..., ::4, ::4], batch.input)
    assert batch.input.shape == (1, 3, 16, 16) or batch.input.shape == (2, 3, 16, 16)


def test_what_is_no_pair_of_this_scale_is_refused(tmp_path: Path) -> None:
    given(tmp_path, {"a": (24, 48), "b": (24, 48)})
    with pytest.raises(
        ImageError, match=r"24x12 and 48x24 pixels are no small and large image of data\.scale 3"
    ):
        epoch(sharp(tmp_path / "sharp", small=str(tmp_path / "small"), scale=3))
    with pytest.raises(ImageError, match=r"48x24 and 24x12 pixels are no small and large image"):
        epoch(sharp(tmp_path / "small", small=str(tmp_path / "sharp")))
    with pytest.raises(
        ImageError, match=r"[ab]\.png: 48x24 pixels are too few for a window of 32, .* on_bad_image"
    ):
        epoch(sharp(tmp_path / "sharp", small=str(tmp_path / "small"), size=16, held_out_share=0.4))


def test_sharp_images_without_a_small_one(tmp_path: Path) -> None:
    given(tmp_path, dict.fromkeys("abcdefgh", (24, 24)))
    (tmp_path / "small" / "c.png").unlink()
    said = r"small: 1 of 8 sharp images have no small one in .*small, such as .*c\.png: .* x2 at its end"
    with pytest.raises(ValueError, match=said):
        sharp(tmp_path / "sharp", small=str(tmp_path / "small"))
    with pytest.warns(UserWarning, match="They are left out"):
        data = sharp(
            tmp_path / "sharp", small=str(tmp_path / "small"), on_bad_image="skip", held_out_share=0.3
        )
    (found,) = data.found()
    assert found.training + found.held_out == 7
    assert found.left_out["without a partner"] == 1
    for arguments in ({}, {"name": "DIV2K"}):
        with pytest.raises(ValueError, match="small: these are the small images of a root or folder"):
            SharpImages(small=str(tmp_path / "small"), **arguments)


# Mixtures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["bicubic", "real"])
def test_sizes_and_depths_mix(tmp_path: Path, task: str) -> None:
    write_folder(tmp_path, 2, (40, 37))
    write_image(tmp_path / "wide.png", random_pixels(33, 64))
    write_image(tmp_path / "grey.png", random_pixels(50, 50, 1))
    write_deep_png(tmp_path / "deep.png", random_pixels(41, 43).astype(np.uint16) * 257)
    data = SharpImages(folder=str(tmp_path), task=task, scale=2, size=8, batch_size=4, held_out_share=0.3)
    assert data.channels_in == 3
    for batch in epoch(data):
        assert batch.input.shape == (3, 3, 8, 8) or batch.input.shape == (4, 3, 8, 8)
        assert batch.target.dtype == torch.float32
    everything = finished(data.val_dataloader())
    assert all(batch.target.shape[2] == 2 * batch.input.shape[2] for batch in everything)
    assert data.preview(4).target.shape[1:] == (3, 16, 16)


def test_pictures_too_small_are_left_out_if_that_is_asked_for(tmp_path: Path) -> None:
    write_folder(tmp_path, 4, (31, 31))
    write_image(tmp_path / "tiny.png", random_pixels(9, 9))
    write_image(tmp_path / "tinier.png", random_pixels(1, 9))
    data = sharp(tmp_path)
    with pytest.raises(ImageError, match=r"tin(y|ier)\.png: .* pixels are too few"):
        epoch(data)
    data = sharp(tmp_path, on_bad_image="skip")
    with pytest.warns(UserWarning, match=r"1 images were skipped|2 images were skipped"):
        assert epoch(data)


@pytest.mark.parametrize(
    "options", [{"task": "real"}, {"task": "bicubic"}, {"task": "real", "cache_gigabytes": 0}]
)
def test_what_makes_batches_travels_to_workers_of_any_kind(tmp_path: Path, options: Any) -> None:
    write_folder(tmp_path, 3, (40, 40))
    loader: Any = sharp(tmp_path, **options).train_dataloader()
    sent = pickle.loads(pickle.dumps(loader.batches))
    delivered = pickle.loads(pickle.dumps(sent[[(0, 0)]]))
    assert torch.equal(delivered.finish().input, loader.batches[[(0, 0)]].finish().input)
