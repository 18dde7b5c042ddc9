"""Public sets of sharp images by name, in the layouts in which they circulate."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from datamodules.public_sets.known import KnownSet, locate
from datamodules.reading import Reading

Place = tuple[str, ...]
"""Names of one folder, below that of all sets; it is fetched under the first, if it is fetched."""

_EDSR = "https://cv.snu.ac.kr/research/EDSR"
_DIV2K = "http://data.vision.ee.ethz.ch/cvl/DIV2K"
_OST = "https://openmmlab.oss-cn-hangzhou.aliyuncs.com/datasets/OST_dataset.zip"

ARCHIVES: Mapping[str, KnownSet] = {
    "DIV2K/DIV2K_train_HR": KnownSet(f"{_DIV2K}/DIV2K_train_HR.zip", 3600, {"": 800}),
    "DIV2K/DIV2K_valid_HR": KnownSet(f"{_DIV2K}/DIV2K_valid_HR.zip", 460, {"": 100}),
    "Flickr2K": KnownSet(f"{_EDSR}/Flickr2K.tar", 25_000, {"Flickr2K_HR": 2650}),
    "OST": KnownSet(_OST, 25_000),
    "benchmark": KnownSet(
        f"{_EDSR}/benchmark.tar",
        500,
        {"Set5/HR": 5, "Set14/HR": 14, "B100/HR": 100, "Urban100/HR": 100},
    ),
}
"""What can be fetched -> whence; it lies below the folder of all sets."""


@dataclass(frozen=True)
class SharpSet:
    """A public set.

    Attributes:
        train: folders to train on; none of sets that are there to compare methods.
        held_out: folders to evaluate on; without any a share of the others is held out.
    """

    train: tuple[Place, ...] = ()
    held_out: tuple[Place, ...] = ()


def _compared(name: str, in_archive: str | None = None) -> SharpSet:
    fetched = f"benchmark/{in_archive or name}/HR"
    return SharpSet(held_out=((fetched, f"{name}/HR", f"{name}/GTmod12", f"{name}/original", name),))


_DIV2K_TRAIN: Place = ("DIV2K/DIV2K_train_HR", "DIV2K_train_HR")
_DIV2K_VALID: Place = ("DIV2K/DIV2K_valid_HR", "DIV2K_valid_HR")
_FLICKR2K: Place = ("Flickr2K/Flickr2K_HR", "Flickr2K_HR", "Flickr2K")
_OST_ALL: Place = ("OST", "OST_dataset")

SHARP: Mapping[str, SharpSet] = {
    "DIV2K": SharpSet((_DIV2K_TRAIN,), (_DIV2K_VALID,)),
    "Flickr2K": SharpSet((_FLICKR2K,)),
    "DF2K": SharpSet((_DIV2K_TRAIN, _FLICKR2K), (_DIV2K_VALID,)),
    "OST": SharpSet((_OST_ALL,)),
    "DF2K_OST": SharpSet((_DIV2K_TRAIN, _FLICKR2K, _OST_ALL), (_DIV2K_VALID,)),
    "Set5": _compared("Set5"),
    "Set14": _compared("Set14"),
    "BSD100": _compared("BSD100", "B100"),
    "Urban100": _compared("Urban100"),
    "Manga109": _compared("Manga109"),
}
"""Name -> set: DIV2K (Agustsson and Timofte 2017), Flickr2K (Lim et al. 2017), both as DF2K, outdoor scenes
(Wang et al. 2018), and the sets on which methods are compared."""


def folders_of(name: str, reading: Reading) -> tuple[list[Path], list[Path]]:
    """Return the folders of a set to train on and to evaluate on; absent ones are fetched if asked for.

    Raises:
        ValueError: no set has this name; or as `locate`.
        FileNotFoundError: a folder is absent and is not to be fetched, or cannot be.
    """
    if name not in SHARP:
        close = difflib.get_close_matches(name.casefold(), [known.casefold() for known in SHARP], 1)
        guess = [known for known in SHARP if known.casefold() in close]
        raise ValueError(
            f"name: no public set {name!r} is known here; there are {', '.join(SHARP)}."
            + (f" Did you mean {guess[0]}?" if guess else "")
        )
    known = SHARP[name]
    train, held_out = ([_folder(place, reading) for place in part] for part in (known.train, known.held_out))
    return train, held_out


def _folder(place: Place, reading: Reading) -> Path:
    base = Path(reading.data_dir)
    for name in place:
        if (base / name).is_dir():
            return base / name
    fetched = next((key for key in ARCHIVES if place[0] == key or place[0].startswith(f"{key}/")), None)
    parts = place[0].removeprefix(f"{fetched}/")
    if fetched is None or (fetched == "benchmark" and parts not in ARCHIVES[fetched].counts):
        raise FileNotFoundError(
            f"name: none of {', '.join(str(base / name) for name in place[1:])} is there, and this set is "
            "given on registration only. Put its pictures into one of these folders."
        )
    without = "python train.py fit --config srresnet"
    found = locate(fetched, ARCHIVES, base, fetch=reading.download, without=without)
    return base / place[0] if place[0] != fetched else found
