r"""Packs a folder of images into chunks, which are streamed from a disk or an object store.

    python -m gans.tools.pack photographs photographs_packed --data.labels folder
    python -m gans.tools.pack horse2zebra horse2zebra_packed --data UnpairedImages --side 286

The first packs images with their classes; the second two domains, with larger images resized until their
shorter side is 286. `--data` is Images, UnpairedImages or PairedImages, and `--data.KEY VALUE` what it takes
beside the folder: what is held out goes into chunks of its own. Then copy OUT to a bucket as it is, and train
on it by `--data.root OUT`, `--data.root s3://BUCKET/OUT` or `gs://`. An interrupted command leaves nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from datamodules.arguments import at_least
from gans.cli import errors
from gans.cli.errors import UsageError
from gans.tools.command_line import command_line

MEGABYTES = 64


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(*_parser().parse_known_args()))


def _run(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    from datamodules.base import ImageDataModule  # torch, which `--help` need not wait for
    from datamodules.streaming.packing import pack
    from gans.tools.images.opening import open_images

    at_least("--side", options.side, 1)
    at_least("--chunk_megabytes", options.chunk_megabytes, 1e-3)
    given = [argument.partition("=")[0] for argument in arguments]
    if "--data.root" in given:
        raise UsageError(f"--data.root: the folder is given already: {options.folder}.")
    chosen = [] if {"--data", "--config"} & set(given) else ["--data", "Images"]
    data = open_images([*chosen, *arguments, f"--data.root={options.folder}"])
    if not isinstance(data, ImageDataModule):
        raise UsageError(f"{type(data).__name__} has no images to pack.")
    packed = pack(
        data.to_pack(), options.output, options.side, options.chunk_megabytes, skip_bad=options.skip_bad
    )
    for part, count in packed.parts.items():
        sys.stdout.write(f"{part:<12}{count} items\n")
    sys.stdout.write(f"{options.output}\n")


def _parser() -> argparse.ArgumentParser:
    parser = command_line(
        "gans.tools.pack",
        __doc__,
        usage="%(prog)s FOLDER OUT [--data CLASS] [--data.KEY VALUE ...] [--side N] [--skip_bad]",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of the images")
    parser.add_argument("output", type=Path, metavar="OUT", help="new folder for the chunks")
    parser.add_argument(
        "--side",
        type=int,
        help="shorter side of images that have more pixels; by default all stay as they are",
    )
    parser.add_argument("--skip_bad", action="store_true", help="leave out images that cannot be used")
    parser.add_argument(
        "--chunk_megabytes",
        type=float,
        default=MEGABYTES,
        metavar="N",
        help=f"that a chunk takes ({MEGABYTES})",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
