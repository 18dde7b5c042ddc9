from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gans.checkpoints.contents import OwnState
from gans.sampling.image_history import ImageHistory
from gans.sampling.replay_buffer import ReplayBuffer, uniform_noise

LIKE = torch.zeros(4, 1, 3, 3)


def numbered(*levels: int) -> Tensor:
    """Return one image for each 8-bit level, filled with the middle of its range in [-1, 1]."""
    return torch.stack([torch.full((1, 3, 3), (level + 0.5) / 128 - 1) for level in levels])


def levels(images: Tensor) -> list[int]:
    return [int(level) for level in ((images[:, 0, 0, 0] + 1) * 128)]


def test_chains_begin_as_uniform_noise() -> None:
    torch.manual_seed(0)
    images, _ = ReplayBuffer(size=100, restart_share=0).draw(torch.zeros(100, 1, 8, 8))
    assert -1 <= float(images.min()) < -0.95
    assert 0.95 < float(images.max()) <= 1
    assert float(images.std()) == pytest.approx(1 / 3**0.5, rel=0.05)
    assert float((images[0] - images[1]).abs().mean()) > 0.3, "chains differ"


def test_what_is_kept_is_drawn_again_from_its_place() -> None:
    torch.manual_seed(0)
    buffer = ReplayBuffer(size=4, restart_share=0)
    _, places = buffer.draw(LIKE)
    assert sorted(places.tolist()) == [0, 1, 2, 3], "no chain is drawn twice"
    buffer.keep(places, numbered(10, 20, 30, 40))
    kept = dict(zip(places.tolist(), (10, 20, 30, 40), strict=True))
    images, places = buffer.draw(LIKE)
    assert levels(images) == [kept[place] for place in places.tolist()]


def test_eight_bits_keep_the_mean_and_the_ends() -> None:
    """The noise of one level that drawn images get replaces what rounding down took away."""
    torch.manual_seed(0)
    buffer = ReplayBuffer(size=2, restart_share=0)
    _, places = buffer.draw(torch.zeros(2, 1, 64, 64))
    for value in (-1.0, 0.3, 1.0):
        buffer.keep(places, torch.full((2, 1, 64, 64), value))
        images, places = buffer.draw(torch.zeros(2, 1, 64, 64))
        assert float(images.mean()) == pytest.approx(value, abs=1 / 128)
        assert float(images.max() - images.min()) <= 2 / 256 + 1e-6
        assert float(images.abs().max()) <= 1


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_the_drawn_chains_begins_again(share: float) -> None:
    torch.manual_seed(0)
    buffer = ReplayBuffer(size=1000, restart_share=share)
    like = torch.zeros(1000, 1, 3, 3)
    _, places = buffer.draw(like)
    buffer.keep(places, torch.full_like(like, 0.5))
    images, _ = buffer.draw(like)
    restarted = ((images - 0.5).abs().amax((1, 2, 3)) > 0.1).float().mean()
    assert float(restarted) == pytest.approx(share, abs=0.05)


def test_a_saved_buffer_continues_exactly(tmp_path: Path) -> None:
    buffer, resumed = ReplayBuffer(size=6), ReplayBuffer(size=6)
    _, places = buffer.draw(LIKE)
    buffer.keep(places, numbered(1, 2, 3, 4))
    torch.save(buffer.state_dict(), tmp_path / "buffer.pt")
    resumed.load_state_dict(torch.load(tmp_path / "buffer.pt", weights_only=True))
    drawn = []
    for each in (buffer, resumed):
        torch.manual_seed(1)
        drawn.append(each.draw(LIKE))
    assert all(torch.equal(one, other) for one, other in zip(*drawn, strict=True))
    resumed.keep(drawn[1][1], numbered(9, 9, 9, 9))
    again = ReplayBuffer(size=6)
    again.load_state_dict(torch.load(tmp_path / "buffer.pt", weights_only=True))
    assert torch.equal(again.state_dict()["_extra_state"][0], buffer.state_dict()["_extra_state"][0])


def test_a_buffer_that_was_never_drawn_from_is_saved_empty() -> None:
    resumed = ReplayBuffer(size=4)
    resumed.load_state_dict(ReplayBuffer(size=4).state_dict())
    images, _ = resumed.draw(LIKE)
    assert images.shape == LIKE.shape


@pytest.mark.parametrize("size", [2, 5])
def test_another_size_takes_over_what_it_can_hold(size: int) -> None:
    buffer, other = ReplayBuffer(size=4, restart_share=0), ReplayBuffer(size=size, restart_share=0)
    _, places = buffer.draw(LIKE)
    buffer.keep(places, numbered(1, 2, 3, 4))
    other.load_state_dict(buffer.state_dict())
    images, places = other.draw(LIKE[:1].expand(size, -1, -1, -1))
    first = buffer.state_dict()["_extra_state"][0][:, 0, 0, 0].tolist()
    shown = dict(zip(places.tolist(), levels(images), strict=True))
    assert [shown[place] for place in range(min(4, size))] == first[: min(4, size)]


def test_it_is_neither_averaged_nor_broadcast() -> None:
    buffer = ReplayBuffer(size=4)
    buffer.draw(LIKE)
    assert not list(buffer.parameters())
    assert not list(buffer.buffers())
    assert isinstance(buffer, OwnState)
    assert issubclass(ImageHistory, OwnState)


def test_wrong_sizes_are_explained() -> None:
    with pytest.raises(ValueError, match="1 chain or more"):
        ReplayBuffer(size=0)
    with pytest.raises(ValueError, match=r"the share lies in \[0, 1\]"):
        ReplayBuffer(restart_share=1.5)
    with pytest.raises(ValueError, match="has 3 chains, and a batch of 4 needs more"):
        ReplayBuffer(size=3).draw(LIKE)


def test_noise_is_uniform_and_alike() -> None:
    noise = uniform_noise(torch.zeros(10, 1, 20, 20, dtype=torch.float64))
    assert noise.dtype == torch.float64
    assert float(noise.mean()) == pytest.approx(0, abs=0.05)
    assert float(noise.abs().max()) <= 1
