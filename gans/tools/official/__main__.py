"""Turns the files of the authors' programs into a checkpoint, and a checkpoint into such files.

    python -m gans.tools.official latest_net_G.pth horse2zebra.ckpt
    python -m gans.tools.official network-snapshot-000000.pkl faces.ckpt
    python -m gans.tools.official runs/cyclegan/DATE/checkpoints/last.ckpt checkpoints/mine

IN is a file of the authors, a folder of them, or a checkpoint of this project: what it holds says which way
it goes. OUT is a checkpoint, or a folder for the authors' files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gans.cli import errors
from gans.tools.command_line import command_line

if TYPE_CHECKING:
    from gans.tools.official.convert import Imported
    from gans.tools.official.places import Labels

SHOWN = (
    "scale",
    "blocks",
    "growth",
    "depth",
    "layers",
    "norm",
    "width",
    "image_size",
    "widths",
    "classes",
    "downsampling",
    "upsampling",
    "projection_width",
    "high_pass",
)
"""What is told of a network's facts."""


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    from gans.tools.official.convert import export_official, import_official, write_checkpoint

    if _is_checkpoint(options.source):
        exported = export_official(options.source, options.target, options.raw, options.names)
        sys.stdout.write("".join(f"{line}\n" for line in (*exported.files, *exported.left_out)))
        return
    if options.target.is_dir():
        raise errors.UsageError(f"OUT {options.target} is a folder: name the checkpoint to write.")
    imported = import_official(options.source, options.variant, _labels(options), options.nce_layers)
    sys.stdout.write(_report(imported))
    write_checkpoint(imported.model, imported.arguments, options.target)
    sys.stdout.write(f"{options.target}\n")


def _is_checkpoint(path: Path) -> bool:
    from gans.checkpoints.reading import read_checkpoint

    if not path.is_file():
        return False
    try:
        read_checkpoint(path)
    except ValueError:
        return False
    return True


def _labels(options: argparse.Namespace) -> Labels | None:
    from gans.tools.official.places import Labels

    if options.exclusive and not options.attributes:
        raise errors.UsageError("--exclusive groups attributes: name all of them with --attributes.")
    if not options.attributes:
        return None
    return Labels(
        *([names.split(",") for names in lists] for lists in (options.attributes, options.exclusive))
    )


def _report(imported: Imported) -> str:
    """Return a line for each network, what it was filled from, or that nothing was there; and the licence."""
    from gans.tools.official.convert import LICENCES

    lines = [f"{type(imported.model).__name__}"]
    for name, network in imported.taken.items():
        facts = ", ".join(f"{fact} {network.facts[fact]}" for fact in SHOWN if fact in network.facts)
        lines.append(f"  {name}: {network.kind} ({facts}) of {network.file.path}")
    lines += [f"  {name}: in no file, newly initialised" for name in imported.fresh]
    lines += [LICENCES[variant]] if (variant := type(imported.model).__name__) in LICENCES else []
    return "".join(f"{line}\n" for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.official", __doc__)
    parser.add_argument(
        "source", type=Path, metavar="IN", help="a file or folder of the authors; a checkpoint"
    )
    parser.add_argument("target", type=Path, metavar="OUT", help="checkpoint; folder for the authors' files")
    parser.add_argument(
        "--variant",
        choices=("CycleGAN", "Pix2Pix", "CUT", "SRResNet", "SRGAN", "ESRGAN", "RealESRGAN"),
        help="of a single generator that several could have",
    )
    parser.add_argument(
        "--attributes",
        nargs="+",
        metavar="A,B",
        help="of a StarGAN: names in order, a list per data set; of a StarGANv2 its domains",
    )
    parser.add_argument(
        "--exclusive", nargs="+", default=[], metavar="A,B", help="groups of which an image has at most one"
    )
    parser.add_argument(
        "--nce_layers",
        type=_layers,
        metavar="0,4",
        help="of a CUT: those its projection sees, if not the paper's",
    )
    parser.add_argument(
        "--names",
        choices=("basicsr", "esrgan", "esrgan_oldest"),
        default="basicsr",
        help="of super-resolution: what the program calls its tensors that is to read the files",
    )
    parser.add_argument(
        "--raw", action="store_true", help="write the networks as trained, where averages were kept"
    )
    return parser


def _layers(numbers: str) -> list[int]:
    try:
        return [int(number) for number in numbers.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{numbers!r} are no numbers of layers, such as 0,4,8") from None


if __name__ == "__main__":
    sys.exit(main())
