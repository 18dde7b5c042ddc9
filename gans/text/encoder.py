"""From text to embedding: a vocabulary and a network in one module, which a checkpoint holds as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gans.networks.text_encoder import LENGTHS, Level, TextNetwork
from gans.text.vocabulary import Vocabulary

LIMITS: dict[Level, int] = {"character": 512, "word": 8192}
"""Most different tokens, if nothing else is asked for."""


class TextEmbedder(nn.Module):
    """Embeds texts. Its vocabulary is a part of its state, so its state dict needs nothing beside it.

    Args:
        level: `character` or `word`.
        embedding_size: numbers in an embedding.
        width: see `gans.networks.text_encoder.TextNetwork`.
        length: tokens that are read of a text; by default 201 characters or 30 words.
        vocabulary_size: most tokens to know; by default 512 characters or 8192 words.

    Shape:
        N texts to (N, embedding_size), where the module is.

    Raises:
        ValueError: if an argument is out of range; in forward, as `Vocabulary.encode`.
    """

    def __init__(
        self,
        level: Level = "character",
        embedding_size: int = 1024,
        width: int = 256,
        length: int | None = None,
        vocabulary_size: int | None = None,
    ) -> None:
        super().__init__()
        if level not in LENGTHS:
            raise ValueError(f"level is {level!r}: it is {' or '.join(LENGTHS)}.")
        length = LENGTHS[level] if length is None else length
        limit = LIMITS[level] if vocabulary_size is None else vocabulary_size
        self.arguments: dict[str, Any] = {
            "level": level,
            "embedding_size": embedding_size,
            "width": width,
            "length": length,
            "vocabulary_size": limit,
        }
        self.embedding_size = embedding_size
        self.vocabulary = Vocabulary(level, length, limit)
        self.network = TextNetwork(level, limit, embedding_size, width, length)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Embed N texts: (N, embedding_size)."""
        numbers = self.vocabulary.encode(texts).to(self.network.embedding.weight.device)
        embeddings: Tensor = self.network(numbers)
        return embeddings


class FrozenTextEncoder(TextEmbedder):
    """A text encoder that learns no more: without gradients, and always in evaluation mode.

    `FrozenTextEncoder(**other.arguments)` has the shape of another one and can load its state dict; that is
    how a model which holds one comes back from its own checkpoint. The arguments are those of `TextEmbedder`.
    """

    def __init__(
        self,
        level: Level = "character",
        embedding_size: int = 1024,
        width: int = 256,
        length: int | None = None,
        vocabulary_size: int | None = None,
    ) -> None:
        super().__init__(level, embedding_size, width, length, vocabulary_size)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> FrozenTextEncoder:
        """Stay in evaluation mode, whatever the module around it does."""
        super().train(False)
        return self

    @torch.no_grad()
    def forward(self, texts: Sequence[str]) -> Tensor:
        """Embed N texts: (N, embedding_size)."""
        return super().forward(texts)
