"""Draws images of a domain on their way from one look to the next: as a strip, and as an endless GIF.

    python -m gans.tools.looks runs/stargan_v2/DATE/checkpoints/last.ckpt FOLDER --domain cat --seeds 0 1 2
    python -m gans.tools.looks CKPT FOLDER --domain cat --references first.jpg second.jpg

Looks are random ones, by seeds, or those of reference pictures of the domain. Files go to
RUN/looks/DOMAIN.png and .gif, or where --output says.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gans.cli import errors
from gans.tools.command_line import command_line

if TYPE_CHECKING:
    from torch import Tensor

    from gans.protocol import Grid


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    from gans import load
    from gans.cli.run_folder import run_of
    from gans.files import written_whole
    from gans.pictures.render import render, save_gif

    model = load(options.checkpoint)
    if not hasattr(model, "between"):
        raise errors.UsageError(f"{options.checkpoint} holds a {type(model).__name__}, which has no looks.")
    images, names = _pictures(options.images, model, options.count)
    styles = _styles(model, options)
    target = options.output or (run_of(options.checkpoint) or Path()) / "looks" / options.domain
    strip = walk(model, images, options.domain, styles, options.steps, names)
    written = [target.with_name(target.name + suffix) for suffix in (".png", ".gif")]
    with written_whole(written[0]) as file:
        render(strip).save(file, format="PNG")
    moving = film(model, images, options.domain, styles, options.frames)
    with written_whole(written[1]) as file:
        save_gif([render(frame) for frame in moving], file)
    sys.stdout.write("".join(f"{path}\n" for path in written))


def walk(model: Any, images: Tensor, domain: str, styles: Tensor, steps: int, names: list[str]) -> Grid:
    """Return images in rows, and in columns their looks on straight lines from style to style.

    Args:
        model: a StarGANv2.
        images: (N, C, H, W) in [-1, 1].
        domain: which they become.
        styles: of two or more looks, (M, style_size).
        steps: pictures from one look to the next, both included.
        names: of the images, N.

    Raises:
        UsageError: if there are fewer than two looks or steps.
    """
    from gans.protocol import Grid

    if len(styles) < 2 or steps < 2:
        raise errors.UsageError("There is nothing to walk between: give two or more looks, and --steps.")
    columns = {"input": images}
    for number, (first, last) in enumerate(pairwise(styles)):
        for step in range(0 if number == 0 else 1, steps):
            moment = step / (steps - 1)
            columns[f"{number + moment:.2f}"] = model.between(images, domain, first, last, moment)
    return Grid(columns, names)


def film(model: Any, images: Tensor, domain: str, styles: Tensor, frames: int) -> list[Grid]:
    """Return the frames of a film from look to look and back to the first: images beside each other.

    Args:
        model: a StarGANv2.
        images: (N, C, H, W) in [-1, 1].
        domain: which they become.
        styles: of the looks, (M, style_size).
        frames: from one look to the next.

    Raises:
        UsageError: if there are no frames.
    """
    from gans.protocol import Grid

    if frames < 1:
        raise errors.UsageError(f"--frames {frames}: a film has 1 or more from look to look.")
    made = []
    for first, last in zip(styles, styles.roll(-1, dims=0), strict=True):
        for frame in range(frames):
            moved = model.between(images, domain, first, last, frame / frames)
            made.append(Grid({f"{place}": image[None] for place, image in enumerate(moved)}))
    return made


def _pictures(folder: Path, model: Any, count: int) -> tuple[Tensor, list[str]]:
    """Return the first images of a folder in the size of the training, and their names."""
    import torch

    from datamodules.image_sets import find_images
    from datamodules.reading import read_pixels
    from datamodules.transforms import resize, to_unit_range

    side, found = model.hparams["image_size"], find_images(folder, "looks")
    paths = list(found.paths)[:count]
    read = [resize(read_pixels(path, model.hparams["channels"]), side, side) for path in paths]
    return torch.stack([to_unit_range(pixels) for pixels in read]), found.names[:count]


def _styles(model: Any, options: argparse.Namespace) -> Tensor:
    """Return the styles of the looks that are asked for."""
    import torch

    from datamodules.reading import read_pixels
    from datamodules.transforms import to_unit_range

    if not options.references:
        styles: Tensor = model.random_styles(options.domain, options.seeds, options.truncation)
        return styles
    pictures = [to_unit_range(read_pixels(path, model.hparams["channels"])) for path in options.references]
    return torch.cat([model.style_of(picture, options.domain) for picture in pictures])


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.looks", __doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="of a StarGANv2")
    parser.add_argument("images", type=Path, metavar="FOLDER", help="of images, the first of which are drawn")
    parser.add_argument("--domain", required=True, help="which they become")
    looks = parser.add_mutually_exclusive_group()
    looks.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="of random looks; by default 0 1")
    looks.add_argument("--references", type=Path, nargs="+", help="pictures of the domain that lend theirs")
    parser.add_argument("--truncation", type=float, default=1.0, help="of random looks; by default 1")
    parser.add_argument("--count", type=int, default=4, help="images; by default 4")
    parser.add_argument("--steps", type=int, default=7, help="pictures from look to look; by default 7")
    parser.add_argument("--frames", type=int, default=16, help="of the GIF, from look to look; by default 16")
    parser.add_argument("--output", type=Path, metavar="PATH", help="without suffix")
    return parser


if __name__ == "__main__":
    sys.exit(main())
