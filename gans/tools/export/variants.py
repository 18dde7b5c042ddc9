"""What is exported of each variant: a network from named inputs to images, and the variant's own answer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # what all batch norms share, the synchronised one too

from gans.base import AdversarialModule
from gans.cli.errors import UsageError
from gans.families.super_resolution import Upscaler
from gans.inference import evaluating
from gans.networks import resnet
from gans.networks.munit import StyledAutoencoder
from gans.networks.norms import InstanceNorm2d
from gans.networks.padding import crop_to
from gans.networks.rrdbnet import RRDBNet
from gans.networks.sizes import height_and_width
from gans.networks.unet import UNetGenerator
from gans.protocol import scale_of
from gans.tools.export.program import (
    BATCH,
    Axis,
    Input,
    Program,
    Sizes,
    class_input,
    image_axes,
    image_input,
    label_input,
    mask_input,
    normal_input,
)

Direction = Literal["A2B", "B2A"]

REFUSED = {
    "Energy": "it has no generator. Its images come from hundreds of Langevin steps along the gradient of "
    "its discriminator, and exported programs have no gradients. Use `sample` or predict.",
    "TextEncoder": "it makes no images, and reads texts by a vocabulary, which is Python and no network. "
    "Export the GANCLS that uses it; embeddings come from `embed`.",
}
"""Variants of which nothing is exported -> why."""


def program_of(model: AdversarialModule, direction: Direction | None = None) -> Program:
    """Return what is exported of a variant; its averaged networks, where it has averages.

    Of a Pix2Pix, `dropout_at_test` is switched off: an exported program has no noise of its own.

    Args:
        model: the variant, on the CPU.
        direction: of a variant that translates both ways, by default `A2B`.

    Raises:
        UsageError: if a direction is given to a variant that has none.
        KeyError: if it is one of `REFUSED`.
    """
    variant = type(model).__name__
    if variant in BOTH_WAYS:
        return BOTH_WAYS[variant](model, direction or "A2B")
    if direction is not None:
        raise UsageError(f"--direction {direction}: {variant} translates no domain A to B; leave it out.")
    return ONE_WAY[variant](model)


def _cyclegan(model: Any, direction: Direction) -> Program:
    name = f"generator_{direction}"
    return translation(
        model,
        (name,),
        model.averaged(name),
        partial(model.translate, direction=direction),
        [_images_of(model, direction)],
        channels=model.hparams[f"channels_{direction[2]}"],
        sizes=Sizes(model.hparams["image_size"], resnet.DOWNSAMPLING, resnet.SMALLEST),
        name=name,
    )


def _cut(model: Any) -> Program:
    source, target = model.hparams["direction"].split("2")
    channels = model.hparams[f"channels_{source}"]
    return translation(
        model,
        ("generator",),
        nn.Sequential(_Repeated(model.generator_channels), model.averaged("generator")),
        model.translate,
        [image_input(channels, f"images of domain {source}")],
        channels=model.hparams[f"channels_{target}"],
        sizes=Sizes(model.hparams["image_size"], resnet.DOWNSAMPLING, resnet.SMALLEST),
    )


class _Repeated(nn.Module):
    """Repeats the one channel of grey images where the network takes more."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, images: Tensor) -> Tensor:
        return images.expand(-1, self.channels, -1, -1)


def _munit(model: Any, direction: Direction) -> Program:
    source, target = (f"autoencoder_{domain}" for domain in direction.split("2"))
    multiple = 2 ** model.hparams["halvings"]
    size, std = model.hparams["style_size"], model.hparams["style_std"]
    meaning = f"style of domain {direction[2]}: that of an image, or random numbers from N(0, {std:g}^2)"
    return translation(
        model,
        (source, target),
        _ContentInStyle(model.averaged(source), model.averaged(target)),
        lambda images, style: model.translate(images, direction, style),
        [_images_of(model, direction), normal_input("style", size, meaning)],
        channels=model.hparams[f"channels_{direction[2]}"],
        sizes=Sizes(model.hparams["image_size"], multiple, max(2 * multiple, 4)),
        name=f"generator_{direction}",
    )


class _ContentInStyle(nn.Module):
    """Decodes the content of images of one domain in styles (N, style_size) of the other."""

    def __init__(self, source: StyledAutoencoder, target: StyledAutoencoder) -> None:
        super().__init__()
        self.source, self.target = source, target

    def forward(self, images: Tensor, style: Tensor) -> Tensor:
        content = self.source.content_of(images)
        # Not `decode`, which compares shapes as numbers: here they are unknown.
        return crop_to(self.target.decoder(content, self.target.mlp(style)), like=images)


def _pix2pix(model: Any) -> Program:
    arguments = model.hparams
    notes = []
    if arguments["dropout"] and arguments["dropout_at_test"]:
        arguments["dropout_at_test"] = False
        notes.append(
            "Dropout is off, so that the same input gives the same output. `translate` and predict leave it "
            "on, as in the paper, unless model.dropout_at_test is false; their pictures differ by that."
        )
    network = model.averaged("generator")
    sizes = Sizes(arguments["image_size"], resnet.DOWNSAMPLING, resnet.SMALLEST)
    if isinstance(network, UNetGenerator):
        sizes = Sizes(arguments["image_size"], 2**network.depth)
    if arguments["norm"] == "batch" and arguments["norm_statistics"] == "batch":
        network = _normed_by_image(network)
        notes.append(
            "Every image is normalised by its own statistics, as in the paper: batch norm of one image, "
            "which is instance norm with the same scale and shift. So no image depends on its batch."
        )
    if arguments["lab"]:
        notes.append(
            "Images are lightness, L / 50 - 1 of CIE L*a*b*; what comes out is colour, a / 110 and b / 110."
        )
    return translation(
        model,
        ("generator",),
        network,
        model.translate,
        [image_input(arguments["channels_in"], "images to translate")],
        channels=arguments["channels_out"],
        sizes=sizes,
        notes=tuple(notes),
    )


def _normed_by_image(network: nn.Module) -> nn.Module:
    """Return a copy in which every image is normalised by its own statistics where its batch's counted."""
    changed = copy.deepcopy(network)
    for part in list(changed.modules()):
        for name, norm in part.named_children():
            if isinstance(norm, _BatchNorm):
                alone = InstanceNorm2d(norm.num_features, norm.eps, affine=True)
                alone.load_state_dict({"weight": norm.weight, "bias": norm.bias})
                setattr(part, name, alone)
    return changed


def _stargan(model: Any) -> Program:
    network = model.averaged("generator")
    sets = model.attributes.names
    label = f"1 where the result is to have the attribute, else 0: {', '.join(model.attributes.flat)}"
    if len(sets) > 1:
        label += f"; then one-hot, which of the {len(sets)} data sets has these attributes"
    return translation(
        model,
        ("generator",),
        network,
        _evaluated(network),
        [
            image_input(model.hparams["channels"], "images to translate"),
            label_input("labels", network.labels, label),
        ],
        channels=model.hparams["channels"],
        # One pixel by itself has no statistics for the instance norm of the blocks.
        sizes=Sizes(model.hparams["image_size"], network.divisor, 2 * network.divisor),
    )


def _stargan_v2(model: Any) -> Program:
    arguments, high_pass = model.hparams, model.hparams["high_pass"] > 0
    network, meaning = model.averaged("generator"), f"of the domains {', '.join(model.domains)}, by number"
    inputs = [
        image_input(arguments["channels"], "images to translate"),
        normal_input("noise", arguments["latent_size"], "random numbers from N(0, 1): a look"),
        class_input("domains", len(model.domains), meaning),
    ]
    if high_pass:
        inputs.append(mask_input("masks", 2, "where in a face what is, from 0 to 1"))
    return translation(
        model,
        ("generator", "mapping_network"),
        (_InRandomLookByMasks if high_pass else _InRandomLook)(network, model.averaged("mapping_network")),
        lambda images, noise, domains, *masks: model.translate(
            images,
            [model.domains[number] for number in domains.tolist()],
            style=model.styles_of_noise(noise, domains),
            masks=masks[0] if masks else None,
        ),
        inputs,
        channels=arguments["channels"],
        sizes=Sizes(arguments["image_size"], network.divisor, 2 * network.divisor),
        notes=("Looks of pictures are not a part: the style encoder is needed for them.",),
    )


class _InRandomLook(nn.Module):
    """Translates images to domains (N,) in looks made of noise (N, L), within [-1, 1]."""

    def __init__(self, generator: nn.Module, mapping: nn.Module) -> None:
        super().__init__()
        self.generator, self.mapping = generator, mapping

    def forward(self, images: Tensor, noise: Tensor, domains: Tensor) -> Tensor:
        translated: Tensor = self.generator(images, self.mapping(noise, domains))
        return translated.clamp(-1, 1)


class _InRandomLookByMasks(_InRandomLook):
    """Does the same with a high-pass, of faces that masks (N, 2, H, W) show."""

    def forward(self, images: Tensor, noise: Tensor, domains: Tensor, masks: Tensor) -> Tensor:  # type: ignore[override]
        translated: Tensor = self.generator(images, self.mapping(noise, domains), masks)
        return translated.clamp(-1, 1)


def _super_resolution(model: Any) -> Program:
    network = model.averaged("generator")
    divisor = network.divisor if isinstance(network, RRDBNet) else 1
    return translation(
        model,
        ("generator",),
        Upscaler(network),
        model.upscale,
        [image_input(model.hparams["channels_in"], "images to enlarge")],
        channels=model.hparams["channels_out"],
        sizes=Sizes(model.hparams["image_size"], divisor, divisor + 1),
    )


def _from_noise(model: Any) -> Program:
    """Return noise to images: what `decode` makes of `from_noise`."""
    network, classes = model.averaged(model.decoder), model.hparams.get("classes", 0)
    inputs = [_noise_of(model)]
    if classes:
        inputs.append(class_input("labels", classes, f"classes, 0 to {classes - 1}"))
    return Program(
        networks=(model.decoder,),
        module=network,
        eager=model.decode,
        inputs=tuple(inputs),
        output=_made_shape(model),
        meaning=_made_meaning(model),
        sizes=Sizes(max(height_and_width(model.hparams["image_size"]))),
    )


def _cut_to_range(model: Any) -> Program:
    """Return noise to images of a generator that nothing bounds, cut to [-1, 1] as `decode` does."""
    program = _from_noise(model)
    return replace(program, module=_CutToRange(program.module).eval())


class _CutToRange(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.network(noise, labels)
        return images.clamp(-1, 1)


def _autoencoder(model: Any) -> Program:
    """Return noise to images by the Gaussian of the training codes, which becomes a linear layer."""
    decoder = _from_noise(model)
    size = model.latent_size
    origin = model.from_noise(torch.zeros(1, size))
    codes = nn.Linear(size, size)
    with torch.no_grad():
        codes.bias.copy_(origin[0])
        codes.weight.copy_((model.from_noise(torch.eye(size)) - origin).T)
    return Program(
        networks=("prior", model.decoder),
        module=nn.Sequential(codes, decoder.module).eval(),
        eager=lambda noise: model.decode(model.from_noise(noise)),
        inputs=decoder.inputs,
        output=decoder.output,
        meaning=decoder.meaning,
        sizes=decoder.sizes,
        notes=(
            "The Gaussian that the training codes follow is a part: noise becomes a code, then an image.",
        ),
    )


def _gan_cls(model: Any) -> Program:
    size = model.embedding_size
    return Program(
        networks=("generator",),
        module=model.averaged("generator"),
        eager=model.decode,
        inputs=(_noise_of(model), normal_input("embeddings", size, "captions, as `embed` returns them")),
        output=_made_shape(model),
        meaning=_made_meaning(model),
        sizes=Sizes(model.hparams["image_size"]),
        notes=("The text encoder is not a part: make the embeddings with `gans.load(CHECKPOINT).embed`.",),
    )


BOTH_WAYS: dict[str, Callable[[Any, Direction], Program]] = {"CycleGAN": _cyclegan, "MUNIT": _munit}
ONE_WAY: dict[str, Callable[[Any], Program]] = {
    "CUT": _cut,
    "Pix2Pix": _pix2pix,
    "StarGAN": _stargan,
    "StarGANv2": _stargan_v2,
    "SRResNet": _super_resolution,
    "SRGAN": _super_resolution,
    "ESRGAN": _super_resolution,
    "RealESRGAN": _super_resolution,
    "GAN": _from_noise,
    "DCGAN": _from_noise,
    "WGANGP": _from_noise,
    "StyleGAN2": _cut_to_range,
    "R3GAN": _cut_to_range,
    "VAE": _from_noise,
    "AutoEncoder": _autoencoder,
    "GANCLS": _gan_cls,
}


def translation(
    model: AdversarialModule,
    networks: tuple[str, ...],
    module: nn.Module,
    eager: Callable[..., Tensor],
    inputs: list[Input],
    channels: int,
    **others: Any,
) -> Program:
    """Return a program of images to images, as large as the variant's scale says."""
    output = image_axes(channels, scale_of(model))
    return Program(networks, module.eval(), eager, tuple(inputs), output, "images in [-1, 1]", **others)


def _evaluated(network: nn.Module) -> Callable[..., Tensor]:
    @torch.no_grad()
    def run(*inputs: Tensor) -> Tensor:
        with evaluating(network):
            made: Tensor = network(*inputs)
        return made

    return run


def _images_of(model: Any, direction: Direction) -> Input:
    return image_input(model.hparams[f"channels_{direction[0]}"], f"images of domain {direction[0]}")


def _noise_of(model: Any) -> Input:
    return normal_input("noise", model.latent_size, "random numbers from N(0, 1), one row an image")


def _made_shape(model: Any) -> tuple[Axis, ...]:
    return (BATCH, model.hparams["channels"], *height_and_width(model.hparams["image_size"]))


def _made_meaning(model: Any) -> str:
    points = model.hparams["image_size"] == 1
    return "points in the plane, as images of one pixel, unbounded" if points else "images in [-1, 1]"
