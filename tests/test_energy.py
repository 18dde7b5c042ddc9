from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny import trainer
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import PredictBatch
from datamodules.images.batches import ImageBatch, SampleBatch
from gans.energy import Energy
from gans.protocol import MakesSamples
from gans.sampling.langevin import DivergedError

TINY: dict[str, Any] = {
    "image_size": 16,
    "width": 4,
    "buffer_size": 20,
    "langevin_steps": 4,
    "sampling_steps": 8,
}


def tiny(**arguments: Any) -> Energy:
    torch.manual_seed(0)
    return Energy(**(TINY | arguments))


def batch(count: int = 4, level: float = 0.6) -> ImageBatch:
    images = torch.full((count, 3, 16, 16), level)
    images[:, :, :, :8] *= -1
    return ImageBatch(images, None, [f"{index}.png" for index in range(count)])


def fit(module: Energy, folder: Path, items: ImageBatch, epochs: int = 1) -> dict[str, float]:
    """Train on one batch per epoch; return what was logged last."""
    fitting = trainer(folder, max_epochs=epochs, precision="32-true")
    fitting.fit(module, DataLoader([items], batch_size=None))  # type: ignore[arg-type]
    return {name: float(value) for name, value in fitting.callback_metrics.items()}


def chains(module: Energy) -> Tensor:
    levels: Tensor = module.state_dict()["replay._extra_state"][0]
    return levels


def test_the_terms_are_those_of_the_paper() -> None:
    module, items = tiny(score_weight=0.3, langevin_noise=0.0), batch()
    fake = torch.rand(4, 3, 16, 16) * 2 - 1
    real_scores, fake_scores = module.discriminator(items.images), module.discriminator(fake)
    terms = module.discriminator_terms(items, fake)
    torch.testing.assert_close(terms["contrast"], fake_scores.mean() - real_scores.mean())
    squares = (real_scores**2).mean() + (fake_scores**2).mean()
    torch.testing.assert_close(terms["l2"], 0.3 * squares)


def test_samples_climb_the_score_from_the_replay_buffer() -> None:
    module, items = tiny(restart_share=0.0, langevin_noise=0.0), batch(20)
    starts, places = module.replay.draw(items.images)
    module.replay.keep(places, starts)
    before = chains(module).clone()
    fake = module.produce(items)
    assert not fake.requires_grad
    kept = chains(module).float() / 128 - 1
    nearest = (fake[:, None] - kept[None]).abs().amax((2, 3, 4)).amin(1)
    assert float(nearest.max()) <= 1 / 128 + 1e-5, "every sample is back in the buffer"
    assert not torch.equal(before, chains(module))
    assert float(module.discriminator(fake).mean()) > float(module.discriminator(starts).mean())


def test_weights_get_no_gradient_from_the_climb() -> None:
    module = tiny()
    module.produce(batch())
    assert all(parameter.grad is None for parameter in module.discriminator.parameters())
    assert all(parameter.requires_grad for parameter in module.discriminator.parameters())


def test_the_buffer_is_that_of_the_paper() -> None:
    replay = Energy(image_size=16, width=4).replay
    assert (replay.size, replay.restart_share) == (10_000, 0.05)


def test_contrastive_divergence_begins_at_the_data() -> None:
    module, items = tiny(start="data", langevin_noise=0.0, step_size=1e-6), batch()
    torch.testing.assert_close(module.produce(items), items.images, rtol=0, atol=1e-5)
    assert not module.state_dict()["replay._extra_state"], "the buffer is not touched"


def test_spectral_norm_is_left_alone_by_the_climb() -> None:
    module = tiny(spectral_norm=True)
    buffers = {name: buffer.clone() for name, buffer in module.discriminator.named_buffers()}
    assert buffers
    module.produce(batch())
    assert all(torch.equal(buffers[name], buffer) for name, buffer in module.discriminator.named_buffers())
    assert module.discriminator.training


def test_it_learns_to_make_what_it_was_shown(tmp_path: Path) -> None:
    """Images of two flat halves: samples come to have them, at least by sign."""
    module = tiny(langevin_steps=10, sampling_steps=40, learning_rate=2e-3, gradient_clip=0.5)
    items = batch(8)

    def likeness() -> float:
        return float((module.sample(8) * items.images[:1].sign()).mean())

    before = likeness()
    fit(module, tmp_path, items, epochs=60)
    assert likeness() > before + 0.15


def test_a_sample_depends_on_its_seed_alone() -> None:
    module = tiny()
    assert isinstance(module, MakesSamples)
    together = module.sample(3, seed=5)
    assert together.shape == (3, 3, 16, 16)
    torch.testing.assert_close(module.sample(1, seed=7)[0], together[2], rtol=0, atol=1e-4)
    assert float((together[0] - together[1]).abs().mean()) > 0.1
    torch.manual_seed(99)
    draws = torch.random.get_rng_state()
    assert torch.equal(module.sample(3, seed=5), together)
    assert torch.equal(torch.random.get_rng_state(), draws), "the caller's random numbers are left alone"


def test_sampling_works_where_gradients_are_off() -> None:
    module = tiny()
    outside = module.sample(2)
    with torch.inference_mode():
        inside = module.sample(2)
    with torch.no_grad():
        assert torch.equal(module.sample(2), outside)
    assert torch.equal(inside, outside)
    assert float(module.discriminator(outside).mean()) > float(module.discriminator(noise_of(2)).mean())


def noise_of(count: int) -> Tensor:
    """Return where samples begin."""
    draws = [torch.Generator().manual_seed(seed) for seed in range(count)]
    return torch.stack([torch.rand(3, 16, 16, generator=draw) for draw in draws]) * 2 - 1


def test_what_callbacks_see() -> None:
    module, items = tiny(), batch()
    comparison = module.comparisons(items)["samples"]
    assert comparison.real is not None
    assert torch.equal(comparison.real, items.images)
    again = module.comparisons(ImageBatch(items.images[2:], None, items.names[2:]))["samples"]
    torch.testing.assert_close(again.fake, comparison.fake[2:], rtol=0, atol=1e-4)
    assert module.comparisons(ImageBatch(items.images[:0]))["samples"].fake.shape == (0, 3, 16, 16)
    columns = module.grids(items)["samples"].columns
    assert list(columns) == ["step 0", "step 2", "step 4", "step 6", "step 8", "real"]
    torch.testing.assert_close(columns["step 0"], noise_of(4))
    torch.testing.assert_close(columns["step 8"], module.sample(4), rtol=0, atol=1e-4)


def test_seeds_are_predicted_and_folders_are_not() -> None:
    module = tiny()
    made = module.predict_step(SampleBatch(torch.tensor([7, 8]), ["a.png", "b.png"]), 0)
    torch.testing.assert_close(made.images, module.sample(2, seed=7))
    assert made.names == ["a.png", "b.png"]
    with pytest.raises(ValueError, match=r"makes images from noise: leave --data\.predict_dir out"):
        module.predict_step(PredictBatch(torch.zeros(1, 3, 16, 16), ["a.png"]), 0)  # type: ignore[arg-type]


def test_chains_whose_score_runs_away_begin_again(tmp_path: Path) -> None:
    module, items = tiny(), batch()
    logged = fit(module, tmp_path, items)
    assert logged["train/restarted_chains"] == 0
    with torch.no_grad():
        module.discriminator.get_parameter("score.bias").fill_(1e4)
    module.replay.restart_share = 0.0
    _, places = module.replay.draw(torch.zeros(20, 3, 16, 16))
    module.replay.keep(places, torch.ones(20, 3, 16, 16))
    logged = fit(module, tmp_path, items)
    assert logged["train/restarted_chains"] == 4
    restarted = (chains(module) < 250).flatten(1).any(1)
    assert int(restarted.sum()) == 4


def test_lasting_divergence_stops_the_training(tmp_path: Path) -> None:
    module = tiny(score_bound=1e-9)
    with pytest.raises(DivergedError, match="the discriminator diverges"):
        fit(module, tmp_path, batch(), epochs=60)


def test_a_checkpoint_goes_on_with_its_chains(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.5, learning_rate=0.01)
    fit(module, tmp_path, batch(), epochs=3)
    module.trainer.save_checkpoint(tmp_path / "some.ckpt")
    loaded = Energy.load_from_checkpoint(tmp_path / "some.ckpt", weights_only=True)
    assert torch.equal(chains(loaded), chains(module))
    assert torch.equal(loaded.sample(2), module.sample(2))
    module.ema.clear()
    assert not torch.allclose(loaded.sample(2), module.sample(2)), "the averaged network is climbed"


def test_a_checkpoint_holds_the_chains_once(tmp_path: Path) -> None:
    module = tiny(buffer_size=2000)
    fit(module, tmp_path, batch())
    module.trainer.save_checkpoint(tmp_path / "some.ckpt")
    assert (tmp_path / "some.ckpt").stat().st_size < 1.5 * 2000 * 3 * 16 * 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": "noise"}, "'noise': it is replay or data"),
        ({"langevin_steps": 0}, "there is at least one step"),
        ({"score_bound": 0.0}, "the bound above 0"),
        ({"step_size": 0.0}, "the first two are above 0"),
        ({"buffer_size": 0}, "1 chain or more"),
    ],
)
def test_a_wrong_argument_is_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


def test_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="takes no labels"):
        tiny().sample(2, labels=torch.tensor([0, 1]))
