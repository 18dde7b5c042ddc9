"""Captions of drawn faces, made from their attributes by templates: nobody has written them.

A caption lists some of a face's attributes, in any order, after one of a few openings: "someone with glasses,
long red hair and light skin". It says nothing that cannot be checked, and uses a few dozen words in all; what
is learnt from such captions is these words and no language.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from datamodules.faces.attributes import EXCLUSIVE, Labels

OPENINGS = (
    "a person with {}",
    "someone with {}",
    "a face with {}",
    "this person has {}",
    "the person has {}",
    "this is somebody with {}",
)
"""Begin a caption; the list of attributes takes the place of the braces."""

_SPECTACLES = ("glasses", "spectacles")
_LIGHT_HAIR = ("blond", "blonde")


class FaceCaptions(NamedTuple):
    """Captions of N faces, M of each.

    Attributes:
        texts: by face, M captions.
        claims: (N, M, K) of 1, -1 and 0: a caption says that the face has the attribute, that it has not, or
            nothing. Who has black hair has no blond hair: the others of an exclusive group are -1.
    """

    texts: list[list[str]]
    claims: npt.NDArray[np.float32]


def describe_faces(seeds: Sequence[str], names: Sequence[str], labels: Labels, count: int) -> FaceCaptions:
    """Describe faces by templates; the first caption of a face tells all of its attributes.

    Args:
        seeds: N, one per face; they choose the words.
        names: K of `datamodules.faces.attributes.ATTRIBUTES`.
        labels: (N, K) of 0 and 1: what the faces show.
        count: M, captions of each face, one or more.

    Returns:
        Captions that are true of their face; each is a function of seed, names, labels and its number alone.
    """
    texts: list[list[str]] = []
    claims = np.zeros((len(seeds), count, len(names)), np.float32)
    topics = _topics(names)
    for face, seed in enumerate(seeds):
        has = {name for name, value in zip(names, labels[face], strict=True) if value}
        texts.append([])
        for number in range(count):
            random = np.random.default_rng([number, *seed.encode()])
            told = _told(topics, random, everything=number == 0)
            texts[-1].append(_sentence([_phrase(topic, has, random) for topic in told], random))
            for column in [names.index(name) for topic in told for name in topic]:
                claims[face, number, column] = 2 * labels[face, column] - 1
    return FaceCaptions(texts, claims)


def _topics(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Group the attributes that one phrase tells: hair's colour and length, skin, glasses."""
    hair = tuple(name for name in names if name in (*EXCLUSIVE["hair"], "long_hair"))
    skin = tuple(name for name in names if name in EXCLUSIVE["skin"])
    glasses = tuple(name for name in names if name == "glasses")
    return [topic for topic in (hair, skin, glasses) if topic]


def _told(
    topics: Sequence[tuple[str, ...]], random: np.random.Generator, *, everything: bool
) -> list[tuple[str, ...]]:
    """Choose what a caption tells, and in which order; the length of the hair may stay untold."""
    order = [topics[index] for index in random.permutation(len(topics))]
    if everything:
        return order
    order = order[: random.integers(1, len(order) + 1)]
    brief = random.random() < 0.5
    return [
        tuple(name for name in topic if name != "long_hair" or len(topic) == 1 or not brief)
        for topic in order
    ]


def _phrase(topic: tuple[str, ...], has: set[str], random: np.random.Generator) -> str:
    if topic == ("glasses",):
        word = _SPECTACLES[random.integers(len(_SPECTACLES))]
        return word if "glasses" in has else f"no {word}"
    length = [("long" if "long_hair" in has else "short")] if "long_hair" in topic else []
    colours = [name.rpartition("_") for name in topic if name in has and name != "long_hair"]
    noun = colours[0][2] if colours else "hair"
    words = [_LIGHT_HAIR[random.integers(2)] if word == "blond" else word for word, _, _ in colours]
    return " ".join([*length, *words, noun])


def _sentence(phrases: Sequence[str], random: np.random.Generator) -> str:
    *rest, last = phrases
    listed = f"{', '.join(rest)} and {last}" if rest else last
    return OPENINGS[random.integers(len(OPENINGS))].format(listed)
