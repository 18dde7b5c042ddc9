"""Text encoder: convolutions over tokens, then a recurrence (Reed et al. 2016, arXiv:1605.05395)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gans.networks.sizes import refuse_under_one

Level = Literal["character", "word"]

PADDING, UNKNOWN = 0, 1
"""Numbers of what fills a text up, and of every token that is not in the vocabulary (<unk>)."""

LENGTHS: dict[Level, int] = {"character": 201, "word": 30}
"""Tokens of a text in the paper's programs."""

_SHORTEST: dict[Level, int] = {"character": 48, "word": 9}


class TextNetwork(nn.Module):
    """Embeds the numbers of a text's tokens.

    The layers are those of the paper's char-CNN-RNN and word-CNN-RNN. Characters: three convolutions over
    four neighbours, with `width` times 1.5, 2 and 1 channels and a maximum over three after the first two.
    Words: three of `width` channels over 3, 2 and 2 neighbours, with a maximum over three before the last.
        Then a plain
    recurrence of `width`, whose states are averaged over time, and a linear layer. In place of one-hot tokens
    the first convolution takes `width` learnt numbers for each; those of <unk> stay 0.

    Args:
        level: `character` or `word`.
        tokens: how many numbers of tokens there are.
        embedding_size: numbers in an embedding.
        width: channels, as above; 256 for characters and 512 for words in the paper's programs.
        length: of the texts, in tokens.

    Shape:
        (N, length) of int64 to (N, embedding_size).

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self, level: Level, tokens: int, embedding_size: int = 1024, width: int = 256, length: int = 201
    ) -> None:
        super().__init__()
        refuse_under_one(tokens=tokens, embedding_size=embedding_size, width=width)
        if length < _SHORTEST[level]:
            raise ValueError(f"length is {length}: a text of {level}s has {_SHORTEST[level]} tokens or more")
        self.tokens = nn.Embedding(tokens, width, padding_idx=PADDING)
        with torch.no_grad():
            self.tokens.weight[UNKNOWN] = 0  # not in training, so it would stay the noise that it begins with
        wide, wider = (3 * width // 2, 2 * width) if level == "character" else (width, width)
        kernels = (4, 4, 4) if level == "character" else (3, 2, 2)
        self.convolutions = nn.Sequential(nn.Conv1d(width, wide, kernels[0]), nn.ReLU())
        if level == "character":
            self.convolutions.append(nn.MaxPool1d(3))
        self.convolutions.extend([nn.Conv1d(wide, wider, kernels[1]), nn.ReLU(), nn.MaxPool1d(3)])
        self.convolutions.extend([nn.Conv1d(wider, width, kernels[2]), nn.ReLU()])
        self.recurrence = AveragedRecurrence(width)
        self.embedding = nn.Linear(width, embedding_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Embed texts (N, length) of numbers of tokens: (N, embedding_size)."""
        features = self.convolutions(self.tokens(tokens).transpose(1, 2))
        embeddings: Tensor = self.embedding(self.recurrence(features.transpose(1, 2)))
        return embeddings


class AveragedRecurrence(nn.Module):
    """A recurrence h_t = relu(W x_t + U h_(t-1) + b), whose states are averaged over time.

    Args:
        width: of inputs and states.

    Shape:
        (N, T, width) to (N, width).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.input = nn.Linear(width, width)
        self.state = nn.Linear(width, width, bias=False)

    def forward(self, steps: Tensor) -> Tensor:
        """Average the states over (N, T, width)."""
        first, *others = self.input(steps).unbind(1)
        states = [first.relu()]
        for step in others:
            states.append((step + self.state(states[-1])).relu())
        return torch.stack(states).mean(0)
