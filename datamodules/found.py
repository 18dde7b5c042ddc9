"""What a data module found: for every domain how many images, where, and what was left out, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """What was found of one domain.

    Attributes:
        name: the domain as the user knows it: "A", "B", "images", "cat".
        where: the folder, or a few words such as "drawn faces".
        training: number of images trained on.
        held_out: number of images evaluated on.
        left_out: reason in a user's words -> number of files: "suffix .svg is not read", "hidden",
            "cannot be read", "without a partner".
        sizes: (width, height) of the smallest and of the largest image seen; None where unknown.
        channels: of the images as they are trained on.
        depth: "8 bit", "16 bit", "32 bit float".
    """

    name: str
    where: str
    training: int
    held_out: int
    left_out: Mapping[str, int]
    sizes: tuple[tuple[int, int], tuple[int, int]] | None
    channels: int
    depth: str
