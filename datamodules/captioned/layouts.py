"""How captioned images lie on disk: the layouts of CUB and Oxford-102, and plain folders with a table."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from datamodules.captioned.tables import TABLES, read_lines, read_table
from datamodules.files.slice_names import volume_of, whole_name
from datamodules.files.writers import renamed
from datamodules.image_sets import find_images, hold_out
from datamodules.listing import Listing, composed, files_in, unread
from datamodules.slices import Slices
from datamodules.tables import entry_of, read_text

OnMissing = Literal["raise", "skip"]

TEXTS = "text_c10"
"""Folder of the captions of CUB and Oxford-102, with one folder per class and one text file per image."""

HELD_OUT_CLASSES = "testclasses.txt"
"""File beside `text_c10`, as in the authors' archives: the classes that the paper holds out."""

FEWEST = 2
"""Images to train and to evaluate on, because each is also shown with the caption of another."""


@dataclass(frozen=True)
class CaptionedFiles:
    """Images and their captions.

    Attributes:
        folder: what names of images are relative to.
        captions: name of every image -> its captions, one or more.
        train: names of the images to train on.
        held_out: names of the images to evaluate on.
        classes: name of every image -> its class; empty without classes.
        left_out: reason in a user's words -> number of files beside them that are not used.
    """

    folder: Path
    captions: Mapping[str, Sequence[str]]
    train: Sequence[str]
    held_out: Sequence[str]
    classes: Mapping[str, str]
    left_out: Mapping[str, int] = field(default_factory=Counter)


def find_captioned(
    root: str,
    captions: str | None,
    share: float,
    on_missing: OnMissing = "raise",
    slices: Slices | None = None,
) -> CaptionedFiles:
    """Find images and captions in one of these layouts.

    * A table of (image, caption), see `datamodules.captioned.tables.read_table`: `root/captions.jsonl` or
      `root/captions.csv`. Names are relative to `root`. A share is held out by the names.
    * CUB-200-2011: `root/images.txt`, `root/images/CLASS/IMAGE.jpg`, `root/train_test_split.txt`, and
      `text_c10/CLASS/IMAGE.txt`.
    * Oxford-102: `root/jpg/image_00001.jpg`, `root/setid.mat` (read by scipy), and
      `text_c10/class_00001/image_00001.txt`.

    In the last two, `testclasses.txt` beside text_c10 holds out the images of these classes, as in the paper,
    in place of the split of the images.

    Args:
        root: folder of the data set.
        captions: the table, or the folder text_c10, where it is not in `root`.
        share: part of the images to hold out, above 0 and below 1, where the layout has no split.
        on_missing: raise, or skip with a warning, where an image has no caption.
        slices: how volumes beside a table are cut; a row names a volume, or one of its slices.

    Raises:
        FileNotFoundError: no such layout, or a caption names an image that is not there.
        ValueError: a malformed file; an image without a caption; or nothing to train or to evaluate on.
    """
    base = Path(root)
    if not base.is_dir():
        raise FileNotFoundError(f"root: {root} is no folder. Expected is a folder of images with captions.")
    if captions is not None and not Path(captions).exists():
        raise FileNotFoundError(f"captions: {captions} does not exist.")
    table = _table(base, captions)
    if table is not None:
        found = _plain(base, table, share, slices)
    elif (base / "images.txt").is_file():
        found = _cub(base, _texts(base, captions))
    elif (base / "jpg").is_dir():
        found = _flowers(base, _texts(base, captions))
    else:
        raise FileNotFoundError(
            f"root: {root} has no captions. Expected is {' or '.join(TABLES)} with image and caption, or the "
            f"layout of CUB (images.txt) or Oxford-102 (jpg) with {TEXTS}."
        )
    return _checked(_without_missing(found, on_missing), base)


def _table(base: Path, captions: str | None) -> Path | None:
    if captions is not None:
        return Path(captions) if Path(captions).is_file() else None
    return next((base / name for name in TABLES if (base / name).is_file()), None)


def _texts(base: Path, captions: str | None) -> Path:
    folder = Path(captions) if captions is not None else base / TEXTS
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} does not exist. The captions of CUB and Oxford-102 come apart from their images: "
            f"unpack {TEXTS} there, or say where it is: --data.captions FOLDER/{TEXTS}."
        )
    return folder


def _plain(base: Path, table: Path, share: float, slices: Slices | None) -> CaptionedFiles:
    rows = read_table(table)
    named = {entry_of(image) for _, image, _ in rows}
    listing = _images(base, slices)
    # An array that no row names holds embeddings, not an image.
    names = [name for name in listing.names if entry_of(name) in named or not name.endswith(".npy")]
    described_by: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        for entry in {entry_of(name), entry_of(whole_name(name))}:
            described_by[entry].append(name)
    captions: dict[str, list[str]] = {name: [] for name in names}
    for line, image, caption in rows:
        if entry_of(image) not in described_by:
            raise FileNotFoundError(f"{table} line {line}: there is no image {image} in {base}.")
        for name in described_by[entry_of(image)]:
            if caption not in captions[name]:  # the same row twice is one
                captions[name].append(caption)
    described = [base / name for name, texts in captions.items() if texts]
    wholes = {volume_of(path) or path for path in described}
    share = max(share, FEWEST / max(1, len(wholes)))  # of very few images
    split = hold_out(described, base, share)
    train, held_out = ([path.relative_to(base).as_posix() for path in paths] for paths in split)
    return CaptionedFiles(base, captions, train, held_out, {}, _without_tables(listing))


def _without_tables(listing: Listing) -> Mapping[str, int]:
    """Return what a listing leaves out, but for the tables of captions, which are read."""
    tables = [name for name in TABLES if (listing.folder / name).is_file()]
    return Counter(listing.left_out) - Counter(unread(Path(name)) for name in tables)


def _images(folder: Path, slices: Slices | None = None) -> Listing:
    return find_images(folder, "training on captions", slices)


def _cub(base: Path, texts: Path) -> CaptionedFiles:
    listing = _images(base / "images")
    there = {composed(name): name for name in listing.names}
    names = dict(_pairs(base / "images.txt"))
    for number, name in names.items():
        if composed(name) not in there:
            raise FileNotFoundError(
                f"{base / 'images.txt'}: image {number} is missing: {base}/images/{name}."
            )
        names[number] = there[composed(name)]
    unused = Counter({"not in images.txt": len(there) - len(set(names.values()))})
    files = {composed(path.relative_to(texts).with_suffix("").as_posix()): path for path in _texts_in(texts)}
    captions = {name: _captions_of(files.get(composed(renamed(name, "")))) for name in names.values()}
    classes = {name: composed(name.partition("/")[0]) for name in names.values()}
    held_out = _held_out_by_class(texts, classes)
    if held_out is None:
        path = base / "train_test_split.txt"
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: it says which images of CUB are to train on.")
        training = dict(_pairs(path))
        held_out = {name for number, name in names.items() if training.get(number) != "1"}
    return _split(listing._replace(left_out=Counter(listing.left_out) + unused), captions, classes, held_out)


def _flowers(base: Path, texts: Path) -> CaptionedFiles:
    listing = _images(base / "jpg")
    files = {composed(path.stem): path for path in _texts_in(texts)}
    images = {composed(path.stem): name for path, name in zip(listing.paths, listing.names, strict=True)}
    for stem, path in files.items():
        if stem not in images:
            raise FileNotFoundError(f"{path}: there is no image {base / 'jpg' / stem}.jpg.")
    captions = {name: _captions_of(files.get(stem)) for stem, name in images.items()}
    classes = {images[stem]: composed(path.parent.name) for stem, path in files.items()}
    held_out = _held_out_by_class(texts, classes)
    if held_out is None:
        held_out = {f"image_{number:05d}.jpg" for number in _test_numbers(base / "setid.mat")}
    return _split(listing, captions, classes, held_out)


def _pairs(path: Path) -> list[tuple[str, str]]:
    """Read lines of a number and a value."""
    pairs = []
    for line, text in enumerate(read_text(path).split("\n"), 1):
        number, _, value = text.strip().partition(" ")
        if text.strip() and not value:
            raise ValueError(f"{path} line {line}: expected are a number and a value, not {text!r}.")
        if value:
            pairs.append((number, value.strip()))
    return pairs


def _texts_in(folder: Path) -> list[Path]:
    return [path for path in files_in(folder) if path.suffix == ".txt"]


def _captions_of(path: Path | None) -> list[str]:
    return read_lines(path) if path else []


def _held_out_by_class(texts: Path, classes: Mapping[str, str]) -> set[str] | None:
    path = texts.parent / HELD_OUT_CLASSES
    if not path.is_file():
        return None
    held_out = {composed(name) for name in read_text(path).split()}
    unknown = held_out - set(classes.values())
    if unknown:
        raise ValueError(f"{path}: there are no images of class {min(unknown)}.")
    return {name for name, group in classes.items() if group in held_out}


def _test_numbers(path: Path) -> list[int]:
    """Read which images of Oxford-102 are held out; those to validate on are trained on."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist: it says which images of Oxford-102 are to train on. Fetch it, or hold "
            f"out classes by a file {HELD_OUT_CLASSES} beside {TEXTS}."
        )
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise ValueError(
            f"{path} is read by scipy, which is not installed: pip install scipy, or hold out classes by a "
            f"file {HELD_OUT_CLASSES} beside {TEXTS}."
        ) from error
    numbers: list[int] = loadmat(path)["tstid"].ravel().tolist()
    return numbers


def _split(
    listing: Listing, captions: Mapping[str, Sequence[str]], classes: Mapping[str, str], held_out: set[str]
) -> CaptionedFiles:
    kept = [name for name in captions if name not in held_out]
    others = [name for name in captions if name in held_out]
    return CaptionedFiles(listing.folder, captions, kept, others, classes, listing.left_out)


def _without_missing(found: CaptionedFiles, on_missing: OnMissing) -> CaptionedFiles:
    missing = [name for name, texts in found.captions.items() if not texts]
    if not missing:
        return found
    said = (
        f"{len(missing)} of {len(found.captions)} images have no caption, such as {found.folder / missing[0]}"
    )
    if on_missing == "raise":
        raise ValueError(f"{said}. Describe them, move them away, or add --data.on_missing_caption skip.")
    warnings.warn(f"{said}; they are left out.", stacklevel=4)
    gone = set(missing)
    return CaptionedFiles(
        found.folder,
        {name: texts for name, texts in found.captions.items() if texts},
        [name for name in found.train if name not in gone],
        [name for name in found.held_out if name not in gone],
        found.classes,
        Counter(found.left_out) + Counter({"without a caption": len(missing)}),
    )


def _checked(found: CaptionedFiles, base: Path) -> CaptionedFiles:
    for names, purpose in ((found.train, "train"), (found.held_out, "evaluate")):
        if len(names) < FEWEST:
            raise ValueError(
                f"root: {base} has {len(names)} described images to {purpose} on; {FEWEST} or more are "
                "needed, because each is also shown with the caption of another."
            )
    return found
