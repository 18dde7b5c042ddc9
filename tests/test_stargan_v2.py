from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.official_steps import assert_official_steps
from support.parity import wave
from support.tiny import trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.base import PredictBatch
from datamodules.multi_domain.batches import MultiDomainBatch
from datamodules.multi_domain.module import MultiDomainImages
from gans.callbacks.face_masks import FaceMaskSource
from gans.callbacks.predicting.write_predictions import WritePredictions
from gans.cyclegan import CycleGAN
from gans.inference import to_pil
from gans.networks.landmarks import FaceMasks, LandmarkNetwork, load_landmarks
from gans.stargan_v2 import StarGANv2

NETWORKS = {
    "generator": "generator",
    "mapping_network": "mapping_network",
    "style_encoder": "style_encoder",
    "discriminator": "discriminator",
}
SCALES = {"generator": 0.04, "mapping_network": 0.17, "style_encoder": 0.06, "discriminator": 0.05}
SCALES_HPF = SCALES | {"generator": 0.06, "style_encoder": 0.05, "discriminator": 0.036}


class OfficialChance(StarGANv2):
    """Draws what was recorded: the c-th latents are cos(0.7 c + 0.9 k) over the flat index k."""

    drawn = 0

    def random_latents(self, count: int) -> tuple[Tensor, Tensor]:
        shape = count, self.hparams["latent_size"]
        steps = 0.9 * np.arange(shape[0] * shape[1])
        values = [np.cos(0.7 * c + steps).astype(np.float32) for c in (self.drawn, self.drawn + 1)]
        self.drawn += 2
        first, other = (torch.from_numpy(value).double().view(shape) for value in values)
        return first, other


def terms_of(losses: str, turn: str, player: str) -> dict[str, Callable[[Mapping[str, float]], float]]:
    """Return what our terms of a turn are by the losses which the official program printed for it."""
    if player == "D":
        return {
            f"train/{turn}/adversarial": lambda seen: seen[f"{losses}_real"] + seen[f"{losses}_fake"],
            f"train/{turn}/r1": lambda seen: seen[f"{losses}_reg"],
            f"train/{turn}/total": lambda seen: seen[f"(not printed) {losses} total"],
        }
    ours = {"adversarial": "adv", "style": "sty", "cycle": "cyc"}
    named: dict[str, Callable[[Mapping[str, float]], float]] = {
        f"train/{turn}/{name}": lambda seen, theirs=theirs: seen[f"{losses}_{theirs}"]  # type: ignore[misc]
        for name, theirs in ours.items()
    }
    return named | {f"train/{turn}/total": lambda seen: seen[f"(not printed) {losses} total"]}


def recorded_batch(side: int, labels: list[int], targets: list[int], domains: int) -> MultiDomainBatch:
    eye = torch.eye(domains).double()
    second = torch.from_numpy(np.sin(0.029 * np.arange(2 * 3 * side * side)).astype(np.float32))
    references = wave(2, 3, side, side, function=np.cos), second.double().view(2, 3, side, side)
    return MultiDomainBatch(
        wave(2, 3, side, side),
        eye[labels],
        torch.ones(2, 1).double(),
        eye[targets],
        references=torch.stack(references, dim=1),
    )


def stand_in(images: Tensor) -> Tensor:
    """Return the recorded stand-in for masks of landmarks: the brightness, and its square."""
    bright = 0.5 * images.mean(1) + 0.5
    return torch.stack([bright, bright.square()], dim=1)


@pytest.mark.parametrize("name", ["stargan_v2", "stargan_v2_hpf"])
def test_steps_equal_the_official_program(name: str, tmp_path: Path) -> None:
    """To 1e-8: a last digit of the start weights moves the fourth step's losses by 1.3e-10 already."""
    masked = name.endswith("hpf")
    side, domains = (64, 2) if masked else (32, 3)
    module = OfficialChance(
        image_size=side,
        domains=["a", "b", "c"][:domains],
        latent_size=8,
        style_size=16,
        generator_width=8,
        discriminator_width=8,
        mapping_width=32,
        diversity_weight=1.0 if masked else 2.0,
        diversity_steps=8 if masked else 4,
        high_pass=1.0 if masked else 0.0,
        learning_rate=1e-5 if masked else 1e-4,
    )
    module.make_masks_by(stand_in)
    labels = ([0, 1], [1, 1]) if masked else ([0, 2], [1, 2])
    terms = {
        **terms_of("D/latent", "discriminator", "D"),
        **terms_of("D/ref", "discriminator_reference", "D"),
        **terms_of("G/latent", "generator", "G"),
        **terms_of("G/ref", "generator_reference", "G"),
    }
    assert_official_steps(
        module,
        recorded_batch(side, *labels, domains),
        name,
        terms,
        NETWORKS,
        tmp_path,
        scales=SCALES_HPF if masked else SCALES,
    )


DOMAINS = ["black", "blond", "red"]
TINY: dict[str, Any] = {
    "image_size": 16,
    "domains": DOMAINS,
    "latent_size": 3,
    "style_size": 4,
    "generator_width": 2,
    "discriminator_width": 2,
    "mapping_width": 16,
    "looks": 2,
}


def tiny(**arguments: Any) -> StarGANv2:
    torch.manual_seed(0)
    return StarGANv2(**(TINY | arguments)).double().eval()


def images(count: int = 3, side: int = 16, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, side, side, generator=chance, dtype=torch.float64) * 2 - 1


def pictures(side: int = 16) -> Tensor:
    """Return two references for each of three images."""
    return torch.stack([images(side=side, seed=1), images(side=side, seed=2)], dim=1)


def batch(**fields: Any) -> MultiDomainBatch:
    eye = torch.eye(3).double()
    whole = MultiDomainBatch(
        images(),
        eye,
        torch.ones(3, 1).double(),
        eye[[1, 0, 0]],
        names=["a.png", "b.png", "c.png"],
        references=pictures(),
    )
    return whole._replace(**fields)


def at_step(module: StarGANv2, step: int, monkeypatch: pytest.MonkeyPatch) -> StarGANv2:
    monkeypatch.setattr(StarGANv2, "global_step", step)
    return module


@pytest.mark.parametrize(("step", "weight"), [(0, 2.0), (1, 1.5), (3, 0.5), (4, 0.0), (5, 0.0), (10**6, 0.0)])
def test_the_weight_of_diversity_falls_to_nothing_and_never_below(
    step: int, weight: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = at_step(tiny(diversity_weight=2.0, diversity_steps=4), step, monkeypatch)
    assert module.diversity_weight() == weight


def test_terms_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"style_weight": 2.0, "diversity_weight": 3.0, "cycle_weight": 5.0, "diversity_steps": 10}
    module, data = at_step(tiny(**weights), 5, monkeypatch), batch()
    labels, targets = torch.tensor([0, 1, 2]), torch.tensor([1, 0, 0])
    made = module.produce(data)
    first, other = module.random_latents(3)
    style, differing = (module.mapping_network(latents, targets) for latents in (first, other))
    for turn, of_fake, of_other in (
        ("generator", style, differing),
        (
            "generator_reference",
            *(module.style_encoder(data.references[:, number], targets) for number in (0, 1)),  # type: ignore[index]
        ),
    ):
        fake = module.generator(data.images, of_fake)
        back = module.generator(fake, module.style_encoder(data.images, labels))
        apart = (fake - module.generator(data.images, of_other)).abs().mean()
        expected = {
            "adversarial": -torch.nn.functional.logsigmoid(module.discriminator(fake, targets)).mean(),
            "style": 2 * (module.style_encoder(fake, targets) - of_fake).abs().mean(),
            "diversity": -3 * 0.5 * apart,
            "cycle": 5 * (back - data.images).abs().mean(),
        }
        terms = getattr(module, f"{turn}_terms")(data, made)
        assert terms.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(terms[name], value)


def test_the_discriminator_judges_real_images_in_their_domain_and_fakes_in_their_targets() -> None:
    module, data = tiny(r1_weight=0.0), batch()
    labels, targets = torch.tensor([0, 1, 2]), torch.tensor([1, 0, 0])
    made = module.produce(data)
    style = module.style_encoder(data.references[:, 0], targets)  # type: ignore[index]
    softplus = torch.nn.functional.softplus
    for turn, fake in (
        ("discriminator", made.fake),
        ("discriminator_reference", module.generator(data.images, style)),
    ):
        terms = getattr(module, f"{turn}_terms")(data, made)
        real_scores, fake_scores = (
            module.discriminator(data.images, labels),
            module.discriminator(fake, targets),
        )
        torch.testing.assert_close(
            terms["adversarial"], softplus(-real_scores).mean() + softplus(fake_scores).mean()
        )


def test_penalties_know_the_domain_of_real_and_fake() -> None:
    data = batch()
    for argument, other in (("r1_weight", False), ("r2_weight", True)):
        module = tiny(**({"r1_weight": 0.0} | {argument: 1.0}))
        made = module.produce(data)
        points = (made.fake if other else data.images).detach().requires_grad_()
        scores = module.discriminator(points, made.targets if other else made.labels)
        (slopes,) = torch.autograd.grad(scores.sum(), points)
        penalty = module.discriminator_terms(data, made)[argument.removesuffix("_weight")]
        torch.testing.assert_close(penalty, slopes.flatten(1).square().sum(1).mean() / 2)


def test_weights_are_drawn_as_published() -> None:
    module = StarGANv2(image_size=32, generator_width=32, discriminator_width=32, mapping_width=64)
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            assert parameter.abs().max() == 0, name
        elif parameter.ndim == 1:
            assert parameter.equal(torch.ones_like(parameter)), name
        elif parameter.numel() > 4000:
            fan_in = parameter[0].numel()
            assert float(parameter.detach().std()) == pytest.approx((2 / fan_in) ** 0.5, rel=0.05), name


def test_the_mapping_network_has_a_rate_of_its_own_and_three_networks_are_averaged() -> None:
    module = tiny()
    module.configure_model()
    rates = {player.name: module.settings_of(player)["learning_rate"] for player in module.players}
    assert rates == {"discriminator": 1e-4, "generator": 1e-4, "mapping": 1e-6, "style_encoder": 1e-4}
    assert all(module.settings_of(player)["betas"] == (0.0, 0.99) for player in module.players)
    assert all(module.settings_of(player)["weight_decay"] == 1e-4 for player in module.players)
    assert set(module.ema) == {"generator", "mapping_network", "style_encoder"}


def test_heads_that_no_target_asks_for_move_by_weight_decay(tmp_path: Path) -> None:
    module = tiny()
    before = {name: p.clone() for name, p in module.mapping_network.heads.named_parameters()}
    data = batch(targets=torch.eye(3).double()[[1, 0, 0]])  # nobody is to become red
    fitting = trainer(tmp_path, max_epochs=1)
    fitting.fit(module, DataLoader([data], batch_size=None))  # type: ignore[arg-type]
    moved = [
        float((p - before[name]).abs().max())
        for name, p in module.mapping_network.heads.named_parameters()
        if name.startswith("2.") and name.endswith("weight")
    ]
    assert moved == pytest.approx([1e-6] * len(moved), rel=1e-3)


def test_a_seed_is_a_look_and_a_reference_lends_its_own() -> None:
    module, shown = tiny(), images()
    first, second = (module.translate(shown, "blond", seed) for seed in (0, 1))
    assert not torch.allclose(first, second)
    assert first.equal(module.translate(shown, "blond"))
    assert not torch.allclose(first, module.translate(shown, "red"))
    torch.testing.assert_close(module.translate(shown[1:], "blond"), first[1:])
    each = module.translate(shown, ["blond", "red", "blond"])
    torch.testing.assert_close(each[::2], first[::2])
    torch.testing.assert_close(each[1], module.translate(shown[1], "red"))
    reference = images(1, seed=5)[0]
    lent = module.translate(shown, "red", reference=reference)
    style = module.style_of(reference, "red")
    torch.testing.assert_close(lent, module.translate(shown, "red", style=style))
    torch.testing.assert_close(
        lent, module.translate(shown, "red", reference=reference.expand(3, -1, -1, -1))
    )
    torch.testing.assert_close(
        module.translate(shown, DOMAINS, reference=reference)[2],
        module.translate(shown[2], "red", style=style),
    )


def test_outputs_are_pictures_of_any_size_and_of_the_same() -> None:
    module = tiny()
    with torch.no_grad():
        module.generator.to_image.get_parameter("2.bias").fill_(9.0)
    made = module.translate(images(2, 21), "red", reference=images(1, 40))
    assert made.shape == (2, 3, 21, 21)
    assert made.max() == 1
    (picture,) = module.translate([to_pil(images(1)[0])[0]], "red")
    assert picture.size == (16, 16)


def test_truncation_leads_to_the_mean_style() -> None:
    module = tiny()
    mean, seeds = module.mean_style("red"), list(range(400))
    styles = module.random_styles("red", seeds)
    torch.testing.assert_close(styles.mean(0), mean, atol=0.2 * float(styles.std()), rtol=0)
    torch.testing.assert_close(module.random_styles("red", [3, 4], truncation=0.0), mean.expand(2, -1))
    torch.testing.assert_close(module.random_styles(["red"], [3], truncation=0.5)[0], (mean + styles[3]) / 2)
    outcomes = tiny(truncation=0.0).outcomes(batch(), 3)
    assert all(looks.std(dim=1).max() < 1e-12 for looks in outcomes.values())


def test_between_two_looks_lie_others() -> None:
    module, shown = tiny(), images()
    first, last = module.random_styles("red", [0, 1])
    ends = [module.between(shown, "red", first, last, moment) for moment in (0.0, 1.0)]
    torch.testing.assert_close(ends[0], module.translate(shown, "red", 0))
    torch.testing.assert_close(ends[1], module.translate(shown, "red", 1))
    middle = module.between(shown, "red", first, last, 0.5)
    torch.testing.assert_close(middle, module.translate(shown, "red", style=(first + last) / 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"domain": "green"}, "'green' is no domain; there are black, blond, red"),
        ({"domain": ["red"]}, "domain has 1 names for 3 images"),
        ({"domain": "red", "style": torch.zeros(2, 4)}, r"style has the shape \(2, 4\): for 3 images"),
        ({"domain": "red", "reference": images(2)}, "2 references for 3 images"),
        (
            {"domain": "red", "reference": images(1), "style": torch.zeros(4)},
            "a reference or a style, not both",
        ),
        ({"domain": "red", "truncation": 2.0}, "truncation is 2.0: it lies between 0 and 1"),
    ],
)
def test_what_cannot_be_translated_is_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny().translate(images(), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"domains": ["red"]}, r"model.domains is \['red'\]: it names two or more domains"),
        ({"domains": ["red", "red"]}, "each of them once"),
        ({"target": ["green"]}, "'green' is no domain"),
        ({"looks": 0}, "model.looks is 0"),
        ({"truncation": 1.5}, "model.truncation is 1.5"),
        ({"diversity_steps": 0}, "model.diversity_steps is 0"),
        ({"cycle_weight": -1.0}, "model.cycle_weight is -1.0"),
        ({"image_size": 20}, "is 20, but this network"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


def test_pairs_of_domains_are_compared_in_all_looks() -> None:
    truths = torch.stack([images(seed=seed) for seed in range(3)], dim=1)
    module, data = tiny(), batch(truths=truths)
    compared = module.comparisons(data)
    pairs = [f"{a}2{b}" for a in DOMAINS for b in DOMAINS if a != b]
    assert list(compared) == [name for pair in pairs for name in (pair, f"{pair}_in_style_of_truth")]
    pair = compared["blond2red"]
    assert pair.fake.shape == (2, 3, 16, 16)  # two looks of one image
    assert pair.real is not None
    assert pair.real.equal(data.images[2:])
    assert not torch.allclose(pair.fake[0], pair.fake[1])
    styled = compared["blond2red_in_style_of_truth"]
    assert styled.truth is not None
    assert styled.truth.equal(truths[1:2, 2])
    torch.testing.assert_close(
        styled.fake, module.translate(data.images[1:2], "red", reference=truths[1:2, 2])
    )
    outcomes = module.outcomes(data, 4)
    assert list(outcomes) == pairs
    torch.testing.assert_close(outcomes["blond2red"][0, :2], pair.fake)
    moved = batch(images=data.images.flip(0), labels=data.labels.flip(0), names=["c.png", "b.png", "a.png"])
    torch.testing.assert_close(module.outcomes(moved, 4)["red2blond"], outcomes["red2blond"])


def test_looks_of_an_image_are_drawn_by_its_name() -> None:
    alike = images(1).expand(3, -1, -1, -1)
    data = batch(images=alike, labels=torch.eye(3).double()[[0, 0, 0]], names=["a.png", "b.png", "a.png"])
    first, other, again = tiny().outcomes(data, 2)["black2red"]
    assert first.equal(again)
    assert not torch.allclose(first, other)
    assert not torch.allclose(first[0], first[1])


def test_grids_show_looks_by_domain_and_references_against_inputs() -> None:
    module, data = tiny(), batch()
    grids = module.grids(data)
    assert list(grids) == [*DOMAINS, "references"]
    columns = grids["red"].columns
    assert list(columns) == ["input", *(f"red, look {seed}" for seed in range(5))]
    torch.testing.assert_close(columns["red, look 3"], module.translate(data.images, "red", 3))
    table = grids["references"].columns
    assert list(table) == ["reference", "input 0", "input 1", "input 2"]
    torch.testing.assert_close(table["reference"][1:], data.images)
    torch.testing.assert_close(table["input 1"][0], data.images[1])
    torch.testing.assert_close(
        table["input 1"][3], module.translate(data.images[1], "red", reference=data.images[2])
    )


def test_predicting_looks_of_every_domain_or_of_those_asked_for() -> None:
    shown = PredictBatch(images(2), ["a.png", "b/c.png"])
    made = tiny().predict_step(shown, 0)
    assert len(made.images) == len(made.names) == len(made.sources) == 2 * 3 * 2
    assert made.names[:4] == [
        "black/look_0/a.png",
        "black/look_0/b/c.png",
        "black/look_1/a.png",
        "black/look_1/b/c.png",
    ]
    alone = tiny(target=["red"], looks=1).predict_step(PredictBatch(shown.images[1:], ["b/c.png"]), 0)
    assert alone.names == ["red/look_0/b/c.png"]
    torch.testing.assert_close(alone.images[0], made.images[made.names.index("red/look_0/b/c.png")])


def test_predicting_in_the_looks_of_a_folder_of_references(tmp_path: Path) -> None:
    for name in ("red/a.png", "red/deep/b.png", "blond/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        to_pil(images(1, seed=len(name)))[0].save(tmp_path / name)
    module, shown = tiny(references=str(tmp_path)), PredictBatch(images(2), ["x.png", "y.png"])
    made = module.predict_step(shown, 0)
    folders = ["blond/c", "red/a", "red/deep/b"]
    assert made.names == [f"{folder}/{name}" for folder in folders for name in ("x.png", "y.png")]
    reference = Image.open(tmp_path / "red" / "a.png")
    torch.testing.assert_close(made.images[2:4], module.translate(shown.images, "red", reference=reference))
    (tmp_path / "green").mkdir()
    to_pil(images(1))[0].save(tmp_path / "green" / "d.png")
    with pytest.raises(ValueError, match=r"green.d.png does not lie in a sub-folder named after a domain"):
        tiny(references=str(tmp_path)).predict_step(shown, 0)


def test_the_high_pass_takes_masks_from_a_callable_a_tensor_or_the_batch() -> None:
    module, shown, masks = tiny(image_size=32, high_pass=1.0), images(side=32), images(side=32)[:, :2].abs()
    given = module.translate(shown, "red", masks=masks)
    assert not torch.allclose(given, module.translate(shown, "red", masks=torch.zeros_like(masks)))
    with pytest.raises(ValueError, match=r"model.high_pass is 1.0: .* as `masks`.*FaceMaskSource"):
        module.translate(shown, "red")
    data = batch(
        images=shown,
        masks=masks,
        references=pictures(32),
    )
    terms = module.generator_terms(data, module.produce(data))
    module.make_masks_by(lambda pictures: pictures[:, :2].abs())
    torch.testing.assert_close(module.translate(shown, "red"), given)
    other = module.generator_terms(data, module.produce(data))
    torch.testing.assert_close(terms["adversarial"], other["adversarial"])
    assert not torch.allclose(terms["cycle"], other["cycle"])  # masks of the fake are made anew


@pytest.mark.parametrize("tile", [None, 24])
def test_predicting_a_folder_with_masks_beside_images(tile: int | None, tmp_path: Path) -> None:
    shown, masks = images(2, side=32).float(), images(2, side=32, seed=1)[:, :2].abs().float()
    for domain in ("black", "red"):
        (tmp_path / "set" / domain).mkdir(parents=True)
        for name, image, mask in zip(("a", "b"), to_pil(shown), to_pil(_as_colours(masks)), strict=True):
            image.save(tmp_path / "set" / domain / f"{name}.png")
            mask.save(tmp_path / "set" / domain / f"{name}.masks.png")
    folder = tmp_path / "set"
    data = MultiDomainImages(
        root=str(folder), size=32, predict_dir=str(folder / "red"), tile=tile, eval_batch_size=2
    )
    module = tiny(
        image_size=32, high_pass=1.0, domains=["black", "red"], references=str(folder), target=["red"]
    )
    writing = trainer(tmp_path / "out", precision="32-true", callbacks=[WritePredictions()])
    made = writing.predict(module.float(), datamodule=data)
    predictions: Any = made
    names = [name for batch in predictions for name in batch.names]
    assert len(set(names)) == 2 * 4  # of two references of each domain
    written = tmp_path / "out" / "red" / "a"
    pixels = np.stack([np.asarray(Image.open(written / f"{name}.png")) for name in ("a", "b")])
    given = [np.asarray(one) for one in to_pil(_as_colours(masks))]
    quantised = torch.from_numpy(np.stack(given)).permute(0, 3, 1, 2)[:, :2] / 255
    reference = Image.open(folder / "red" / "a.png")
    pictures = [Image.open(folder / "red" / f"{name}.png") for name in ("a", "b")]
    expected = [
        module.translate(picture, "red", reference=reference, masks=mask[None])
        for picture, mask in zip(pictures, quantised, strict=True)
    ]
    if tile is None:  # tiles differ from the whole, as the norms see them alone
        np.testing.assert_array_equal(pixels, np.stack([np.asarray(one) for one in expected]))


def _as_colours(masks: Tensor) -> Tensor:
    """Return masks (N, 2, H, W) in [0, 1] as the pictures beside images hold them, in [-1, 1]."""
    return torch.cat([masks, torch.zeros_like(masks[:, :1])], dim=1) * 2 - 1


def test_a_callable_is_handed_over_by_a_callback_and_is_in_no_checkpoint(tmp_path: Path) -> None:
    calls: list[int] = []

    class OwnMasks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, pictures: Tensor) -> Tensor:
            calls.append(len(pictures))
            return pictures[:, :2].abs()

    data = batch(
        images=images(side=32),
        references=pictures(32),
    )
    module = tiny(image_size=32, high_pass=1.0)
    fitting = trainer(tmp_path, max_epochs=1, callbacks=[FaceMaskSource(OwnMasks())])
    fitting.fit(module, DataLoader([data], batch_size=None))  # type: ignore[arg-type]
    assert calls == [3] * 3  # of the images, and of the fakes of two turns
    fitting.save_checkpoint(tmp_path / "model.ckpt")
    loaded = StarGANv2.load_from_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(ValueError, match="needs masks that tell where a face is"):
        loaded.translate(images(side=32).float(), "red")
    with pytest.raises(ValueError, match="FaceMaskSource: CycleGAN takes no masks of faces"):
        FaceMaskSource(stand_in).setup(fitting, CycleGAN(), "fit")


def given_masks(module: StarGANv2, shown: Tensor, masks: Tensor) -> Tensor:
    """Translate with masks that are given, by a model that makes none."""
    other = tiny(image_size=32, high_pass=1.0)
    other.load_state_dict(module.state_dict())
    return other.translate(shown, "red", masks=masks)


def test_the_landmark_network_makes_masks_and_is_in_no_checkpoint(tmp_path: Path) -> None:
    torch.save({"state_dict": LandmarkNetwork().state_dict()}, tmp_path / "wing.ckpt")
    module = tiny(image_size=32, high_pass=1.0, landmarks=str(tmp_path / "wing.ckpt"))
    before = list(module.state_dict())
    shown = images(1, 32)
    made = module.translate(shown, "red")
    masks = FaceMasks(load_landmarks(tmp_path / "wing.ckpt")).double()(shown)
    torch.testing.assert_close(made, given_masks(module, shown, masks))
    assert list(module.state_dict()) == before
    with pytest.raises(FileNotFoundError, match=r"model.landmarks: .*absent.ckpt is no file"):
        tiny(image_size=32, high_pass=1.0, landmarks=str(tmp_path / "absent.ckpt")).translate(shown, "red")


def test_data_of_other_domains_or_of_none_is_refused(tmp_path: Path) -> None:
    def fit(attributes: list[str], **arguments: Any) -> None:
        data = MultiDomainImages(attributes=attributes, faces_count=4, test_count=2, size=16, batch_size=2)
        trainer(tmp_path, precision="32-true").fit(tiny(**arguments).float(), datamodule=data)

    hair = ["black_hair", "blond_hair"]
    with pytest.raises(
        ValueError, match=r"domains \['black', 'blond', 'red'\], and the data has \['black_hair'"
    ):
        fit(hair)
    with pytest.raises(
        ValueError, match=r"each image shows one, and the data has attributes that may go tog"
    ):
        fit([*hair, "glasses"])
    with pytest.raises(ValueError, match=r"masks: drawn faces have none"):
        fit(hair, domains=hair, high_pass=1.0)
