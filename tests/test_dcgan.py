from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.official_steps import assert_official_steps
from support.parity import wave
from support.tiny import trainer
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.images.batches import ImageBatch
from gans.dcgan import DCGAN
from gans.networks.dcgan import Kernel
from gans.networks.norms import Norm


class OfficialNoise(DCGAN):
    """Takes the recorded latents: sin(0.9 k + 0.7 s) in step s, k the flat index, in float32's values."""

    def noise(self, count: int) -> Tensor:
        k = np.arange(count * self.latent_size)
        values = np.sin(0.9 * k + 0.7 * self.global_step).astype(np.float32)
        return torch.from_numpy(values).double().view(count, self.latent_size)


def test_three_steps_equal_the_official_program(tmp_path: Path) -> None:
    module = OfficialNoise(latent_size=16, width=8)
    terms: dict[str, Callable[[Mapping[str, float]], float]] = {
        "train/discriminator/adversarial": itemgetter("D"),
        "train/generator/adversarial": itemgetter("G"),
    }
    networks = {"generator": "G", "discriminator": "D"}
    assert_official_steps(module, ImageBatch(wave(4, 3, 64, 64)), "dcgan", terms, networks, tmp_path)


def images(count: int = 4, size: int = 16, channels: int = 3) -> Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(("size", "channels", "kernel"), [(16, 1, 4), (32, 1, 5), (64, 2, 5), (128, 5, 4)])
def test_every_size_and_number_of_channels_is_trained_on(
    tmp_path: Path, size: int, channels: int, kernel: Kernel
) -> None:
    module = DCGAN(image_size=size, channels=channels, kernel=kernel, width=2, latent_size=3)
    before = module.sample(2)
    assert before.shape == (2, channels, size, size)
    loader: DataLoader[Any] = DataLoader([ImageBatch(images(2, size, channels))], batch_size=None)  # type: ignore[arg-type]
    trainer(tmp_path, precision="32-true").fit(module, loader)
    assert not torch.equal(module.sample(2), before)


def test_a_size_that_no_doubling_gives_is_refused() -> None:
    with pytest.raises(ValueError, match=r"is 48, .* from 16: give --data.size 32 or --data.size 64"):
        DCGAN(image_size=48)


def test_weights_are_drawn_as_published() -> None:
    torch.manual_seed(0)
    module = DCGAN()
    for network in (module.generator, module.discriminator):
        weights = torch.cat([p.flatten() for p in network.parameters() if p.ndim == 4])
        assert float(weights.std()) == pytest.approx(0.02, rel=0.01)


@pytest.mark.parametrize("norm", ["none", "layer", "instance"])
def test_another_norm_scores_each_image_by_itself(norm: Norm) -> None:
    torch.manual_seed(0)
    arguments = {"image_size": 16, "width": 2, "latent_size": 3}
    shown, other = images(2), images(2).flip(3)
    mixed = torch.cat([shown[:1], other[1:]])

    def depends(chosen: Norm) -> bool:
        score = DCGAN(**arguments, discriminator_norm=chosen).discriminator  # type: ignore[arg-type]
        return not torch.allclose(score(shown)[0], score(mixed)[0], atol=1e-7)

    assert depends("batch")
    assert not depends(norm)


def test_conditional_samples_follow_their_labels(tmp_path: Path) -> None:
    """Class 0 is dark and class 1 bright: after a few steps so are the samples."""
    torch.manual_seed(0)
    labels = torch.arange(16) % 2
    bright = (labels * 1.6 - 0.8).view(-1, 1, 1, 1) + 0.05 * images(16)
    module = DCGAN(image_size=16, width=4, latent_size=4, classes=2, learning_rate=2e-3)
    batch = ImageBatch(bright, labels)
    loader: DataLoader[Any] = DataLoader([batch] * 20, batch_size=None)  # type: ignore[arg-type]
    trainer(tmp_path, max_epochs=15, precision="32-true").fit(module, loader)
    made = module.sample(8)  # classes in turn
    brightness = made.mean((1, 2, 3))
    assert brightness[1::2].min() - brightness[::2].max() > 0.2
    chosen = module.sample(8, labels=torch.ones(8, dtype=torch.int64))
    torch.testing.assert_close(chosen[1::2], made[1::2])
    assert chosen.mean((1, 2, 3)).min() > brightness[::2].max() + 0.2
    assert list(module.grids(batch)["samples"].columns) == ["class 0", "class 1"]
