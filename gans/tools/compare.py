"""Why a GAN: trains it beside an auto-encoder, a VAE and a discriminator alone, on the same images.

    python -m gans.tools.compare

Writes FOLDER/table.md and table.csv (kernel distance of samples, their sharpness, how long 1000 of them take,
parameters of what makes them) and FOLDER/pictures.png. The rows are configs/compare/*.yaml, or those of
--configs; --data.root and every other argument go to each `fit`. The same command again goes on where it was
interrupted. docs/why_a_gan.md tells what to look for.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gans import load
from gans.base import AdversarialModule
from gans.cli import errors
from gans.cli.run_folder import CHECKPOINTS
from gans.files import written_whole
from gans.pictures.render import render
from gans.protocol import Grid, MakesSamples, Reconstructs
from gans.tools.latents.run_data import open_data
from gans.tools.row_set import Command, Results, Row, find_rows, run_command, run_row_set
from gans.tools.spread import metric_names, table_of_rows, write_tables
from gans.tools.table import new_parser

CONFIGS = ("compare/autoencoder", "compare/vae", "compare/gan", "compare/energy")
SECONDS, PARAMETERS, SHARPNESS = "seconds per 1000 images", "thousand parameters", "sharpness of samples"
METRICS = ("val/kid_lite0/samples", SHARPNESS, SECONDS, PARAMETERS)

SHOWN = 8  # images in a column of the picture
MEASURED = 64  # images made at once when they are counted and timed
LEAST_SECONDS = 1.0  # over which making images is timed


def main(command: Command = run_command) -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(*_parser().parse_known_args(), command))


def _run(options: argparse.Namespace, arguments: Sequence[str], command: Command) -> None:
    compare(find_rows([], options.configs), options, arguments, command)


def compare(
    rows: Sequence[Row], options: argparse.Namespace, arguments: Sequence[str], command: Command
) -> None:
    """Train all rows with all seeds; write table and picture of what there is after each run.

    Args:
        rows: what to train; the model of each makes samples.
        options: `seeds`, `metrics` and `folder`.
        arguments: of `fit`.
        command: what runs `fit`.

    Raises:
        ValueError: if a model makes no samples, or no run has a metric that is wanted.
    """
    folder: Path = options.folder
    table = ""
    for results in run_row_set(rows, options.seeds, arguments, folder, command):
        for row, seeds in results.items():
            for seed, metrics in seeds.items():
                if SECONDS not in metrics:
                    metrics |= measure(checkpoint_of(folder, row, seed))
        metrics_shown = metric_names(results, options.metrics)
        table = table_of_rows(results, metrics_shown)
        write_tables(results, metrics_shown, table, folder)
        with written_whole(folder / "pictures.png") as file:
            render(pictures(results, folder, options.seeds[0])).save(file, format="PNG")
    sys.stdout.write(f"\n{table}\n{folder / 'table.md'}\n{folder / 'pictures.png'}\n")


def checkpoint_of(folder: Path, row: str, seed: int) -> Path:
    """Return where the newest state of a row's run is."""
    return folder / row / f"seed-{seed}" / CHECKPOINTS / "last.ckpt"


def measure(checkpoint: Path) -> dict[str, float]:
    """Return what making images costs, on this machine's CPU, and how sharp they are.

    Sharpness is the mean absolute difference of neighbouring pixels over that of as many held-out images: 1
    is as sharp as these, less is blurred, more is noise.

    Raises:
        ValueError: if the model makes no samples.
    """
    model: AdversarialModule = load(checkpoint)
    if not isinstance(model, MakesSamples):
        raise ValueError(f"{checkpoint} holds a {type(model).__name__}, which makes no samples to compare.")
    samples = model.sample(MEASURED)  # also a warm-up
    begun, made = time.perf_counter(), 0
    while (seconds := time.perf_counter() - begun) < LEAST_SECONDS:
        model.sample(MEASURED, seed=made)
        made += MEASURED
    real = open_data(checkpoint).preview(MEASURED).images
    return {
        SECONDS: 1000 * seconds / made,
        PARAMETERS: parameters_at_work(model) / 1000,
        SHARPNESS: float(contrast(samples) / contrast(real)),
    }


def parameters_at_work(model: nn.Module) -> int:
    """Return how many parameters take part in making a sample: those of all layers that are called."""
    assert isinstance(model, MakesSamples)
    called: dict[int, nn.Parameter] = {}

    def note(layer: nn.Module, _: object) -> None:
        called.update({id(parameter): parameter for parameter in layer.parameters(recurse=False)})

    hooks = [layer.register_forward_pre_hook(note) for layer in model.modules()]
    try:
        model.sample(1)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(parameter.numel() for parameter in called.values())


def contrast(images: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbouring pixels of images (N, C, H, W), a scalar."""
    across, down = images.diff(dim=-1).abs().mean(), images.diff(dim=-2).abs().mean()
    return (across + down) / 2


@torch.no_grad()
def pictures(results: Results, folder: Path, seed: int) -> Grid:
    """Return held-out images, and of each finished row samples and, where it can, their reconstructions."""
    finished = {row: checkpoint_of(folder, row, seed) for row, seeds in results.items() if seed in seeds}
    real = open_data(next(iter(finished.values()))).preview(SHOWN).images
    columns = {"real": real}
    for row, checkpoint in finished.items():
        model = load(checkpoint)
        assert isinstance(model, MakesSamples)
        if isinstance(model, Reconstructs):
            columns[f"{row}: back"] = model.reconstruct(real)
        columns[f"{row}: samples"] = model.sample(len(real))
    return Grid(columns)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("gans.tools.compare", __doc__)
    parser.set_defaults(seeds=[0], metrics=list(METRICS))
    parser.add_argument("--configs", nargs="+", default=list(CONFIGS), help="one row each")
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/compare"), help="of all runs, the table and the picture"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
