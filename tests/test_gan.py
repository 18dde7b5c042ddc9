from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.tiny import trainer
from torch import nn
from torch.utils.data import DataLoader

from datamodules.images.batches import ImageBatch
from gans.gan import GAN
from gans.losses.adversarial import ObjectiveName

CENTRE = torch.tensor([1.0, -2.0])


def points(count: int, seed: int = 0) -> ImageBatch:
    """Return points about the centre, with a standard deviation of 0.1."""
    noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return ImageBatch((CENTRE + 0.1 * noise).view(-1, 2, 1, 1))


def fit(module: GAN, folder: Path, steps: int) -> None:
    batches = [points(32, seed) for seed in range(steps)]
    fitting = trainer(folder, precision="32-true", log_every_n_steps=50)
    fitting.fit(module, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "objective", ["minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic"]
)
def test_every_objective_brings_the_samples_to_the_data(tmp_path: Path, objective: ObjectiveName) -> None:
    torch.manual_seed(0)
    module = GAN(
        channels=2,
        image_size=1,
        latent_size=2,
        width=16,
        objective=objective,
        learning_rate=0.01,
        r1_weight=0.1,
        ema_decay=0.95,
    )
    before = (module.sample(200).flatten(1).mean(0) - CENTRE).norm()
    fit(module, tmp_path, 150)
    made = module.sample(200).flatten(1)
    assert before > 1.5
    assert (made.mean(0) - CENTRE).norm() < 0.5
    assert made.std(0).max() < 0.5


def test_more_steps_of_the_discriminator_leave_fewer_of_the_generator(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = GAN(channels=2, image_size=1, latent_size=2, width=4, discriminator_steps=4)
    fit(module, tmp_path, 8)
    counts = [optimizer.state_dict()["state"][0]["step"] for optimizer in module.trainer.optimizers]
    assert [int(count) for count in counts] == [8, 2]


def test_networks_are_as_wide_and_deep_as_asked() -> None:
    module = GAN(channels=1, image_size=8, latent_size=5, width=7, layers=3, classes=2)
    shapes = [
        [p.shape for p in n.parameters() if p.ndim == 2] for n in (module.generator, module.discriminator)
    ]
    assert shapes[0] == [(7, 5 + 2), (7, 7), (7, 7), (64, 7)]
    assert shapes[1] == [(7, 64), (7, 7), (7, 7), (1, 7), (2, 7)]


def test_images_are_bounded_and_points_are_not() -> None:
    assert any(isinstance(part, nn.Tanh) for part in GAN(image_size=8).generator.modules())
    assert not any(isinstance(part, nn.Tanh) for part in GAN(image_size=1).generator.modules())
