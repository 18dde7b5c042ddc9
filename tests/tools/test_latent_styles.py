"""Walks, mixing and directions among the styles of StyleGAN2."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.toys import make_model

from gans.cli.errors import UsageError
from gans.stylegan2 import StyleGAN2
from gans.tools.latents.concepts import Concept
from gans.tools.latents.decoder import Decoder, StyleDecoder, decoder_of
from gans.tools.latents.mixing import mix
from gans.tools.latents.walks import interpolate, truncate

close = torch.testing.assert_close


@pytest.fixture(scope="module")
def model() -> StyleGAN2:
    """Return one whose averages differ from the networks as trained, and whose layers have noise."""
    torch.manual_seed(0)
    made: Any = make_model("StyleGAN2")
    made.ema.start(made, ["generator"])
    made.ema["generator"].mapping.mean.normal_()
    for name, weight in made.ema["generator"].named_parameters():
        weight.add_(0.2 if "strength" in name else 0.3 * torch.randn_like(weight))
    return made  # type: ignore[no-any-return]


@pytest.fixture
def decoder(model: StyleGAN2) -> StyleDecoder:
    made = decoder_of(model)
    assert isinstance(made, StyleDecoder)
    return made


def test_styles_of_seeds_decode_to_their_samples(model: StyleGAN2, decoder: StyleDecoder) -> None:
    close(decoder(decoder.latents(range(3))), model.sample(3))
    drawn_in = decoder_of(model, truncation=0.5)
    close(drawn_in(drawn_in.latents(range(3))), model.sample(3, truncation=0.5))
    assert not decoder(decoder.latents([0])).allclose(drawn_in(drawn_in.latents([0])), atol=1e-3)


def test_a_style_for_each_layer_is_decoded_too(model: StyleGAN2, decoder: StyleDecoder) -> None:
    styles = model.styles(model.latents(range(2)))
    assert styles.shape == (2, model.style_layers, model.style_size)
    close(model.decode_styles(styles), model.sample(2))
    close(model.decode_styles(styles[:, 0]), model.sample(2))
    close(decoder(styles.flatten(1)), model.sample(2))
    with pytest.raises(ValueError, match=r"Styles are \(N, 4\) or \(N, 6, 4\), not of shape \(2, 3\)"):
        model.decode_styles(torch.zeros(2, 3))


def test_noise_stands_for_standard_deviations_from_the_mean_style(decoder: StyleDecoder) -> None:
    noise = decoder.noise(range(1000))
    close(noise.std(0), torch.ones(4))
    close(decoder.from_noise(noise), decoder.latents(range(1000)))
    close(decoder.from_noise(torch.zeros(4)), decoder.mean)


def test_truncating_styles_is_the_truncation_of_samples(model: StyleGAN2, decoder: StyleDecoder) -> None:
    sheet = truncate(decoder, seeds=[0, 1], factors=[0.0, 0.7])
    close(decoder(sheet.latents)[:, 1], model.sample(2, truncation=0.7))
    close(sheet.latents[:, 0], decoder.mean.expand(2, -1))


def test_a_walk_among_styles_is_straight(decoder: StyleDecoder) -> None:
    sheet = interpolate(decoder, [4, 5], steps=3, frames=2)
    ends = decoder.latents([4, 5])
    assert sheet.rows == ["4 to 5, linear"]
    close(sheet.latents[0], torch.stack([ends[0], ends.mean(0), ends[1]]))
    assert sheet.frames is not None
    close(sheet.frames[:, 0], torch.stack([ends[0], ends.mean(0), ends[1], ends.mean(0)]))


def test_a_concept_is_a_direction_among_styles(decoder: StyleDecoder) -> None:
    way = Concept("hair", [1, 2], [3, 4]).direction(decoder)
    close(way, decoder.latents([1, 2]).mean(0) - decoder.latents([3, 4]).mean(0))


def test_mixing_takes_some_layers_of_the_columns(model: StyleGAN2, decoder: StyleDecoder) -> None:
    sheet = mix(decoder, rows=[1, 2], columns=[5, 6, 7], layers=[0, 3])
    styles = sheet.latents.unflatten(2, (6, 4))
    rows, columns = decoder.latents([1, 2]), decoder.latents([5, 6, 7])
    assert styles.shape == (3, 4, 6, 4)
    for layer in range(6):
        expected = columns[None].expand(2, -1, -1) if layer in (0, 3) else rows[:, None].expand(-1, 3, -1)
        close(styles[1:, 1:, layer], expected)
        close(styles[1:, 0, layer], rows)
        close(styles[0, 1:, layer], columns)
        close(styles[0, 0, layer], decoder.mean)
    close(decoder(sheet.latents)[1, 0], model.sample(1, seed=1)[0])
    assert mix(decoder).numbers["layers"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"layers": [6]}, "--layers 6: this model has 6 layers, 0 to 5"),
        ({"layers": []}, "name some of them"),
        ({"columns": [1, 1]}, "--columns 1 1: one of them occurs twice"),
    ],
)
def test_mixing_that_makes_no_sense_is_refused(
    decoder: StyleDecoder, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        mix(decoder, **arguments)


def test_other_models_have_no_styles(model: StyleGAN2) -> None:
    with pytest.raises(UsageError, match="mix takes a model with styles"):
        mix(Decoder(model))
    with pytest.raises(UsageError, match="--space w: a VAE has latents z alone"):
        decoder_of(make_model("VAE"), space="w")  # type: ignore[arg-type]
    assert type(decoder_of(model, space="z")) is Decoder
