"""Captioned images: small folders in the public layouts, and what comes out of the loaders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support.folders import write_captions, write_images

from datamodules import CaptionedImages
from datamodules.captioned.module import CaptionedBatch

# arguments of the data module over a few drawn faces
FACES: dict[str, Any] = {
    "faces_count": 12,
    "test_count": 7,
    "size": 16,
    "batch_size": 4,
    "captions_per_face": 4,
}


def finished(loader: Iterable[Any]) -> list[CaptionedBatch]:
    return [batch.finish() for batch in loader]


def epoch(data: CaptionedImages, number: int = 0) -> list[CaptionedBatch]:
    loader = data.train_dataloader()
    assert hasattr(loader.sampler, "set_epoch")
    loader.sampler.set_epoch(number)
    return finished(loader)


def write_plain(root: Path, count: int = 6) -> Path:
    """Write pictures and captions.jsonl, two captions of each."""
    write_images(root / "a", count, (20, 18))
    write_captions(root)
    return root


def write_texts(folder: Path, names: Iterable[str]) -> None:
    """Write two captions for each name, such as `001.Crow/3`."""
    for name in names:
        path = folder / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"first of {name}\nsecond of {name}\n", encoding="utf-8")


def write_cub(root: Path, per_class: int = 3) -> Path:
    """Write CUB's layout with two classes, of which the last picture of each is held out."""
    names = []
    for name in ("001.Crow", "002.Robin"):
        write_images(root / "images" / name, per_class, (20, 18))
        names += [f"{name}/{number}" for number in range(per_class)]
    lines = [f"{number} {name}.jpg\n" for number, name in enumerate(names, 1)]
    (root / "images.txt").write_text("".join(lines), encoding="utf-8")
    held_out = {f"{name}/{per_class - 1}" for name in ("001.Crow", "002.Robin")}
    split = [f"{number} {int(name not in held_out)}\n" for number, name in enumerate(names, 1)]
    (root / "train_test_split.txt").write_text("".join(split), encoding="utf-8")
    write_texts(root / "text_c10", names)
    return root


def write_flowers(root: Path) -> Path:
    """Write Oxford-102's layout without its split: images 1 to 3 of one class, 4 to 6 of another."""
    write_images(root / "jpg", 6, (20, 18))
    names = []
    for number in range(6):
        stem = f"image_{number + 1:05d}"
        (root / "jpg" / f"{number}.jpg").rename(root / "jpg" / f"{stem}.jpg")
        names.append(f"class_{1 + number // 3:05d}/{stem}")
    write_texts(root / "text_c10", names)
    return root
