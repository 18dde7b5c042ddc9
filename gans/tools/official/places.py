"""Where the authors' networks are in the variants here, and which arguments their architecture gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from gans.cut import LAYERS
from gans.networks.patch import RECEPTIVE_FIELDS
from gans.networks.resnet import ResNetGenerator
from gans.stargan import CELEBA
from gans.tools.official import enlarging
from gans.tools.official.recognise import Facts, Recognised

AVERAGE = "ema.generator"


@dataclass(frozen=True)
class Place:
    """Where one network of the authors is in a variant.

    Attributes:
        role: `generator`, `discriminator`, `projection`, `mapping network` or `style encoder`.
        side: which of the authors' it is, where a role has several: `A` or `B`, `G` or `G_ema`; else empty.
        file: the name that the authors' program looks for, of what is turned back.
        arguments: fact of the architecture -> argument of the variant; others are called as the fact.
    """

    role: str
    side: str
    file: str
    arguments: Mapping[str, str] = field(default_factory=dict)


class Labels(NamedTuple):
    """What a StarGAN's attributes, or a StarGANv2's domains, are called, which its files do not say.

    Attributes:
        attributes: names by data set.
        exclusive: groups of which an image has at most one.
    """

    attributes: list[list[str]]
    exclusive: list[list[str]]


def _discriminator(domain: str = "") -> dict[str, str]:
    width = {name: f"discriminator_{name}" for name in ("width", "layers", "scales")}
    return width | ({"channels": f"channels_{domain}"} if domain else {})


def _translator(source: str, target: str) -> dict[str, str]:
    channels = {"channels_in": f"channels_{source}", "channels_out": f"channels_{target}"}
    return channels | {"width": "generator_width"}


def _autoencoder(domain: str) -> dict[str, str]:
    return {"channels": f"channels_{domain}", "width": "generator_width"}


def _of(network: str) -> dict[str, str]:
    return {name: f"{network}_{name}" for name in ("width", "architecture")}


_ENLARGING = {
    "generator": Place("generator", "", "net_g_latest.pth", {"width": "generator_width"}),
    "discriminator": Place("discriminator", "", "net_d_latest.pth", _discriminator()),
}

PLACES: dict[str, dict[str, Place]] = {
    "CycleGAN": {
        "generator_A2B": Place("generator", "A", "latest_net_G_A.pth", _translator("A", "B")),
        "generator_B2A": Place("generator", "B", "latest_net_G_B.pth", _translator("B", "A")),
        # The authors' D_A judges what G_A makes, which are images of B.
        "discriminator_B": Place("discriminator", "A", "latest_net_D_A.pth", _discriminator("B")),
        "discriminator_A": Place("discriminator", "B", "latest_net_D_B.pth", _discriminator("A")),
    },
    "Pix2Pix": {
        "generator": Place("generator", "", "latest_net_G.pth", {"width": "generator_width"}),
        "discriminator": Place("discriminator", "", "latest_net_D.pth", _discriminator()),
    },
    "CUT": {
        "generator": Place("generator", "", "latest_net_G.pth", _translator("A", "B")),
        "projection": Place("projection", "", "latest_net_F.pth"),
        "discriminator": Place("discriminator", "", "latest_net_D.pth", _discriminator("B")),
    },
    "StarGAN": {
        "generator": Place("generator", "", "200000-G.ckpt", {"width": "generator_width"}),
        "discriminator": Place("discriminator", "", "200000-D.ckpt", _discriminator()),
    },
    "StarGANv2": {
        "generator": Place("generator", "", "100000_nets.ckpt", {"width": "generator_width"}),
        "mapping_network": Place("mapping network", "", "100000_nets.ckpt", {"width": "mapping_width"}),
        "style_encoder": Place("style encoder", "", "100000_nets.ckpt", _discriminator()),
        "discriminator": Place("discriminator", "", "100000_nets.ckpt", _discriminator()),
    },
    "DCGAN": {
        "generator": Place("generator", "", "netG.pth"),
        "discriminator": Place("discriminator", "", "netD.pth", _discriminator()),
    },
    "MUNIT": {
        "autoencoder_A": Place("generator", "A", "gen_00000000.pt", _autoencoder("A")),
        "autoencoder_B": Place("generator", "B", "gen_00000000.pt", _autoencoder("B")),
        "discriminator_A": Place("discriminator", "A", "dis_00000000.pt", _discriminator("A")),
        "discriminator_B": Place("discriminator", "B", "dis_00000000.pt", _discriminator("B")),
    },
    "StyleGAN2": {
        "generator": Place("generator", "G", "G.pth", _of("generator")),
        "ema.generator": Place("generator", "G_ema", "G_ema.pth", _of("generator")),
        "discriminator": Place("discriminator", "", "D.pth", _of("discriminator")),
    },
    "R3GAN": {
        "generator": Place("generator", "G", "G.pth"),
        "ema.generator": Place("generator", "G_ema", "G_ema.pth"),
        "discriminator": Place("discriminator", "", "D.pth"),
    },
    "SRResNet": {"generator": _ENLARGING["generator"]},
    "SRGAN": _ENLARGING,
    "ESRGAN": _ENLARGING,
    "RealESRGAN": _ENLARGING,
}
"""Variant -> its networks -> where each is with the authors; averages last."""


def variant_of(networks: Sequence[Recognised]) -> str:
    """Return the variant that networks belong to.

    Of the three that share networks, filters or a projection make a CUT, and a pair of each network a
    CycleGAN; of a single generator, a U-Net or what pix2pix has by default, dropout or batch norm, makes a
    Pix2Pix, and so does a discriminator that sees the input too.
    """
    for name in ("MUNIT", "StarGANv2", "StarGAN", "DCGAN", "R3GAN", "StyleGAN2"):
        if networks[0].kind.startswith(name):
            return name
    if any(network.kind in enlarging.KINDS for network in networks):
        return enlarging.variant_of({network.kind: network.facts for network in networks})
    if any(network.kind == "patch projection" or _has_filters(network) for network in networks):
        return "CUT"
    if any(network.file.side for network in networks):
        return "CycleGAN"
    generators = [network.facts for network in networks if "channels_in" in network.facts]
    judged = [network.facts["channels"] for network in networks if "channels" in network.facts]
    paired = any(facts.get("dropout", True) or facts["norm"] == "batch" for facts in generators)
    conditional = any(channels > facts["channels_out"] for channels in judged for facts in generators)
    return "Pix2Pix" if paired or conditional else "CycleGAN"


def _has_filters(network: Recognised) -> bool:
    return "antialiased" in network.facts.values()


def placed(variant: str, networks: Sequence[Recognised]) -> dict[str, Recognised]:
    """Return the variant's networks that are there, by name.

    Raises:
        ValueError: if two are the same one, one has no place, or there is no generator.
    """
    found: dict[str, Recognised] = {}
    for network in networks:
        name = _place(variant, network)
        if name in found:
            raise ValueError(
                f"{found[name].file.path} and {network.file.path} are both the {network.kind} of one "
                f"{variant}: give a folder with one of them, or a single file."
            )
        found[name] = network
    if AVERAGE in found:  # of a file with nothing else
        found.setdefault("generator", found[AVERAGE])
    if not any(PLACES[variant][name].role == "generator" for name in found):
        raise ValueError("There is no generator: the other networks are taken along with it.")
    return found


def _place(variant: str, network: Recognised) -> str:
    filtered = _has_filters(network)
    fits = variant == "CUT" or not filtered
    if network.kind.startswith("U-Net"):
        fits = variant == "Pix2Pix"
    if (network.kind in enlarging.KINDS) != (variant in enlarging.VARIANTS):
        fits = False
    for name, place in PLACES[variant].items():
        side = place.side in ("", network.file.side) or not network.file.side
        if fits and side and network.kind.endswith(place.role):
            return name
    described = f"{network.kind} with filters" if filtered else network.kind
    raise ValueError(f"{network.file.path} is a {described}, which a {variant} has no place for.")


def arguments_of(
    variant: str,
    networks: Mapping[str, Recognised],
    labels: Labels | None,
    nce_layers: list[int] | None,
) -> dict[str, Any]:
    """Return the arguments of a variant with these networks.

    Raises:
        ValueError: if networks contradict each other, or a StarGAN's attributes or a CUT's layers are needed.
    """
    arguments: dict[str, Any] = {}
    for name, network in networks.items():
        renamed = PLACES[variant][name].arguments
        for fact, value in network.facts.items():
            argument = renamed.get(fact, fact)
            if arguments.setdefault(argument, value) != value and argument not in OF_ONE_NETWORK:
                raise ValueError(
                    f"{argument} is {value} in {network.file.path} and {arguments[argument]} in another "
                    f"network: those of a {variant} here agree in it."
                )
    if variant == "StarGAN":
        return _stargan(arguments, networks, labels)
    if variant == "StarGANv2":
        return _stargan_v2(arguments, labels)
    if variant == "CUT":
        return _cut(arguments, networks, nce_layers)
    if variant == "Pix2Pix":
        return _pix2pix(_unfiltered(arguments))
    if variant == "DCGAN":
        return _dcgan(arguments)
    if variant in enlarging.VARIANTS:
        return enlarging.arguments_of(arguments)
    return _cyclegan(_unfiltered(arguments)) if variant == "CycleGAN" else arguments


OF_ONE_NETWORK = ("labels",)  # a StarGAN's generator takes a mask too


def _unfiltered(arguments: Facts) -> Facts:
    """Leave out how resolutions change, for variants that change them by strides alone."""
    return {name: value for name, value in arguments.items() if name not in ("downsampling", "upsampling")}


def _cyclegan(arguments: Facts) -> Facts:
    alike = arguments.get("channels_A", 3) == arguments.get("channels_B", 3)
    return arguments if alike else arguments | {"identity_weight": 0.0}  # which takes images of one kind


def _dcgan(arguments: Facts) -> Facts:
    if arguments.get("discriminator_width") == arguments["width"]:
        del arguments["discriminator_width"]
    return arguments


def _pix2pix(arguments: Facts) -> Facts:
    depth = arguments.get("depth")
    made = {"generator": "resnet"} if depth is None else {"generator": "unet", "image_size": 2**depth}
    judged, layers = arguments.pop("channels", None), arguments.pop("discriminator_layers", None)
    if layers is not None:
        if layers >= len(RECEPTIVE_FIELDS):
            raise ValueError(
                f"A discriminator of {layers} layers is larger than any here, which have up to 5."
            )
        conditional = judged != arguments["channels_out"]
        made |= {"patch": RECEPTIVE_FIELDS[layers], "conditional": conditional}
    return arguments | made


def _stargan(arguments: Facts, networks: Mapping[str, Recognised], labels: Labels | None) -> Facts:
    count = arguments.pop("labels")
    if "discriminator" in networks:
        count = networks["discriminator"].facts["labels"]
    if labels is None and count == len(CELEBA[0]):
        return arguments  # the paper's five are the default
    if labels is None:
        raise ValueError(
            f"The StarGAN has {count} labels, and its files do not say what they are: name them in their "
            "order with --attributes A,B,C (for several data sets, one such list each)."
        )
    return arguments | {"attributes": labels.attributes, "exclusive": labels.exclusive}


def _stargan_v2(arguments: Facts, labels: Labels | None) -> Facts:
    count = arguments.pop("domains", 0)
    if labels is None and count not in RELEASED_DOMAINS:
        raise ValueError(
            f"The StarGANv2 has {count} domains, and its files do not say what they are: name them in their "
            "order with --attributes A,B,C."
        )
    return arguments | {"domains": RELEASED_DOMAINS[count] if labels is None else labels.attributes[0]}


RELEASED_DOMAINS = {2: ["female", "male"], 3: ["cat", "dog", "wild"]}
"""Number of domains -> their names in the released models, of CelebA-HQ and of AFHQ."""


def _cut(arguments: Facts, networks: Mapping[str, Recognised], nce_layers: list[int] | None) -> Facts:
    channels, projected = _feature_channels(arguments), arguments.pop("feature_channels", None)
    layers = nce_layers or [number for number in LAYERS if number < len(channels)]
    theirs = [channels[number] for number in layers if number < len(channels)]
    if projected not in (None, theirs):
        raise ValueError(
            f"{networks['projection'].file.path} projects {len(projected)} layers of {_listed(projected)} "
            f"channels, but layers {_listed(layers)} of its generator have {_listed(theirs)}: name those "
            f"that it was trained with, of 0 to {len(channels) - 1}, by --nce_layers."
        )
    return arguments | {"nce_layers": layers}


def _feature_channels(arguments: Facts) -> list[int]:
    """Return the channels of all features that a CUT can contrast, by their numbers."""
    with torch.device("meta"):
        generator = ResNetGenerator(
            arguments["channels_A"],
            arguments["channels_B"],
            arguments["generator_width"],
            arguments["blocks"],
            downsampling=arguments["downsampling"],
        )
    return generator.feature_channels(range(1 + max(generator.feature_numbers().values())))


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)


COUNTERPARTS: dict[str, dict[str, tuple[Any, ...]]] = {
    "CycleGAN": {
        "downsampling": ("strided",),
        "upsampling": ("transposed",),
        "norm": ("instance", "batch", "none"),
        "spectral_norm": (False,),
    },
    "Pix2Pix": {
        "generator": ("unet", "resnet"),
        "norm": ("instance", "batch", "none"),
        "downsampling": ("strided",),
        "upsampling": ("transposed",),
        "conditional": (True,),
        "patch": RECEPTIVE_FIELDS,
        "spectral_norm": (False,),
    },
    "CUT": {
        "norm": ("instance", "batch", "none"),
        "downsampling": ("antialiased", "strided"),
        "upsampling": ("antialiased", "transposed"),
        "spectral_norm": (False,),
    },
    "StarGAN": {"spectral_norm": (False,)},
    "StarGANv2": {"spectral_norm": (False,)},
    "DCGAN": {
        "generator_norm": ("batch",),
        "discriminator_norm": ("batch",),
        "classes": (0,),
        "spectral_norm": (False,),
    },
    "MUNIT": {"spectral_norm": (False,)},
    "R3GAN": {"spectral_norm": (False,)},
    "StyleGAN2": {
        "spectral_norm": (False,),
        "image_size": tuple(2**power for power in range(3, 12)),
    },
    **{variant: {} for variant in enlarging.VARIANTS},
}
"""Variant -> arguments -> the values for which the authors' programs have a network."""
