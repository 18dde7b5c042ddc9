"""The augmentation pipe against what StyleGAN2-ADA's program computed (tests/parity/stylegan2_augment)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.drawing import RecordedDraws
from support.parity import vectors, wave
from torch import Tensor

from gans.losses.penalties import r1_penalty
from gans.sampling.disturbances import filter_bank
from gans.sampling.draws import Draws
from gans.sampling.geometry import SYM6
from gans.sampling.pipe import PARTS, Pipe

RECORDED = vectors("stylegan2_augment")
CASES: dict[str, Any] = RECORDED.facts["cases"]
BGC = {"blit": 1.0, "geom": 1.0, "color": 1.0}
EVERYTHING = dict.fromkeys(PARTS, 1.0)


def images(case: str) -> Tensor:
    """Return the recorded input; a grey one is the first channel of the coloured one."""
    count, channels, *sides = CASES[case]["input"]
    return wave(count, 3, *sides)[:, :channels]


def draws(case: str) -> RecordedDraws:
    """Return the recorded draws: those of the rule, or listed ones."""
    facts = CASES[case]
    return RecordedDraws(values=None if "draws_by" in facts else [_listed(draw) for draw in facts["draws"]])


def _listed(draw: dict[str, Any]) -> Tensor:
    values = draw["values"]
    if values == "cos(0.9 k)":
        values = np.cos(0.9 * np.arange(np.prod(draw["shape"])))
    return torch.from_numpy(np.asarray(values, np.float32)).double()


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_that_of_the_paper_s_program(case: str) -> None:
    drawn = draws(case)
    out = Pipe(CASES[case]["enabled"])(images(case), CASES[case]["p"], drawn)
    stored = CASES[case]["stored"]["out"]
    distance = np.abs(out.numpy() - RECORDED.arrays[f"{case}/out"]).max()
    # What was stored is of 32 bits, and how far it lies from the program's own 64 bits was noted.
    assert distance < 1e-6
    assert distance == pytest.approx(stored["max_abs_diff_vs_fp64"], abs=2e-12)
    assert drawn.taken == len(CASES[case]["draws"])


@pytest.mark.parametrize("case", CASES)
def test_32_bits_are_as_close(case: str) -> None:
    out = Pipe(CASES[case]["enabled"])(images(case).float(), CASES[case]["p"], draws(case))
    assert out.dtype == torch.float32
    np.testing.assert_allclose(out, RECORDED.arrays[f"{case}/out"], rtol=2e-6, atol=2e-6)


def test_the_gradient_is_that_of_the_paper_s_program() -> None:
    x = images("bgc").requires_grad_()
    weights = torch.cos(0.9 * torch.arange(x.numel(), dtype=torch.float64)).view_as(x)
    (gradient,) = torch.autograd.grad((weights * Pipe(BGC)(x, 1.0, draws("bgc"))).sum(), x)
    distance = np.abs(gradient.numpy() - RECORDED.arrays["bgc/gradient"]).max()
    noted = CASES["bgc"]["stored"]["gradient"]["max_abs_diff_vs_fp64"]
    assert distance == pytest.approx(noted, rel=0.01)


def test_it_can_be_differentiated_twice() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 24, 24, dtype=torch.float64)
    weight = torch.randn(3, 24, 24, dtype=torch.float64, requires_grad=True)

    def penalty(weight: Tensor) -> Tensor:
        def score(images: Tensor) -> Tensor:
            drawn = Draws(torch.Generator().manual_seed(1))
            return (Pipe(EVERYTHING)(images, 0.9, drawn).tanh() * weight).sum((1, 2, 3))

        return r1_penalty(score, x)

    (gradient,) = torch.autograd.grad(penalty(weight), weight)
    direction, step = torch.randn_like(weight), 1e-6
    with torch.no_grad():
        shifts = (weight + step * direction, weight - step * direction)
    there, back = (penalty(shifted.requires_grad_()) for shifted in shifts)
    slope = (there - back).item() / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(slope, rel=1e-6)


def test_filters_are_the_paper_s_program_s() -> None:
    taps = torch.tensor(SYM6, dtype=torch.float32)
    assert torch.equal(taps / taps.sum(), torch.from_numpy(RECORDED.arrays["Hz_geom"]))
    np.testing.assert_allclose(filter_bank(), RECORDED.arrays["Hz_fbank"], rtol=0, atol=2e-13)


def test_a_transform_named_by_itself_wins_over_its_part() -> None:
    assert Pipe({"hue": 0, "color": 0.5, "xflip": 1}).factors == {
        "brightness": 0.5,
        "contrast": 0.5,
        "lumaflip": 0.5,
        "saturation": 0.5,
        "xflip": 1,
    }


def test_each_image_is_changed_with_the_probability_asked_for() -> None:
    x = torch.ones(4000, 3, 2, 2)
    out = Pipe({"brightness": 0.5})(x, 0.6, Draws(torch.Generator().manual_seed(0)))
    assert float((out != x).any((1, 2, 3)).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_processes_share_the_draws_of_the_joined_batch() -> None:
    x = torch.randn(6, 3, 24, 24, dtype=torch.float64)
    pipe = Pipe({name: factor for name, factor in EVERYTHING.items() if name != "geom"})

    def out(rank: int, world: int) -> Tensor:
        return pipe(x[rank::world], 0.7, Draws(torch.Generator().manual_seed(5), rank, world))

    for rank in (0, 1):
        torch.testing.assert_close(out(rank, 2), out(0, 1)[rank::2], rtol=0, atol=1e-12)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sides", [(24, 31), (40, 22)])
def test_images_need_not_be_square(channels: int, sides: tuple[int, int]) -> None:
    x = torch.rand(3, channels, *sides)
    assert Pipe(EVERYTHING)(x, 0.8, Draws()).shape == x.shape
    unchanged = Pipe(EVERYTHING)(x, 0.0, Draws())
    torch.testing.assert_close(unchanged, x, rtol=0, atol=2e-3)  # the resampling filter


def test_16_bits_are_augmented_in_32() -> None:
    x = torch.rand(2, 3, 24, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = Pipe(BGC)(x.bfloat16(), 0.8, Draws(torch.Generator().manual_seed(0)))
    assert torch.equal(out, Pipe(BGC)(x.bfloat16().float(), 0.8, Draws(torch.Generator().manual_seed(0))))


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"colour": 1}, "unknown part 'colour'"), ({"blit": -0.1}, "0 or more, got -0.1")],
)
def test_what_it_cannot_do_is_refused(asked: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Pipe(asked)


def test_images_too_small_for_the_filters_are_refused() -> None:
    with pytest.raises(ValueError, match="22 pixels a side or more, not 21x30"):
        Pipe({"filter": 1})(torch.rand(1, 3, 30, 21), 1.0, Draws())
