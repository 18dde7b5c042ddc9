from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gans.cli.facts import hand_over_facts, refuse_oblongs
from gans.dcgan import DCGAN
from gans.stylegan2 import StyleGAN2

GREY_TO_COLOUR = SimpleNamespace(channels_A=1, channels_B=3, image_size=64)


def test_the_model_gets_what_it_takes_and_the_data_has() -> None:
    arguments: dict[str, Any] = {
        "channels_A": 3,
        "channels_B": 3,
        "image_size": 256,
        "channels": 3,
        "width": 64,
    }
    hand_over_facts(GREY_TO_COLOUR, arguments, chosen=["width"])
    assert arguments == {"channels_A": 1, "channels_B": 3, "image_size": 64, "channels": 3, "width": 64}


def test_a_model_without_an_argument_goes_without() -> None:
    arguments = {"width": 64}
    hand_over_facts(GREY_TO_COLOUR, arguments, chosen=[])
    assert arguments == {"width": 64}


def test_what_the_user_chose_stays() -> None:
    arguments = {"channels_A": 1, "image_size": 256}
    hand_over_facts(GREY_TO_COLOUR, arguments, chosen=["channels_A", "image_size"])
    assert arguments == {"channels_A": 1, "image_size": 256}


def test_channels_may_differ_where_the_model_sees_other_images() -> None:
    arguments = {"channels_A": 3}
    hand_over_facts(GREY_TO_COLOUR, arguments, chosen=["channels_A"], must_agree=False)
    assert arguments == {"channels_A": 3}


def test_oblongs_are_refused_where_a_model_takes_squares() -> None:
    oblong = SimpleNamespace(image_size=(64, 96))
    refuse_oblongs(StyleGAN2, oblong)
    refuse_oblongs(DCGAN, SimpleNamespace(image_size=64))
    with pytest.raises(ValueError, match=r"data.size is 64x96, but DCGAN takes squares: .* --data.size 64,"):
        refuse_oblongs(DCGAN, oblong)


def test_channels_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.channels_A is 3, .* but SimpleNamespace has 1-channel"):
        hand_over_facts(GREY_TO_COLOUR, {"channels_A": 3}, chosen=["channels_A"])
