from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gans.sampling.image_history import ImageHistory


def numbered(*numbers: int, size: int = 2) -> Tensor:
    """Return one image for each number, filled with it."""
    return torch.stack([torch.full((1, size, size), float(number)) for number in numbers])


def numbers(images: Tensor) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


def kept(history: ImageHistory) -> list[int]:
    return [int(image[0, 0, 0]) for image in history.images]


def test_it_fills_first_and_passes_everything_on() -> None:
    history = ImageHistory(5)
    assert numbers(history(numbered(1, 2, 3))) == [1, 2, 3]
    assert numbers(history(numbered(4, 5))) == [4, 5]
    assert kept(history) == [1, 2, 3, 4, 5]


def test_once_full_it_passes_on_or_exchanges() -> None:
    torch.manual_seed(0)
    history = ImageHistory(10)
    history(numbered(*range(10)))
    for number in range(10, 300):
        before = kept(history)
        (given,) = numbers(history(numbered(number)))
        after = kept(history)
        if given == number:
            assert after == before
        else:
            place = before.index(given)
            assert after == [*before[:place], number, *before[place + 1 :]]


def test_half_are_exchanged_and_every_place_is_drawn() -> None:
    torch.manual_seed(0)
    history = ImageHistory(8)
    history(numbered(*range(8)))
    new = list(range(100, 1100))
    given = [
        number
        for start in range(0, 1000, 4)
        for number in numbers(history(numbered(*new[start : start + 4])))
    ]
    passed_on = sum(number == back for number, back in zip(new, given, strict=True))
    assert 450 < passed_on < 550
    assert set(range(8)) <= set(given)
    assert sorted(given + kept(history)) == [*range(8), *new]  # nothing is lost and nothing doubled


def test_size_0_passes_the_batch_on_without_its_graph() -> None:
    images = numbered(1, 2).requires_grad_()
    given = ImageHistory(0)(images)
    assert given.equal(images)
    assert not given.requires_grad
    assert not ImageHistory(0).state_dict()["_extra_state"]


def test_what_it_keeps_has_neither_graph_nor_the_batch_s_memory() -> None:
    images = numbered(1, 2).requires_grad_()
    history = ImageHistory(2)
    assert not history(images).requires_grad
    with torch.no_grad():
        images.fill_(7)
    assert kept(history) == [1, 2]


def test_draws_come_from_the_global_generator() -> None:
    def given() -> list[int]:
        history = ImageHistory(4)
        history(numbered(0, 1, 2, 3))
        torch.manual_seed(5)
        return numbers(history(numbered(*range(10, 40))))

    assert given() == given()


def test_a_saved_history_continues_exactly(tmp_path: Path) -> None:
    history, resumed = ImageHistory(3), ImageHistory(3)
    history(numbered(1, 2, 3))
    torch.save(history.state_dict(), tmp_path / "history.pt")
    history(numbered(4, 5, 6, 7))  # what was saved does not follow
    resumed.load_state_dict(torch.load(tmp_path / "history.pt", weights_only=True))
    assert kept(resumed) == [1, 2, 3]
    assert not list(resumed.parameters())
    assert not list(resumed.buffers())


def test_a_smaller_history_takes_over_what_it_can_hold() -> None:
    history, smaller = ImageHistory(3), ImageHistory(2)
    history(numbered(1, 2, 3))
    smaller.load_state_dict(history.state_dict())
    assert kept(smaller) == [1, 2]


def test_images_of_several_sizes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    history = ImageHistory(2)
    history(numbered(1, size=2))
    history(numbered(2, size=3))
    torch.save(history.state_dict(), tmp_path / "history.pt")
    single = [history(numbered(number, size=4)).shape[-1] for number in range(3, 30)]
    assert {2, 3, 4} == set(single)  # one image may be exchanged for one of another size
    for number in range(30, 60, 2):
        assert history(numbered(number, number + 1, size=5)).shape == (2, 1, 5, 5)  # a batch may not


def test_an_empty_batch_passes() -> None:
    assert ImageHistory(2)(torch.zeros(0, 1, 2, 2)).shape == (0, 1, 2, 2)


def test_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more, got -1"):
        ImageHistory(-1)
