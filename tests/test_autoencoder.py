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
from gans.autoencoder import AutoEncoder
from gans.networks.dcgan import DCGANGenerator
from gans.protocol import HasLatent, MakesSamples
from gans.vae import VAE

TINY: dict[str, Any] = {"image_size": 16, "width": 4, "latent_size": 3}
BOTH = pytest.mark.parametrize("variant", [AutoEncoder, VAE])


def tiny(variant: type[AutoEncoder] = AutoEncoder, **arguments: Any) -> AutoEncoder:
    torch.manual_seed(0)
    return variant(**(TINY | arguments))


def images(count: int = 4, channels: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 4, 4, generator=generator) * 2 - 1
    return coarse.repeat_interleave(4, -1).repeat_interleave(4, -2)


def batch(count: int = 4, channels: int = 3) -> ImageBatch:
    return ImageBatch(images(count, channels), None, [f"{index}.png" for index in range(count)])


def fit(module: AutoEncoder, folder: Path, items: ImageBatch, epochs: int = 1) -> dict[str, float]:
    """Train on one batch per epoch; return the last losses."""
    fitting = trainer(folder, max_epochs=epochs, precision="32-true")
    fitting.fit(module, DataLoader([items], batch_size=None))  # type: ignore[arg-type]
    logged = fitting.callback_metrics.items()
    return {name.rpartition("/")[2]: float(value) for name, value in logged if name.count("/") == 2}


@BOTH
def test_it_learns_to_reconstruct(variant: type[AutoEncoder], tmp_path: Path) -> None:
    module, items = tiny(variant, learning_rate=0.01), batch()
    before = fit(module, tmp_path, items)["reconstruction"]
    assert fit(module, tmp_path, items, epochs=60)["reconstruction"] < 0.5 * before


def test_the_loss_is_the_reconstruction_alone(tmp_path: Path) -> None:
    module, items = tiny(reconstruction="l2"), batch()
    expected = (module.generator(module.encoder(items.images)) - items.images).square().sum() / 2 / 4
    losses = fit(module, tmp_path, items)
    assert losses == {
        "reconstruction": pytest.approx(float(expected.detach()), rel=1e-5),
        "total": losses["reconstruction"],
    }


def test_samples_come_from_a_gaussian_of_the_training_codes(tmp_path: Path) -> None:
    module, items = tiny(norm="layer"), batch(32)
    untrained = module.latents(range(200)).std(0)
    torch.testing.assert_close(untrained, torch.ones(3), rtol=0, atol=0.2)
    fit(module, tmp_path, items, epochs=40)
    codes, drawn = module.encode(items.images), module.latents(range(500))
    spread = codes.std(0)
    assert float((drawn.mean(0) - codes.mean(0)).abs().div(spread).max()) < 0.4
    assert float((drawn.std(0) / spread).log().abs().max()) < 0.6
    assert float((spread.log() - untrained.log()).abs().max()) > 1, "these are no codes of N(0, I)"


@BOTH
def test_it_is_what_tools_for_latents_take(variant: type[AutoEncoder]) -> None:
    module = tiny(variant)
    assert isinstance(module, HasLatent)
    assert isinstance(module, MakesSamples)
    assert isinstance(module.generator, DCGANGenerator)
    latents = module.latents([5, 6, 7])
    assert torch.equal(latents[1:], module.latents([6, 7])), "a latent depends on its seed alone"
    torch.testing.assert_close(module.sample(3, seed=5), module.decode(latents))
    torch.testing.assert_close(module.sample(1, seed=6), module.sample(3, seed=5)[1:2])


@BOTH
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_reconstructed_by_itself(variant: type[AutoEncoder], channels: int) -> None:
    module, shown = tiny(variant, channels=channels), images(channels=channels)
    together = module.reconstruct(shown)
    assert together.shape == shown.shape
    assert module.encode(shown).shape == (4, 3)
    torch.testing.assert_close(module.reconstruct(shown[1]), together[1])
    torch.testing.assert_close(together, module.decode(module.encode(shown)))
    assert module.training, "the modes are left as they were"
    assert not together.requires_grad


@BOTH
def test_what_callbacks_see(variant: type[AutoEncoder]) -> None:
    module, items = tiny(variant), batch()
    comparisons = module.comparisons(items)
    again = module.comparisons(ImageBatch(items.images[2:], None, items.names[2:]))
    torch.testing.assert_close(again["samples"].fake, comparisons["samples"].fake[2:])
    assert comparisons["samples"].truth is None
    assert len({float(image.sum()) for image in comparisons["samples"].fake}) == 4
    assert torch.equal(comparisons["reconstruction"].fake, module.reconstruct(items.images))
    for comparison in comparisons.values():
        assert comparison.real is not None
        assert torch.equal(comparison.real, items.images)
    truth = comparisons["reconstruction"].truth
    assert truth is not None
    assert torch.equal(truth, items.images)
    grids = module.grids(items)
    assert list(grids) == ["reconstruction", "samples"]
    assert list(grids["reconstruction"].columns) == ["input", "reconstruction"]


@BOTH
def test_a_process_without_images_evaluates_none(variant: type[AutoEncoder]) -> None:
    module = tiny(variant)
    for comparison in module.comparisons(ImageBatch(images(0), None, [])).values():
        assert comparison.fake.shape == (0, 3, 16, 16)


def test_codes_of_two_numbers_are_drawn_as_a_plane() -> None:
    module = tiny(VAE, latent_size=2)
    plane = module.grids(batch())["plane"]
    assert list(plane.columns) == ["-2", "-1.4", "-0.86", "-0.29", "0.29", "0.86", "1.4", "2"]
    codes = torch.tensor([[-2.0, -2.0], [-2.0, 2.0], [2.0, -2.0]])
    corners = torch.stack([plane.columns["-2"][0], plane.columns["-2"][-1], plane.columns["2"][0]])
    torch.testing.assert_close(corners, module.decode(codes))


@BOTH
def test_a_folder_is_reconstructed_and_seeds_are_decoded(variant: type[AutoEncoder]) -> None:
    module, shown = tiny(variant), images()
    names = ["a.png", "b/c.jpg", "d.png", "e.png"]
    reconstructed = module.predict_step(PredictBatch(shown, names), 0)
    assert torch.equal(reconstructed.images, module.reconstruct(shown))
    assert reconstructed.names == names
    made = module.predict_step(SampleBatch(torch.tensor([7, 8]), ["sample-7.png", "sample-8.png"]), 0)
    torch.testing.assert_close(made.images, module.sample(2, seed=7))
    assert made.names == ["sample-7.png", "sample-8.png"]


def test_a_checkpoint_samples_as_before(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.5)
    fit(module, tmp_path, batch(), epochs=3)
    module.trainer.save_checkpoint(tmp_path / "some.ckpt")
    loaded = AutoEncoder.load_from_checkpoint(tmp_path / "some.ckpt", weights_only=True)
    assert torch.equal(loaded.sample(2), module.sample(2))
    module.ema.clear()
    assert not torch.allclose(loaded.sample(2), module.sample(2)), "the averaged networks are used"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_size": 1}, "model.latent_size is 1: a code has 2 numbers or more"),
        ({"image_size": 24}, "24"),
        ({"reconstruction": "ssim"}, "'ssim': it is one of l1, l2, bce"),
    ],
)
def test_a_wrong_argument_is_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


def test_images_of_another_size_and_labels_are_refused() -> None:
    module = tiny()
    with pytest.raises(ValueError, match="16"):
        module.reconstruct(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="without classes"):
        module.sample(2, labels=torch.tensor([0, 1]))
