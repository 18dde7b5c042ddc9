"""The arguments that all data modules of images have in common, and what sources make of them."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

import datamodules
from datamodules import (
    CaptionedImages,
    Images,
    MultiDomainImages,
    PairedImages,
    SharpImages,
    UnpairedImages,
)
from datamodules.files.value_range import ValueRange
from datamodules.reading import Reading
from gans.cli.sources import parameters

MODULES = (CaptionedImages, Images, MultiDomainImages, PairedImages, SharpImages, UnpairedImages)
OF_ITS_OWN = {
    "CaptionedImages": {"batch_size": 64, "eval_batch_size": 64},
    "Images": {"batch_size": 64, "eval_batch_size": 64},
    "MultiDomainImages": {"batch_size": 16},
    "PairedImages": {},
    "SharpImages": {},
    "UnpairedImages": {},
}
"""Data module -> its defaults that are others than those of `Reading`."""


@pytest.mark.parametrize("name", OF_ITS_OWN)
def test_every_data_module_takes_the_arguments_of_reading(name: str) -> None:
    found = {each.name: each.default for each in parameters(datamodules.DATA_MODULES[name], name)}
    shared = {each.name: each.default for each in fields(Reading)} | OF_ITS_OWN[name]
    if "channels_A" in found:  # in place of `channels`
        shared.pop("channels")
        assert "channels" not in found
    assert {argument: found[argument] for argument in shared} == shared


def test_what_is_shared_is_not_repeated() -> None:
    own = [
        argument
        for module in MODULES
        for argument in inspect.signature(module).parameters.values()
        if argument.kind != inspect.Parameter.VAR_KEYWORD
    ]
    assert len(own) <= 18 * len(MODULES)


def test_domains_have_channels_and_ranges_of_their_own_and_share_the_memory() -> None:
    both = Reading(value_range=[0, 9], cache_gigabytes=1, max_images=3)
    A, B = both.of_domain(1, None), both.of_domain(None, "p1-p99")
    assert (A.channels, B.channels, both.channels) == (1, None, None)
    assert (A.values, B.values) == (ValueRange((0, 9)), ValueRange(percentiles=(1, 99)))
    assert A.budget is B.budget is both.budget
    assert A.max_images == B.max_images == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 0}, "channels: 0 must be at least 1"),
        ({"max_images": 0}, "max_images: 0 must be at least 1"),
        ({"cache_gigabytes": -1}, "cache_gigabytes: -1 must be at least 0"),
        ({"held_out_share": 1}, "held_out_share: 1 must be above 0 and below 1"),
        ({"on_bad_image": "ignore"}, "on_bad_image: 'ignore' is unknown; raise and skip are"),
        ({"value_range": [3, 2]}, "value_range: "),
    ],
)
def test_arguments_out_of_their_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reading(**arguments)
