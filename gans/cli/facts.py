"""What the data knows and the model needs, such as the number of image channels."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from typing import Any

FACTS = (
    "channels",
    "channels_A",
    "channels_B",
    "channels_in",
    "channels_out",
    "image_size",
    "scale",
    "lab",
    "classes",
    "attributes",
    "exclusive",
    "domains",
    "embedding_size",
    "attribute_names",
)
"""Properties of data modules that are handed to the model's arguments of the same name."""

MUST_AGREE = ("channels", "channels_A", "channels_B", "channels_in", "channels_out")
"""Facts without which no network can take the images."""


def refuse_oblongs(variant: type, data: Any) -> None:
    """Refuse data whose images are no squares, for a model that takes none but these.

    Args:
        variant: class of the model.
        data: the data module.

    Raises:
        ValueError: it is so.
    """
    size = getattr(data, "image_size", None)
    if isinstance(size, tuple) and not getattr(variant, "takes_oblongs", False):
        height, width = size
        raise ValueError(
            f"data.size is {height}x{width}, but {variant.__name__} takes squares: give one number, such as "
            f"--data.size {min(size)}, or train a StyleGAN2 (--config stylegan2), which makes oblong images."
        )


def hand_over_facts(
    data: Any, arguments: MutableMapping[str, Any], chosen: Collection[str], must_agree: bool = True
) -> None:
    """Set the model's arguments that the data decides; those that the user chose stay.

    Args:
        data: the data module, before `setup`.
        arguments: of the model, with all defaults; changed in place.
        chosen: names of the arguments that the user, or the checkpoint, has set.
        must_agree: whether the model is to see images of the data module's own.

    Raises:
        ValueError: if it is, and the user chose a number of channels that the data does not have.
    """
    for name in FACTS:
        fact = getattr(data, name, None)
        if fact is None or name not in arguments:
            continue
        if name not in chosen:
            arguments[name] = fact
        elif must_agree and name in MUST_AGREE and arguments[name] != fact:
            raise ValueError(
                f"model.{name} is {arguments[name]}, as given or as stored in the checkpoint, but "
                f"{type(data).__name__} has {fact}-channel images: leave model.{name} out, or convert the "
                f"images with --data.{name} {arguments[name]}."
            )
