"""What lies beside files for programs that pickle whole networks: how those networks are built there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gans.networks.r3gan import EXPANSION
from gans.tools.official.files import OfficialFile, State
from gans.tools.official.recognise import Facts, recognise

CARD = "networks.md"
ARCHITECTURES = {"skip": "skip", "residual": "resnet", "plain": "orig"}

HEAD = """\
# Networks for their authors' program

The files are a `state_dict` each: names and tensors, and no code. The authors' own files are pickles of whole
modules, which their program executes. It takes these ones by `load_state_dict(torch.load(FILE,
weights_only=True))` into a network of `training.networks` that was built with these arguments:

"""


def card_of(states: Mapping[str, State]) -> str:
    """Return the text beside files of networks of R3GAN or StyleGAN2.

    Args:
        states: name of a file -> what is in it.
    """
    lines = []
    for file, state in states.items():
        unwrapped = {name.removeprefix("Model."): value for name, value in state.items()}
        network = recognise(OfficialFile(Path(file), "", unwrapped))
        arguments = CALLS[network.kind](network.facts).items()
        given = ", ".join(f"{name}={value!r}" for name, value in arguments)
        lines.append(f"- `{file}`: `{network.kind.partition(' ')[2].capitalize()}({given})`\n")
    return HEAD + "".join(lines)


def _stylegan2(facts: Facts) -> dict[str, Any]:
    return {
        "c_dim": facts["classes"],
        "img_resolution": facts["image_size"],
        "img_channels": facts["channels"],
    }


def _stylegan2_widths(facts: Facts) -> dict[str, Any]:
    return {
        "channel_base": facts["width"],
        "channel_max": facts["most_channels"],
        "architecture": ARCHITECTURES[facts["architecture"]],
    }


def _stylegan2_generator(facts: Facts) -> dict[str, Any]:
    return {
        "z_dim": facts["latent_size"],
        "w_dim": facts["style_size"],
        **_stylegan2(facts),
        "mapping_kwargs": {"num_layers": facts["mapping_layers"]},
        "synthesis_kwargs": _stylegan2_widths(facts),
    }


def _r3gan(facts: Facts, widths: list[int], blocks: list[int], vector: int) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "WidthPerStage": widths,
        "CardinalityPerStage": [EXPANSION * width // facts["group_width"] for width in widths],
        "BlocksPerStage": blocks,
        "ExpansionFactor": EXPANSION,
    }
    if facts["classes"]:
        arguments |= {"ConditionDimension": facts["classes"], "ConditionEmbeddingDimension": vector}
    return arguments


def _r3gan_generator(facts: Facts) -> dict[str, Any]:
    latent_size = facts["latent_size"]
    return {"NoiseDimension": latent_size} | _r3gan(facts, facts["widths"], facts["blocks"], latent_size)


CALLS: dict[str, Callable[[Facts], dict[str, Any]]] = {
    "StyleGAN2 generator": _stylegan2_generator,
    "StyleGAN2 discriminator": lambda facts: _stylegan2(facts) | _stylegan2_widths(facts),
    "R3GAN generator": _r3gan_generator,
    "R3GAN discriminator": lambda facts: _r3gan(
        facts, facts["widths"][::-1], facts["blocks"][::-1], facts["widths"][0]
    ),
}
"""Kind of a network -> the authors' arguments by what its tensors say."""
