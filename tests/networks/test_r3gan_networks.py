from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from support.parity import FOLDER, vectors, wave
from support.r3gan import fill, noise
from torch import Tensor, nn

from gans.losses.penalties import scores_and_slopes
from gans.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from gans.networks.resampling import FilteredDoubling, FilteredHalving
from gans.tools.official.names import official_names

RECORDED: dict[str, Any] = {"widths": [16, 16, 12, 8], "blocks": [1, 2, 1, 1], "group_width": 8}
LABELS = torch.tensor([0, 2, 1, 3])


def assert_recorded(name: str, made: dict[str, Tensor]) -> None:
    recorded = vectors(name)
    for kind, facts in recorded.facts["modes"]["eval"].items():
        slack = 2 * facts["max_abs_diff_vs_fp64_weights_fp32"]
        ours = made[kind].detach().numpy()
        np.testing.assert_allclose(ours, recorded.arrays[f"eval/{kind}"], rtol=1e-6, atol=slack)


@pytest.mark.parametrize("classes", [0, 4])
@pytest.mark.parametrize("training", [False, True])
def test_the_generator_is_the_official_one(classes: int, training: bool) -> None:
    name = "r3gan_g_cond" if classes else "r3gan_g"
    network = R3GANGenerator(**RECORDED, latent_size=8, classes=classes).double().train(training)
    facts = vectors(name).facts
    fill(network, facts["state_dict"], facts["fill_rules"])
    assert_recorded(name, {"out": network(noise(4, 8), LABELS if classes else None)})


@pytest.mark.parametrize("classes", [0, 4])
@pytest.mark.parametrize("training", [False, True])
def test_the_discriminator_and_its_gradient_are_the_official_ones(classes: int, training: bool) -> None:
    name = "r3gan_d_cond" if classes else "r3gan_d"
    network = R3GANDiscriminator(**RECORDED, classes=classes).double().train(training)
    facts = vectors(name).facts
    fill(network, facts["state_dict"], facts["fill_rules"])
    images, labels = wave(4, 3, 32, 32).requires_grad_(), LABELS if classes else None
    scores = network(images, labels)
    (gradient,) = torch.autograd.grad(scores.sum(), images)
    (again,), (slopes,) = scores_and_slopes(lambda points: (network(points, labels),), images)
    assert_recorded(name, {"out": scores, "gradient": gradient, "penalty": slopes})
    torch.testing.assert_close(again, scores)


@pytest.mark.parametrize(("name", "taps"), [("f121", [1, 3, 3, 1]), ("f14641", [1, 5, 10, 10, 5, 1])])
@pytest.mark.parametrize("way", ["up", "down"])
def test_resolutions_change_as_officially(name: str, taps: list[float], way: str) -> None:
    recorded = vectors("r3gan_resamplers")
    facts = recorded.facts["facts"][f"interpolative_{way}/{name}"]
    kind = FilteredDoubling if way == "up" else FilteredHalving
    made = kind(facts["input"][1], taps).double()(wave(*facts["input"]))
    slack = 2 * facts["max_abs_diff_vs_fp64"]
    np.testing.assert_allclose(made, recorded.arrays[f"interpolative_{way}/{name}"], rtol=1e-6, atol=slack)


@pytest.mark.parametrize("kind", [FilteredDoubling, FilteredHalving])
def test_the_gradient_of_a_change_of_resolution_is_that_of_a_convolution(kind: type[nn.Module]) -> None:
    filtered = kind(2).double()
    images = torch.randn(2, 2, 6, 8, dtype=torch.float64, requires_grad=True)
    assert torch.equal(filtered(images), filtered(images.detach()))
    assert torch.autograd.gradcheck(filtered, images)
    assert torch.autograd.gradgradcheck(filtered, images)


def test_an_odd_filter_lies_between_no_two_pixels() -> None:
    with pytest.raises(ValueError, match="3 taps"):
        FilteredHalving(1, [1, 2, 1])


def test_at_the_start_every_block_is_the_identity_and_weights_have_the_official_spread() -> None:
    """Pooled over many draws, because a tensor alone has few numbers."""
    presets = json.loads((FOLDER / "r3gan_presets.json").read_text())["initialisation"]
    torch.manual_seed(0)
    drawn: dict[str, list[Tensor]] = {}
    for _ in range(30):
        networks = {
            "G": R3GANGenerator(**RECORDED, latent_size=8, classes=4),
            "D": R3GANDiscriminator(**RECORDED, classes=4),
        }
        for side, network in networks.items():
            for (ours, theirs), value in zip(
                official_names(network).items(), network.state_dict().values(), strict=True
            ):
                assert list(value.shape) == presets[f"{side}.{theirs}"]["shape"], ours
                drawn.setdefault(f"{side}.{theirs}", []).append(value.flatten())
    assert drawn.keys() == presets.keys()
    for name, parts in drawn.items():
        values, expected = torch.cat(parts), presets[name]["std"]
        error = 5 * expected / math.sqrt(2 * len(values))
        assert float(values.square().mean().sqrt()) == pytest.approx(expected, abs=error or 1e-12), name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"blocks": [1]}, "4 widths and 1 numbers of blocks"),
        ({"group_width": 5}, "32 inside, which groups of 5 do not divide"),
        ({"widths": [16, 0, 8, 8]}, "widths must be 1 or more, got 0"),
        ({"widths": [], "blocks": []}, "widths must be 1 or more, got 0"),
        ({"channels": 0}, "channels must be 1 or more"),
    ],
)
def test_impossible_networks_are_explained(arguments: dict[str, Any], said: str) -> None:
    for kind in (R3GANGenerator, R3GANDiscriminator):
        with pytest.raises(ValueError, match=said):
            kind(**(RECORDED | arguments))


def test_forward_says_what_is_missing() -> None:
    network = R3GANDiscriminator(**RECORDED, classes=4)
    with pytest.raises(ValueError, match="tells 4 classes apart"):
        network(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="takes images of 32x32"):
        network(torch.zeros(1, 3, 16, 16), torch.tensor([0]))
