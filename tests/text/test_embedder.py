from __future__ import annotations

import io

import pytest
import torch
from torch import nn

from gans.text.encoder import FrozenTextEncoder, TextEmbedder

TEXTS = ["a red bird", "a blue bird with a beak"]


def embedder() -> TextEmbedder:
    torch.manual_seed(0)
    made = TextEmbedder("word", embedding_size=5, width=12, vocabulary_size=20)
    made.vocabulary.fill(TEXTS)
    return made


def frozen(other: TextEmbedder) -> FrozenTextEncoder:
    made = FrozenTextEncoder(**other.arguments)
    made.load_state_dict(other.state_dict())
    return made


def test_a_text_has_one_embedding_whatever_the_batch() -> None:
    one = embedder()
    both = one(TEXTS)
    assert both.shape == (2, 5)
    assert not torch.allclose(both[0], both[1])
    torch.testing.assert_close(one(TEXTS[1:]), both[1:])


def test_a_file_of_the_state_is_all_that_is_needed() -> None:
    one, file = embedder(), io.BytesIO()
    torch.save({"arguments": one.arguments, "state": one.state_dict()}, file)
    file.seek(0)
    stored = torch.load(file, weights_only=True)
    other = FrozenTextEncoder(**stored["arguments"])
    other.load_state_dict(stored["state"])
    assert torch.equal(other(TEXTS), one(TEXTS))


def test_frozen_encoders_learn_nothing_and_stay_in_evaluation_mode() -> None:
    around = nn.ModuleList([frozen(embedder())])
    around.train()
    (inside,) = around
    assert not inside.training
    assert not any(parameter.requires_grad for parameter in around.parameters())
    assert not inside(TEXTS).requires_grad
    assert embedder()(TEXTS).requires_grad


def test_lengths_and_limits_are_the_papers_by_level() -> None:
    assert TextEmbedder("character", 5, 4).arguments["length"] == 201
    word = TextEmbedder("word", 5, 4).arguments
    assert (word["length"], word["vocabulary_size"]) == (30, 8192)
    with pytest.raises(ValueError, match="level is 'sentence'"):
        TextEmbedder("sentence")  # type: ignore[arg-type]
