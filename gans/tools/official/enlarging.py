"""The authors' files of super-resolution: BasicSR's, Real-ESRGAN's and ESRGAN's, of all ages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import isqrt
from typing import Any

from gans.networks.rrdbnet import ENLARGEMENT
from gans.tools.official.files import State

Facts = dict[str, Any]

VARIANTS = ("SRResNet", "SRGAN", "ESRGAN", "RealESRGAN")
OLD_BLOCK = re.compile(r"(?:RRDB_trunk|model\.1\.sub)\.(\d+)\.RDB1\.conv1\..*")
LAST_OF_OLDEST = "model.10.weight"
LAST_MAP = 4  # side in pixels of the last features of a VGG-style discriminator
JUDGED = (128, 256)  # sides in pixels of the targets that BasicSR's VGG-style discriminator takes


# Names ------------------------------------------------------------------------------------------------------


def in_new_names(state: State) -> State:
    """Return the state of an RRDBNet under BasicSR's names, if it has one of the two older kinds of names.

    Raises:
        ValueError: if it has the oldest names, and is no network that doubles the sides twice.
    """
    blocks = [int(match[1]) for match in map(OLD_BLOCK.fullmatch, state) if match]
    if not blocks:
        return state
    oldest = any(name.startswith("model.1.sub.") for name in state)
    if oldest and LAST_OF_OLDEST not in state:
        raise ValueError(
            f"it has ESRGAN's oldest names and no {LAST_OF_OLDEST}, so it does not enlarge by 4: its x2 and "
            "x8 have no counterpart here, nor in the authors' later programs"
        )
    count = 1 + max(blocks)
    older = OLDER_NAMES["esrgan_oldest" if oldest else "esrgan"]
    new = {older(name, count): name for name in _names_of_rrdbnet(count)}
    return {new.get(name, name): value for name, value in state.items()}


def in_older_names(state: State, names: str) -> State:
    """Return the state of an RRDBNet, given under BasicSR's names, under older ones of `OLDER_NAMES`."""
    count = sum(name.endswith("rdb1.conv1.weight") for name in state)
    return {OLDER_NAMES[names](name, count): value for name, value in state.items()}


def _names_of_rrdbnet(blocks: int) -> Iterator[str]:
    """Yield BasicSR's names of an RRDBNet."""
    dense = [
        f"body.{block}.rdb{rdb}.conv{i}" for block, rdb, i in product(range(blocks), (1, 2, 3), range(1, 6))
    ]
    single = ["conv_first", "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    yield from (f"{layer}.{kind}" for layer in (*dense, *single) for kind in ("weight", "bias"))


def _of_esrgan(name: str, blocks: int) -> str:
    words = {"body": "RRDB_trunk", "conv_body": "trunk_conv", "conv_hr": "HRconv"}
    words |= {f"conv_up{i}": f"upconv{i}" for i in (1, 2)} | {f"rdb{i}": f"RDB{i}" for i in (1, 2, 3)}
    return ".".join(words.get(word, word) for word in name.split("."))


def _of_oldest_esrgan(name: str, blocks: int) -> str:
    layer, *inside, kind = name.split(".")
    if layer == "body":
        block, dense, convolution = inside
        return f"model.1.sub.{block}.{dense.upper()}.{convolution}.0.{kind}"
    places = {"conv_first": "0", "conv_body": f"1.sub.{blocks}", "conv_up1": "3", "conv_up2": "6"}
    places |= {"conv_hr": "8", "conv_last": "10"}
    return f"model.{places[layer]}.{kind}"


OLDER_NAMES: dict[str, Callable[[str, int], str]] = {"esrgan": _of_esrgan, "esrgan_oldest": _of_oldest_esrgan}
"""Kind of names -> what of BasicSR's name of a tensor, and the number of blocks, the older one is."""


# Architecture -----------------------------------------------------------------------------------------------


def _msrresnet(state: State) -> Facts:
    first, enlarging = state["conv_first.weight"], state["upconv1.weight"]
    step = isqrt(enlarging.shape[0] // enlarging.shape[1])
    return _generator("msrresnet", state) | {
        "channels_in": first.shape[1],
        "blocks": _blocks(state, "conv1"),
        "scale": step * step if "upconv2.weight" in state else step,
    }


def _rrdbnet(state: State) -> Facts:
    entering, channels = state["conv_first.weight"].shape[1], state["conv_last.weight"].shape[0]
    return _generator("rrdbnet", state) | {
        "channels_in": channels,
        "blocks": _blocks(state, "rdb1.conv1"),
        "growth": state["body.0.rdb1.conv1.weight"].shape[0],
        "scale": ENLARGEMENT // isqrt(entering // channels),
    }


def _generator(name: str, state: State) -> Facts:
    first, last = state["conv_first.weight"], state["conv_last.weight"]
    return {"generator": name, "channels_out": last.shape[0], "width": first.shape[0]}


def _srvgg(state: State) -> Facts:
    layers = [name for name, value in state.items() if value.ndim == 4]
    first, last = state[layers[0]], state[layers[-1]]
    channels = first.shape[1]
    return {
        "generator": "srvgg",
        "channels_in": channels,
        "channels_out": channels,
        "width": first.shape[0],
        "blocks": len(layers) - 2,
        "scale": isqrt(last.shape[0] // channels),
    }


def _blocks(state: State, layer: str) -> int:
    return sum(re.fullmatch(rf"body\.\d+\.{layer}\.weight", name) is not None for name in state)


def _vgg_style(state: State) -> Facts:
    first = state["conv0_0.weight"]
    halvings = sum(re.fullmatch(r"conv\d+_1\.weight", name) is not None for name in state)
    return {
        "discriminator": "vgg_style",
        "channels_in": first.shape[1],
        "width": first.shape[0],
        "target_size": LAST_MAP << halvings,
    }


def _unet(state: State) -> Facts:
    first = state["conv0.weight"]
    return {"discriminator": "unet", "channels_in": first.shape[1], "width": first.shape[0]}


KINDS: dict[str, tuple[str, Callable[[State], Facts]]] = {
    "RRDBNet generator": (r"body\.\d+\.rdb1\.conv1\.weight", _rrdbnet),
    "MSRResNet generator": (r"body\.\d+\.conv1\.weight", _msrresnet),
    "SRVGG generator": (r"body\.1\.weight", _srvgg),
    "VGG-style discriminator": (r"conv0_0\.weight", _vgg_style),
    "spectral U-Net discriminator": (r"conv1\.weight_orig", _unet),
}
"""Name of each kind -> its `Kind`, under BasicSR's names."""


def variant_of(networks: Mapping[str, Facts]) -> str:
    """Return the variant of super-resolution that networks belong to, of which the kinds and facts are given.

    A U-Net that judges, the small generator, or one that makes its images smaller at its entry is
    Real-ESRGAN's; another RRDBNet is ESRGAN's; the rest is SRGAN's, or SRResNet's without a discriminator.
    """
    rrdbnet = networks.get("RRDBNet generator")
    if "spectral U-Net discriminator" in networks or "SRVGG generator" in networks:
        return "RealESRGAN"
    if rrdbnet is not None:
        return "ESRGAN" if rrdbnet["scale"] == ENLARGEMENT else "RealESRGAN"
    return "SRGAN" if "VGG-style discriminator" in networks else "SRResNet"


def arguments_of(arguments: Facts) -> Facts:
    """Return the arguments of a variant of super-resolution: the size of its targets is one of its images."""
    target_size = arguments.pop("target_size", None)
    return arguments if target_size is None else arguments | {"image_size": target_size // arguments["scale"]}


# Back -------------------------------------------------------------------------------------------------------


def discriminator_missing_there(arguments: Mapping[str, Any]) -> str | None:
    """Return what of a model's discriminator the authors' program has not; None if it has just such a one."""
    if arguments["spectral_norm"]:
        return "spectral_norm true"
    if arguments["discriminator"] == "unet":
        return None
    if arguments["discriminator_norm"] != "batch":
        return f"discriminator_norm {arguments['discriminator_norm']}"
    size = arguments["image_size"] * arguments["scale"]
    return None if size in JUDGED else f"targets of {size} pixels"
