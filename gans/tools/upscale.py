r"""Enlarges the images of a folder with a model of super-resolution: a checkpoint, or a file of the authors.

    python -m gans.tools.upscale RealESRGAN_x4plus.pth photos upscaled
    python -m gans.tools.upscale RealESRGAN_x4plus.pth photos upscaled --tile 512 --overlap 32 --suffix _x4
    python -m gans.tools.upscale runs/esrgan/DATE/checkpoints/last.ckpt photo.jpg upscaled --outscale 3.5

The architecture is read from the file. Every other argument goes to `predict`, which this starts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from gans.checkpoints.reading import read_checkpoint
from gans.cli import errors
from gans.cli.run_folder import run_of
from gans.tools.command_line import command_line
from gans.tools.official import enlarging
from gans.tools.official.convert import import_official, write_checkpoint
from gans.tools.row_set import Command, run_command

OPTIONS = {
    "outscale": ("write_predictions.outscale", "factor of the sides if another than the model's, as 3.5"),
    "suffix": ("write_predictions.suffix", "behind the name of each picture, such as _x4"),
    "tile": ("data.tile", "side in pixels of the tiles that larger images are cut into"),
    "overlap": ("data.overlap", "pixels that tiles have in common; by default what makes them exact"),
}
"""Option -> the key of `predict` that it stands for, and what it is."""


def main(command: Command = run_command) -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(*_parser().parse_known_args(), command))


def _run(options: argparse.Namespace, others: Sequence[str], command: Command) -> int:
    if not options.images.exists():
        raise FileNotFoundError(f"{options.images}: there is no such image or folder.")
    with TemporaryDirectory() as made:
        checkpoint, variant = _checkpoint(options.weights, Path(made))
        arguments = ["predict", "--ckpt_path", str(checkpoint)]
        if run_of(checkpoint) is None:  # else its run says these
            arguments += ["--model", variant, "--data", "PairedImages"]
        folder = _folder(options.images, Path(made))
        arguments += ["--data.predict_dir", str(folder), "--output", str(options.output)]
        for option, (key, _) in OPTIONS.items():
            if (value := getattr(options, option)) is not None:
                arguments += [f"--{key}", value]
        return command([*arguments, *others])


def _checkpoint(weights: Path, made: Path) -> tuple[Path, str]:
    """Return a checkpoint of this project with these weights, and its variant; made into a folder if need be.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no model of super-resolution.
    """
    try:
        variant = read_checkpoint(weights)["gans"]["variant"]
        checkpoint = weights
    except ValueError:
        imported = import_official(weights)
        variant, checkpoint = type(imported.model).__name__, made / f"{weights.stem}.ckpt"
        if variant in enlarging.VARIANTS:
            write_checkpoint(imported.model, imported.arguments, checkpoint)
    if variant not in enlarging.VARIANTS:
        raise ValueError(
            f"{weights} holds a {variant}: models of {', '.join(enlarging.VARIANTS)} enlarge images."
        )
    return checkpoint, variant


def _folder(images: Path, made: Path) -> Path:
    """Return the folder to predict: one with a link to the image where a single one is given."""
    if images.is_dir():
        return images
    folder = made / "images"
    folder.mkdir()
    (folder / images.name).symlink_to(images.resolve())
    return folder


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.upscale", __doc__)
    parser.add_argument(
        "weights", type=Path, metavar="WEIGHTS", help="a checkpoint, or a file of the authors"
    )
    parser.add_argument("images", type=Path, metavar="IMAGES", help="a folder, or one image")
    parser.add_argument("output", type=Path, metavar="OUT", help="folder of the pictures")
    for option, (_, meaning) in OPTIONS.items():
        parser.add_argument(f"--{option}", help=meaning)
    return parser


if __name__ == "__main__":
    sys.exit(main())
