from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support.latent_models import Colours

from gans.cli.errors import UsageError
from gans.tools.latents import paths, walks
from gans.tools.latents.decoder import Decoder
from gans.tools.latents.sheet import Sheet

close = torch.testing.assert_close


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(Colours())


def standardised(latents: torch.Tensor) -> torch.Tensor:
    """Return the noise that latents of `Colours` are made of."""
    return (latents - Colours.MEAN) / Colours.SCALE


def test_quantiles_share_the_probability_equally() -> None:
    below = torch.distributions.Normal(0.0, 1.0).cdf(walks.quantiles(5))
    close(below, torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9]))


def test_a_grid_rises_to_the_right_and_upwards_and_keeps_the_other_axes(decoder: Decoder) -> None:
    noise = standardised(walks.grid(decoder, axes=(2, 0), count=5, seed=3).latents)
    values = walks.quantiles(5)
    close(noise[:, :, 2], values.expand(5, 5))
    close(noise[:, :, 0], values.flip(0)[:, None].expand(5, 5))
    close(noise[:, :, 1], decoder.noise([3])[0, 1].expand(5, 5))


def test_a_grids_rows_and_columns_tell_their_values(decoder: Decoder) -> None:
    sheet = walks.grid(decoder, count=3)
    assert sheet.columns == ["-0.97", "+0.00", "+0.97"]
    assert sheet.rows == ["+0.97", "+0.00", "-0.97"]


@pytest.mark.parametrize("path", paths.PATHS.values())
def test_a_path_starts_and_ends_where_it_should(path: Callable[..., torch.Tensor]) -> None:
    start, end = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
    points = path(start, end, torch.tensor([0.0, 1.0]))
    close(points, torch.stack([start, end]))


def test_an_arc_turns_evenly_and_changes_its_length_evenly() -> None:
    points = paths.spherical(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]), torch.linspace(0, 1, 4))
    degrees = torch.rad2deg(torch.atan2(points[:, 1], points[:, 0]))
    close(degrees, torch.tensor([0.0, 30.0, 60.0, 90.0]))
    close(points.norm(dim=1), torch.tensor([1.0, 1.0 + 2 / 3, 1.0 + 4 / 3, 3.0]))


def test_a_straight_line_cuts_the_corner() -> None:
    (middle,) = paths.linear(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]), torch.tensor([0.5]))
    close(middle, torch.tensor([0.5, 1.5]))


@pytest.mark.parametrize("end", [[2.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_an_arc_that_is_not_determined_is_a_straight_line(end: list[float]) -> None:
    start = torch.tensor([1.0, 0.0])
    arc, line = (path(start, torch.tensor(end), torch.linspace(0, 1, 5)) for path in paths.PATHS.values())
    close(arc, line)


def test_a_walk_passes_all_seeds_and_its_gif_returns(decoder: Decoder) -> None:
    sheet = walks.interpolate(decoder, [4, 5, 6], steps=3, frames=2)
    ends = decoder.latents([4, 5, 6])
    assert sheet.rows == ["4 to 5, linear", "4 to 5, spherical", "5 to 6, linear", "5 to 6, spherical"]
    for row, (start, end) in enumerate([(0, 1), (0, 1), (1, 2), (1, 2)]):
        close(sheet.latents[row, [0, -1]], ends[[start, end]])
    close(sheet.latents[0, 1], (ends[0] + ends[1]) / 2)
    assert sheet.frames is not None
    assert sheet.frames.shape == (6, 2, 3)
    close(sheet.frames[::2], ends[:, None].expand(3, 2, 3))
    close(sheet.frames[5, 0], (ends[2] + ends[0]) / 2, msg="the last frame is on the way back to the first")


def test_turning_moves_one_axis_and_nothing_else(decoder: Decoder) -> None:
    noise = standardised(walks.turn(decoder, axes=[1, 0], seed=7, count=3, extent=2.0).latents)
    expected = decoder.noise([7]).repeat(2, 3, 1)
    expected[0, :, 1] = expected[1, :, 0] = torch.tensor([-2.0, 0.0, 2.0])
    close(noise, expected)


def test_the_axis_that_changes_most_is_turned_first(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walks, "AXES_SHOWN", 1)
    assert walks.turn(decoder).rows == ["axis 2"]


def test_truncation_pulls_towards_the_mean_latent(decoder: Decoder) -> None:
    latents = walks.truncate(decoder, seeds=[1, 2], factors=[0.0, 0.5, 1.0]).latents
    samples = decoder.latents([1, 2])
    close(latents[:, 0], Colours.MEAN.expand(2, 3))
    close(latents[:, 1], (samples + Colours.MEAN) / 2)
    close(latents[:, 2], samples)


@pytest.mark.parametrize(
    ("walk", "said"),
    [
        (lambda decoder: walks.grid(decoder, axes=(0, 3)), r"--axes 3: .* has 3 axes, 0 to 2"),
        (lambda decoder: walks.grid(decoder, axes=(-1, 0)), r"--axes -1: "),
        (lambda decoder: walks.grid(decoder, axes=(1, 1)), "two different axes"),
        (lambda decoder: walks.grid(decoder, count=1), "--count 1"),
        (lambda decoder: walks.interpolate(decoder, [1]), "--seeds 1: there is nothing to walk between"),
        (lambda decoder: walks.interpolate(decoder, [1, 2], steps=1), "--steps 1"),
        (lambda decoder: walks.turn(decoder, axes=[0, 5]), "--axes 5"),
        (lambda decoder: walks.turn(decoder, count=1), "--count 1"),
        (lambda decoder: walks.truncate(decoder, factors=[1.0, 1.0]), "--factors 1.0 1.0: one of them"),
    ],
)
def test_what_makes_no_sense_is_refused(
    decoder: Decoder, walk: Callable[[Decoder], Sheet], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        walk(decoder)
