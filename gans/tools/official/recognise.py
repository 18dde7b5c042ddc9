"""Which network a state of the authors is, read from the names and shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from gans.networks.r3gan import EXPANSION
from gans.networks.sizes import SMALLEST_MAP
from gans.networks.stylegan2.sizes import map_channels
from gans.tools.official import enlarging
from gans.tools.official.files import OfficialFile, State

RUNNING = ("running_mean", "running_var", "num_batches_tracked")
FILTER = r"model\.(\d+)\.filt"

Facts = dict[str, Any]


@dataclass(frozen=True)
class Recognised:
    """A network of the authors.

    Attributes:
        kind: one of `KINDS`.
        facts: what its tensors say about its architecture.
        file: where it is, without what the kind has no use for.
    """

    kind: str
    facts: Facts
    file: OfficialFile


class Kind(NamedTuple):
    """How a kind of network is recognised.

    Attributes:
        sign: of the name of a tensor that this kind has, and no kind before it in `KINDS`.
        facts: reads the architecture from a state.
    """

    sign: str
    facts: Callable[[State], Facts]


def recognise(file: OfficialFile) -> Recognised:
    """Return what a file holds.

    Raises:
        ValueError: if it is none of the known networks, or one that has no counterpart here.
    """
    try:
        file = file._replace(state=enlarging.in_new_names(file.state))
    except ValueError as error:
        raise ValueError(f"{file.path}: {error}.") from error
    for kind, (sign, facts) in KINDS.items():
        if any(re.fullmatch(sign, name) for name in file.state):
            state = _without_unused(kind, file.state)
            try:
                return Recognised(kind, facts(state), file._replace(state=state))
            except (KeyError, IndexError) as error:
                raise ValueError(f"{file.path} is a {kind} without its tensor {error}.") from error
            except ValueError as error:
                raise ValueError(f"{file.path}: {error}") from error
    raise ValueError(
        f"{file.path} is none of the networks known here ({', '.join(KINDS)}). Its first tensors are "
        f"{', '.join(list(file.state)[:5])}."
    )


def _without_unused(kind: str, state: State) -> State:
    """Leave out running statistics that no forward reads.

    Older instance norms gathered them, StarGAN's does to this day (see `gans.networks.stargan`). Those of
    batch norm, beside scale and shift, are needed; and MUNIT's decoder holds some that its states count.
    """

    def unused(name: str) -> bool:
        module, _, tensor = name.rpartition(".")
        if tensor not in RUNNING or module.startswith("dec."):
            return False
        return kind.startswith("StarGAN") or f"{module}.weight" not in state

    return {name: tensor for name, tensor in state.items() if not unused(name)}


def _matching(state: State, pattern: str) -> list[re.Match[str]]:
    found = (re.fullmatch(pattern, name) for name in state)
    return [match for match in found if match]


def _numbers(state: State, pattern: str) -> list[int]:
    """Return the different numbers at the pattern's first group, in order."""
    return sorted({int(match[1]) for match in _matching(state, pattern)})


def _convolutions(state: State, prefix: str) -> list[int]:
    """Return the places of the convolutions right under the prefix."""
    places = _numbers(state, re.escape(prefix) + r"\.(\d+)\.weight")
    return [place for place in places if state[f"{prefix}.{place}.weight"].ndim == 4]


def _norm(state: State, normed: str) -> str:
    """Return the norm of a network, by a convolution that is normalised and what follows it."""
    if any(name.endswith("running_var") for name in state):
        return "batch"
    return "instance" if f"{normed}.bias" in state else "none"


def _resnet(state: State) -> Facts:
    stem = state["model.1.weight"]
    layers = _numbers(state, r"model\.(\d+)\.conv_block\..*")
    filters = _numbers(state, FILTER)
    last = state[f"model.{max(_convolutions(state, 'model'))}.weight"]
    return {
        "channels_in": stem.shape[1],
        "channels_out": last.shape[0],
        "width": stem.shape[0],
        "blocks": len(layers),
        "norm": _norm(state, "model.1"),
        # Dropout, which has no tensors, moves the second convolution by a place.
        "dropout": bool(layers) and 6 in _convolutions(state, f"model.{layers[0]}.conv_block"),
        "downsampling": "antialiased" if filters and filters[0] < layers[0] else "strided",
        "upsampling": "antialiased" if filters and filters[-1] > layers[-1] else "transposed",
    }


def _unet(state: State) -> Facts:
    first = state["model.model.0.weight"]
    return {
        "channels_in": first.shape[1],
        "channels_out": state["model.model.3.weight"].shape[1],
        "width": first.shape[0],
        "depth": 1 + len(_matching(state, r"model\.model\.1(?:\.model\.3)*\.model\.1\.weight")),
        "norm": _norm(state, "model.model.0"),
    }


def _patch(state: State) -> Facts:
    places = _convolutions(state, "model")
    first, layers = state["model.0.weight"], len(places) - 2
    return {
        "channels": first.shape[1],
        "width": first.shape[0],
        "layers": layers,
        "norm": _norm(state, f"model.{places[1]}"),
        "downsampling": "antialiased" if _numbers(state, FILTER) else "strided",
    }


def _pixel(state: State) -> Facts:
    first = state["net.0.weight"]
    return {
        "channels": first.shape[1],
        "width": first.shape[0],
        "layers": 0,
        "norm": _norm(state, "net.2"),
    }


def _projection(state: State) -> Facts:
    entering = [state[f"mlp_{number}.0.weight"] for number in _numbers(state, r"mlp_(\d+)\..*")]
    return {
        "projection_width": entering[0].shape[0],
        "feature_channels": [weights.shape[1] for weights in entering],
    }


def _dcgan_generator(state: State) -> Facts:
    places = _convolutions(state, "main")
    first, last = state["main.0.weight"], state[f"main.{places[-1]}.weight"]
    return {
        "latent_size": first.shape[0],
        "channels": last.shape[1],
        "image_size": 4 * 2 ** (len(places) - 1),
        "width": last.shape[0],
        "kernel": last.shape[2],
    }


def _dcgan_discriminator(state: State) -> Facts:
    first = state["main.0.weight"]
    return {
        "channels": first.shape[1],
        "image_size": 4 * 2 ** (len(_convolutions(state, "main")) - 1),
        "width": first.shape[0],
        "kernel": first.shape[2],
    }


def _stargan_generator(state: State) -> Facts:
    stem, last = state["main.0.weight"], state[f"main.{max(_convolutions(state, 'main'))}.weight"]
    return {
        "channels": last.shape[0],
        "labels": stem.shape[1] - last.shape[0],
        "width": stem.shape[0],
        "blocks": len(_numbers(state, r"main\.(\d+)\.main\..*")),
    }


def _stargan_discriminator(state: State) -> Facts:
    first, head, layers = state["main.0.weight"], state["conv2.weight"], len(_convolutions(state, "main"))
    return {
        "channels": first.shape[1],
        "width": first.shape[0],
        "layers": layers,
        "labels": head.shape[0],
        "image_size": head.shape[2] << layers,
    }


def _munit_generator(state: State) -> Facts:
    stem = state["enc_style.model.0.conv.weight"]
    return {
        "channels": stem.shape[1],
        "width": stem.shape[0],
        "halvings": len(_matching(state, r"enc_content\.model\.\d+\.conv\.weight")) - 1,
        "blocks": len(_numbers(state, r"enc_content\.model\.\d+\.model\.(\d+)\..*")),
        "style_size": state["enc_style.model.6.weight"].shape[0],
        "mlp_width": state["mlp.model.0.fc.weight"].shape[0],
    }


def _munit_discriminator(state: State) -> Facts:
    first = state["cnns.0.0.conv.weight"]
    return {
        "channels": first.shape[1],
        "width": first.shape[0],
        "layers": len(_matching(state, r"cnns\.0\.\d+\.conv\.weight")),
        "scales": len(_numbers(state, r"cnns\.(\d+)\..*")),
    }


def _r3gan(state: State) -> Facts:
    """Return what both networks say about their stages, whose order is that of the state."""
    first, blocks = {}, []
    for stage in _numbers(state, r"MainLayers\.(\d+)\..*"):
        layers = _numbers(state, rf"MainLayers\.{stage}\.Layers\.(\d+)\.LinearLayer1\..*")
        first[stage] = f"MainLayers.{stage}.Layers.{layers[0]}"
        blocks.append(len(layers))
    entering = [state[f"{place}.LinearLayer1.Layer.weight"] for place in first.values()]
    grouped = {state[f"{place}.LinearLayer2.Layer.weight"].shape[1] for place in first.values()}
    if len(grouped) != 1 or any(weight.shape[0] != EXPANSION * weight.shape[1] for weight in entering):
        raise ValueError(
            "its blocks are others than those here, which have groups of one width and twice as many "
            "channels inside."
        )
    return {
        "image_size": SMALLEST_MAP << (len(blocks) - 1),
        "widths": [weight.shape[1] for weight in entering],
        "blocks": blocks,
        "group_width": grouped.pop(),
        "classes": state["EmbeddingLayer.weight"].shape[1] if "EmbeddingLayer.weight" in state else 0,
    }


def _r3gan_generator(state: State) -> Facts:
    facts = _r3gan(state)
    entering = state["MainLayers.0.Layers.0.LinearLayer.weight"].shape[1]
    latent_size = entering // 2 if facts["classes"] else entering
    if facts["classes"] and state["EmbeddingLayer.weight"].shape[0] != latent_size:
        raise ValueError(
            "its classes have vectors of another size than its latents, which have one size here."
        )
    channels = state["AggregationLayer.Layer.weight"].shape[0]
    return facts | {"latent_size": latent_size, "channels": channels}


def _r3gan_discriminator(state: State) -> Facts:
    facts = _r3gan(state)
    upwards = {name: facts[name][::-1] for name in ("widths", "blocks")}
    return facts | upwards | {"channels": state["ExtractionLayer.Layer.weight"].shape[1]}


def _stylegan2_generator(state: State) -> Facts:
    mean, first = state["mapping.w_avg"], state["mapping.fc0.weight"]
    sizes = _numbers(state, r"synthesis\.b(\d+)\..*")
    classes = _classes(state)
    return {
        "latent_size": first.shape[1] - (len(mean) if classes else 0),
        "style_size": len(mean),
        "mapping_layers": len(_numbers(state, r"mapping\.fc(\d+)\.weight")),
        "classes": classes,
        "channels": state[f"synthesis.b{sizes[-1]}.torgb.weight"].shape[0],
        "architecture": _stylegan2_architecture(
            state, f"synthesis.b{sizes[-1]}", "synthesis.b4.torgb.weight"
        ),
        **_channels_by_size({size: state[f"synthesis.b{size}.conv1.weight"].shape[0] for size in sizes}),
    }


def _stylegan2_discriminator(state: State) -> Facts:
    sizes = _numbers(state, r"b(\d+)\..*")
    last = state["b4.conv.weight"]
    channels = {size: state[f"b{size}.conv0.weight"].shape[1] for size in sizes if size > SMALLEST_MAP}
    return {
        "classes": _classes(state),
        "channels": state[f"b{sizes[-1]}.fromrgb.weight"].shape[1],
        "architecture": _stylegan2_architecture(state, f"b{sizes[-1]}", "b4.fromrgb.weight"),
        # How many images are compared has no tensors; whether any are has.
        **({} if last.shape[1] > last.shape[0] else {"minibatch_group": 0}),
        **_channels_by_size({SMALLEST_MAP: last.shape[0]} | channels),
    }


def _classes(state: State) -> int:
    return state["mapping.embed.weight"].shape[1] if "mapping.embed.weight" in state else 0


def _stylegan2_architecture(state: State, finest: str, image: str) -> str:
    """Return how blocks are joined; `image` is the tensor by which the coarsest one has to do with it."""
    if f"{finest}.skip.weight" in state:
        return "residual"
    return "skip" if image in state else "plain"


def _channels_by_size(channels: dict[int, int]) -> Facts:
    """Return what gives feature maps of these sizes these channels: so many by the side, up to a limit."""
    most, finest = max(channels.values()), max(channels)
    width = max(size * count for size, count in channels.items() if count < most or size == finest)
    if list(channels.values()) != map_channels(len(channels), width, most):
        counts = ", ".join(f"{count} at {size}" for size, count in channels.items())
        raise ValueError(f"its feature maps have other channels than those here ever have: {counts}.")
    return {"image_size": finest, "width": width, "most_channels": most}


def _stargan_v2_generator(state: State) -> Facts:
    stem, blocks = state["from_rgb.weight"], len(_numbers(state, r"encode\.(\d+)\.conv1\.weight"))
    high_pass = 8.0 / float(state["hpf.filter"][1, 1]) if "hpf.filter" in state else 0.0
    halvings = blocks - 2 - (high_pass > 0)
    return {
        "channels": stem.shape[1],
        "width": stem.shape[0],
        "image_size": 16 << halvings,
        "style_size": state["decode.0.norm1.fc.weight"].shape[1],
        "high_pass": round(high_pass, 6),
    }


def _stargan_v2_mapping(state: State) -> Facts:
    first = state["shared.0.weight"]
    return {
        "latent_size": first.shape[1],
        "width": first.shape[0],
        "style_size": state["unshared.0.6.weight"].shape[0],
        "domains": len(_numbers(state, r"unshared\.(\d+)\.0\.weight")),
    }


def _stargan_v2_encoder(state: State) -> Facts:
    return _stargan_v2_trunk(state, "shared") | {
        "style_size": state["unshared.0.weight"].shape[0],
        "domains": len(_numbers(state, r"unshared\.(\d+)\.weight")),
    }


def _stargan_v2_discriminator(state: State) -> Facts:
    head = state[f"main.{max(_convolutions(state, 'main'))}.weight"]
    return _stargan_v2_trunk(state, "main") | {"domains": head.shape[0]}


def _stargan_v2_trunk(state: State, prefix: str) -> Facts:
    stem, blocks = state[f"{prefix}.0.weight"], _numbers(state, prefix + r"\.(\d+)\.conv1\.weight")
    return {"channels": stem.shape[1], "width": stem.shape[0], "image_size": 4 << len(blocks)}


KINDS = {
    "StyleGAN2 generator": Kind(r"synthesis\.b4\.const", _stylegan2_generator),
    "StyleGAN2 discriminator": Kind(r"b4\.out\.weight", _stylegan2_discriminator),
    "R3GAN generator": Kind(r"AggregationLayer\.Layer\.weight", _r3gan_generator),
    "R3GAN discriminator": Kind(r"ExtractionLayer\.Layer\.weight", _r3gan_discriminator),
    "StarGANv2 generator": Kind(r"from_rgb\.weight", _stargan_v2_generator),
    "StarGANv2 mapping network": Kind(r"unshared\.0\.0\.weight", _stargan_v2_mapping),
    "StarGANv2 style encoder": Kind(r"unshared\.0\.weight", _stargan_v2_encoder),
    "StarGANv2 discriminator": Kind(r"main\.1\.conv1\.weight", _stargan_v2_discriminator),
    "MUNIT generator": Kind(r"enc_style\.model\.0\.conv\.weight", _munit_generator),
    "MUNIT discriminator": Kind(r"cnns\.0\.0\.conv\.weight", _munit_discriminator),
    "StarGAN discriminator": Kind(r"conv2\.weight", _stargan_discriminator),
    "StarGAN generator": Kind(r"main\.\d+\.main\.0\.weight", _stargan_generator),
    "DCGAN generator": Kind(r"main\.1\.weight", _dcgan_generator),
    "DCGAN discriminator": Kind(r"main\.2\.weight", _dcgan_discriminator),
    "U-Net generator": Kind(r"model\.model\.0\.weight", _unet),
    "patch projection": Kind(r"mlp_\d+\.0\.weight", _projection),
    "pixel discriminator": Kind(r"net\.0\.weight", _pixel),
    "ResNet generator": Kind(r"model\.\d+\.conv_block\..*", _resnet),
    "patch discriminator": Kind(r"model\.0\.weight", _patch),
    **{name: Kind(*how) for name, how in enlarging.KINDS.items()},
}
"""Name of each kind -> how it is recognised; the first that fits."""
