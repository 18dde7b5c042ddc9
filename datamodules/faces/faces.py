"""Drawn faces: data sets that need no download, with the ground truth of every translation.

A face is the drawing of a seed. The same seed drawn with one thing changed is the same face in another
domain, so pairs, labels, captions and the truth of an unpaired translation all come from `draw_faces`. They
are drawn images, credited in NOTICE; nobody is shown.
"""

from __future__ import annotations

import hashlib
import json
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from datamodules.disk import cache_folder, written_whole
from datamodules.faces.drawing import Options, draw_all, style_definition
from datamodules.faces.persons import PERSONS, person_options

# Styles under CC0 or CC BY 4.0 in which the colour of the hair is an option and nothing hides the hair.
STYLES = ("adventurer", "big-ears", "dylan", "lorelei", "toon-head")

# What a domain changes in every face: name -> options of the style.
CHANGES: dict[str, Options] = {
    "as_drawn": {},
    "black_hair": {"hairColor": ["0e0e0e"]},
    "brown_hair": {"hairColor": ["7a4a21"]},
    "blond_hair": {"hairColor": ["f5d76e"]},
    "red_hair": {"hairColor": ["c0392b"]},
    "glasses": {"glassesProbability": 100},
    "no_glasses": {"glassesProbability": 0},
    "line_drawing": {f"{name}Color": ["ffffff"] for name in ("hair", "skin", "earrings", "lips")},
}

# Part of the cache key: raise it when a change of this code changes a pixel or an attribute.
DRAWING_CODE = 1
_PACKAGES = ("dicebear-core", "dicebear-styles", "resvg-py")


class FaceSet(NamedTuple):
    """Drawn faces: images (N, size, size, 3) of uint8 on white, and the attributes of each face.

    The attributes of a face tell the variant of every component and the colours used, for example
    `{"hairVariant": "long07", "hairColor": "#0e0e0e", "glassesVariant": None, ...}`.
    """

    images: npt.NDArray[np.uint8]
    attributes: list[dict[str, str | None]]


def face_seeds(split: str, group: str, count: int) -> list[str]:
    """Name the seeds of a set of faces. Sets of another split or group share no seed.

    Args:
        split: such as train or test.
        group: such as the domain, so that unpaired domains show different faces.
        count: number of faces. The first ones stay the same when more are asked for.
    """
    return [f"{split}/{group}/{index:06d}" for index in range(count)]


def draw_faces(
    seeds: Sequence[str],
    size: int,
    *,
    style: str = "adventurer",
    change: str = "as_drawn",
    haired: bool = False,
) -> FaceSet:
    """Draw the faces of some seeds in one domain, or read them from the cache of drawn faces.

    Args:
        seeds: one per face, see `face_seeds`.
        size: height and width in pixels.
        style: one of `STYLES`.
        change: one of `CHANGES` or of `PERSONS`: what all these faces have in common.
        haired: leave out bald heads, by giving those seeds another hair. Truth and source need the same
            value.

    Raises:
        ValueError: the style or the change is unknown, or the style cannot show the change.
    """
    options = domain_options(style, change)
    if haired:
        options |= haired_options(style)
    what = "faces" if change == "as_drawn" else f"faces, {change.replace('_', ' ')}"
    return draw_each(style, size, [{"seed": seed, **options} for seed in seeds], what)


def draw_each(style: str, size: int, faces: Sequence[Options], what: str = "faces") -> FaceSet:
    """Draw faces that each have options of their own, or read them from the cache of drawn faces.

    The cache lies in the user's cache folder, or where the environment variable GANS_CACHE says. A damaged
    file in it is drawn anew, and processes that draw the same set at the same time do not disturb each
    other.

    Args:
        style: one of `STYLES`.
        size: height and width in pixels.
        faces: the options of each face, see `datamodules.faces.drawing.draw`.
        what: is drawn, for the person who waits for it.
    """
    path = _cache_path(style, size, faces)
    cached = _load(path, len(faces), size)
    if cached is not None:
        return cached
    drawings = draw_all(style, size, faces, what)
    images = np.stack([drawing.pixels for drawing in drawings])
    drawn = FaceSet(images, [drawing.attributes for drawing in drawings])
    _save(path, drawn)
    return drawn


def domain_options(style: str, change: str) -> Options:
    """Return the options of a style that make a change, or a person.

    Raises:
        ValueError: the style or the change is unknown, or the style has no part that could show the change.
    """
    known = known_options(style)
    if change in PERSONS:
        return person_options(style, change)
    if change not in CHANGES:
        raise ValueError(f"Unknown domain of faces {change!r}; there are {', '.join((*CHANGES, *PERSONS))}.")
    options = {name: value for name, value in CHANGES[change].items() if name in known}
    if CHANGES[change] and not options:
        raise ValueError(
            f"Style {style!r} draws nothing that domain {change!r} could change; try adventurer."
        )
    return options


def known_options(style: str) -> set[str]:
    """List the options of a style: colours, and the chance of each component to appear.

    Raises:
        ValueError: the style is unknown.
    """
    if style not in STYLES:
        raise ValueError(f"Unknown style of faces {style!r}; there are {', '.join(STYLES)}.")
    definition = style_definition(style)
    colours = {f"{name}Color" for name in definition["colors"]}
    return colours | {f"{name}Probability" for name in definition["components"]}


def shows_hair(change: str) -> bool:
    """Whether the change is one of the colour of the hair, so that bald heads belong to no domain."""
    return "hairColor" in CHANGES.get(change, {}) and change != "line_drawing"


def haired_options(style: str) -> Options:
    """Return the options under which no head is bald."""
    return {"hairVariant": haired_variants(style)} | _always("hair", style)


def haired_variants(style: str) -> list[str]:
    """List the hair cuts of a style that use the colour of the hair: all but bald heads."""
    variants = style_definition(style)["components"]["hair"]["variants"]
    return [name for name, variant in variants.items() if "hair" in _colours_used(variant)]


def _always(component: str, style: str) -> Options:
    """Make a component appear in every face."""
    optional = "probability" in style_definition(style)["components"][component]
    return {f"{component}Probability": 100} if optional else {}


def _colours_used(part: Any) -> Iterator[str]:
    """Yield the names of the colours that a part of a style's definition refers to."""
    if isinstance(part, dict):
        if part.get("type") == "color":
            yield part["name"]
        for value in part.values():
            yield from _colours_used(value)
    elif isinstance(part, list):
        for value in part:
            yield from _colours_used(value)


def _cache_path(style: str, size: int, faces: Sequence[Mapping[str, Any]]) -> Path:
    """Name the cache file by everything that changes a pixel."""
    versions = {package: version(package) for package in _PACKAGES}
    key = {"code": DRAWING_CODE, "versions": versions, "style": style, "size": size, "faces": faces}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return cache_folder() / "faces" / f"{style}-{size}-{digest[:24]}.npz"


def _load(path: Path, count: int, size: int) -> FaceSet | None:
    """Read a cached set; None where there is none or where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            images, attributes = file["images"], json.loads(str(file["attributes"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    intact = images.dtype == np.uint8 and images.shape == (count, size, size, 3) and len(attributes) == count
    return FaceSet(images, attributes) if intact else None


def _save(path: Path, faces: FaceSet) -> None:
    """Write a set in one move, so that no other process ever sees half a file."""
    try:
        with written_whole(path) as file:
            np.savez_compressed(file, images=faces.images, attributes=np.array(json.dumps(faces.attributes)))
    except OSError as error:
        warnings.warn(f"Drawn faces are not cached and will be drawn again: {error}", stacklevel=3)
