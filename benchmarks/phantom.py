"""Volumes of drawn bodies in two contrasts, of which the translation is known; and how far predictions are.

    python -m benchmarks.phantom write phantom                # trainA, trainB, testA, testB and truth_A2B
    python -m benchmarks.phantom compare phantom translated   # once `predict` has translated testA

A body is an ellipsoid of fat around muscle with organs, bones and cysts, ellipsoids too, each at a place and
in a size of its own. Contrast A has values as of a CT, in Hounsfield units, in files of int16; contrast B has
those of an MR, in uint16, and its files store the voxels along other axes: only the affines tell how A and B
lie. Bodies to train on in A are others than those in B. `truth_A2B` shows the bodies of testA in contrast B,
without noise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

from benchmarks.programs import command_line, print_header, print_row

Array = npt.NDArray[Any]

SHAPE, SPACING = (
    (64, 64, 36),
    (5.0, 5.0, 8.0),
)  # voxels and millimetres, right, front, head
WINDOW_A, WINDOW_B = (-1000.0, 1000.0), (0.0, 1300.0)
SKIN = -500.0  # Hounsfield units between air and body
AXES_A, AXES_B = "LAS", "PIR"
EDGE = 0.06  # share of an ellipsoid's radius over which it fades out


@dataclass(frozen=True)
class Tissue:
    """What a tissue shows: its value and the standard deviation around it in both contrasts."""

    ct: float
    mr: float


AIR, FAT, MUSCLE = Tissue(-1000, 0), Tissue(-100, 900), Tissue(80, 300)
ORGAN, FLUID, BONE = Tissue(200, 560), Tissue(0, 1200), Tissue(700, 120)
NOISE_A, NOISE_B = 12.0, 20.0


@dataclass(frozen=True)
class Ellipsoid:
    """Centre and radii, to the right, to the front and to the head, in halves of the volume's sides."""

    centre: Array
    radii: Array
    tissue: Tissue

    def weights(self, grid: Array) -> Array:
        """Return how much of each voxel is within, for a grid (3, i, j, k) of the same unit."""
        offset = (grid - self.centre[:, None, None, None]) / self.radii[:, None, None, None]
        inside: Array = ((1 - np.sqrt((offset**2).sum(0))) / EDGE + 0.5).clip(0, 1)
        return inside


def body(seed: int) -> Iterator[Ellipsoid]:
    """Yield the parts of a body, each laid over those before it."""
    random = np.random.default_rng(seed)

    def part(tissue: Tissue, centre: tuple[float, ...], radii: tuple[float, ...]) -> Ellipsoid:
        moved = np.array(centre) + random.uniform(-0.06, 0.06, 3)
        return Ellipsoid(moved, np.array(radii) * random.uniform(0.8, 1.15, 3), tissue)

    trunk = part(FAT, (0, 0, 0), (0.78, 0.62, 0.85))
    yield trunk
    yield Ellipsoid(trunk.centre, trunk.radii * random.uniform(0.8, 0.9), MUSCLE)
    yield part(ORGAN, (0.3, 0.08, 0.15), (0.26, 0.3, 0.35))  # the liver, at the patient's right
    yield part(FLUID, (0, 0.2, -0.35), (0.2, 0.16, 0.2))
    for side in (-1, 1):
        yield part(ORGAN, (0.3 * side, -0.25, -0.15), (0.11, 0.11, 0.2))
    yield part(BONE, (0, -0.36, 0), (0.12, 0.12, 0.7))
    for _ in range(int(random.integers(0, 4))):
        yield part(FLUID, tuple(random.uniform(-0.3, 0.3, 3)), tuple(random.uniform(0.06, 0.12, 3)))


def contrasts(seed: int) -> tuple[Array, Array]:
    """Return a body without noise as a CT and as an MR, (i, j, k) to the right, front and head."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, side) for side in SHAPE), indexing="ij"))
    ct, mr = np.full(SHAPE, float(AIR.ct)), np.full(SHAPE, float(AIR.mr))
    for part in body(seed):
        weights = part.weights(grid)
        ct += (part.tissue.ct - ct) * weights
        mr += (part.tissue.mr - mr) * weights
    return ct, mr


def save(values: Array, path: Path, axes: str, dtype: str) -> None:
    """Write values (i, j, k) to the right, front and head as NIfTI that stores them along other axes."""
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = [-(count - 1) / 2 * step for count, step in zip(SHAPE, SPACING, strict=True)]
    limits = np.iinfo(dtype)
    stored = np.rint(values).clip(limits.min, limits.max).astype(dtype)
    image: Any = nibabel.Nifti1Image(stored, affine)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm")
    orientations: Any = nibabel.orientations
    turned = image.as_reoriented(
        orientations.ornt_transform(
            orientations.axcodes2ornt(("R", "A", "S")), orientations.axcodes2ornt(tuple(axes))
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    turned.to_filename(path)


def write(folder: Path, train: int, test: int) -> None:
    """Write bodies to train on, others in each contrast, and bodies to test with, the same in both."""
    for number in range(2 * train + test):
        random = np.random.default_rng((number, 1))
        ct, mr = contrasts(number)
        noisy_ct, noisy_mr = ct + random.normal(0, NOISE_A, SHAPE), mr + random.normal(0, NOISE_B, SHAPE)
        name = f"body-{number:03}.nii.gz"
        if number < train:
            save(noisy_ct, folder / "trainA" / name, AXES_A, "int16")
        elif number < 2 * train:
            save(noisy_mr, folder / "trainB" / name, AXES_B, "uint16")
        else:
            save(noisy_ct, folder / "testA" / name, AXES_A, "int16")
            save(noisy_mr, folder / "testB" / name, AXES_B, "uint16")
            save(mr, folder / "truth_A2B" / name, AXES_B, "uint16")


def read(path: Path) -> Array:
    """Read the values of a NIfTI file along axes to the right, to the front and to the head."""
    image: Any = nibabel.load(path)
    values: Array = nibabel.as_closest_canonical(image).get_fdata()  # type: ignore[no-untyped-call]
    return values


def compare(folder: Path, predicted: Path) -> list[tuple[str, float, float]]:
    """Return mean absolute errors to the truth in its units, in the bodies and of all voxels.

    Of the prediction; of doing nothing, which is the CT's window laid onto the MR's; and of the best curve:
    each Hounsfield unit becomes what it is on average in the truth, which no map of single voxels undercuts.

    Args:
        folder: that `write` has made.
        predicted: of what was made of its testA.
    """
    paths = sorted((folder / "testA").glob("*.nii.gz"))
    inputs = np.stack([read(path) for path in paths])
    truths = np.stack([read(folder / "truth_A2B" / path.name) for path in paths])
    pictures = np.stack([read(predicted / path.name) for path in paths])
    (low_A, high_A), (low_B, high_B) = WINDOW_A, WINDOW_B
    untouched = (inputs.clip(low_A, high_A) - low_A) / (high_A - low_A) * (high_B - low_B) + low_B
    _, places = np.unique(np.rint(inputs), return_inverse=True)
    means = np.bincount(places.ravel(), truths.ravel()) / np.bincount(places.ravel())
    curve = means[places].reshape(truths.shape)
    bodies = inputs > SKIN
    compared = {"prediction": pictures, "doing nothing": untouched, "the best curve": curve}
    errors = {name: abs(values - truths) for name, values in compared.items()}
    return [(name, float(error[bodies].mean()), float(error.mean())) for name, error in errors.items()]


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("phantom", __doc__)
    commands = made.add_subparsers(dest="command", required=True)
    writes = commands.add_parser("write", help="write the volumes")
    writes.add_argument("folder", type=Path)
    writes.add_argument("--train", type=int, default=24, help="bodies to train on, in each contrast")
    writes.add_argument("--test", type=int, default=6, help="bodies to test with")
    compares = commands.add_parser("compare", help="measure what was made of testA")
    compares.add_argument("folder", type=Path, help="of the volumes")
    compares.add_argument("predicted", type=Path, help="of what was made of testA")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return its exit status."""
    options = parser().parse_args(arguments)
    if options.command == "write":
        write(options.folder, options.train, options.test)
        return 0
    print_header("mean absolute error", "in the bodies", "of all voxels")
    for name, inside, everywhere in compare(options.folder, options.predicted):
        print_row(name, f"{inside:.1f}", f"{everywhere:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
