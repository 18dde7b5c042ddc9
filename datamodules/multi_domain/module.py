"""Images of many domains with labels (StarGAN, arXiv:1711.09020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, get_args

from datamodules.arguments import at_least
from datamodules.base import ImageDataModule
from datamodules.found import Found
from datamodules.image_sets import ImageSet, Split, evenly_spaced
from datamodules.listing import Listing
from datamodules.loading import ResumableLoader
from datamodules.multi_domain.attributes import Attributes
from datamodules.multi_domain.batches import EvaluationBatches, MultiDomainBatch, TrainingBatches
from datamodules.multi_domain.faces import DrawnDataSet, face_attributes
from datamodules.multi_domain.masks import mask_files, without_masks
from datamodules.multi_domain.references import ReferencedBatches
from datamodules.multi_domain.sources import (
    DataSet,
    DataSetSource,
    FolderDataSet,
    LabelledImages,
    OnConflict,
)
from datamodules.public_sets.known import DOMAINS, root_of
from datamodules.public_sets.torchvision import celeba_files
from datamodules.streaming.packed import refuse_stream
from datamodules.transforms import LoadSize, MultiDomainKind, Preprocess

CELEBA_SIDE = 178  # pixels: the paper cuts this from the middle of 178x218


class MultiDomainImages(ImageDataModule):
    """Images of many domains with labels: your own, or drawn faces where none are given.

    A data set is one of these:

    * `root` with one sub-folder per domain, in `root/train` and `root/test` or `root/val`, or in `root`
          itself: labels are one-hot;
    * `name`, a public set;
    * `root` with images, and a `table` of their attributes: CelebA's list, or CSV with a header;
    * drawn faces with chosen attributes.

    Several at once, each with attributes of its own, are trained on in equal shares: `others`. A batch's mask
    then tells whose attributes an image's label knows.

    The label to translate an image to is that of another image of the same data set, so that it is always
    a possible one. Where a data set has no images to evaluate on, a share is held out by their names. Drawn
    faces come with the truth of every change. `predict` takes the images of `predict_dir` in their own sizes,
    or those held out.

    Known before anything is read: `channels`, `image_size`, `attributes` (names by data set), `exclusive`
    (groups of them) and `domains` (names, where the attributes are domains).

    Args:
        root: folder of images; None draws faces.
        name: a public set instead of a root: afhq, see `datamodules.public_sets.known.DOMAINS`; or celeba, as
            torchvision lays it out, with its table and, unless another one is given, centre_crop 178.
        table: table of their attributes, see `datamodules.multi_domain.tables.read_table`.
        attributes: names to select: columns of the table, sub-folders, or what to draw (see
            `datamodules.faces.attributes.ATTRIBUTES`); None takes all, and of drawn faces the colours of hair
            and skin.
        exclusive: groups of the table's attributes of which an image has at most one, such as colours of the
            hair. Sub-folders exclude each other anyway, and so do colours of drawn faces.
        centre_crop: side of the square that is cut from the middle of files before anything else, such as 178
            of CelebA's 178x218.
        others: further data sets, by root, table, attributes, exclusive and centre_crop.
        on_conflict: raise, or skip with one warning, images that have two attributes of an exclusive group.
        faces: style of the drawn faces; adventurer shows all attributes.
        faces_count: drawn faces per data set to train on.
        test_count: drawn faces per data set to evaluate on.
        size: side of the images in pixels as the network sees them.
        preprocess: resize_and_crop, scale_width, scale_width_and_crop, crop or none, as in the official
            programs of pix2pix; or resized_crop, as in that of StarGAN v2.
        load_size: side or width in pixels before a window is cut; by default size, as in the paper.
        flip: mirror every second training image, at random.
        batch_size: images per process and training batch.
        **reading: see `datamodules.reading.Reading`; and `predict_dir`, `tile` and `overlap`, see
            `ImageDataModule`.

    Raises:
        FileNotFoundError: a folder or a table is missing, or a folder has no images.
        ValueError: an argument is out of its range, an unknown attribute, a domain of one image, or an image
            with two attributes that exclude each other.
    """

    batch_type = MultiDomainBatch
    own_kinds = ("resized_crop",)
    references: bool = False
    """Whether training batches are of domains in equal shares, with two pictures of each target's domain.

    A model that learns from these sets it."""
    masks: bool = False
    """Whether batches have the masks beside images, see `datamodules.multi_domain.masks`; set likewise."""

    def __init__(
        self,
        root: str | None = None,
        name: str | None = None,
        table: str | None = None,
        attributes: list[str] | None = None,
        exclusive: list[list[str]] | None = None,
        centre_crop: int | None = None,
        others: list[DataSet] | None = None,
        on_conflict: OnConflict = "raise",
        faces: str = "adventurer",
        faces_count: int = 1000,
        test_count: int = 200,
        size: int = 128,
        preprocess: MultiDomainKind = "resize_and_crop",
        load_size: LoadSize | None = None,
        flip: bool = True,
        batch_size: int = 16,
        **reading: Any,
    ) -> None:
        super().__init__(
            preprocess=Preprocess(preprocess, size, load_size or "size", flip),
            batch_size=batch_size,
            **reading,
        )
        at_least("faces_count", faces_count, 1)
        at_least("test_count", test_count, 1)
        at_least("centre_crop", centre_crop, 1)
        if on_conflict not in get_args(OnConflict):
            raise ValueError(f"on_conflict: {on_conflict!r} is unknown; raise and skip are.")
        if name == "celeba" and root is None and table is None:
            data_dir, download = self.reading.data_dir, self.reading.download
            root, table = celeba_files(data_dir, download, quick_start="stargan")
            centre_crop = centre_crop or CELEBA_SIDE
        else:
            folders = {"root": root, "table": table}
            root = root_of(name, DOMAINS, self.reading, folders, quick_start="stargan")
        refuse_stream(root, type(self).__name__)
        data_sets = [DataSet(root, table, attributes, exclusive, centre_crop), *(others or [])]
        read = partial(
            FolderDataSet, preprocess=self.preprocess, reading=self.reading, on_conflict=on_conflict
        )
        draw = partial(
            DrawnDataSet,
            style=faces,
            count=faces_count,
            test_count=test_count,
            preprocess=self.preprocess,
            channels=self.reading.channels or 3,
        )
        self._sources = _open(data_sets, read, draw)
        known = [source.attributes for source in self._sources]
        self._attributes = Attributes(
            [one.flat for one in known], [group for one in known for group in one.exclusive]
        )
        self.channels = max(source.channels for source in self._sources)
        for source in self._sources:
            source.channels = self.channels

    @property
    def attributes(self) -> list[list[str]]:
        """Names of the attributes, by data set."""
        return [list(names) for names in self._attributes.names]

    @property
    def exclusive(self) -> list[list[str]]:
        """Groups of attributes that exclude each other."""
        return [list(group) for group in self._attributes.exclusive]

    @property
    def domains(self) -> list[str] | None:
        """Names of the domains; None where there are several data sets, or attributes that go together."""
        if len(self._sources) > 1 or not self._attributes.all_exclusive(0):
            return None
        return self._attributes.flat

    def found(self) -> list[Found]:
        """Return what was found of each domain, or of each data set that has none."""
        found: list[Found] = []
        for number, source in enumerate(self._sources):
            read = (self._training[number], self._held_out[number]) if self.reading.skips else None
            found += source.found(read)
        return found

    def draw(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk; nothing where images come from files."""
        for source in self._sources:
            if isinstance(source, DrawnDataSet):
                source.training(False) if split == "train" else source.held_out(False)

    @cached_property
    def _training(self) -> list[LabelledImages]:
        return [source.training(self.masks) for source in self._sources]

    @cached_property
    def _held_out(self) -> list[LabelledImages]:
        return [source.held_out(self.masks) for source in self._sources]

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `MultiDomainBatch`, in another order and with other targets each epoch."""
        kind = ReferencedBatches if self.references else TrainingBatches
        batches = kind(self._training, self._attributes, self.preprocess, self.seed)
        return self.training_loader(batches, len(batches))

    def val_dataloader(self) -> ResumableLoader:
        """Every held-out image exactly once."""
        return self.evaluation_loader(self._evaluation(), [held.images for held in self._held_out])

    def test_dataloader(self) -> ResumableLoader:
        """Every held-out image exactly once."""
        return self.val_dataloader()

    def predict_dataloader(self) -> ResumableLoader:
        """Batches of `PredictBatch`: the images of `predict_dir`, or the held-out ones of the first set."""
        return self.prediction_loader(
            self._first_images, self.channels, masks=self._masks_of if self.masks else None
        )

    def _masks_of(self, images: ImageSet) -> ImageSet | None:
        """Return the masks of images that `predict` takes: as large as these, or cut as those held out."""
        return self._held_out[0].masks if self._predict_folder is None else mask_files(images)

    def to_predict(self, found: Listing) -> Listing:
        """Return the images in the folder of `predict` that are no masks of others."""
        return without_masks(found)

    def _first_images(self) -> ImageSet:
        return self._held_out[0].images

    def _evaluation(self, *, same_size: bool = False) -> EvaluationBatches:
        return EvaluationBatches(
            self._held_out, self._attributes, self.channels, self.preprocess.size, same_size=same_size
        )

    def preview(self, count: int) -> MultiDomainBatch:
        """Return the same few held-out images every time, for sample grids; works without a trainer.

        Args:
            count: number of images over all data sets, evenly spaced; fewer where there are fewer.

        Returns:
            A batch on the CPU, of whole images; made square where their sizes differ.
        """
        share = -(-count // len(self._sources))
        rows = [evenly_spaced(len(held.images), share) for held in self._held_out]
        return self._evaluation(same_size=True)[rows].finish()


def _open(
    data_sets: Sequence[DataSet], read: Callable[..., FolderDataSet], draw: Callable[..., DrawnDataSet]
) -> list[DataSetSource]:
    """Return where each data set comes from; drawn faces of all sets have the attributes of each."""
    drawn = {
        number: face_attributes(one.attributes) for number, one in enumerate(data_sets) if one.root is None
    }
    everywhere = [name for attributes in drawn.values() for name in attributes.flat]
    return [
        draw(drawn[number], everywhere, number) if number in drawn else read(one)
        for number, one in enumerate(data_sets)
    ]
