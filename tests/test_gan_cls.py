"""GAN-CLS: Algorithm 1 of the paper, from captions to images, and a checkpoint that needs nothing else."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny import trainer
from support.toys import make_data, make_model
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader

import gans
from datamodules.captioned.module import CaptionedBatch, PromptBatch
from gans.gan_cls import GANCLS

TOY: dict[str, Any] = {
    "image_size": 16,
    "generator_width": 2,
    "discriminator_width": 2,
    "latent_size": 3,
    "projection": 4,
    "embedding_size": 6,
}
CAPTIONS = ["a person with red hair", "someone with glasses"]


def tiny(**arguments: Any) -> GANCLS:
    """Return a model that takes embeddings of 6 numbers."""
    torch.manual_seed(0)
    return GANCLS(**(TOY | arguments))


def batch(count: int = 4) -> CaptionedBatch:
    generator = torch.Generator().manual_seed(1)
    return CaptionedBatch(
        torch.rand(count, 3, 16, 16, generator=generator) * 2 - 1,
        ["right"] * count,
        ["wrong"] * count,
        torch.randn(count, 6, generator=generator),
        torch.randn(count, 6, generator=generator),
        [f"{index}.png" for index in range(count)],
    )


def train(module: GANCLS, folder: Path, batches: Sequence[CaptionedBatch], **options: Any) -> Any:
    fitting = trainer(folder, **options)
    fitting.fit(module, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]
    return fitting


# Algorithm 1


def algorithm_1(
    generator: nn.Module, discriminator: nn.Module, given: CaptionedBatch, z: Tensor, beta: float
) -> dict[str, Tensor]:
    """One step of the paper's Algorithm 1, line by line, on the networks given; return the losses."""
    x, h, h_wrong = given.images.double(), given.embeddings, given.wrong_embeddings
    assert h is not None
    assert h_wrong is not None
    h, h_wrong = h.double(), h_wrong.double()
    of_generator = Adam(generator.parameters(), 2e-4, betas=(0.5, 0.999))
    of_discriminator = Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.999))

    fake = generator(z, h)
    s_r = discriminator(x, h).sigmoid()
    s_w = discriminator(x, h_wrong).sigmoid()
    s_f = discriminator(fake.detach(), h).sigmoid()
    loss_d = -(s_r.log() + ((1 - s_w).log() + (1 - s_f).log()) / 2).mean()
    loss_d.backward()
    of_discriminator.step()

    loss_g = -discriminator(fake, h).sigmoid().log().mean()
    losses = {"discriminator/total": loss_d.detach(), "generator/adversarial": loss_g.detach()}
    if beta:
        between = beta * h + (1 - beta) * h_wrong
        loss_int = -discriminator(generator(z, between), between).sigmoid().log().mean()
        losses["generator/interpolated"] = loss_int.detach()
        loss_g = loss_g + loss_int
    of_generator.zero_grad()
    loss_g.backward()
    of_generator.step()
    return losses | {"generator/total": loss_g.detach()}


@pytest.mark.parametrize("interpolation", [0.0, 0.5, 0.3])
def test_one_step_is_that_of_algorithm_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interpolation: float
) -> None:
    z = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr("gans.gan_cls.joined_noise", lambda *_: z)
    module = tiny(interpolation=interpolation)
    networks = copy.deepcopy(module.generator).double(), copy.deepcopy(module.discriminator).double()
    by_hand = algorithm_1(*networks, batch(), z, interpolation)
    logged = train(module, tmp_path, [batch()]).callback_metrics
    for name, loss in by_hand.items():
        torch.testing.assert_close(logged[f"train/{name}"].double(), loss, rtol=1e-10, atol=1e-10)
    assert ("train/generator/interpolated" in logged) == (interpolation > 0)
    for network, own in zip(networks, (module.generator, module.discriminator), strict=True):
        for expected, parameter in zip(network.parameters(), own.parameters(), strict=True):
            torch.testing.assert_close(parameter, expected, rtol=1e-10, atol=1e-10)


def test_the_papers_halves_in_numbers() -> None:
    """Scores of s_r = 3/4, s_w = 1/2 and s_f = 1/5."""
    module = tiny().double()
    logits = {"real right": math.log(3), "real wrong": 0.0, "fake right": math.log(1 / 4)}

    class Known(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Identity()

        def judge(self, images: Tensor, text: Tensor) -> Tensor:
            about = f"{'real' if images[0, 0] else 'fake'} {'right' if text[0, 0] else 'wrong'}"
            return torch.full((len(images),), logits[about], dtype=torch.float64)

        def forward(self, images: Tensor, text: Tensor) -> Tensor:
            return self.judge(images, text)

    module.discriminator = Known()  # type: ignore[assignment]
    ones, zeros = torch.ones(2, 1, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64)
    given = CaptionedBatch(ones, [], [])
    products: Any = (ones, zeros, zeros, zeros)
    lost = module.discriminator_terms(given, products)
    expected = -(math.log(3 / 4) + (math.log(1 / 2) + math.log(4 / 5)) / 2)
    assert float(torch.stack(list(lost.values())).sum()) == pytest.approx(expected, abs=1e-10)
    assert float(lost["wrong_caption"]) == pytest.approx(-(math.log(3 / 4) + math.log(1 / 2)) / 2, abs=1e-10)
    assert float(module.generator_terms(given, products)["adversarial"]) == pytest.approx(
        math.log(5), abs=1e-10
    )


def test_extra_steps_of_the_generator_come_first_with_fresh_noise(tmp_path: Path) -> None:
    module, order = tiny(extra_generator_steps=2), []
    module.generator.register_forward_pre_hook(lambda _, given: order.append(given[0].clone()))
    module.discriminator.project.register_full_backward_hook(lambda *_: order.append("D learns"))
    fitting = train(module, tmp_path, [batch(), batch()])
    drawn = [latents for latents in order[:3] if isinstance(latents, Tensor)]
    steps = [optimizer.state_dict()["state"][0]["step"] for optimizer in fitting.optimizers]
    assert [int(step) for step in steps] == [2, 6]
    assert fitting.global_step == 2
    assert len(drawn) == 3, "the discriminator learnt before the generator's extra steps"
    assert len({float(latents.sum()) for latents in drawn}) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interpolation": 1.0}, "model.interpolation is 1.0: it lies in"),
        ({"extra_generator_steps": -1}, "model.extra_generator_steps is -1"),
        ({"extra_generator_steps": 1, "accumulate": 2}, "0 where accumulate is above 1"),
        ({"r1_weight": 1.0}, "set --model.discriminator_norm to none, layer or instance"),
        ({"projection": 0}, "projection must be 1 or more"),
        ({"embedding_size": None}, "python train.py fit --config text_encoder and give --model.text_encoder"),
        (
            {"text_encoder_arguments": {"level": "word"}},
            "leave out --model.text_encoder or --data.embeddings",
        ),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


def test_it_learns_what_captions_mean_and_judges_whether_they_match(tmp_path: Path) -> None:
    """One caption means dark and the other bright."""
    torch.manual_seed(0)
    bright = torch.arange(16) % 2
    noise = torch.rand(16, 3, 16, 16) * 0.1
    embeddings = torch.eye(2)[bright]
    given = CaptionedBatch(
        (bright * 1.4 - 0.7).view(-1, 1, 1, 1) + noise, [""] * 16, [""] * 16, embeddings, embeddings.flip(1)
    )
    widths = {"generator_width": 4, "discriminator_width": 4}
    module = GANCLS(**(TOY | widths | {"embedding_size": 2, "learning_rate": 3e-3}))
    train(module, tmp_path, [given] * 150, precision="32-true")
    drawn = module.draw(torch.eye(2).repeat(4, 1), seed=range(8)).mean((1, 2, 3))
    assert drawn[1::2].min() - drawn[::2].max() > 0.2
    right, wrong = module.caption_scores(given)
    assert (right > wrong).all()


# A checkpoint that needs nothing else


@pytest.fixture(scope="module")
def text_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a toy run of a text encoder, in a folder of runs."""
    runs = tmp_path_factory.mktemp("text_encoder")
    model, data = make_model("TextEncoder"), make_data("TextEncoder")
    fitting = trainer(runs, precision="32-true")
    fitting.fit(model, data)
    fitting.save_checkpoint(runs / "2026-01-01" / "checkpoints" / "best.ckpt")
    return runs


def test_a_checkpoint_draws_by_itself(tmp_path: Path, text_encoder: Path) -> None:
    own = tmp_path / "runs"
    text_encoder.rename(own)
    arguments = {name: value for name, value in TOY.items() if name != "embedding_size"}
    module = GANCLS(**arguments, text_encoder=str(own), ema_decay=0.9)
    before = {name: weight.clone() for name, weight in module.text_encoder.named_parameters()}  # type: ignore[union-attr]
    fitting = trainer(tmp_path, precision="32-true")
    fitting.fit(module, make_data("GANCLS"))
    for name, weight in module.text_encoder.named_parameters():  # type: ignore[union-attr]
        assert torch.equal(weight, before[name]), "the text encoder is not frozen"
    fitting.save_checkpoint(tmp_path / "drawing.ckpt")
    own.rename(text_encoder)

    loaded = GANCLS.load_from_checkpoint(tmp_path / "drawing.ckpt", weights_only=True)
    image = loaded.draw(CAPTIONS[0], seed=3)
    assert image.shape == (3, 16, 16)
    assert torch.equal(image, module.draw(CAPTIONS[0], seed=3))
    assert not torch.equal(image, module.draw(CAPTIONS[1], seed=3))
    assert not torch.equal(image, module.draw(CAPTIONS[0], seed=4))
    again = gans.load(tmp_path / "drawing.ckpt")
    assert isinstance(again, GANCLS)
    both = again.draw(again.embed(CAPTIONS), seed=[3, 5])
    torch.testing.assert_close(both[0], image)
    torch.testing.assert_close(both, loaded.draw(CAPTIONS, seed=[3, 5]))


def test_a_missing_text_encoder_is_asked_for_with_the_command_that_trains_it(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"Train one first.*python train.py fit --config text_encoder"
    ):
        tiny(embedding_size=None, text_encoder=str(tmp_path / "nothing"))


def test_prompts_are_words(text_encoder: Path) -> None:
    module = tiny(embedding_size=None, text_encoder=str(text_encoder))
    with pytest.warns(UserWarning, match="read as <unk>: zebra"):
        module.draw("a person with zebra hair")
    with pytest.warns(UserWarning, match="read as <unk>: 赤い髪"):
        module.draw("赤い髪")
    with pytest.raises(ValueError, match="there is no word in it"):
        module.draw("")


def test_draw_takes_embeddings() -> None:
    module, given = tiny(), batch().embeddings
    assert given is not None
    drawn = module.draw(given, seed=7)
    torch.testing.assert_close(module.draw(given[2], seed=7), drawn[2])
    with pytest.raises(ValueError, match=r"has no text encoder: give it embeddings .*\(N, 6\)"):
        module.draw("a person")
    with pytest.raises(ValueError, match=r"4 images need one embedding each, \(4, 6\), not \(4, 5\)"):
        module.draw(given[:, :5])
    with pytest.raises(ValueError, match="4 captions need one seed, or one each, not 2"):
        module.draw(given, seed=[1, 2])
    with pytest.raises(ValueError, match="A GANCLS draws captions: use draw"):
        module.sample(2)


def test_data_without_embeddings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"give --data\.embeddings FILE"):
        train(tiny(), tmp_path, [batch()._replace(embeddings=None)])


# What callbacks see


def test_what_is_compared_depends_on_the_image_alone() -> None:
    module, given = tiny(), batch()
    (whole,) = module.comparisons(given).values()
    assert whole.real is given.images
    part = CaptionedBatch(*(None if column is None else column[2:3] for column in given))  # type: ignore[arg-type]
    (alone,) = module.comparisons(part).values()
    torch.testing.assert_close(alone.fake, whole.fake[2:3])
    other = part._replace(embeddings=part.wrong_embeddings)
    assert not torch.equal(module.comparisons(other)["drawn"].fake, alone.fake)


def test_grids_show_captions_beside_their_pictures() -> None:
    module, data = make_model("GANCLS"), make_data("GANCLS")
    assert isinstance(module, GANCLS)
    module.text_encoder.vocabulary.fill(data.training_captions())  # type: ignore[union-attr, attr-defined]
    given = data.preview(2)._replace(captions=["the red hair", "a face"])
    grids = module.grids(given)
    assert set(grids) == {"captions", "between", "one_word"}
    assert grids["captions"].row_labels == ["the red hair", "a face"]
    assert grids["one_word"].row_labels == ["the ___ hair"]
    torch.testing.assert_close(grids["one_word"].columns["red"][0], module.draw("the red hair", seed=0))
    torch.testing.assert_close(grids["captions"].columns["seed 5"][1], module.draw("a face", seed=5))
    torch.testing.assert_close(grids["between"].columns["100%"][0], module.draw("a face", seed=0))


def test_prompts_become_files() -> None:
    module, given = tiny(), batch(2).embeddings
    prompts = PromptBatch(["one", "two"], torch.tensor([3, 4]), ["one.png", "two.png"], given)
    made = module.predict_step(prompts, 0)
    assert made.names == ["one.png", "two.png"]
    assert given is not None
    torch.testing.assert_close(made.images, module.draw(given, [3, 4]))
    with pytest.raises(ValueError, match="predict with --data CaptionedImages"):
        module.predict_step(batch(), 0)
