"""What torchvision knows of its sets before it reads them, and how it opens and fetches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from torchvision import datasets

from datamodules.image_sets import Split

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class TorchvisionSet:
    """Facts that are known before a set is read.

    Attributes:
        folder: below the data folder.
        channels: of its images.
        class_names: of its classes, if it has such.
        pictures: where below its folder its image files are; None where all images are in one file.
    """

    folder: str
    channels: int
    class_names: Sequence[str] = ()
    pictures: str | None = None


SETS: Mapping[str, TorchvisionSet] = {
    "mnist": TorchvisionSet("MNIST/raw", 1, tuple("0123456789")),
    "cifar10": TorchvisionSet("cifar-10-batches-py", 3, CIFAR10_CLASSES),
    "flowers102": TorchvisionSet("flowers-102", 3, tuple(datasets.Flowers102.classes), "jpg"),
    "celeba": TorchvisionSet("celeba", 3, pictures="img_align_celeba"),
}
"""The sets that `Images` takes by name."""


def celeba_files(data_dir: str, download: bool, quick_start: str) -> tuple[str, str]:
    """Return where CelebA's images and the table of their attributes are, for models of many domains.

    Args:
        data_dir: folder of all sets.
        download: whether torchvision fetches it where it is absent.
        quick_start: name of a config that works without it.

    Raises:
        FileNotFoundError: it is absent and is not to be fetched.
        ValueError: it cannot be fetched.
    """
    folder = Path(data_dir) / SETS["celeba"].folder
    require("celeba", folder, download, quick_start)
    if download:
        open_set("celeba", data_dir, "train", download=True)
    return str(folder / str(SETS["celeba"].pictures)), str(folder / "list_attr_celeba.txt")


def require(name: str, folder: Path, download: bool, quick_start: str) -> None:
    """Refuse a set that is absent and is not to be fetched, see `celeba_files`."""
    if not folder.is_dir() and not download:
        raise FileNotFoundError(
            f"name: {name} is expected in {folder}. Say where it is with --data.data_dir, or let torchvision "
            "fetch it with --data.download true. Without it, this runs: "
            f"python train.py fit --config {quick_start}"
        )


def open_set(name: str, data_dir: str, split: Split, download: bool) -> Any:
    """Return torchvision's data set; one process fetches it while the others wait."""
    Path(data_dir).mkdir(parents=True, exist_ok=True)
    lock = Path(data_dir) / f".{name}.lock"
    try:
        with FileLock(lock) if download else nullcontext():
            if name in ("celeba", "flowers102"):
                opened = {"celeba": datasets.CelebA, "flowers102": datasets.Flowers102}[name]
                return opened(data_dir, split, download=download)
            opened = {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10}[name]
            return opened(data_dir, train=split == "train", download=download)
    except ImportError as error:
        raise ImportError(
            f"name: {name} is read by scipy, which is not installed: pip install scipy."
        ) from error
    except (RuntimeError, EOFError) as error:
        if download:
            raise ValueError(f"name: {name} cannot be fetched: {error}") from error
        raise FileNotFoundError(
            f"name: {name} in {Path(data_dir) / SETS[name].folder} is incomplete or damaged. Move it away "
            "and fetch it anew with --data.download true."
        ) from error
