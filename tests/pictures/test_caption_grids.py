from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from gans.pictures.captions import between_grid, changed_words, one_word_grid, seeds_grid


def draw(embeddings: Tensor, seeds: Sequence[int]) -> Tensor:
    """Draw pictures of one pixel and two channels: the embedding and the seed."""
    return torch.stack([embeddings[:, 0], torch.tensor(list(seeds)).float()], 1)[..., None, None]


def embed(captions: Sequence[str]) -> Tensor:
    return torch.tensor([[float(len(caption))] for caption in captions])


def test_captions_by_seeds() -> None:
    grid = seeds_grid(draw, ["one", "two"], torch.tensor([[5.0], [6.0]]))
    assert grid.row_labels == ["one", "two"]
    assert list(grid.columns)[:2] == ["seed 0", "seed 1"]
    assert grid.columns["seed 1"].flatten().tolist() == [5, 1, 6, 1]


def test_a_way_from_each_caption_to_the_next() -> None:
    grid = between_grid(draw, ["one", "two"], torch.tensor([[0.0], [6.0]]))
    assert grid.row_labels == ["one  ->  two", "two  ->  one"]
    assert [float(images[0, 0]) for images in grid.columns.values()] == pytest.approx([0, 1, 2, 3, 4, 5, 6])
    assert [float(images[1, 0]) for images in grid.columns.values()] == pytest.approx([6, 5, 4, 3, 2, 1, 0])
    assert all(images[:, 1].flatten().tolist() == [0, 1] for images in grid.columns.values())


def test_one_word_changes_and_the_seed_stays() -> None:
    captions = ["red hair", "no hair", "Black hair"]
    grid = one_word_grid(draw, embed, captions, ["black", "red"])
    assert grid is not None
    assert grid.row_labels == ["___ hair", "___ hair"]
    assert grid.columns["black"].flatten().tolist() == [10, 0, 10, 1]
    assert grid.columns["red"].flatten().tolist() == [8, 0, 8, 1]
    assert one_word_grid(draw, embed, ["no hair"], ["black", "red"]) is None


def test_only_whole_words_change_and_only_the_first() -> None:
    assert changed_words("tired, red and red", ["red", "blue"]) == [
        "tired, red and red",
        "tired, blue and red",
    ]
    assert changed_words("tired", ["red", "blue"]) == []
