from __future__ import annotations

import numpy as np
import pytest

from datamodules.faces.attributes import ATTRIBUTES, attribute_labels
from datamodules.faces.captions import OPENINGS, describe_faces

SEEDS = [f"train/{index}" for index in range(60)]
LABELS = attribute_labels(SEEDS, ATTRIBUTES)
SAYS = {
    "black_hair": ("black hair",),
    "brown_hair": ("brown hair",),
    "blond_hair": ("blond hair", "blonde hair"),
    "red_hair": ("red hair",),
    "light_skin": ("light skin",),
    "dark_skin": ("dark skin",),
    "long_hair": ("long",),
}


def test_captions_say_what_they_claim_and_nothing_else() -> None:
    described = describe_faces(SEEDS, ATTRIBUTES, LABELS, 6)
    for face, texts in enumerate(described.texts):
        for number, text in enumerate(texts):
            claims = dict(zip(ATTRIBUTES, described.claims[face, number].tolist(), strict=True))
            for name, words in SAYS.items():
                assert any(word in text for word in words) == (claims[name] == 1), (text, name)
            assert ("short" in text) == (claims["long_hair"] == -1)
            without = "no glasses" in text or "no spectacles" in text
            assert without == (claims["glasses"] == -1)
            assert ("glasses" in text or "spectacles" in text) == (claims["glasses"] != 0)


def test_claims_agree_with_the_labels() -> None:
    claims = describe_faces(SEEDS, ATTRIBUTES, LABELS, 6).claims
    signs = 2 * LABELS[:, None] - 1
    assert np.isin(claims * signs, (0, 1)).all()
    assert (claims[:, 0] != 0).all(), "the first caption tells everything"
    assert (claims[:, 1:] == 0).any(axis=(0, 1)).all(), "every attribute stays untold at times"
    assert (claims[:, 1:] != 0).any(axis=(0, 1)).all()


def test_templates_and_orders_vary() -> None:
    texts = [text for face in describe_faces(SEEDS, ATTRIBUTES, LABELS, 6).texts for text in face]
    openings = {opening for opening in OPENINGS if any(text.startswith(opening[:-3]) for text in texts)}
    assert openings == set(OPENINGS)
    assert any(text.find("skin") < text.find("hair") for text in texts if "skin" in text and "hair" in text)
    assert any(text.find("hair") < text.find("skin") for text in texts if "skin" in text and "hair" in text)


def test_a_caption_depends_on_its_face_and_number_alone() -> None:
    many = describe_faces(SEEDS, ATTRIBUTES, LABELS, 6).texts
    few = describe_faces(SEEDS[5:8], ATTRIBUTES, LABELS[5:8], 2).texts
    assert few == [texts[:2] for texts in many[5:8]]


@pytest.mark.parametrize("names", [("glasses",), ("long_hair",), ("light_skin", "dark_skin", "glasses")])
def test_only_the_chosen_attributes_are_told(names: tuple[str, ...]) -> None:
    labels = attribute_labels(SEEDS, names)
    described = describe_faces(SEEDS, names, labels, 3)
    assert described.claims.shape == (60, 3, len(names))
    text = " ".join(text for texts in described.texts for text in texts)
    assert ("hair" in text) == ("long_hair" in names)
    assert ("skin" in text) == ("dark_skin" in names)
    assert not any(colour in text for colour in ("black", "brown", "blond", "red "))
