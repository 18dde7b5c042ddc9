"""Samples of variants with a latent, shown on the smallest GAN."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import torch
from support.small_gans import batch, fit, tiny
from torch import Tensor

from datamodules.base import PredictBatch
from datamodules.images.batches import ImageBatch, SampleBatch
from gans.dcgan import DCGAN
from gans.gan import GAN
from gans.protocol import HasLatent, MakesSamples


def test_a_seed_gives_the_same_image_in_any_batch() -> None:
    module = tiny()
    assert isinstance(module, HasLatent)
    assert isinstance(module, MakesSamples)
    five = module.sample(5, seed=3)
    torch.testing.assert_close(five[2:3], module.sample(1, seed=5))
    torch.testing.assert_close(module.decode(module.latents([7, 3]))[1], five[0])
    assert torch.equal(module.latents([3, 4]), module.latents([4, 3]).flip(0))
    assert five.flatten(1).unique(dim=0).shape[0] == 5
    assert module.sample(0).shape == (0, 1, 4, 4)


def test_latents_are_the_same_on_every_machine() -> None:
    """The Mersenne Twister by numpy and the Box-Muller transform, written out."""
    twister = np.random.RandomState(3)
    torch.testing.assert_close(
        tiny(latent_size=2).latents([3])[0].double(),
        torch.from_numpy(_box_muller(twister)),
        rtol=1e-6,
        atol=0,
    )


def _box_muller(twister: np.random.RandomState) -> Any:
    """Return a pair of normal numbers of two uniform ones of 53 bits, as torch draws them on a CPU."""
    high, low = twister.randint(0, 2**32, 4, dtype=np.uint64).reshape(2, 2).T
    u, v = ((high << np.uint64(32)) | low) % np.uint64(2**53) / 2**53
    radius = np.sqrt(-2 * np.log1p(-v))
    return radius * np.array([np.cos(2 * np.pi * u), np.sin(2 * np.pi * u)])


def test_sampling_leaves_no_trace() -> None:
    module = DCGAN(image_size=16, width=2, latent_size=3)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    draws = torch.random.get_rng_state()
    module.sample(3)
    assert torch.equal(torch.random.get_rng_state(), draws)
    assert module.generator.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_a_checkpoint_alone_makes_the_same_images(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.9, spectral_norm=True, learning_rate=0.01)
    fit(module, tmp_path, 3).save_checkpoint(tmp_path / "last.ckpt")
    loaded = GAN.load_from_checkpoint(tmp_path / "last.ckpt")
    assert torch.equal(loaded.sample(16, seed=3), module.sample(16, seed=3))


def test_samples_are_compared_as_many_as_there_are_images_by_name() -> None:
    module, held_out = tiny(), batch(5)
    ((name, comparison),) = module.comparisons(held_out).items()
    assert name == "samples"
    assert comparison.real is held_out.images
    torch.testing.assert_close(comparison.fake[3:4], module.sample(1, seed=crc32(b"3.png")))
    part = ImageBatch(held_out.images[3:], names=held_out.names[3:])
    torch.testing.assert_close(module.comparisons(part)["samples"].fake, comparison.fake[3:])


def test_the_grid_shows_the_samples_of_seeds_in_order() -> None:
    module = tiny()
    grid = module.grids(batch(3))["samples"]
    assert list(grid.columns) == ["+ 0", "+ 1", "+ 2"]
    assert grid.row_labels == ["seed 0", "seed 3", "seed 6"]
    rows = torch.stack(list(grid.columns.values()), 1)
    torch.testing.assert_close(rows.flatten(0, 1), module.sample(9))


def test_points_are_drawn_over_the_real_ones() -> None:
    module = tiny(image_size=1, channels=2)
    grid = module.grids(ImageBatch(torch.randn(50, 2, 1, 1)))["points"]
    (picture,) = grid.columns.values()
    assert picture.shape[:2] == (1, 3)
    assert module.discriminator.training
    unbounded = module.decode(1000 * module.latents(range(10)))
    assert unbounded.abs().max() > 1


def test_predictions_are_samples_under_the_names_of_their_seeds() -> None:
    module = tiny()
    made = module.predict_step(SampleBatch(torch.tensor([4, 9]), ["a.png", "b.png"]), 0)
    torch.testing.assert_close(made.images, torch.cat([module.sample(1, 4), module.sample(1, 9)]))
    assert made.names == ["a.png", "b.png"]
    with pytest.raises(ValueError, match=r"leave data\.predict_dir out"):
        module.predict_step(PredictBatch(batch().images, ["a.png"]), 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("classes", "labels", "said"),
    [
        (0, torch.zeros(2, dtype=torch.int64), "trained without classes: it takes no labels"),
        (3, None, r"2 images need one class each, labels of shape \(2,\), not none"),
        (3, torch.zeros(1, dtype=torch.int64), r"not labels of shape \(1,\)"),
        (3, torch.tensor([0, 3]), "classes from 0 to 2; these reach from 0 to 3"),
    ],
)
def test_labels_that_do_not_fit_are_explained(classes: int, labels: Tensor | None, said: str) -> None:
    module = tiny(classes=classes)
    with pytest.raises(ValueError, match=said):
        module.decode(module.latents([0, 1]), labels)


def test_samples_come_from_the_averaged_generator(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.9, learning_rate=0.05)
    fit(module, tmp_path, 5)
    averaged = module.sample(2)
    module.ema.clear()
    assert not torch.allclose(averaged, module.sample(2))
