"""Attributes of drawn faces that can be chosen: colour of hair and skin, glasses, length of the hair.

A face is the drawing of a seed (`datamodules.faces.faces`), and an attribute changes nothing but itself: the
same seed drawn with other labels is the same face, which gives classes to conditional models and the truth
of every translation between attributes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from datamodules.faces.drawing import Options
from datamodules.faces.faces import CHANGES, draw_each, haired_options, haired_variants, known_options

Labels = npt.NDArray[np.float32]

EXCLUSIVE: dict[str, tuple[str, ...]] = {
    "hair": ("black_hair", "brown_hair", "blond_hair", "red_hair"),
    "skin": ("light_skin", "dark_skin"),
}
"""Groups of attributes of which a face has exactly one."""

FREE = ("glasses", "long_hair")
"""Attributes that a face may have or not."""

ATTRIBUTES: tuple[str, ...] = (*EXCLUSIVE["hair"], *EXCLUSIVE["skin"], *FREE)
"""All attributes that can be chosen."""

_COLOURS: dict[str, Options] = {name: CHANGES[name] for name in EXCLUSIVE["hair"]} | {
    "light_skin": {"skinColor": ["f2d3b1"]},
    "dark_skin": {
        "skinColor": ["9e5622"]
    },  # of the style's two dark ones the one that brown hair stands out on
}


def attribute_labels(seeds: Sequence[str], names: Sequence[str]) -> Labels:
    """Choose the attributes of faces, each as a function of its seed alone.

    Args:
        seeds: one per face, see `datamodules.faces.faces.face_seeds`.
        names: K of `ATTRIBUTES`; of an exclusive group two or more, or none.

    Returns:
        (N, K) of 0 and 1: of each exclusive group exactly one is 1, each about as often; free attributes are
        1 in about half of the faces.

    Raises:
        ValueError: an unknown or repeated name, or a group of which one alone is named.
    """
    groups = _groups(names)
    labels = np.zeros((len(seeds), len(names)), np.float32)
    for row, seed in enumerate(seeds):
        for group, members in groups.items():
            labels[row, members[_chance(seed, group) % len(members)]] = 1
        for column, name in enumerate(names):
            if name in FREE:
                labels[row, column] = _chance(seed, name) % 2
    return labels


def draw_with_labels(
    seeds: Sequence[str],
    size: int,
    names: Sequence[str],
    labels: npt.NDArray[Any],
    style: str = "adventurer",
) -> npt.NDArray[np.uint8]:
    """Draw faces with exactly these attributes, or read them from the cache of drawn faces.

    Everything that no label names (mouth, eyes, the cut of the hair ...) is a function of the seed alone.
    Heads are not bald where an attribute of the hair is among the names.

    Args:
        seeds: N, one per face.
        size: height and width in pixels.
        names: K of `ATTRIBUTES`, as for `attribute_labels`.
        labels: (N, K) of 0 and 1, of each exclusive group exactly one 1 in a row.
        style: one of `datamodules.faces.faces.STYLES` that shows these attributes; adventurer shows all.

    Returns:
        (N, size, size, 3) on white.

    Raises:
        ValueError: as `attribute_labels`; labels that contradict each other or have another shape; or a
            style that is unknown or cannot show an attribute.
    """
    check_attributes(names, style)
    _check_labels(labels, len(seeds), names)
    shared = haired_options(style) if any(name.endswith("_hair") for name in names) else {}
    faces = [
        {"seed": seed, **shared, **_options(names, row, style)}
        for seed, row in zip(seeds, labels, strict=True)
    ]
    return draw_each(style, size, faces).images


def check_attributes(names: Sequence[str], style: str) -> None:
    """Refuse attributes that cannot be drawn.

    Raises:
        ValueError: as `attribute_labels`, or the style is unknown or cannot show an attribute.
    """
    _groups(names)
    for name in names:
        if not can_show(name, style):
            raise ValueError(f"Style {style!r} cannot show attribute {name!r}; adventurer can.")


def can_show(name: str, style: str) -> bool:
    """Whether a style has what an attribute changes.

    Raises:
        ValueError: the style is unknown.
    """
    known = known_options(style)
    return all(_cuts(style)) if name == "long_hair" else set(_option(name, True, style)) <= known


def _groups(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns of each exclusive group that is among the names."""
    for name in names:
        if name not in ATTRIBUTES:
            raise ValueError(f"Unknown attribute of faces {name!r}; there are {', '.join(ATTRIBUTES)}.")
    if len(set(names)) < len(names):
        raise ValueError(f"Attributes of faces are named twice in {', '.join(names)}.")
    groups = {}
    for group, members in EXCLUSIVE.items():
        columns = [column for column, name in enumerate(names) if name in members]
        if len(columns) == 1:
            raise ValueError(
                f"Attribute {names[columns[0]]!r} needs another one to be told from: "
                f"name two or more of {', '.join(members)}."
            )
        if columns:
            groups[group] = columns
    return groups


def _check_labels(labels: npt.NDArray[Any], count: int, names: Sequence[str]) -> None:
    if labels.shape != (count, len(names)):
        raise ValueError(
            f"Labels of {count} faces with {len(names)} attributes are ({count}, {len(names)}), "
            f"not {labels.shape}."
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("Labels of faces are 0 or 1.")
    for group, columns in _groups(names).items():
        wrong = np.flatnonzero(labels[:, columns].sum(1) != 1)
        if len(wrong):
            raise ValueError(
                f"A face has exactly one of {', '.join(names[column] for column in columns)}; "
                f"row {wrong[0]} has {int(labels[wrong[0], columns].sum())} ({group})."
            )


def _options(names: Sequence[str], row: npt.NDArray[Any], style: str) -> Options:
    """Join the options of one face's attributes."""
    options: Options = {}
    for name, present in zip(names, row, strict=True):
        options |= _option(name, bool(present), style)
    return options


def _option(name: str, present: bool, style: str) -> Options:
    """Return what makes an attribute appear, or not; the absence of one of a group needs nothing."""
    if name == "glasses":
        return {"glassesProbability": 100 * present}
    if name == "long_hair":
        long, short = _cuts(style)
        return {"hairVariant": long if present else short}
    return _COLOURS[name] if present else {}


def _cuts(style: str) -> tuple[list[str], list[str]]:
    """List the long and the short cuts of hair; a style that does not tell them apart lacks one of both."""
    cuts = haired_variants(style)
    return [cut for cut in cuts if cut.startswith("long")], [cut for cut in cuts if cut.startswith("short")]


def _chance(seed: str, purpose: str) -> int:
    """Turn a seed into a large number, another one for each purpose."""
    return int.from_bytes(hashlib.sha256(f"{purpose}/{seed}".encode()).digest()[:8], "big")
