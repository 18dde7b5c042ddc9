"""CPU seconds of the Frechet and kernel distances between two folders, by us, torch-fidelity and clean-fid.

    python -m benchmarks.fidelity --count 128
    python -m benchmarks.fidelity --count 10000 --programs ours torch-fidelity clean-fid

All read the same pictures and send them through the same Inception network, whose weights are random numbers:
they cost what the published ones cost, and need no download. Each is a process of its own; imports and the
loading of the network are not counted, workers are. clean-fid resizes in Pillow, the others in the network.
It is no dependency of this project: `pip install --no-deps "clean-fid>=0.1.35,<0.2"`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.programs import command_line, cpu_seconds, print_header, print_row
from benchmarks.systems import faces
from datamodules.files.readers import read_image
from gans.metrics.distances import frechet_distance, kernel_distance
from gans.metrics.features import AT_ONCE, FeatureExtractor
from gans.metrics.inception import DIMENSION, InceptionNetwork

COLUMNS = ("program", "CPU s of an image", "beside ours")
WEIGHTS = "weights.pth"
Measure = Callable[[], Any]


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("fidelity", __doc__)
    made.add_argument("--count", type=int, default=128, help="images in each of the two folders")
    made.add_argument("--size", type=int, default=256, help="side of the images in pixels")
    made.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    made.add_argument("--only", type=Path, help=argparse.SUPPRESS)  # a folder: measure one program in it
    return made


def main() -> int:
    """Measure and print a Markdown table."""
    options = parser().parse_args()
    if options.only:
        print(seconds(options.programs[0], options.only))
        return 0
    if "clean-fid" in options.programs and find_spec("cleanfid") is None:
        raise SystemExit('clean-fid is not installed: pip install --no-deps "clean-fid>=0.1.35,<0.2"')
    print_header(*COLUMNS)
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), options.count, options.size)
        taken: dict[str, float] = {}
        for name in options.programs:
            taken[name] = measured_apart(name, folder) / (2 * options.count)
            beside = f"{taken[name] / taken['ours']:.2f}" if "ours" in taken else ""
            print_row(name, f"{taken[name]:.4f}", beside)
    return 0


def measured_apart(name: str, folder: str) -> float:
    """Return the CPU seconds of one program, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.fidelity", "--programs", name, "--only", folder]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{finished.stderr[-4000:]}")
    return float(finished.stdout.split()[-1])


def write_inputs(folder: Path, count: int, size: int) -> None:
    """Write two folders of pictures, no two of which are alike, and the weights."""
    noise = np.random.default_rng(0)
    for name, change in (("real", "black_hair"), ("fake", "blond_hair")):
        (folder / name).mkdir()
        pictures = faces(change, size)
        for index in range(count):
            picture = pictures[index % len(pictures)] ^ noise.integers(0, 8, (size, size, 3), np.uint8)
            Image.fromarray(picture).save(folder / name / f"{index:05d}.png")
    torch.save(random_weights(), folder / WEIGHTS)


def random_weights() -> dict[str, Tensor]:
    """Return random weights of the Inception network, drawn as torch draws those of new layers."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Untrained(FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, *_: object, **__: object) -> None:
            """Leave the weights as they were drawn."""

    torch.manual_seed(0)
    with tempfile.NamedTemporaryFile() as empty:
        torch.save({}, empty.name)
        network = Untrained("inception-v3-compat", ["2048"], feature_extractor_weights_path=empty.name)
    weights: dict[str, Tensor] = network.state_dict()
    return weights


def seconds(name: str, folder: Path) -> float:
    """Return the CPU seconds that a program takes for both distances between the folder's pictures."""
    measure = PROGRAMS[name](folder)
    before = cpu_seconds()
    measure()
    return cpu_seconds() - before


def ours(folder: Path) -> Measure:
    """Return what measures by this project."""
    network = InceptionNetwork(folder / WEIGHTS)
    extractor = FeatureExtractor("inception", network, DIMENSION, "random")

    def features(name: str) -> Tensor:
        paths = sorted((folder / name).iterdir())
        batches = [paths[start : start + AT_ONCE] for start in range(0, len(paths), AT_ONCE)]
        return torch.cat([extractor.of_pixels(_pixels(batch)) for batch in batches])

    def measure() -> Any:
        real, fake = features("real"), features("fake")
        return frechet_distance(real, fake), kernel_distance(real, fake)

    return measure


def _pixels(paths: list[Path]) -> Tensor:
    pictures = np.stack([read_image(path, channels=3) for path in paths])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()


def torch_fidelity(folder: Path) -> Measure:
    """Return what measures by torch-fidelity."""
    from torch_fidelity import calculate_metrics

    count = sum(1 for _ in (folder / "real").iterdir())
    return lambda: calculate_metrics(
        input1=str(folder / "real"),
        input2=str(folder / "fake"),
        feature_extractor_weights_path=str(folder / WEIGHTS),
        fid=True,
        kid=True,
        kid_subset_size=min(1000, count),
        batch_size=AT_ONCE,
        cuda=False,
        cache=False,
        verbose=False,
    )


def clean_fid(folder: Path) -> Measure:
    """Return what measures by clean-fid, whose kernel distance takes the features of the other distance."""
    from cleanfid import fid

    network = InceptionNetwork(folder / WEIGHTS).eval()

    def features(name: str) -> object:
        return fid.get_folder_features(
            str(folder / name),
            model=lambda pixels: network(pixels.round().clamp(0, 255).to(torch.uint8))[0],
            num_workers=2,
            batch_size=AT_ONCE,
            device=torch.device("cpu"),
            verbose=False,
        )

    def measure() -> Any:
        real, fake = features("real"), features("fake")
        return fid.fid_from_feats(real, fake), fid.kernel_distance(real, fake)

    return measure


PROGRAMS: dict[str, Callable[[Path], Measure]] = {
    "ours": ours,
    "torch-fidelity": torch_fidelity,
    "clean-fid": clean_fid,
}

if __name__ == "__main__":
    sys.exit(main())
