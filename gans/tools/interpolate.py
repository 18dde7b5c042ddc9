"""Weights between two trained models, such as one of the least error and one of the sharpest pictures.

    python -m gans.tools.interpolate RRDB_PSNR_x4.pth RRDB_ESRGAN_x4.pth between.ckpt --alpha 0.8
    python -m gans.tools.interpolate runs/srresnet/DATE/checkpoints/last.ckpt esrgan.ckpt between.ckpt

Every weight of the networks that make pictures becomes (1 - alpha) of the first model's and alpha of the
second one's (ESRGAN, Wang et al. 2018, arXiv:1809.00219, section 3.4); averages are taken where they were
kept. All else is the second model's. Both are checkpoints, or files of the authors.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from gans.base import AdversarialModule
from gans.cli import errors
from gans.tools.command_line import command_line
from gans.tools.official.convert import load_any, write_checkpoint


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    first, second = load_any(options.first), load_any(options.second)
    try:
        model = interpolated(first, second, options.alpha)
    except ValueError as error:
        raise ValueError(f"{options.first} and {options.second}: {error}") from error
    write_checkpoint(model, {}, options.target)
    sys.stdout.write(f"{type(model).__name__}, {options.alpha:g} of {options.second}\n{options.target}\n")


def interpolated(first: AdversarialModule, second: AdversarialModule, alpha: float) -> AdversarialModule:
    """Return the second model, its networks that make pictures being between those of both.

    Args:
        first: a trained variant.
        second: another one with networks of the same names and shapes; it is changed.
        alpha: share of the second, in [0, 1].

    Raises:
        ValueError: if the share is beyond its range, or the networks differ.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}: it is the share of the second model, from 0 to 1.")
    names = second.generator_networks()
    if names != first.generator_networks():
        raise ValueError(f"a {type(first).__name__} and a {type(second).__name__} have other networks.")
    for name in names:
        mixed = _mixed(first.averaged(name), second.averaged(name), alpha)
        for network in {second.get_submodule(name), second.averaged(name)}:
            network.load_state_dict(mixed)
    return second


def _mixed(first: nn.Module, second: nn.Module, alpha: float) -> dict[str, Tensor]:
    """Return the state between two networks; what counts, and is no number on a line, is the second one's."""
    states = first.state_dict(), second.state_dict()
    shapes = [{name: tuple(value.shape) for name, value in state.items()} for state in states]
    different = [name for name in shapes[0] | shapes[1] if shapes[0].get(name) != shapes[1].get(name)]
    if different:
        name = different[0]
        one, other = (shape.get(name, "absent") for shape in shapes)
        raise ValueError(
            f"only weights of one architecture can be mixed, and {len(different)} tensors differ, such as "
            f"{name}, which is {one} in the first and {other} in the second."
        )
    return {
        name: torch.lerp(states[0][name], value, alpha) if value.is_floating_point() else value
        for name, value in states[1].items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.interpolate", __doc__)
    parser.add_argument("first", type=Path, metavar="A", help="a checkpoint, or a file of the authors")
    parser.add_argument("second", type=Path, metavar="B", help="likewise, of the same architecture")
    parser.add_argument("target", type=Path, metavar="OUT", help="checkpoint to write")
    parser.add_argument(
        "--alpha", type=float, default=0.8, help="share of B, 0 to 1; by default the paper's 0.8"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
