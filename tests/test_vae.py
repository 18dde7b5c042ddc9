from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny import trainer
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.utils.data import DataLoader

from datamodules.images.batches import ImageBatch
from gans.vae import VAE

TINY: dict[str, Any] = {"image_size": 16, "width": 4, "latent_size": 3, "norm": "layer"}


def tiny(**arguments: Any) -> VAE:
    torch.manual_seed(0)
    return VAE(**(TINY | arguments))


def batch(count: int = 8) -> ImageBatch:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, 4, 4, generator=generator) * 2 - 1
    return ImageBatch(images.repeat_interleave(4, -1).repeat_interleave(4, -2), None, ["name"] * count)


def said(module: VAE, items: ImageBatch) -> tuple[Tensor, Tensor]:
    """Return means and log deviations of the codes."""
    mean, log_deviation = module.encoder(items.images).split(3, dim=1)
    return mean, log_deviation


def test_the_terms_are_those_of_the_bound() -> None:
    module, items = tiny(beta=0.5), batch()
    mean, log_deviation = said(module, items)
    torch.manual_seed(3)
    terms = module.autoencoder_terms(items, None)
    posterior = Normal(mean, log_deviation.exp())
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(terms["divergence"], 0.5 * divergence)
    assert set(terms) == {"reconstruction", "divergence"}


def test_codes_are_drawn_with_the_deviation_that_the_encoder_says() -> None:
    """The decoder is replaced by one that shows the code it was given."""
    module, items = tiny(), batch()
    given: list[Tensor] = []
    module.generator.register_forward_hook(lambda *passed: given.append(passed[1][0]))
    for seed in range(400):
        torch.manual_seed(seed)
        module.autoencoder_terms(items, None)
    mean, log_deviation = said(module, items)
    codes = torch.stack(given)
    assert float(log_deviation.abs().max()) > 0.01
    torch.testing.assert_close(codes.mean(0), mean, rtol=0, atol=0.25)
    torch.testing.assert_close(codes.std(0), log_deviation.exp(), rtol=0.15, atol=0)


def test_gradients_reach_both_halves_of_the_encoder() -> None:
    module, items = tiny(beta=0.0), batch()
    torch.stack(list(module.autoencoder_terms(items, None).values())).sum().backward()
    gradient = module.encoder.get_parameter("score.weight").grad
    assert gradient is not None
    assert (gradient.flatten(1).abs().sum(1) > 0).all()


def test_codes_are_the_means_and_latents_are_standard_normal() -> None:
    module, items = tiny(), batch()
    torch.testing.assert_close(module.encode(items.images), said(module.eval(), items)[0])
    latents = module.latents(range(2000))
    torch.testing.assert_close(latents.mean(0), torch.zeros(3), rtol=0, atol=0.1)
    torch.testing.assert_close(torch.cov(latents.T), torch.eye(3), rtol=0, atol=0.12)
    assert not list(module.prior.buffers())


def test_beta_pulls_codes_to_the_standard_normal(tmp_path: Path) -> None:
    divergences = {}
    for beta in (0.01, 30.0):
        module, items = tiny(beta=beta), batch()
        fitting = trainer(tmp_path, max_epochs=60, precision="32-true")
        fitting.fit(module, DataLoader([items], batch_size=None))  # type: ignore[arg-type]
        divergences[beta] = float(fitting.callback_metrics["train/autoencoder/divergence"]) / beta
    assert divergences[30.0] < 0.1 * divergences[0.01]


def test_a_negative_beta_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.beta is -1: it is 0 or more"):
        tiny(beta=-1)
