"""Explores the latent space of a trained model; each command draws a picture and keeps its latents.

    python -m gans.tools.latents grid runs/vae/DATE/checkpoints/last.ckpt
    python -m gans.tools.latents interpolate CKPT --seeds 1 2 3
    python -m gans.tools.latents arithmetic CKPT --concept glasses
    python -m gans.tools.latents mix CKPT --rows 0-3 --columns 4-8

Of StyleGAN2 they go among its styles w, unless --space z is given. Seeds are numbers and ranges such as 0-7.
A seed gives the same picture on any machine. Files go to RUN/latents/COMMAND.png, .npz and .gif, or where
--output says; docs/latents.md shows them all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gans.cli import errors
from gans.tools.command_line import command_line

if TYPE_CHECKING:
    from datamodules.images.module import Images
    from gans.tools.latents.concepts import Concept
    from gans.tools.latents.decoder import Decoder
    from gans.tools.latents.sheet import Sheet

SHARED = (
    "command",
    "checkpoint",
    "output",
    "label",
    "space",
    "config",
    "concept",
    "samples",
    "plus",
    "minus",
)
"""Options that are no argument of the command's own function."""


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    from gans.cli.run_folder import run_of
    from gans.tools.latents.decoder import open_decoder
    from gans.tools.latents.sheet import write

    target = options.output or (run_of(options.checkpoint) or Path()) / "latents" / options.command
    decoder = open_decoder(options.checkpoint, options.label, options.space)
    sheet = _sheet(decoder, options)
    for line in sheet.findings:
        sys.stdout.write(f"{line}\n")
    for path in write(sheet, decoder, target):
        sys.stdout.write(f"{path}\n")


def _sheet(decoder: Decoder, options: argparse.Namespace) -> Sheet:
    """Call the command's function; what the user leaves out is left to the function's own default."""
    from gans.tools.latents import concepts, mixing, neighbours, projection, sefa, walks

    functions: dict[str, Callable[..., Sheet]] = {
        "grid": walks.grid,
        "interpolate": walks.interpolate,
        "turn": walks.turn,
        "truncate": walks.truncate,
        "mix": mixing.mix,
        "project": projection.project,
        "sefa": sefa.sefa,
        "direction": concepts.direction,
        "arithmetic": concepts.arithmetic,
        "neighbours": neighbours.neighbours,
    }
    own = {name: value for name, value in vars(options).items() if name not in SHARED and value is not None}
    if options.command in ("direction", "arithmetic"):
        own["concept"] = _concept(decoder, options)
    elif options.command == "neighbours":
        own["data"] = _data(options)
    return functions[options.command](decoder, **own)


def _concept(decoder: Decoder, options: argparse.Namespace) -> Concept:
    """Return the concept that is named, or made of the seeds that are given."""
    from gans.tools.latents.concepts import chosen_concept, find_concept

    if bool(options.plus or options.minus) == bool(options.concept):
        raise errors.UsageError("Give either --concept NAME, or seeds with --plus and --minus.")
    if options.concept is None:
        return chosen_concept(options.plus or [], options.minus or [])
    return find_concept(decoder, _data(options), options.concept, options.samples)


def _data(options: argparse.Namespace) -> Images:
    from gans.tools.latents.run_data import open_data

    return open_data(options.checkpoint, options.config)


class _Numbers(argparse.Action):
    """Takes numbers and ranges such as 0-7."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any) -> None:
        numbers: list[int] = []
        for word in values:
            first, _, last = word.partition("-")
            last = last or first
            if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
                parser.error(f"{self.option_strings[0]} {word}: give numbers, and ranges such as 0-7.")
            numbers += range(int(first), int(last) + 1)
        setattr(namespace, self.dest, numbers)


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.latents", __doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    grid = _command(commands, "grid", "samples over two axes, at quantiles of the normal distribution")
    grid.add_argument("--axes", type=int, nargs=2, metavar="AXIS", help="by default 0 1")
    grid.add_argument("--count", type=int, help="rows and columns; by default 9")
    grid.add_argument("--seed", type=int, help="of all other axes; by default 0")

    interpolate = _command(
        commands, "interpolate", "walks from seed to seed, linear and spherical, and a GIF of them"
    )
    _add_seeds(interpolate, "--seeds", "two or more", required=True)
    interpolate.add_argument("--steps", type=int, help="pictures from seed to seed; by default 9")
    interpolate.add_argument("--frames", type=int, help="of the GIF from seed to seed; by default 24")

    turn = _command(commands, "turn", "what happens when one axis is turned at a time")
    turn.add_argument("--axes", type=int, nargs="+", help="by default the 8 that change the picture most")
    turn.add_argument("--seed", type=int, help="what is turned; by default 0")
    turn.add_argument("--count", type=int, help="pictures per axis; by default 7")
    turn.add_argument("--extent", type=float, help="to either side, in standard deviations; by default 3")

    truncate = _command(commands, "truncate", "the same seeds with their latents at several lengths")
    _add_seeds(truncate, "--seeds", "by default 0-7")
    truncate.add_argument("--factors", type=float, nargs="+", help="by default 0 0.25 0.5 0.75 1 1.25")

    mix = _command(commands, "mix", "samples with the styles of others in some layers")
    _add_seeds(mix, "--rows", "what is changed; by default 0-3")
    _add_seeds(mix, "--columns", "what lends its styles; by default 4-8")
    _add_layers(mix, "in which it does, from that of 4x4 pixels; by default the first half")

    project = _command(commands, "project", "the latent of a picture, and a GIF of the search for it")
    project.add_argument("--image", type=Path, required=True, help="the picture; its middle is taken")
    project.add_argument("--steps", type=int, help="of Adam; by default 1000")
    project.add_argument("--seed", type=int, help="of the noise; by default 0")

    sefa = _command(commands, "sefa", "a sample moved along the directions that the weights amplify most")
    sefa.add_argument("--count", type=int, help="directions; by default 6")
    sefa.add_argument("--seed", type=int, help="what is moved; by default 0")
    sefa.add_argument("--steps", type=float, nargs="+", help="by default -3 -1.5 0 1.5 3")
    _add_layers(sefa, "whose directions are looked for, and which are moved; by default all")
    _add_projected(sefa)

    direction = _command(commands, "direction", "seeds moved along the direction of a concept")
    _add_seeds(direction, "--seeds", "what is moved; by default 0-5")
    direction.add_argument("--steps", type=float, nargs="+", help="by default -1 -0.5 0 0.5 1 1.5")
    _add_layers(direction, "in which seeds are moved; by default all")
    _add_projected(direction)
    _add_concept(direction)

    arithmetic = _command(commands, "arithmetic", "a - b + c of single exemplars and of their means")
    _add_seeds(arithmetic, "--onto", "exemplars of c: what the concept is put onto")
    arithmetic.add_argument("--exemplars", type=int, help="rows, without --onto; by default 4")
    _add_concept(arithmetic)

    neighbours = _command(commands, "neighbours", "samples beside their nearest training images")
    _add_seeds(neighbours, "--seeds", "by default 0-7")
    neighbours.add_argument("--nearest", type=int, help="training images per sample; by default 3")
    _add_config(neighbours)
    return parser


def _command(commands: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"Draws {what}.", allow_abbrev=False
    )
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="of a variant with a latent")
    parser.add_argument("--output", type=Path, help="path of the files without suffix")
    parser.add_argument("--label", type=int, help="class of all samples, of a model with classes; else 0")
    parser.add_argument(
        "--space", choices=["z", "w"], help="z, the latents, or w, the styles of StyleGAN2: by default there"
    )
    return parser


def _add_layers(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--layers", action=_Numbers, nargs="+", metavar="LAYER", help=what)


def _add_projected(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--projected", type=Path, metavar="NPZ", help="of project: what is moved instead of seeds"
    )


def _add_seeds(parser: argparse.ArgumentParser, option: str, what: str, required: bool = False) -> None:
    parser.add_argument(option, action=_Numbers, nargs="+", metavar="SEED", help=what, required=required)


def _add_concept(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--concept", help="an attribute of drawn faces, such as glasses, or a class of the data"
    )
    parser.add_argument(
        "--samples", type=int, default=1000, help="to look for the concept in; by default 1000"
    )
    _add_seeds(parser, "--plus", "instead of --concept: seeds of samples that show it")
    _add_seeds(parser, "--minus", "and of samples that do not")
    _add_config(parser)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", help="where the images are, if not as in the config of the run")


if __name__ == "__main__":
    sys.exit(main())
