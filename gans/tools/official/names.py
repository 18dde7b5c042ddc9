"""What the authors' programs call the tensors of the networks built here.

The networks here keep the official order of tensors under names of their own; the rules below give the
official names, so that a difference is reported by a name which the file's owner knows.
"""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise

import torch
from torch import Tensor, nn

from gans.networks.antialiasing import AntialiasedDownsample, AntialiasedUpsample
from gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gans.networks.equalised import EqualisedConv2d
from gans.networks.msrresnet import MSRResNet
from gans.networks.multiscale import MultiScaleDiscriminator
from gans.networks.munit import StyledAutoencoder
from gans.networks.patch import PatchDiscriminator
from gans.networks.projection import PatchProjection
from gans.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from gans.networks.resampling import FilteredDoubling, FilteredHalving, filter_of
from gans.networks.resnet import ResNetGenerator
from gans.networks.rrdbnet import RRDBNet
from gans.networks.sizes import SMALLEST_MAP
from gans.networks.srvgg import SRVGG
from gans.networks.stargan import StarGANDiscriminator, StarGANGenerator
from gans.networks.stargan_v2.blocks import HighPass
from gans.networks.stargan_v2.generator import StyledGenerator
from gans.networks.stargan_v2.heads import DomainDiscriminator, MappingNetwork, StyleEncoder
from gans.networks.stylegan2.discriminator import DiscriminatorBlock, StyleGAN2Discriminator
from gans.networks.stylegan2.generator import StyleGAN2Generator
from gans.networks.stylegan2.synthesis import StyledConvolution, SynthesisBlock
from gans.networks.unet import UNetGenerator
from gans.networks.unet_discriminator import UNetDiscriminator
from gans.networks.vgg_style import VGGStyleDiscriminator

STEM = 9  # layers before the residual blocks, in the generator of StarGAN
ENLARGING = (0.25, 0.75, 0.75, 0.25)  # what linear interpolation weights by, a row of it


def official_names(network: nn.Module) -> dict[str, str]:
    """Return, in order, the name of every tensor of the network's state -> its official name.

    Raises:
        TypeError: if the network is of a kind that no official program has.
    """
    names = [name for name, value in network.state_dict().items() if isinstance(value, Tensor)]
    return {name: _official(network, name.split(".")) for name in names}


def official_filters(network: nn.Module) -> dict[str, Tensor]:
    """Return the constant filters that the authors' states count: official name -> value."""
    if isinstance(network, R3GANGenerator | R3GANDiscriminator):
        return _r3gan_filters(network)
    if isinstance(network, StyleGAN2Generator | StyleGAN2Discriminator):
        return _stylegan2_filters(network)
    filters = {}
    for (name, layer), (_, following) in pairwise([*network.named_modules(), ("", nn.Identity())]):
        if isinstance(layer, HighPass):
            filters["hpf.filter"] = layer.kernel
            continue
        if isinstance(layer, AntialiasedDownsample):
            kernel = layer.kernel
        elif isinstance(layer, AntialiasedUpsample) and isinstance(following, nn.Conv2d):
            row = torch.tensor(ENLARGING)
            kernel = torch.outer(row, row).expand(following.in_channels, 1, 4, 4)
        else:
            continue
        filters[_official(network, [*name.split("."), "filt"])] = kernel
    return filters


def _r3gan_filters(network: R3GANGenerator | R3GANDiscriminator) -> dict[str, Tensor]:
    """Return the filter of each change of resolution, which is one and the same."""
    kernel = filter_of()
    places = (
        name.split(".")
        for name, layer in network.named_modules()
        if isinstance(layer, FilteredHalving | FilteredDoubling)
    )
    return {f"{_r3gan_layer(path)}.Resampler.Kernel": kernel for path in places}


def _stylegan2_filters(network: StyleGAN2Generator | StyleGAN2Discriminator) -> dict[str, Tensor]:
    """Return the filter of each layer and block, one and the same, whether it is used there or not."""
    kinds = StyledConvolution | EqualisedConv2d | SynthesisBlock | DiscriminatorBlock
    kernel = filter_of()
    places = (name.split(".") for name, layer in network.named_modules() if isinstance(layer, kinds))
    return {_official(network, [*path, "filter"]): kernel for path in places}


@singledispatch
def _official(network: nn.Module, path: list[str]) -> str:
    raise TypeError(f"{type(network).__name__}: no official program has such a network.")


@_official.register
def _(network: ResNetGenerator, path: list[str]) -> str:
    if path[0] == "encoder":
        return f"model.{int(path[1]) + 1}.{path[2]}"  # a layer that pads comes first
    if path[0] == "blocks":
        layer = int(path[3])
        padding = 1 if layer < 3 else 2  # such a layer before either convolution
        return f"model.{1 + len(network.encoder) + int(path[1])}.conv_block.{layer + padding}.{path[4]}"
    layer = int(path[1])
    padding = 1 if layer == len(network.decoder) - 2 else 0  # before the last convolution
    return f"model.{1 + len(network.encoder) + len(network.blocks) + layer + padding}.{path[2]}"


@_official.register
def _(network: UNetGenerator, path: list[str]) -> str:
    stage = int(path[1]) if path[0] == "down" else network.depth - 1 - int(path[1])
    # Each stage is the module that holds the next one: the outermost at its place 1, others at their 3.
    prefix = "model.model" + (".1.model" if stage else "") + ".3.model" * (stage - 1)
    if path[0] == "down":
        return f"{prefix}.{path[2]}.{path[3]}" if stage else f"{prefix}.0.{path[2]}"
    before = 2 if stage in (0, network.depth - 1) else 4  # layers up to the ReLU of the way up
    return f"{prefix}.{before + int(path[2])}.{path[3]}"


@_official.register
def _(network: PatchDiscriminator, path: list[str]) -> str:
    return ".".join(["net" if _judges_pixels(network) else "model", *path[1:]])


def _judges_pixels(network: PatchDiscriminator) -> bool:
    first = network.stages[0]
    return isinstance(first, nn.Conv2d) and first.kernel_size[0] == 1


@_official.register
def _(network: PatchProjection, path: list[str]) -> str:
    return ".".join([f"mlp_{path[1]}", *path[2:]])


@_official.register(DCGANGenerator)
@_official.register(DCGANDiscriminator)
def _(network: DCGANGenerator | DCGANDiscriminator, path: list[str]) -> str:
    return f"main.{path[1]}.{path[2]}" if path[0] == "stages" else f"main.{len(network.stages)}.{path[1]}"


@_official.register
def _(network: StarGANGenerator, path: list[str]) -> str:
    if path[0] == "encoder":
        return f"main.{path[1]}.{path[2]}"
    if path[0] == "blocks":
        return f"main.{STEM + int(path[1])}.main.{path[3]}.{path[4]}"
    return f"main.{STEM + len(network.blocks) + int(path[1])}.{path[2]}"


@_official.register
def _(network: StarGANDiscriminator, path: list[str]) -> str:
    return ".".join([{"features": "main", "source": "conv1", "attributes": "conv2"}[path[0]], *path[1:]])


@_official.register
def _(network: StyledGenerator, path: list[str]) -> str:
    place = {"from_image": "from_rgb", "to_image": "to_rgb", "encoder": "encode", "decoder": "decode"}
    return ".".join([place[path[0]], *_of_block(path[1:])])


@_official.register(MappingNetwork)
@_official.register(StyleEncoder)
@_official.register(DomainDiscriminator)
def _(network: MappingNetwork | StyleEncoder | DomainDiscriminator, path: list[str]) -> str:
    if not isinstance(network, DomainDiscriminator):
        place = {"shared": "shared", "features": "shared", "heads": "unshared"}[path[0]]
        return ".".join([place, *_of_block(path[1:])])
    if path[0] == "heads":
        return f"main.{len(network.features)}.{path[1]}"
    return ".".join(["main", *_of_block(path[1:])])


def _of_block(path: list[str]) -> list[str]:
    """Return what StarGAN v2's authors call the parts of a residual block."""
    names = {"conv_1": "conv1", "conv_2": "conv2", "norm_1": "norm1", "norm_2": "norm2"}
    return [(names | {"shortcut": "conv1x1", "linear": "fc"}).get(part, part) for part in path]


@_official.register
def _(network: StyledAutoencoder, path: list[str]) -> str:
    if path[0] == "style_encoder":
        return ".".join(["enc_style.model", *path[1:]])
    if path[0] == "mlp":
        return f"mlp.model.{int(path[1]) // 2}.fc.{path[2]}"  # every second layer is a ReLU
    if path[0] == "content_encoder":
        return _of_content(network, path[1:])
    if path[1] == "blocks":
        part, place = path[3].split("_")
        return f"dec.model.0.model.{path[2]}.model.{int(place) - 1}.{part}.{path[4]}"
    prefix, *rest, kind = f"dec.model.{int(path[2]) + 1}", *path[3:]
    if rest == ["norm"]:
        kind = {"weight": "gamma", "bias": "beta"}[kind]
    return ".".join([prefix, *rest, kind])


def _of_content(network: StyledAutoencoder, path: list[str]) -> str:
    if path[1] != "layers":
        return ".".join(["enc_content.model", *path])
    first = next(i for i, layer in enumerate(network.content_encoder) if hasattr(layer, "layers"))
    block = int(path[0]) - first
    return ".".join([f"enc_content.model.{first}.model.{block}.model", *path[2:]])


@_official.register
def _(network: MultiScaleDiscriminator, path: list[str]) -> str:
    return ".".join(["cnns", *path[1:]])


R3GAN_ENDS = {
    "vectors": "EmbeddingLayer.weight",
    "image": "AggregationLayer.Layer.weight",
    "features": "ExtractionLayer.Layer.weight",
}
R3GAN_PARTS = {
    "map": "Basis",
    "scale.weight": "LinearLayer.weight",
    "layers.0.weight": "LinearLayer1.Layer.weight",
    "layers.0.bias": "NonLinearity1.Bias",
    "layers.2.weight": "LinearLayer2.Layer.weight",
    "layers.2.bias": "NonLinearity2.Bias",
    "layers.4.weight": "LinearLayer3.Layer.weight",
    "0.weight": "LinearLayer.Layer.weight",  # of the generator's way to another width
    "1.weight": "LinearLayer.Layer.weight",  # of the discriminator's
}


@_official.register(R3GANGenerator)
@_official.register(R3GANDiscriminator)
def _(network: R3GANGenerator | R3GANDiscriminator, path: list[str]) -> str:
    if path[0] in R3GAN_ENDS:
        return R3GAN_ENDS[path[0]]
    if path[0] in ("weigh", "score"):  # with the authors the last layer of the last stage
        stage, layer = len(network.stages) - 1, len(list(network.stages[-1].children()))
        part = {"weigh": "Basis.weight", "score": "LinearLayer.weight"}[path[0]]
        return f"MainLayers.{stage}.Layers.{layer}.{part}"
    return f"{_r3gan_layer(path)}.{R3GAN_PARTS['.'.join(path[3:])]}"


def _r3gan_layer(path: list[str]) -> str:
    return f"MainLayers.{path[1]}.Layers.{path[2]}"


STYLEGAN2_PARTS = {
    "constant": "const",
    "noise": "noise_const",
    "style": "affine",
    "to_image": "torgb",
    "from_image": "fromrgb",
    "hidden": "fc",
    "filter": "resample_filter",
    "mean": "w_avg",
}


@_official.register(StyleGAN2Generator)
@_official.register(StyleGAN2Discriminator)
def _(network: StyleGAN2Generator | StyleGAN2Discriminator, path: list[str]) -> str:
    named = [STYLEGAN2_PARTS.get(part, part) for part in path]
    if path[0] == "epilogue":
        return ".".join([f"b{SMALLEST_MAP}", *named[1:]])
    if path[0] == "mapping":
        return ".".join(["mapping", *([f"fc{path[2]}", path[3]] if path[1] == "layers" else named[1:])])
    if isinstance(network, StyleGAN2Generator):
        return ".".join(["synthesis", f"b{SMALLEST_MAP << int(path[2])}", *named[3:]])
    return ".".join([f"b{network.size[0] >> int(path[1])}", *named[2:]])


@_official.register
def _(network: MSRResNet, path: list[str]) -> str:
    if path[0] == "blocks":
        return f"body.{path[1]}.conv{1 + int(path[3]) // 2}.{path[4]}"
    if path[0] == "enlarge":
        return f"upconv{1 + int(path[1]) // 3}.{path[2]}"
    return f"{_first_or_last(path)}.{path[2]}"


@_official.register
def _(network: RRDBNet, path: list[str]) -> str:
    if path[0] == "first":
        return f"conv_first.{path[1]}"
    if path[0] == "blocks" and path[2] == "blocks":
        convolution = 1 + int(path[5]) if path[4] == "growing" else 5
        return f"body.{path[1]}.rdb{1 + int(path[3])}.conv{convolution}.{path[-1]}"
    if path[0] == "blocks":
        return f"conv_body.{path[2]}"
    if path[0] == "enlarge":
        return f"conv_up{1 + int(path[1]) // 3}.{path[2]}"
    return f"{_first_or_last(path)}.{path[2]}"


def _first_or_last(path: list[str]) -> str:
    """Return what BasicSR calls a generator's first layer, or one of the two last ones."""
    return "conv_first" if path[0] == "first" else {"0": "conv_hr", "2": "conv_last"}[path[1]]


@_official.register
def _(network: SRVGG, path: list[str]) -> str:
    return ".".join(["body", *path[1:]])


@_official.register
def _(network: VGGStyleDiscriminator, path: list[str]) -> str:
    if path[0] == "score":
        return f"linear{1 + int(path[1]) // 2}.{path[2]}"
    layer = int(path[1])
    if layer == 0:
        return f"conv0_0.{path[2]}"
    pair, normed = divmod(layer + 1, 3)  # the first layer has no norm
    return f"{'bn' if normed else 'conv'}{pair // 2}_{pair % 2}.{path[2]}"


@_official.register
def _(network: UNetDiscriminator, path: list[str]) -> str:
    before = {"first": 0, "down": 1, "up": 4, "last": 7}[path[0]]
    number = before + int(path[1])
    kind = {"original": "weight_orig", "left": "weight_u", "right": "weight_v"}.get(path[-1], path[-1])
    return f"conv{number}.{kind}"
