"""Drawn persons: one face with ever new expressions, for translations from one person to another.

What forums call face swapping, with nobody shown. A person fixes all of a face but its expression, which the
seed of each face chooses: the same seed drawn as another person is that person with the same expression, and
so the truth of the translation.
"""

from __future__ import annotations

from datamodules.faces.drawing import Options, style_definition

PERSONS: dict[str, dict[str, dict[str, str]]] = {
    "person_1": {
        "adventurer": {
            "hairVariant": "long19",
            "hairColor": "0e0e0e",
            "skinColor": "9e5622",
            "earringsVariant": "variant03",
        },
        "big-ears": {
            "hairVariant": "long16",
            "frontHairVariant": "variant12",
            "sideburnsVariant": "variant03",
            "hairColor": "2c1b18",
            "skinColor": "a66637",
            "headVariant": "variant10",
            "earsVariant": "variant03",
            "noseVariant": "variant08",
        },
        "lorelei": {
            "hairVariant": "variant33",
            "hairColor": "0e0e0e",
            "skinColor": "b9703c",
            "headVariant": "variant02",
            "noseVariant": "variant01",
            "earringsVariant": "variant03",
        },
        "toon-head": {
            "hairVariant": "bun",
            "rearHairVariant": "longWavy",
            "hairColor": "2c1b18",
            "skinColor": "a36b4f",
            "clothesVariant": "dress",
            "clothesColor": "731ac3",
        },
    },
    "person_2": {
        "adventurer": {
            "hairVariant": "short18",
            "hairColor": "f5d76e",
            "skinColor": "f2d3b1",
            "glassesVariant": "variant04",
        },
        "big-ears": {
            "hairVariant": "short10",
            "frontHairVariant": "variant06",
            "sideburnsVariant": "variant01",
            "hairColor": "ecdcbf",
            "skinColor": "f8b788",
            "headVariant": "variant04",
            "earsVariant": "variant01",
            "noseVariant": "variant03",
            "detailsVariant": "variant02",
        },
        "lorelei": {
            "hairVariant": "variant03",
            "hairColor": "f5d76e",
            "skinColor": "f7dcc0",
            "headVariant": "variant04",
            "noseVariant": "variant05",
            "glassesVariant": "variant01",
        },
        "toon-head": {
            "hairVariant": "spiky",
            "hairColor": "d6b370",
            "skinColor": "f1c3a5",
            "clothesVariant": "tShirt",
            "clothesColor": "147f3c",
        },
    },
}
"""Name -> style -> what is the person's own; what a style may leave out is left out unless it is named.

Dylan is missing: its seven moods would all be trained on, and none left to evaluate on. Cuts of the hair and
glasses hide neither eyes nor mouth, which nobody could translate then.
"""


def person_options(style: str, person: str) -> Options:
    """Return the options that fix all of a face but its eyes, eyebrows and mouth.

    Args:
        style: a known one.
        person: one of `PERSONS`.

    Raises:
        ValueError: the style cannot show persons.
    """
    if style not in PERSONS[person]:
        raise ValueError(
            f"Style {style!r} has too few expressions for domain {person!r}; "
            f"try {', '.join(PERSONS[person])}."
        )
    identity = PERSONS[person][style]
    shown = {
        f"{name}Probability": 100 if f"{name}Variant" in identity else 0
        for name, component in style_definition(style)["components"].items()
        if "probability" in component
    }
    return shown | {name: [value] for name, value in identity.items()}
