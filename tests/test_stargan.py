from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.official_steps import train
from support.parity import FOLDER, fill, wave
from support.tiny import trainer
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import PredictBatch
from datamodules.multi_domain.batches import MultiDomainBatch
from datamodules.multi_domain.module import MultiDomainImages
from gans.stargan import StarGAN

TINY: dict[str, Any] = {"image_size": 16, "generator_width": 4, "blocks": 1, "discriminator_width": 4}
HAIR = ["black", "brown", "blond"]
NAMES = [[*HAIR, "glasses"]]


def tiny(**arguments: Any) -> StarGAN:
    torch.manual_seed(0)
    return StarGAN(**(TINY | {"attributes": NAMES, "exclusive": [HAIR]} | arguments))


def images(count: int = 2, size: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def batch(**fields: Any) -> MultiDomainBatch:
    labels = torch.tensor([[1.0, 0, 0, 1], [0, 0, 1, 0]])
    whole = MultiDomainBatch(images(), labels, torch.ones(2, 1), labels.flip(0), names=["a.png", "b.png"])
    return whole._replace(**fields)


def fit(module: StarGAN, folder: Path, data: MultiDomainBatch, epochs: int = 1) -> dict[str, float]:
    """Train on one batch per epoch; return the last losses."""
    fitting = trainer(folder, max_epochs=epochs, precision="32-true")
    fitting.fit(module, DataLoader([data], batch_size=None))  # type: ignore[arg-type]
    return {name.removeprefix("train/"): float(value) for name, value in fitting.callback_metrics.items()}


OFFICIAL = {
    "train/discriminator/classification": ("D/loss_cls", 1),
    "train/discriminator/gradient_penalty": ("D/loss_gp", 10),
    "train/generator/adversarial": ("G/loss_fake", 1),
    "train/generator/classification": ("G/loss_cls", 1),
    "train/generator/reconstruction": ("G/loss_rec", 10),
}


@pytest.mark.parametrize("discriminator_steps", [1, 2])
def test_steps_equal_the_official_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, discriminator_steps: int
) -> None:
    recorded = json.loads((FOLDER / "train_stargan.json").read_text())
    module = StarGAN(
        image_size=32,
        attributes=[["a", "b", "c"]],
        generator_width=16,
        blocks=2,
        discriminator_width=16,
        discriminator_layers=3,
        discriminator_steps=discriminator_steps,
        schedule="constant",
    ).double()
    fill(module.generator, [name for name, _ in recorded["state_dicts"]["G"]])
    fill(module.discriminator)
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 1]], dtype=torch.float64)
    whole = MultiDomainBatch(wave(2, 3, 32, 32), labels, torch.ones(2, 1).double(), labels.flip(0))
    monkeypatch.setattr(torch, "rand", lambda *shape, **kind: torch.full(shape, 0.5, **kind))
    official = recorded[f"n_critic_{discriminator_steps}"]
    steps = official["steps_float64_same_start"]
    seen = train(module, whole, len(steps), [], tmp_path)  # parameters were recorded in float32 only
    for theirs, ours in zip((step["losses"] for step in steps), seen.losses, strict=True):
        critic = theirs["D/loss_real"] + theirs["D/loss_fake"]
        assert ours["train/discriminator/adversarial"] == pytest.approx(critic, rel=1e-8)
        for name, (their_name, weight) in OFFICIAL.items():
            if their_name in theirs:
                assert ours[name] == pytest.approx(weight * theirs[their_name], rel=1e-8)


def gradients(loss: Tensor, *inputs: Tensor) -> list[bool]:
    found = torch.autograd.grad(loss, inputs, allow_unused=True)
    return [gradient is not None and bool(gradient.abs().sum() > 0) for gradient in found]


def test_the_discriminator_names_attributes_of_real_images_and_the_generator_of_fakes() -> None:
    module, fake = tiny(), images(seed=1).requires_grad_()
    data = batch(images=images().requires_grad_())
    for player, expected in (("discriminator", [True, False]), ("generator", [False, True])):
        terms = getattr(module, f"{player}_terms")(data, fake)
        assert gradients(terms["classification"], data.images, fake) == expected


def test_labels_teach_the_discriminator_and_targets_the_generator() -> None:
    module, fake, data = tiny(), images(seed=1), batch()
    torch.manual_seed(0)
    found = module.discriminator_terms(data, fake), module.generator_terms(data, fake)
    other = data._replace(targets=data.labels)
    torch.manual_seed(0)
    changed = module.discriminator_terms(other, fake), module.generator_terms(other, fake)
    assert all(torch.equal(found[0][name], changed[0][name]) for name in found[0])
    assert not torch.equal(found[1]["classification"], changed[1]["classification"])
    assert torch.equal(found[1]["reconstruction"], changed[1]["reconstruction"])  # back to the labels


def test_domains_are_classified_together_and_attributes_by_themselves() -> None:
    data, fake = batch(labels=torch.eye(4)[[1, 2]]), images(seed=1)
    with torch.no_grad():
        logits = tiny().discriminator(data.images)[1]
        for exclusive, expected in (
            ([NAMES[0]], torch.nn.functional.cross_entropy(logits, torch.tensor([1, 2]))),
            (
                [HAIR],
                torch.nn.functional.binary_cross_entropy_with_logits(logits, data.labels, reduction="sum")
                / 2,
            ),
        ):
            module = tiny(exclusive=exclusive, gradient_penalty=0)
            torch.testing.assert_close(module.discriminator_terms(data, fake)["classification"], expected)


def two_sets(**fields: Any) -> MultiDomainBatch:
    """Return an image of each of two data sets: of one with the hair, of one with glasses."""
    labels = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1]])
    return batch(labels=labels, mask=torch.eye(2), targets=labels, **fields)


def test_only_the_attributes_of_an_images_data_set_are_taught() -> None:
    module = tiny(attributes=[HAIR, ["glasses"]], gradient_penalty=0)
    assert module.generator.encoder[0].in_channels == 3 + 4 + 2  # colours, attributes and mask
    logits = torch.zeros(4, 4, requires_grad=True)  # of two real images, then of two fakes
    module.discriminator.forward = lambda images: (images, logits)  # type: ignore[method-assign]
    module.discriminator_terms(two_sets(), images(seed=1))["classification"].backward()
    assert logits.grad is not None
    counted = logits.grad[:2] != 0
    assert counted.tolist() == [[True, True, True, False], [False, False, False, True]]


def test_the_mask_tells_the_generator_whose_label_it_sees() -> None:
    module = tiny(attributes=[HAIR, ["glasses"]])
    data = two_sets(images=images(1).expand(2, -1, -1, -1))
    shown = torch.zeros(2, 4)
    translated = module.produce(data._replace(targets=shown))
    assert not torch.allclose(translated[0], translated[1])


def test_the_generator_steps_once_for_several_steps_of_the_discriminator(tmp_path: Path) -> None:
    class Watched(StarGAN):
        graphs: list[bool]

        def discriminator_terms(self, batch: MultiDomainBatch, fake: Tensor) -> dict[str, Tensor]:
            self.graphs.append(fake.requires_grad)
            return super().discriminator_terms(batch, fake)

    module = Watched(**TINY, attributes=NAMES, discriminator_steps=3)
    module.graphs = []
    fit(module, tmp_path, batch(), epochs=6)
    assert module.graphs == [False, False, True] * 2
    moments = [optimizer.state_dict()["state"][0]["step"] for optimizer in module.trainer.optimizers]
    assert moments == [6, 2]


def test_the_rate_falls_over_the_second_half_of_the_steps(tmp_path: Path) -> None:
    rates = []

    class Watched(StarGAN):
        def generator_terms(self, batch: MultiDomainBatch, fake: Tensor) -> dict[str, Tensor]:
            rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
            return super().generator_terms(batch, fake)

    module = Watched(**TINY, attributes=NAMES, discriminator_steps=1)
    fitting = trainer(tmp_path, max_epochs=1, precision="32-true")
    fitting.fit(module, DataLoader([batch()] * 8, batch_size=None))  # type: ignore[arg-type]
    expected = [1.0] * 4 + [0.8, 0.6, 0.4, 0.2]  # within the one epoch
    assert [rate / 1e-4 for rate in rates] == pytest.approx(expected)


def test_weights_scale_the_terms() -> None:
    module, data, fake = tiny(), batch(), images(seed=1)
    other = tiny(classification_weight=0.5, reconstruction_weight=1, gradient_penalty=0)
    with torch.no_grad():
        terms, scaled = module.generator_terms(data, fake), other.generator_terms(data, fake)
    torch.testing.assert_close(scaled["classification"], 0.5 * terms["classification"])
    torch.testing.assert_close(scaled["reconstruction"], 0.1 * terms["reconstruction"])
    assert set(other.discriminator_terms(data, fake)) == {"adversarial", "classification"}


def test_translating_to_a_label_or_to_names() -> None:
    module, shown = tiny(), images()
    label = torch.tensor([0.0, 1, 0, 1])
    by_label = module.translate(shown, label)
    with torch.no_grad():
        torch.testing.assert_close(by_label, module.generator(shown, label.expand(2, -1)))
    torch.testing.assert_close(module.translate(shown[0], label), by_label[0])
    black_with_glasses = torch.tensor([1.0, 0, 0, 1])
    torch.testing.assert_close(module.translate(shown, ["brown"], black_with_glasses), by_label)
    torch.testing.assert_close(module.translate(shown, "brown", black_with_glasses), by_label)
    torch.testing.assert_close(module.translate(shown, ["brown", "glasses"], torch.zeros(4)), by_label)


def test_without_labels_the_rest_is_what_the_discriminator_sees() -> None:
    module, shown = tiny(), images(3, size=24)
    seen = module.recognise(shown)
    assert seen.shape == (3, 4)
    assert seen[:, :3].sum(1).max() <= 1
    torch.testing.assert_close(
        module.translate(shown, ["glasses"]), module.translate(shown, ["glasses"], seen)
    )
    torch.testing.assert_close(module.recognise(shown[1:2]), seen[1:2])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (["grey"], "grey is no attribute; there are black, brown, blond, glasses"),
        (["black", "blond"], "black and blond exclude each other"),
        ([], "nothing must name attributes"),
        (torch.zeros(3), r"4 numbers, for black, brown, blond, glasses; these have shape \(2, 3\)"),
    ],
)
def test_an_impossible_target_is_explained(target: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny().translate(images(), target)


def test_every_attribute_is_compared_with_its_truth() -> None:
    module, truths = tiny(), torch.stack([images(seed=seed) for seed in range(4)], dim=1)
    data = batch(truths=truths)
    comparisons = module.comparisons(data)
    assert list(comparisons) == NAMES[0]
    blond, glasses = comparisons["blond"], comparisons["glasses"]
    assert blond.truth is not None
    assert torch.equal(blond.truth, truths[:, 2])
    assert torch.equal(
        blond.fake, module.translate(data.images, torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 0]]))
    )
    assert blond.real is not None
    assert torch.equal(blond.real, data.images[1:])  # those that are blond
    assert glasses.real is not None
    assert torch.equal(glasses.real, data.images)
    turned = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 1]])
    assert torch.equal(glasses.fake, module.translate(data.images, turned))
    assert glasses.labels is not None
    assert torch.equal(glasses.labels, turned)
    columns = module.grids(data)["domains"].columns
    expected = [name for attribute in NAMES[0] for name in (attribute, f"true {attribute}")]
    assert list(columns) == ["input", *expected]
    assert torch.equal(columns["blond"], blond.fake)
    assert torch.equal(columns["true blond"], blond.truth)
    assert list(module.grids(batch())["domains"].columns) == ["input", *NAMES[0]]


def test_what_another_data_set_would_say_is_unknown() -> None:
    module = tiny(attributes=[HAIR, ["glasses"]])
    comparison = module.comparisons(two_sets())["glasses"]
    assert comparison.source_labels is not None
    assert comparison.labels is not None
    assert comparison.source_labels.isnan().tolist() == [[False] * 3 + [True], [True] * 3 + [False]]
    assert comparison.labels[:, 3].tolist() == [1, 0]  # put on where nothing is known, taken off where worn
    assert comparison.real is not None
    assert len(comparison.real) == 1


def test_a_process_without_images_evaluates_none() -> None:
    data = batch()
    empty = MultiDomainBatch(data.images[:0], data.labels[:0], data.mask[:0])
    comparison = tiny().comparisons(empty)["blond"]
    assert comparison.fake.shape == (0, 3, 16, 16)


def test_predictions_of_a_target_or_of_every_one() -> None:
    folder = PredictBatch(images(size=20), ["a.png", "b.png"])
    module = tiny(target=["blond"])
    predictions = module.predict_step(folder, 0)
    assert predictions.names == ["a.png", "b.png"]
    assert torch.equal(predictions.images, module.translate(folder.images, ["blond"]))
    every = tiny().predict_step(folder, 0)
    assert every.names == [f"{name}/{file}" for name in NAMES[0] for file in folder.names]
    assert torch.equal(every.images[4:6], predictions.images)


def test_a_checkpoint_knows_its_attributes(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.5, learning_rate=0.01)
    fit(module, tmp_path, batch(), epochs=5)
    module.trainer.save_checkpoint(tmp_path / "some.ckpt")
    loaded = StarGAN.load_from_checkpoint(tmp_path / "some.ckpt", weights_only=True)
    assert loaded.attributes.flat == NAMES[0]
    translated = module.translate(images(), ["blond"])
    assert torch.equal(loaded.translate(images(), ["blond"]), translated)
    module.ema.clear()
    assert not torch.allclose(module.translate(images(), ["blond"]), translated)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gradient_penalty": -1}, "gradient_penalty is -1: it is 0 or more"),
        ({"discriminator_steps": 0}, "discriminator_steps is 0"),
        ({"exclusive": [["black", "grey"]]}, "grey is no attribute"),
        ({"attributes": [["a"], ["a"]], "exclusive": []}, "a is there twice"),
        ({"target": ["grey"]}, "target: grey is no attribute"),
    ],
)
def test_a_wrong_argument_is_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


def test_the_papers_attributes_are_the_default() -> None:
    module = StarGAN(**TINY)
    assert module.attributes.flat == ["Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young"]
    assert len(module.attributes.group_of("Blond_Hair")) == 3


def test_data_with_other_attributes_is_refused(tmp_path: Path) -> None:
    data = MultiDomainImages(size=16, faces_count=2, test_count=2, attributes=["glasses"])
    with pytest.raises(
        ValueError, match=r"made for the attributes \[\['black', .*data has \[\['glasses'\]\]"
    ):
        trainer(tmp_path, precision="32-true").fit(tiny(), datamodule=data)
