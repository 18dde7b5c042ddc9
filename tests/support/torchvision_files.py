"""Tiny data sets in the files that torchvision reads."""

from __future__ import annotations

import hashlib
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from support.pictures import random_pixels, write_image
from torchvision import datasets

MNIST_SPLITS = {"train": ("train", 6), "test": ("t10k", 3)}
CIFAR_BATCHES = {f"data_batch_{number}": 2 for number in range(1, 6)} | {"test_batch": 3}
CELEBA_SPLITS = [0, 0, 1, 2, 0, 2]
CELEBA_ATTRIBUTES = {"Smiling": [1, -1, 1, -1, -1, 1], "Young": [-1, -1, 1, 1, 1, 1]}


def write_mnist(data_dir: Path) -> dict[str, tuple[Any, list[int]]]:
    """Write idx files; return images (N, 28, 28, 1) and labels by split."""
    folder = data_dir / "MNIST" / "raw"
    folder.mkdir(parents=True)
    written: dict[str, tuple[Any, list[int]]] = {}
    for seed, (split, (prefix, count)) in enumerate(MNIST_SPLITS.items()):
        images = random_pixels(count * 28, 28, 1, seed=seed).reshape(count, 28, 28, 1)
        labels = [(7 * row + seed) % 10 for row in range(count)]
        header = struct.pack(">IIII", 0x0803, count, 28, 28)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">II", 0x0801, count)
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(header + bytes(labels))
        written[split] = images, labels
    return written


def write_cifar10(data_dir: Path, patch: pytest.MonkeyPatch) -> dict[str, tuple[Any, list[int]]]:
    """Write pickles that torchvision takes for the real ones; return images and labels by split."""
    folder = data_dir / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    written: dict[str, tuple[list[Any], list[int]]] = {"train": ([], []), "test": ([], [])}
    for seed, (name, count) in enumerate(CIFAR_BATCHES.items()):
        images = random_pixels(count * 32, 32, 3, seed=seed).reshape(count, 32, 32, 3)
        labels = [(3 * row + seed) % 10 for row in range(count)]
        rows = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(count, -1)
        (folder / name).write_bytes(pickle.dumps({"data": rows, "labels": labels}))
        split = written["test" if name == "test_batch" else "train"]
        split[0].extend(images)
        split[1].extend(labels)
    classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": classes}))
    checksums = [[name, _md5(folder / name)] for name in CIFAR_BATCHES]
    patch.setattr(datasets.CIFAR10, "train_list", checksums[:-1])
    patch.setattr(datasets.CIFAR10, "test_list", checksums[-1:])
    meta = datasets.CIFAR10.meta | {"md5": _md5(folder / "batches.meta")}
    patch.setattr(datasets.CIFAR10, "meta", meta)
    return {split: (np.stack(images), labels) for split, (images, labels) in written.items()}


def write_flowers102(data_dir: Path, patch: pytest.MonkeyPatch) -> dict[str, tuple[list[Any], list[int]]]:
    """Write five pictures of unequal sizes and their tables; return pixels and classes by split."""
    folder = data_dir / "flowers-102"
    pixels = [random_pixels(20 + seed, 24, 3, seed=seed) for seed in range(5)]
    for number, picture in enumerate(pixels, 1):
        write_image(folder / "jpg" / f"image_{number:05d}.jpg", picture, quality=100, subsampling=0)
    classes = [7, 3, 101, 0, 3]
    savemat(folder / "imagelabels.mat", {"labels": [one + 1 for one in classes]})
    savemat(folder / "setid.mat", {"trnid": [1, 4, 5], "valid": [1, 2], "tstid": [2, 3]})
    files = {name: (f"{name}.mat", _md5(folder / f"{name}.mat")) for name in ("imagelabels", "setid")}
    known = {"image": ("102flowers.tgz", ""), "label": files["imagelabels"], "setid": files["setid"]}
    patch.setattr(datasets.Flowers102, "_file_dict", known)
    return {
        split: ([pixels[row] for row in rows], [classes[row] for row in rows])
        for split, rows in (("train", (0, 3, 4)), ("test", (1, 2)))
    }


def write_celeba(data_dir: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Write six pictures of 178x218 and their tables; return the pixels by name."""
    folder = data_dir / "celeba"
    names = [f"{number:06d}.png" for number in range(1, len(CELEBA_SPLITS) + 1)]
    pixels = {name: random_pixels(218, 178, seed=seed) for seed, name in enumerate(names)}
    for name, picture in pixels.items():
        write_image(folder / "img_align_celeba" / name, picture)
    attributes = zip(*CELEBA_ATTRIBUTES.values(), strict=True)
    tables: dict[str, tuple[str, list[Any]]] = {
        "list_eval_partition.txt": ("", CELEBA_SPLITS),
        "identity_CelebA.txt": ("", [1] * len(names)),
        "list_bbox_celeba.txt": (f"{len(names)}\nimage_id x_1\n", [0] * len(names)),
        "list_landmarks_align_celeba.txt": (f"{len(names)}\nlefteye_x\n", [0] * len(names)),
        # the real file has two blanks before positive numbers, and one at the header's end
        "list_attr_celeba.txt": (
            f"{len(names)}\n{' '.join(CELEBA_ATTRIBUTES)} \n",
            [" ".join(f"{value:2d}" for value in row) for row in attributes],
        ),
    }
    for table, (header, rows) in tables.items():
        lines = [f"{name} {row}\n" for name, row in zip(names, rows, strict=True)]
        (folder / table).write_text(header + "".join(lines))
    checksums = [("no address", _md5(folder / table), table) for table in tables]
    patch.setattr(datasets.CelebA, "file_list", checksums)
    return pixels


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
