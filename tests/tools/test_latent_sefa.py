"""Directions that weights tell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.toys import TOYS, make_model
from torch import nn

from gans.cli.errors import UsageError
from gans.protocol import HasLatent
from gans.tools.latents.concepts import Concept, direction
from gans.tools.latents.decoder import StyleDecoder, decoder_of
from gans.tools.latents.sefa import sefa, strongest_directions

close = torch.testing.assert_close
LATENT_MODELS = [name for name in TOYS if isinstance(make_model(name), HasLatent) and name != "GANCLS"]


@pytest.fixture
def decoder() -> StyleDecoder:
    torch.manual_seed(0)
    made = decoder_of(make_model("StyleGAN2"))  # type: ignore[arg-type]
    assert isinstance(made, StyleDecoder)
    return made


def test_directions_are_the_eigenvectors_of_the_largest_eigenvalues() -> None:
    """Rows count alike, whatever their length."""
    weights = torch.tensor([[0.0, -5.0, 0.0], [0.0, 2.0, 0.0], [1.0, 0.0, 0.0]])
    values, directions = strongest_directions(weights, 2)
    close(values, torch.tensor([2.0, 1.0]))
    close(directions, torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))


@pytest.mark.parametrize("name", LATENT_MODELS)
def test_every_model_that_begins_with_a_linear_layer_tells_directions(name: str) -> None:
    torch.manual_seed(0)
    model: Any = make_model(name)
    decoder = decoder_of(model)
    sheet = sefa(decoder, count=2, steps=(-1.0, 0.0, 2.0))
    close(sheet.latents[:, 1], decoder.latents([0]).expand(2, -1))
    ways = torch.from_numpy(sheet.numbers["direction"])
    close(sheet.latents[:, 2] - sheet.latents[:, 1], 2 * ways)
    along = decoder.latents(range(1000)) @ nn.functional.normalize(ways).t()
    close(along.std(0), ways.norm(dim=1), msg="a step is a standard deviation")


@pytest.mark.parametrize(("name", "layer"), [("DCGAN", "stages.0"), ("R3GAN", "stages.0.0.scale")])
def test_weights_of_a_class_are_left_out(name: str, layer: str) -> None:
    model: Any = make_model(name, classes=2)
    weights = model.generator.get_submodule(layer).weight
    expected = weights[:, :3] if weights.ndim == 2 else weights[:3].flatten(1).t()
    close(decoder_of(model, 0).first_weights(), expected.detach())


def test_weights_of_styles_are_those_of_the_layers_that_take_them(decoder: StyleDecoder) -> None:
    synthesis: Any = decoder._styled.generator.synthesis  # type: ignore[attr-defined]
    first, second, third = list(synthesis.blocks)
    close(decoder.first_weights([2]), second.conv1.style.weight.detach())
    close(decoder.first_weights([0, 5]), torch.cat([first.conv1.style.weight, third.to_image.style.weight]))
    assert len(decoder.first_weights()) > len(decoder.first_weights(range(5)))


def test_some_layers_are_moved_alone(decoder: StyleDecoder) -> None:
    sheet = sefa(decoder, count=1, steps=(0.0, 1.0), layers=[1, 4])
    styles = sheet.latents.unflatten(2, (6, 4))
    way = torch.from_numpy(sheet.numbers["direction"])[0]
    start = decoder.latents([0])[0]
    for layer in range(6):
        close(styles[0, 1, layer], start + way if layer in (1, 4) else start)
    by_hand = direction(decoder, Concept("hair", [1, 2], [3, 4]), seeds=[7], steps=[0.0, 1.0], layers=[2])
    moved = by_hand.latents.unflatten(2, (6, 4))[0, 1] - decoder.latents([7])
    assert moved[[0, 1, 3, 4, 5]].count_nonzero() == 0
    close(moved[2], torch.from_numpy(by_hand.numbers["direction"]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"count": 0}, "--count 0: at least 1"),
        ({"steps": [1.0, 1.0]}, "one of them occurs twice"),
        ({"layers": [9]}, "--layers 9: this model has 6 layers"),
    ],
)
def test_what_makes_no_sense_is_refused(decoder: StyleDecoder, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        sefa(decoder, **arguments)


def test_latents_that_are_normalised_first_tell_none() -> None:
    model: Any = make_model("StyleGAN2")
    with pytest.raises(ValueError, match="A StyleGAN2 takes no latent of this space by a linear layer"):
        sefa(decoder_of(model, space="z"))
    with pytest.raises(UsageError, match="--layers is for models with styles"):
        sefa(decoder_of(make_model("VAE")), layers=[1])  # type: ignore[arg-type]
