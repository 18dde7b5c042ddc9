from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny import trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.images.batches import ImageBatch
from gans.networks.dcgan import DCGANGenerator
from gans.networks.mlp import MLPGenerator
from gans.networks.residual import ResidualGenerator
from gans.wgan_gp import WGANGP


def tiny(**arguments: Any) -> WGANGP:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": 16, "channels": 1, "latent_size": 3, "width": 4}
    return WGANGP(**(sizes | arguments))


def batch(count: int = 4) -> ImageBatch:
    return ImageBatch(torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1)


def fit(module: WGANGP, folder: Path, steps: int) -> dict[str, float]:
    """Train in `steps` steps on one batch each; return the last losses."""
    fitting = trainer(folder, precision="32-true")
    fitting.fit(module, DataLoader([batch()] * steps, batch_size=None))  # type: ignore[arg-type]
    return {name: float(value) for name, value in fitting.callback_metrics.items()}


def test_the_defaults_are_the_papers() -> None:
    arguments = WGANGP(image_size=32).hparams
    expected = {
        "architecture": "residual",
        "width": 128,
        "latent_size": 128,
        "objective": "wasserstein",
        "discriminator_steps": 5,
        "gradient_penalty": 10.0,
        "learning_rate": 1e-4,
        "betas": (0.0, 0.9),
    }
    assert {name: arguments[name] for name in expected} == expected


def test_the_critics_loss_in_closed_form() -> None:
    """A linear critic <w, x> has gradient w everywhere, so its penalty is (|w| - 1)^2 whatever the points."""
    module = tiny()
    weights = torch.randn(16 * 16, generator=torch.Generator().manual_seed(2))

    class Linear(nn.Module):
        def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
            return images.flatten(1) @ weights

    module.discriminator = Linear()
    real, fake = batch().images, module.produce(batch())
    terms = module.discriminator_terms(batch(), fake)
    difference = (fake.flatten(1) @ weights).mean() - (real.flatten(1) @ weights).mean()
    torch.testing.assert_close(terms["adversarial"], difference)
    torch.testing.assert_close(terms["gradient_penalty"], 10 * (weights.norm() - 1) ** 2)
    aim = module.generator_terms(batch(), fake)
    torch.testing.assert_close(aim["adversarial"], -(fake.flatten(1) @ weights).mean())


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [("residual", ResidualGenerator), ("dcgan", DCGANGenerator), ("mlp", MLPGenerator)],
)
@pytest.mark.parametrize("critic_norm", ["layer", "none"])
def test_every_architecture_trains_five_to_one(
    tmp_path: Path, architecture: str, kind: type[nn.Module], critic_norm: str
) -> None:
    module = tiny(architecture=architecture, critic_norm=critic_norm)
    assert isinstance(module.generator, kind)
    normed = any(isinstance(part, nn.GroupNorm) for part in module.discriminator.modules())
    assert normed == (critic_norm == "layer" and architecture != "mlp")
    before = module.sample(2)
    losses = fit(module, tmp_path, 5)
    assert losses["train/discriminator/gradient_penalty"] > 0
    assert not torch.equal(module.sample(2), before)
    counts = [optimizer.state_dict()["state"][0]["step"] for optimizer in module.trainer.optimizers]
    assert [int(count) for count in counts] == [5, 1]


def test_the_penalty_brings_the_gradient_to_length_1(tmp_path: Path) -> None:
    module = tiny(architecture="mlp", width=32, learning_rate=2e-3, discriminator_steps=100)
    first = fit(module, tmp_path, 1)["train/discriminator/gradient_penalty"]
    last = fit(module, tmp_path, 80)["train/discriminator/gradient_penalty"]
    assert last < 0.5 * first


def test_a_critic_has_no_floor_at_which_it_has_won() -> None:
    assert tiny().loss_floors() == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"gradient_penalty": 0.0}, "nothing keeps it Lipschitz"),
        ({"architecture": "unet"}, "'unet': it is one of residual, dcgan, mlp"),
        ({"critic_norm": "batch"}, "'batch': it is layer or none"),
    ],
)
def test_what_cannot_be_right_is_explained(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tiny(**arguments)
