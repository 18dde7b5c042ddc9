"""Public data sets by name: where they are, how they lie on disk, and how they get there."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from datamodules.listing import list_images
from datamodules.public_sets.archives import unpack
from datamodules.public_sets.download import download
from datamodules.reading import Reading

PACKED_TO_PLAIN = 3  # pictures do not compress; contents much larger than their archive are an attack
_BERKELEY = "http://efrosgans.eecs.berkeley.edu"


@dataclass(frozen=True)
class KnownSet:
    """A public set.

    Attributes:
        address: of its archive.
        megabytes: at most this many are fetched; the exact size where it is known, rounded up.
        counts: folder below the set's own -> number of images in it, where it is known.
        checksum: of the archive, such as `sha256:a74d...`, where it is known.
    """

    address: str
    megabytes: int
    counts: Mapping[str, int] = field(default_factory=dict)
    checksum: str | None = None


def _unpaired(name: str, megabytes: int, counts: tuple[int, ...], sha256: str | None) -> KnownSet:
    folders = ("trainA", "trainB", "testA", "testB")
    return KnownSet(
        f"{_BERKELEY}/cyclegan/datasets/{name}.zip",
        megabytes,
        dict(zip(folders, counts, strict=False)),
        sha256 and f"sha256:{sha256}",
    )


def _paired(name: str, megabytes: int, **counts: int) -> KnownSet:
    return KnownSet(f"{_BERKELEY}/pix2pix/datasets/{name}.tar.gz", megabytes, counts)


# Counts and checksums of these archives as TensorFlow Datasets lists them.
UNPAIRED = {
    name: _unpaired(name, megabytes, counts, sha256)
    for name, megabytes, counts, sha256 in (
        (
            "horse2zebra",
            117,
            (1067, 1334, 120, 140),
            "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1",
        ),
        (
            "apple2orange",
            79,
            (995, 1019, 266, 248),
            "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8",
        ),
        (
            "summer2winter_yosemite",
            133,
            (1231, 962, 309, 238),
            "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9",
        ),
        (
            "monet2photo",
            306,
            (1072, 6287, 121, 751),
            "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04",
        ),
        (
            "cezanne2photo",
            280,
            (525, 6287, 58, 751),
            "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff",
        ),
        (
            "ukiyoe2photo",
            293,
            (562, 6287, 263, 751),
            "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08",
        ),
        (
            "vangogh2photo",
            307,
            (400, 6287, 400, 751),
            "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff",
        ),
        (
            "maps",
            1477,
            (1096, 1096, 1098, 1098),
            "639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e",
        ),
        (
            "facades",
            36,
            (400, 400, 106, 106),
            "9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0",
        ),
        (
            "iphone2dslr_flower",
            340,
            (1812, 3325, 569, 480),
            "8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113",
        ),
        ("ae_photos", 2000, (), None),
    )
}
"""Sets of two domains without pairs: trainA, trainB, testA, testB (CycleGAN's)."""

PAIRED = {
    "facades": _paired("facades", 100, train=400, val=100, test=106),
    "maps": _paired("maps", 500, train=1096, val=1098),
    "edges2shoes": _paired("edges2shoes", 4000),
    "edges2handbags": _paired("edges2handbags", 12000),
    "night2day": _paired("night2day", 4000),
}
"""Sets of pairs, side by side in one picture: train, val, test (pix2pix's)."""

DOMAINS = {
    "afhq": KnownSet(
        "https://www.dropbox.com/s/t9l9o3vsx2jai3z/afhq.zip?dl=1",
        2000,
        {"train/cat": 5153, "train/dog": 4739, "train/wild": 4738},
    ),
}
"""Sets of several domains: train and val with one folder per domain."""

CAPTIONED = {
    "cub": KnownSet(
        "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
        1300,
        {"images": 11788},
        "md5:97eceeb196236b17998738112f37df78",
    ),
}
"""Sets whose pictures are described; the captions come apart from them."""


def root_of(
    name: str | None,
    sets: Mapping[str, KnownSet],
    reading: Reading,
    folders: Mapping[str, str | None],
    quick_start: str,
) -> str | None:
    """Return the root that a data module reads: that of a public set if one is named, else the given one.

    Args:
        name: of a public set, or None.
        sets: those that the data module can read.
        reading: tells the folder of all sets, and whether one that is absent is fetched.
        folders: the data module's other arguments that say where images are, `root` among them.
        quick_start: name of a config that works without the set.

    Raises:
        ValueError: a name and a folder are given; or as `locate`.
        FileNotFoundError: as `locate`.
    """
    if name is None:
        return folders["root"]
    for argument, folder in folders.items():
        if folder is not None:
            raise ValueError(f"name and {argument}: give a public set's name ({name}) or a folder, not both.")
    without = f"python train.py fit --config {quick_start}"
    return str(locate(name, sets, reading.data_dir, fetch=reading.download, without=without))


def locate(
    name: str, sets: Mapping[str, KnownSet], data_dir: str | Path, *, fetch: bool, without: str
) -> Path:
    """Return the folder of a public set, and fetch it into the data folder first if that is asked for.

    Several processes may call this at once: one fetches, the others wait.

    Args:
        name: of one of the sets.
        sets: those that the data module can read.
        data_dir: folder of all sets; the set lies in `data_dir`/`name`.
        fetch: whether a set that is absent is fetched.
        without: a command that works without the set, for the message.

    Raises:
        ValueError: no set has this name, or the folder has not as many images as the set.
        FileNotFoundError: the set is absent and is not to be fetched.
        DownloadError, ArchiveError: it cannot be fetched or unpacked.
    """
    if name not in sets:
        close = difflib.get_close_matches(name, sets, 1)
        guess = f" Did you mean {close[0]}?" if close else ""
        raise ValueError(f"name: no public set {name!r} is known here; there are {', '.join(sets)}.{guess}")
    known, folder = sets[name], Path(data_dir) / name
    if not folder.exists() and not fetch:
        raise FileNotFoundError(
            f"name: {folder} does not exist. Add --data.download true to fetch {known.address} (at most "
            f"{known.megabytes} MB), or unpack it there yourself. Without it, this runs: {without}"
        )
    if not folder.exists():
        _fetch(known, folder)
    _check_counts(known, folder)
    return folder


def _fetch(known: KnownSet, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if folder.exists():  # another process was faster
            return
        archive = folder.with_name(Path(urlsplit(known.address).path).name)
        largest = known.megabytes * 1_000_000
        if not archive.exists():
            download(known.address, archive, checksum=known.checksum, largest=largest)
        unpack(archive, folder, largest=PACKED_TO_PLAIN * largest)
        archive.unlink()


def _check_counts(known: KnownSet, folder: Path) -> None:
    for name, count in known.counts.items():
        found = len(list_images(folder / name).paths) if (folder / name).is_dir() else 0
        if found != count:
            raise ValueError(
                f"{folder / name}: {found} images, and the public set has {count} there. Move {folder} away "
                "and fetch it again; or, if it is changed on purpose, give it as --data.root."
            )
