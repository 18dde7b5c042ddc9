"""Makes the pictures of README.md, RESULTS.md and docs/ again, out of the runs of the shipped configs.

    python -m benchmarks.pictures
    python -m benchmarks.pictures --runs FOLDER --configs cyclegan pix2pix

Each is the top of the last sample grid of a quick start, as it is: nothing is chosen. FOLDER/CONFIG is its
run; what is not there is trained first, by the config's own settings and seed, one after another. `PICTURES`
says what there is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.programs import command_line
from gans.cli.report.run import read_run
from gans.files import written_whole
from gans.pictures.render import FONT_SIZE, MARGIN

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
QUALITY = 88  # of JPEG, with colours as sharp as the rest: checkerboards and grain would be seen
HEADER = FONT_SIZE + 2 * MARGIN


@dataclass(frozen=True)
class Picture:
    """A picture of the pages.

    Attributes:
        config: whose quick start makes it.
        grid: which of its sample grids.
        rows: so many from the top.
        name: of the file, without `.jpg`.
    """

    config: str
    grid: str
    rows: int
    name: str


PICTURES = (
    Picture("stylegan2", "samples", 2, "stylegan2"),
    Picture("gan", "samples", 2, "gan"),
    Picture("dcgan", "samples", 2, "dcgan"),
    Picture("cyclegan", "A2B", 4, "cyclegan"),
    Picture("cyclegan", "B2A", 4, "cyclegan_back"),
    Picture("pix2pix", "translation", 4, "pix2pix"),
    Picture("stargan", "domains", 3, "stargan"),
    Picture("munit", "A2B", 4, "munit"),
    Picture("munit", "A2B_reference", 4, "munit_reference"),
    Picture("srgan", "upscaled", 4, "srgan"),
    Picture("gan_cls", "captions", 4, "gan_cls"),
    Picture("gan_cls", "one_word", 4, "gan_cls_one_word"),
)
BEFORE = {"gan_cls": "text_encoder"}
"""Config -> the one whose run it takes as its argument of that name."""


def cut(grid: Image.Image, rows: int, of: int) -> Image.Image:
    """Return the header and the first rows of a sample grid that has so many."""
    if rows >= of:
        return grid
    return grid.crop((0, 0, grid.width, HEADER + (grid.height - HEADER) * rows // of))


def train(config: str, runs: Path) -> None:
    """Train a quick start in `runs/config`, and before it the one whose weights it takes."""
    command = [sys.executable, "train.py", "fit", "--config", config, "--run", str(runs / config)]
    if config in BEFORE:
        train_where_missing(BEFORE[config], runs)
        command += [f"--model.{BEFORE[config]}", str(runs / BEFORE[config] / "checkpoints" / "best.ckpt")]
    subprocess.run([*command, "--logger", "csv"], check=True, cwd=ROOT)


def train_where_missing(config: str, runs: Path) -> None:
    """Train a quick start unless its run is there."""
    if not (runs / config / "checkpoints" / "last.ckpt").exists():
        train(config, runs)


def write(picture: Picture, runs: Path, folder: Path) -> Path:
    """Write a picture out of the run of its config; return its file.

    Raises:
        ValueError: if the run drew no such grid.
    """
    run = read_run(runs / picture.config, "python train.py")
    if not run.moments or picture.grid not in run.moments[-1].files:
        raise ValueError(f"{run.folder} has no sample grid {picture.grid} of the end of its training.")
    path = folder / f"{picture.name}.jpg"
    with Image.open(run.moments[-1].files[picture.grid]) as grid, written_whole(path) as file:
        top = cut(grid.convert("RGB"), picture.rows, run.config["sample_grid"]["count"])
        top.save(file, format="JPEG", quality=QUALITY, subsampling=0, optimize=True)
    return path


def make(configs: Sequence[str], runs: Path, folder: Path) -> list[Path]:
    """Train what is not there and write the pictures of these configs; return their files."""
    folder.mkdir(parents=True, exist_ok=True)
    for config in configs:
        train_where_missing(config, runs)
    return [write(picture, runs, folder) for picture in PICTURES if picture.config in configs]


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    configs = list(dict.fromkeys(picture.config for picture in PICTURES))
    made = command_line("pictures", __doc__)
    made.add_argument("--configs", nargs="+", choices=configs, default=configs)
    made.add_argument("--runs", type=Path, default=ROOT / "runs" / "pictures", help="one folder per config")
    return made


def main() -> int:
    """Make the pictures and print their files."""
    options = parser().parse_args()
    for path in make(options.configs, options.runs.absolute(), FOLDER):
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
