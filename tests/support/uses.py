"""How each variant is used from Python, found by its methods: a new one is covered as soon as it has some."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from inspect import getmembers, isfunction, signature
from typing import Any, NamedTuple

import torch
from support.toys import make_model
from torch import Tensor

import gans
from gans.base import AdversarialModule

CAPTIONS = ["a person with red hair", "a person with black hair"]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "StarGAN.translate": {"target": ["glasses"]},
    "StarGANv2.translate": {"domain": "black_hair"},
    "StarGANv2.style_of": {"domain": "black_hair"},
    "StarGANv2.between": {
        "domain": "black_hair",
        "first": torch.zeros(4),
        "last": torch.ones(4),
        "moment": 0.5,
    },
    "MUNIT.style_of": {"domain": "A"},
}
"""What a method asks for beside images, where there is no default."""

MAKERS: dict[str, Callable[[Any], Tensor]] = {
    "sample": lambda model: model.sample(2, seed=5),
    "decode": lambda model: model.decode(model.latents([5, 6])),
    "draw": lambda model: model.draw(CAPTIONS, seed=[5, 6]),
    "embed": lambda model: model.embed(CAPTIONS),
}
"""Methods that take no images, and how they are called for two rows."""

OTHERWISE: dict[str, Callable[[Any], Tensor] | None] = {
    "GANCLS.decode": lambda model: model.decode(model.latents([5, 6]), model.embed(CAPTIONS)),
    "GANCLS.sample": None,  # it refuses: a GANCLS draws captions
}
"""Where a variant differs from `MAKERS`."""

OF_TRAINING = ("shown",)
"""Methods of images that are no way to use a trained model."""


class Use(NamedTuple):
    """One way to use a variant.

    Attributes:
        variant: its name.
        method: name of the method.
        call: calls it on a model and images; those of `MAKERS` ignore the images.
        takes_images: whether it does.
    """

    variant: str
    method: str
    call: Callable[[Any, Any], Any]
    takes_images: bool

    def __str__(self) -> str:
        return f"{self.variant}.{self.method}"


def uses_of(name: str) -> Iterator[Use]:
    """Yield the ways to use a variant: methods whose first argument is `images`, and `MAKERS` that it has."""
    variant = getattr(importlib.import_module(gans.VARIANTS[name]), name)
    for method, function in getmembers(variant, isfunction):
        full_name, parameters = f"{name}.{method}", list(signature(function).parameters)
        if not function.__module__.startswith("gans.") or method.startswith("_") or method in OF_TRAINING:
            continue
        if parameters[1:2] == ["images"]:
            arguments = ARGUMENTS.get(full_name, {})
            yield Use(name, method, _calling(method, arguments), True)
            if "direction" in parameters:
                yield Use(name, method, _calling(method, arguments | {"direction": "B2A"}), True)
        elif method in MAKERS:
            make = OTHERWISE.get(full_name, MAKERS[method])
            if make is not None:
                yield Use(name, method, _ignoring_images(make), False)


def _calling(method: str, arguments: dict[str, Any]) -> Callable[[Any, Any], Any]:
    return lambda model, images: getattr(model, method)(images, **arguments)


def _ignoring_images(make: Callable[[Any], Tensor]) -> Callable[[Any, Any], Any]:
    return lambda model, images: make(model)


USES = [use for name in gans.VARIANTS for use in uses_of(name)]


def usable(name: str, **arguments: Any) -> AdversarialModule:
    """Return a variant at toy size that could have been loaded: with averages if asked, and with words."""
    torch.manual_seed(0)
    model = make_model(name, **arguments)
    vocabulary = getattr(getattr(model, "text_encoder", None), "vocabulary", None)
    if vocabulary is not None:
        vocabulary.fill(CAPTIONS)
    model.configure_model()
    return model
