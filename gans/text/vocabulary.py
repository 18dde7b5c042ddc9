"""Which tokens a text encoder knows, words or characters, and their numbers."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn

from gans.networks.text_encoder import PADDING, UNKNOWN, Level

NAMED = 10  # unknown tokens that a warning lists before it only counts

_WORD = re.compile(r"\w+(?:'\w+)*")


def normalised(text: str) -> str:
    """Return a text in lower case and in Unicode's form NFKC, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def tokens_of(text: str, level: Level) -> list[str]:
    """Cut a text into tokens.

    Args:
        text: in any script.
        level: `word`: runs of letters and digits of any script, without punctuation; `character`: every
            character, spaces and punctuation included.
    """
    clean = normalised(text)
    return _WORD.findall(clean) if level == "word" else list(clean)


class Vocabulary(nn.Module):
    """Turns texts into numbers of tokens. It is filled once, and its tokens are a part of the module's state.

    Tokens that are not in it become `UNKNOWN`, with one warning that names them. Scripts without spaces, such
    as Chinese, make one word of a whole phrase: they need the level `character`.

    Args:
        level: `word` or `character`, see `tokens_of`.
        length: numbers that come out for a text: longer ones are cut off, shorter ones filled up.
        limit: most numbers there may be; of more tokens the rarest stay unknown.

    Raises:
        ValueError: an unknown level, a length below 1, or a limit that leaves no room for tokens.
    """

    def __init__(self, level: Level, length: int, limit: int) -> None:
        super().__init__()
        if level not in get_args(Level):
            raise ValueError(f"level is {level!r}: it is {' or '.join(get_args(Level))}.")
        if length < 1 or limit <= UNKNOWN + 1:
            raise ValueError(f"length is {length} and limit {limit}: they are 1 and {UNKNOWN + 2} or more.")
        self.level, self.length, self.limit = level, length, limit
        self._numbers: dict[str, int] = {}
        self._warned: set[str] = set()

    def __len__(self) -> int:
        """Return how many tokens are known."""
        return len(self._numbers)

    def __contains__(self, token: str) -> bool:
        """Tell whether a token is known."""
        return token in self._numbers

    def fill(self, texts: Iterable[str]) -> None:
        """Take the tokens of texts in place of earlier ones, the most frequent as far as there is room.

        Raises:
            ValueError: there is no token in the texts.
        """
        counts = Counter(token for text in texts for token in tokens_of(text, self.level))
        if not counts:
            raise ValueError(f"There is no {self.level} in the captions to make a vocabulary of.")
        frequent = sorted(counts, key=lambda token: (-counts[token], token))
        self._number(frequent[: self.limit - UNKNOWN - 1])

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return the numbers (N, length) of N texts, of int64 on the CPU.

        Raises:
            ValueError: a text without tokens, or nothing has filled the vocabulary.
        """
        if not self._numbers:
            raise ValueError("The vocabulary is empty: train the text encoder first, or load one.")
        rows = [tokens_of(text, self.level) for text in texts]
        for place, (text, row) in enumerate(zip(texts, rows, strict=True)):
            if not row:
                raise ValueError(
                    f"Text {place} is {text!r}: there is no {self.level} in it. Say what to show."
                )
        self._warn(token for text in texts for token in self.unknown(text))
        numbers = torch.full((len(rows), self.length), PADDING)
        for place, row in enumerate(rows):
            found = [self._numbers.get(token, UNKNOWN) for token in row[: self.length]]
            numbers[place, : len(found)] = torch.tensor(found)
        return numbers

    def unknown(self, text: str) -> list[str]:
        """Return the tokens of a text that are read as `UNKNOWN`, each once, in their order."""
        return [token for token in dict.fromkeys(tokens_of(text, self.level)) if token not in self._numbers]

    def _warn(self, unknown: Iterable[str]) -> None:
        """Name unknown tokens, each once."""
        new = [token for token in dict.fromkeys(unknown) if token not in self._warned]
        if new:
            self._warned.update(new)
            named = ", ".join(new[:NAMED]) + (f" and {len(new) - NAMED} more" if len(new) > NAMED else "")
            warnings.warn(
                f"Not among the {len(self)} {self.level}s that the text encoder knows, and read as <unk>: "
                f"{named}.",
                stacklevel=3,
            )

    def _number(self, tokens: Sequence[str]) -> None:
        self._numbers = {token: number for number, token in enumerate(tokens, UNKNOWN + 1)}

    def get_extra_state(self) -> dict[str, Any]:
        """Return the tokens in the order of their numbers: they travel in every checkpoint."""
        return {"tokens": list(self._numbers)}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the tokens of a checkpoint."""
        self._number(state["tokens"])
