from __future__ import annotations

import pytest
import torch

from gans.metrics.retrieval import retrieval_ranks


def test_ranks_by_hand() -> None:
    images = torch.eye(3)
    # Scores: image 0 likes text 1 best, image 1 its own, image 2 all alike.
    texts = torch.tensor([[1.0, 0.0, 5.0], [2.0, 3.0, 5.0], [0.0, 1.0, 5.0]])
    ranks = retrieval_ranks(images, texts, ~torch.eye(3, dtype=torch.bool), among=3)
    assert ranks.tolist() == [2.0, 1.0, 2.0]


def test_captions_that_describe_the_image_too_do_not_count() -> None:
    images, texts = torch.eye(2), torch.tensor([[1.0, 0.0], [2.0, 3.0]])
    mismatched = torch.tensor([[False, False], [True, False]])
    assert retrieval_ranks(images, texts, mismatched).tolist() == [1.0], "image 0 has no wrong caption"


def test_guessing_gives_the_middle_whatever_the_number() -> None:
    torch.manual_seed(0)
    for count in (20, 300):
        others = ~torch.eye(count, dtype=torch.bool)
        ranks = retrieval_ranks(torch.randn(count, 8), torch.randn(count, 8), others)
        assert ranks.mean().item() == pytest.approx(50.5, abs=8)
        assert retrieval_ranks(torch.zeros(count, 8), torch.zeros(count, 8), others).unique().tolist() == [
            50.5
        ]


def test_the_worst_rank_is_the_number_of_captions() -> None:
    images, texts = torch.eye(4), -torch.eye(4)
    assert retrieval_ranks(images, texts, ~torch.eye(4, dtype=torch.bool)).tolist() == [100.0] * 4
