from __future__ import annotations

import pytest
import torch

from gans.networks.text_encoder import LENGTHS, PADDING, UNKNOWN, AveragedRecurrence, Level, TextNetwork


@pytest.mark.parametrize(("level", "steps"), [("character", 18), ("word", 8)])
def test_the_steps_of_the_recurrence_are_those_of_the_official_programs(level: Level, steps: int) -> None:
    network = TextNetwork(level, 10, embedding_size=7, width=4, length=LENGTHS[level])
    tokens = torch.randint(10, (3, LENGTHS[level]))
    assert network.convolutions(network.tokens(tokens).transpose(1, 2)).shape == (3, 4, steps)
    assert network(tokens).shape == (3, 7)


def test_widths_are_those_of_the_official_programs() -> None:
    characters = TextNetwork("character", 70, 1024, 256).convolutions
    assert [tuple(part.weight.shape) for part in characters if isinstance(part, torch.nn.Conv1d)] == [
        (384, 256, 4),
        (512, 384, 4),
        (256, 512, 4),
    ]
    words = TextNetwork("word", 70, 1024, 512, 30).convolutions
    assert [tuple(part.weight.shape) for part in words if isinstance(part, torch.nn.Conv1d)] == [
        (512, 512, 3),
        (512, 512, 2),
        (512, 512, 2),
    ]


def test_the_recurrence_by_hand() -> None:
    recurrence = AveragedRecurrence(1)
    with torch.no_grad():
        recurrence.input.weight.fill_(2.0)
        recurrence.input.bias.fill_(1.0)
        recurrence.state.weight.fill_(-1.0)
    # relu(2 * 1 + 1) = 3, relu(2 * 0 + 1 - 3) = 0, relu(2 * 4 + 1 - 0) = 9
    steps = torch.tensor([1.0, 0.0, 4.0]).view(1, 3, 1)
    assert recurrence(steps).item() == pytest.approx((3 + 0 + 9) / 3)


@pytest.mark.parametrize("level", ["character", "word"])
def test_the_order_of_tokens_counts_up_to_the_last(level: Level) -> None:
    torch.manual_seed(0)
    network = TextNetwork(level, 10, 7, 16, LENGTHS[level])
    tokens = torch.randint(2, 10, (1, LENGTHS[level]))
    swapped, late = tokens.clone(), tokens.clone()
    swapped[0, :2] = tokens[0, [1, 0]] if tokens[0, 0] != tokens[0, 1] else (tokens[0, :2] + 1) % 10
    late[0, -1] = (tokens[0, -1] + 1) % 10
    assert not torch.equal(network(tokens), network(swapped))
    assert not torch.equal(network(tokens), network(late))


def test_unknown_tokens_and_padding_are_nothing() -> None:
    network = TextNetwork("word", 10, 7, 4, 9)
    assert network.tokens.weight[[PADDING, UNKNOWN]].abs().max() == 0
    network(torch.full((1, 9), PADDING)).sum().backward()
    assert network.tokens.weight.grad is not None
    assert network.tokens.weight.grad[PADDING].abs().max() == 0


@pytest.mark.parametrize(("level", "shortest"), [("character", 48), ("word", 9)])
def test_the_shortest_texts(level: Level, shortest: int) -> None:
    network = TextNetwork(level, 10, 7, 4, shortest)
    assert network(torch.ones(1, shortest, dtype=torch.int64)).shape == (1, 7)
    with pytest.raises(ValueError, match=f"a text of {level}s has {shortest} tokens or more"):
        TextNetwork(level, 10, 7, 4, shortest - 1)


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="width"):
        TextNetwork("word", 10, 7, 0, 9)
