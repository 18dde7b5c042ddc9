"""Images with attributes in files: a folder per domain, or a table of attributes."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from datamodules.files.slice_names import whole_name
from datamodules.found import Found, by_folder, describe
from datamodules.image_sets import ImageSet, find_images, hold_out, limited
from datamodules.listing import Listing, composed, joined, sub_folders
from datamodules.multi_domain.attributes import Attributes
from datamodules.multi_domain.masks import images_without_masks, masks_beside, without_masks
from datamodules.multi_domain.tables import read_table
from datamodules.reading import Reading
from datamodules.tables import entry_of
from datamodules.transforms import Preprocess

OnConflict = Literal["raise", "skip"]
HELD_OUT_FOLDERS = ("test", "val")
CONFLICT = "with attributes that exclude each other"
FEWEST = 2  # images of a domain: one is no domain but a picture


@dataclass(frozen=True)
class DataSet:
    """Where one data set comes from.

    Attributes:
        root: folder of images; None draws faces.
        table: table of their attributes, see `datamodules.multi_domain.tables.read_table`; None takes one
            sub-folder per domain.
        attributes: names to select: columns of the table, sub-folders, or what to draw, see
            `datamodules.faces.attributes.ATTRIBUTES`; None takes all, and of drawn faces the colours of hair
            and skin.
        exclusive: groups of attributes of which an image has at most one. Sub-folders exclude each other
            anyway, and so do colours of drawn faces.
        centre_crop: side of the square that is cut from the middle of files before anything else.

    Raises:
        ValueError: a table without images, or groups without a table.
    """

    root: str | None = None
    table: str | None = None
    attributes: list[str] | None = None
    exclusive: list[list[str]] | None = None
    centre_crop: int | None = None

    def __post_init__(self) -> None:
        if self.table is not None and self.root is None:
            raise ValueError(f"table: {self.table} tells the attributes of images in root, which is missing.")
        if self.exclusive and self.table is None:
            raise ValueError(
                f"exclusive: {self.exclusive} groups attributes of a table, and there is none. Domains in "
                "folders and colours of drawn faces exclude each other by themselves."
            )


class LabelledImages(NamedTuple):
    """Images, their labels (N, K) of 0 and 1, and the truths where they are known.

    `truths` (N, T, C, H, W) of uint8 are the images with one attribute changed, for all T attributes of all
    data sets in their order. `masks` are (2, H, W) for each image, see `datamodules.multi_domain.masks`.
    """

    images: ImageSet
    labels: Tensor
    truths: Tensor | None = None
    masks: ImageSet | None = None


class DataSetSource(Protocol):
    """One data set. Its `channels` are those of the files at first, and may be set to those of others."""

    attributes: Attributes
    channels: int

    def found(self, read: tuple[LabelledImages, LabelledImages] | None) -> list[Found]:
        """Describe the domains, or all images where they have a table.

        Args:
            read: what could be read, to train and to evaluate on; None where all must be.
        """
        ...

    def training(self, masks: bool) -> LabelledImages:
        """Return what is trained on, in the size windows are cut from; with masks, if they are asked for."""
        ...

    def held_out(self, masks: bool) -> LabelledImages:
        """Return what is evaluated on, in the size the network sees; with masks, if they are asked for."""
        ...


class FolderDataSet:
    """Images in files, with a table of attributes or a sub-folder per domain.

    With a table a share of the images is held out. Sub-folders lie in `root/train`, and in `root/test` or
    `root/val` if there are any to evaluate on; or in `root` itself, where a share of each is held out.

    Args:
        data_set: what was asked for; with a root.
        preprocess: how images are resized.
        reading: how files are read.
        on_conflict: what to do about images with attributes that exclude each other.

    Raises:
        FileNotFoundError: a folder or the table is missing, or there are no images.
        ValueError: an unknown attribute, a domain of one image, or an image that has two attributes which
            exclude each other.
    """

    def __init__(
        self, data_set: DataSet, preprocess: Preprocess, reading: Reading, on_conflict: OnConflict
    ) -> None:
        assert data_set.root is not None
        self._preprocess, self._reading, self._on_conflict = preprocess, reading, on_conflict
        self._side = data_set.centre_crop
        root, self._by_table = Path(data_set.root), data_set.table is not None
        if data_set.table is None:
            self._train, self._held_out, names = _domains(root, data_set.attributes, reading)
            self.attributes = Attributes([names], [names])
            one_hot = torch.eye(len(names)).tolist()
            self._labels = {
                path: one_hot[names.index(composed(path.relative_to(files.folder).parts[0]))]
                for files in (self._train, self._held_out)
                for path in files.paths
            }
        else:
            names, table = read_table(data_set.table, data_set.attributes)
            self.attributes = Attributes([names], data_set.exclusive or [])
            found = without_masks(find_images(root, "training with a table of attributes", reading.cut))
            self._labels = self._rows(found, data_set.table, table)
            _refuse_constant(names, list(self._labels.values()), data_set.table)
            train, held_out = hold_out(list(self._labels), root, reading.held_out_share)
            conflicts = Counter({CONFLICT: len(found.paths) - len(self._labels)})
            left_out = Counter(found.left_out) + conflicts
            self._train, self._held_out = Listing(root, train, left_out), Listing(root, held_out)
        self._train = limited(self._train, reading.max_images)
        self._held_out = limited(self._held_out, reading.max_images)
        self.channels = reading.channels_of(self._train.paths)

    def _rows(self, found: Listing, table: str, rows: dict[str, list[float]]) -> dict[Path, list[float]]:
        """Return the label of every image that was found, in possible combinations only."""
        labels = {}
        for name, path in zip(found.names, found.paths, strict=True):
            entry = entry_of(name) if entry_of(name) in rows else entry_of(whole_name(name))
            if entry not in rows:
                raise ValueError(
                    f"{table}: no row for {name}, which is in {found.folder}. Add one, or move the image."
                )
            labels[path] = rows[entry]
        impossible = [path for path, label in labels.items() if self.attributes.contradiction(label)]
        if impossible and self._on_conflict == "raise":
            both = self.attributes.contradiction(labels[impossible[0]])
            raise ValueError(
                f"{table}: {impossible[0].relative_to(found.folder)} has both {' and '.join(both)}, which "
                f"exclude each other; such are {len(impossible)} of {len(labels)} images. Mend the table or "
                "exclusive, or leave them out: --data.on_conflict skip."
            )
        if impossible:
            warnings.warn(
                f"{table}: {len(impossible)} of {len(labels)} images have attributes that exclude each other "
                f"and are left out, such as {impossible[0].name}.",
                stacklevel=4,
            )
        for path in impossible:
            del labels[path]
        return labels

    def found(self, read: tuple[LabelledImages, LabelledImages] | None) -> list[Found]:
        """Describe the domains, or all images where they have a table."""
        names = (read[0].images.names, read[1].images.names) if read else None
        if self._by_table:
            return [describe("images", self._train, self._held_out, self.channels, read=names)]
        splits = self._train, self._held_out
        listed = partial(images_without_masks, slices=self._reading.cut)
        return by_folder(self.attributes.flat, *splits, self.channels, names, listed)

    def training(self, masks: bool) -> LabelledImages:
        """Read what is trained on, as far as it fits the memory."""
        return self._load(self._train, self._preprocess.for_training, masks)

    def held_out(self, masks: bool) -> LabelledImages:
        """Read what is evaluated on, as far as it fits the memory."""
        return self._load(self._held_out, self._preprocess.for_evaluation, masks)

    def _load(self, files: Listing, resize: Callable[[Tensor], Tensor], masks: bool) -> LabelledImages:
        prepare = partial(_cut_and_resize, side=self._side, resize=resize)
        images = self._reading.load(files, self.channels, prepare)
        return LabelledImages(
            images,
            torch.tensor([self._labels[files.folder / name] for name in images.names]),
            masks=masks_beside(images, self._reading, prepare) if masks else None,
        )


def _cut_and_resize(image: Tensor, side: int | None, resize: Callable[[Tensor], Tensor]) -> Tensor:
    if side is None:
        return resize(image)
    if min(image.shape[1:]) < side:
        raise ValueError(f"{image.shape[2]}x{image.shape[1]} pixels are too few for centre_crop {side}")
    cut: Tensor = VF.center_crop(image, [side, side])
    return resize(cut)


def _domains(
    root: Path, chosen: Sequence[str] | None, reading: Reading
) -> tuple[Listing, Listing, list[str]]:
    """Return the files to train and to evaluate on, and the names of the domains.

    Args:
        root: folder of the domains, or of their splits.
        chosen: names of the domains; None takes all.
        reading: which share is held out where no folder holds them, and how volumes are cut.
    """
    train = root / "train" if (root / "train").is_dir() else root
    test = next((root / name for name in HELD_OUT_FOLDERS if train != root and (root / name).is_dir()), None)
    if not train.is_dir():
        raise FileNotFoundError(f"root: {root} is no folder. It has one sub-folder for each domain.")
    there = _by_name(train)
    names = list(there) if chosen is None else [composed(name) for name in chosen]
    for name in names:
        if name not in there:
            raise ValueError(f"attributes: {train} has no folder {name}; it has {', '.join(there)}.")
    if len(names) < 2:
        raise ValueError(
            f"root: {train} has {len(names)} of the two or more domains that are needed: one sub-folder for "
            "each, or a table of attributes (--data.table)."
        )
    trained: list[Listing] = []
    tested: list[Listing] = []
    for name in names:
        learnt = without_masks(find_images(there[name], f"training in domain {name}", reading.cut))
        if len(learnt.paths) < FEWEST:
            raise ValueError(
                f"{there[name]}: domain {name} has one image; {FEWEST} or more are needed to learn what its "
                "images have in common."
            )
        if test is None:
            paths, kept = hold_out(learnt.paths, train, reading.held_out_share)
            learnt, held_out = learnt._replace(paths=paths), Listing(train, kept)
        else:
            place = _by_name(test).get(name, test / name)
            held_out = without_masks(find_images(place, f"evaluation in domain {name}", reading.cut))
        trained.append(learnt)
        tested.append(held_out)
    return joined(train, trained), joined(test or train, tested), names


def _by_name(folder: Path) -> dict[str, Path]:
    return {composed(place.name): place for place in sub_folders(folder)}


def _refuse_constant(names: Sequence[str], labels: list[list[float]], table: str) -> None:
    for name, values in zip(names, zip(*labels, strict=True), strict=True):
        count = int(min(sum(values), len(values) - sum(values)))
        if count < FEWEST:
            which = "have" if sum(values) < FEWEST else "lack"
            raise ValueError(
                f"{table}: {count} of {len(values)} images {which} {name}; {FEWEST} or more are needed to "
                "learn the difference."
            )
