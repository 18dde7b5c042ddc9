"""StarGAN, MUNIT and StarGAN v2 on the same drawn faces: black hair to blond, beside truth and real faces.

    python -m benchmarks.looks --write FOLDER
    python -m benchmarks.looks STARGAN.ckpt MUNIT.ckpt STARGANV2.ckpt

It is the table of docs/many_domains.md. The first writes the faces as MUNIT takes them, trainA and testA
with black hair, trainB and testB with blond. StarGAN and StarGAN v2 draw the same faces themselves:
attributes black_hair, blond_hair and red_hair, 32 pixels, 1200 faces to train on. The
second measures checkpoints of the three on held-out faces.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.programs import command_line
from datamodules.multi_domain.module import MultiDomainImages
from gans import load, to_pil
from gans.metrics.distances import frechet_distance, kernel_distance
from gans.metrics.features import load_extractor
from gans.metrics.translation import l1_255

HAIR = ["black_hair", "blond_hair", "red_hair"]
LOOKS = 10
AT_ONCE = 32  # images whose features are taken: bounds the memory


def faces(test_count: int = 300) -> MultiDomainImages:
    """Return the faces that all three learn from, and so many to measure on."""
    return MultiDomainImages(attributes=HAIR, size=32, faces_count=1200, test_count=test_count, flip=False)


def write(folder: Path) -> None:
    """Write the faces with black and with blond hair as two domains."""
    data = faces()
    for split, labelled in (("train", data._training[0]), ("test", data._held_out[0])):
        for side, column in (("A", 0), ("B", 1)):
            place = folder / f"{split}{side}"
            place.mkdir(parents=True, exist_ok=True)
            for row in labelled.labels[:, column].nonzero()[:, 0].tolist():
                picture = to_pil(labelled.images[row] / 127.5 - 1)[0]
                picture.save(place / labelled.images.names[row])


def looks_of(model: Any, images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return translations to blond hair (N, looks, C, H, W), and those in the truth's look, if there are."""
    kind = type(model).__name__
    if kind == "StarGAN":
        made = model.translate(images, ["blond_hair"])
        return made[:, None], made
    to, style = ("A2B", {"style": truth}) if kind == "MUNIT" else ("blond_hair", {"reference": truth})
    drawn = [model.translate(images, to, seed=seed) for seed in range(LOOKS)]
    return torch.stack(drawn, dim=1), model.translate(images, to, **style)


def mean_distance(features: Tensor) -> float:
    """Return the mean distance of each two looks of an image by features (N, looks, D), as metrics do."""
    count = features.shape[1]
    distances = torch.cdist(features, features).sum((1, 2)) / (count * (count - 1))
    return float(distances.mean())


def measure(model: Any) -> dict[str, float]:
    """Return the numbers of one model."""
    batch = faces().preview(300)
    assert batch.truths is not None
    black, blond = batch.labels[:, 0] > 0, batch.labels[:, 1] > 0
    source, truth = batch.images[black], batch.truths[black, 1]
    looks, styled = looks_of(model, source, truth)
    extract = load_extractor("lite0")

    def features(images: Tensor) -> Tensor:
        return torch.cat([extract(part) for part in images.split(AT_ONCE)])

    fake, real = features(looks.flatten(0, 1)), features(batch.images[blond])
    each = fake.unflatten(0, looks.shape[:2])
    diversity = mean_distance(each) if looks.shape[1] > 1 else 0.0
    return {
        "faces": len(source),
        "looks": looks.shape[1],
        "kid_lite0": kernel_distance(real, fake),
        "fd_lite0": frechet_distance(real, fake),
        "diversity_lite0": diversity,
        "l1 to the truth": float(l1_255(styled, truth).mean()),
        "doing nothing": float(l1_255(source, truth).mean()),
    }


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("looks", __doc__)
    made.add_argument("checkpoints", type=Path, nargs="*")
    made.add_argument("--write", type=Path, metavar="FOLDER")
    return made


def main() -> None:
    """Write the faces, or measure checkpoints."""
    options = parser().parse_args()
    if options.write is not None:
        write(options.write)
    for path in options.checkpoints:
        model = load(path)
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in measure(model).items())
        sys.stdout.write(f"{type(model).__name__}: {numbers}\n")


if __name__ == "__main__":
    main()
