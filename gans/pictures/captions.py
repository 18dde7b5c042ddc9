"""Pictures that show how drawn images follow their captions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gans.protocol import Grid

SEEDS = 8  # columns of captions and seeds
STEPS = 7  # columns from one caption to another
GAP = "___"  # in a row's label, where its images have different words

Draw = Callable[[Tensor, Sequence[int]], Tensor]
"""Makes images (N, C, H, W) of embeddings (N, E) and N seeds."""


def seeds_grid(draw: Draw, captions: Sequence[str], embeddings: Tensor) -> Grid:
    """Return one row for each of N captions, with embeddings (N, E), and one column for each seed."""
    return Grid(
        {f"seed {seed}": draw(embeddings, [seed] * len(embeddings)) for seed in range(SEEDS)}, list(captions)
    )


def between_grid(draw: Draw, captions: Sequence[str], embeddings: Tensor) -> Grid:
    """Return rows from each caption to the next one, and from the last to the first.

    The embeddings (N, E) are mixed in equal steps; the seed of a row, its number, stays.
    """
    following = embeddings.roll(-1, 0)
    seeds = range(len(embeddings))
    columns = {
        f"{share:.0%}": draw(torch.lerp(embeddings, following, share), seeds)
        for share in torch.linspace(0, 1, STEPS).tolist()
    }
    others = [*captions[1:], *captions[:1]]
    return Grid(columns, [f"{one}  ->  {other}" for one, other in zip(captions, others, strict=True)])


def one_word_grid(
    draw: Draw, embed: Callable[[Sequence[str]], Tensor], captions: Sequence[str], words: Sequence[str]
) -> Grid | None:
    """Return one row for each caption that has one of the words, and one column for each of these there.

    The seed of a row, its number, stays. It is None if no caption has such a word.
    """
    rows = [row for caption in captions if (row := changed_words(caption, [*words, GAP]))]
    if not rows:
        return None
    columns = {
        word: draw(embed([row[column] for row in rows]), range(len(rows)))
        for column, word in enumerate(words)
    }
    return Grid(columns, [row[-1] for row in rows])


def changed_words(caption: str, words: Sequence[str]) -> list[str]:
    """Return a caption with the first of these words in it changed into each; nothing if it has none."""
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    if not words or not pattern.search(caption):
        return []
    return [pattern.sub(word, caption, count=1) for word in words]
