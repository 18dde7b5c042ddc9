from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import pytest
import torch
from support.degrading import RECORDED, array, entry

from datamodules.degradations.parameters import SIZES, Degradation, PassParameters, SecondPassParameters
from datamodules.degradations.pipeline import Drawn
from datamodules.loading import uniform_draws

KINDS = entry("mixed_kernel/0_iso")["arguments"]["kernel_list"]


class Replay:
    """Turns the recorded draws of kernels back into the uniform numbers that give them here."""

    def __init__(self, draws: Sequence[Any]) -> None:
        self.draws = iter(draws)

    def next(self) -> float:
        """Return a number in [0, 1) that stands for the next draw: its place between the limits."""
        kind, (low, high), value = next(self.draws)
        assert kind == "np.random.uniform"
        return (value - low) / (high - low) if high > low else 0.5

    def size(self) -> float:
        _, _, value = next(self.draws)
        return (SIZES.index(value) + 0.5) / len(SIZES)

    def kind(self) -> tuple[str, float]:
        _, _, value = next(self.draws)
        limits = [0.0, *accumulate(PassParameters().kernels)]
        place = KINDS.index(value)
        return value, (limits[place] + limits[place + 1]) / 2

    def kernel(self) -> Iterator[float]:
        """Yield the numbers of one kernel in our order; unused ones are 0.5."""
        yield self.size()
        coin = self.next()
        yield coin
        if coin < PassParameters().sinc:
            yield self.next()
            yield from [0.5] * 6
            return
        yield 0.5
        name, number = self.kind()
        yield number
        yield self.next()
        yield from [0.5, 0.5] if name.endswith("_iso") or name == "iso" else [self.next(), self.next()]
        yield from [0.5, 0.5] if name in ("iso", "aniso") else [self.next(), self.next()]


def replayed(item: int) -> Drawn:
    """Return what our parameters make of the draws of a recorded item of the official data set."""
    draws = entry(f"dataset_item/{item}/gt_every_50th")["draws"]
    log = Replay(draws[next(place for place, draw in enumerate(draws) if draw[0] == "random.choice") :])
    numbers = [0.0, *log.kernel(), *[0.5] * 7, 0.0, *log.kernel(), *[0.5] * 7]
    coin = log.next()
    numbers += [coin, *([log.size(), log.next()] if coin < Degradation().sinc else [0.5, 0.5]), *[0.5] * 3]
    assert len(numbers) == Degradation.draws
    return Degradation().drawn(torch.tensor([numbers], dtype=torch.float64))


@pytest.mark.parametrize("item", range(3))
def test_kernels_are_drawn_as_in_the_official_data_set(item: int) -> None:
    drawn = replayed(item)
    assert drawn.first.kernels is not None
    assert drawn.second.kernels is not None
    kernels = {"kernel1": drawn.first.kernels, "kernel2": drawn.second.kernels, "sinc_kernel": drawn.kernels}
    for name, (kernel,) in kernels.items():
        recorded = array(f"dataset_item/{item}/{name}")
        torch.testing.assert_close(kernel.double(), recorded, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", [name for name in RECORDED.facts["entries"] if name.startswith("mixed")])
def test_every_kind_of_kernel_is_drawn_as_officially(name: str) -> None:
    size, coin = (
        [["random.choice", [], entry(name)["arguments"]["kernel_size"]]],
        [["np.random.uniform", [0, 1], 0.5]],
    )
    log = Replay(size + coin + entry(name)["draws"])
    numbers = [0.0, *log.kernel(), *[0.5] * 7]
    drawn = PassParameters().drawn(iter(torch.tensor(numbers, dtype=torch.float64)[:, None]))
    assert drawn.kernels is not None
    (kernel,) = drawn.kernels[:, 5:-5, 5:-5]
    torch.testing.assert_close(kernel.double(), array(name), rtol=0, atol=1e-7)


def many(count: int = 2000) -> list[Drawn]:
    numbers = uniform_draws(3, [(0, index) for index in range(count)], Degradation.draws)
    return [Degradation().drawn(row[None]) for row in numbers]


def test_what_is_drawn_is_as_frequent_as_the_paper_says() -> None:
    drawn = many()
    shares = {
        0.8: [each.second.kernels is not None for each in drawn],
        0.7: [each.first.factor < 1 for each in drawn],
        0.3: [each.second.factor > 1 for each in drawn],
        0.5: [each.jpeg_last for each in drawn],
        0.4: [bool(each.first.grey) for each in drawn],
        1 / 3: [each.mode == "area" for each in drawn],
        0.2: [bool(each.kernels.count_nonzero() == 1) for each in drawn],
    }
    for share, found in shares.items():
        assert sum(found) / len(found) == pytest.approx(share, abs=0.04)
    assert len({*(seed for each in drawn for seed in each.seeds)}) == len(drawn)


def test_what_is_drawn_stays_within_the_limits() -> None:
    for each in many(300):
        for drawn, parameters in ((each.first, PassParameters()), (each.second, SecondPassParameters())):
            limits = parameters.gaussian_noise if drawn.gaussian else parameters.photon_noise
            assert limits[0] <= float(drawn.strength) <= limits[1]
            assert parameters.factors[0] <= drawn.factor <= parameters.factors[1]
            assert 30 <= float(drawn.quality) <= 95
            if drawn.kernels is not None:
                assert float(drawn.kernels.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"blur": 1.5}, "blur: 1.5 is a probability"),
        ({"kernels": (0.5, 0.5)}, "kernels: .* must be 6 probabilities"),
        ({"resize": (0.5, 0.5, 0.5)}, "resize: .* add up to 1"),
        ({"sigma": (0.0, 3.0)}, "sigma: .* from 0.01"),
        ({"quality": (30.0, 100.0)}, "quality: .* to 99.9"),
        ({"photon_noise": (3.0, 1.0)}, "photon_noise"),
        ({"factors": (0.3, 0.8)}, "factors: .* 1 between its limits"),
    ],
)
def test_parameters_that_cannot_be_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PassParameters(**wrong)
    with pytest.raises(ValueError, match="sinc"):
        Degradation(sinc=math.nan)
