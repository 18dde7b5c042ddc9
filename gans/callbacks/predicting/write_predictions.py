"""Pictures of `predict`, under the names of their inputs."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

from datamodules.base import ImageDataModule
from datamodules.files.formats.common import Array
from datamodules.files.slice_names import slice_of, whole_name
from datamodules.files.value_range import from_unit
from datamodules.files.writers import EIGHT_BIT, Encoding, Origin, Target, encoding_of, target_of
from datamodules.listing import holds
from datamodules.prediction.batches import PROBE_NAME, PredictBatch
from datamodules.prediction.tiles import Reach, Tile, Tiling
from gans.callbacks.predicting.blending import Blend
from gans.callbacks.predicting.companions import Companions
from gans.callbacks.predicting.output_names import OutputName, as_it_is, key_of, output_names
from gans.callbacks.predicting.reach import try_out
from gans.callbacks.predicting.volumes import Assemblies, files_by_whole
from gans.callbacks.terminal import notice
from gans.files import clear_partial, written_whole
from gans.pictures.grey import grey
from gans.pictures.lanczos import resized, sides_of
from gans.protocol import Predictions, keeps_form, scale_of


class WritePredictions(BasePredictionWriter):
    """Writes every predicted picture into the run folder, in the format of its input where that can hold it.

    `portraits/ann.jpg` becomes FOLDER/portraits/ann.jpg; a name without a known suffix, and a picture with
    transparency under a name like that, become .png. No two pictures get one name, see
    `gans.callbacks.predicting.output_names`. Images of `predict_dir` keep depth and range of values
    too: 16-bit PNG, float32 TIFF, NumPy, DICOM and NIfTI come back as such.
    Tiles are blended into the picture of what they were cut from, see `gans.callbacks.predicting.blending`.
    Models that enlarge keep grey images grey, and transparent ones transparent.

    Args:
        skip_existing: leave out the images of `predict_dir` of which all pictures are there already, so that
            a command that was stopped goes on when it is repeated. Pictures are there as a whole or not at
            all. Their checkpoint is not looked at.
        also_copy: folder with a file for every image of `predict_dir`, of the same name but for the suffix,
            such as masks; they are copied to OUTPUT/NAME-OF-THE-FOLDER under the names of the pictures. They
            are copied as they are: where the model makes pictures larger than their images, masks would not
            lie on them any more, and nothing is copied.
        suffix: comes behind the name of each picture, before its format: `_x4` makes ann.jpg ann_x4.jpg.
        outscale: pictures are so many times as high and wide as their images, whatever the model's scale:
            when it has made them, they are resized by `gans.pictures.lanczos`. None leaves them as made.

    Raises:
        FileNotFoundError: the folder is missing, or (before any image is read) a file in it.
        ValueError: if the suffix has a slash, or the scale is not above 0; before any image is read, if files
            are to be copied beside larger pictures.
    """

    def __init__(
        self,
        skip_existing: bool = False,
        also_copy: str | None = None,
        suffix: str = "",
        outscale: float | None = None,
    ) -> None:
        super().__init__("batch")
        if "/" in suffix or "\0" in suffix:
            raise ValueError(f"write_predictions.suffix is {suffix!r}: it is a part of a name, without /.")
        if outscale is not None and not 0 < outscale < inf:
            raise ValueError(
                f"write_predictions.outscale is {outscale}: it is a number above 0, such as 3.5."
            )
        self.skip_existing, self.suffix, self.outscale = skip_existing, suffix, outscale
        self._companions = Companions(also_copy) if also_copy else None
        self.folder = Path()
        """Where the pictures go."""
        self._written: set[Path] = set()
        self._names: dict[str, OutputName] = {}
        self._files: dict[str, list[str]] = {}  # of images and volumes, by their names
        self._folder = Path()  # what these are relative to
        self._volumes = Assemblies()
        self._prefixes: defaultdict[str, list[str]] = defaultdict(list)
        self._inputs: str | None = None  # the folder of the images, if the pictures go to one above it
        self._module: Any = None
        self._tried: tuple[Reach, list[str]] | None = None
        self._blends: dict[str, tuple[Blend, Target]] = {}
        self._began = 0.0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Let the data module ask which images are to be predicted, and how far the model sees."""
        data = getattr(trainer, "datamodule", None)
        if stage == "predict" and data is not None and hasattr(data, "taker"):
            self.folder, self._module = Path(trainer.default_root_dir), pl_module
            data.taker = self

    def announce(self, names: Sequence[str], folder: Path | None) -> None:
        """Choose the names of the pictures, such that no two are one."""
        self._folder = folder or Path()
        self._files = files_by_whole(names, folder)
        self._names = output_names([file for files in self._files.values() for file in files], self.suffix)
        self._prefixes.clear()
        real = os.path.realpath(folder) if folder else None
        self._inputs = real if real and holds(os.path.realpath(self.folder), real) else None

    def reach(self, probe: PredictBatch) -> Reach:
        """Return how far the model sees, tried with one image."""
        return self._try_out(probe)[0]

    @property
    def backwards(self) -> bool:
        """Whether a model of two domains translates images of B, to A."""
        return bool(self._module.hparams.get("direction") == "B2A")

    @property
    def channels(self) -> int | None:
        """Channels of the images that the model translates; None where it does not say."""
        arguments = self._module.hparams
        names = ("channels", "channels_in", "channels_B" if self.backwards else "channels_A")
        return next((arguments[name] for name in names if name in arguments), None)

    @property
    def keeps_alpha(self) -> bool:
        """Whether the model takes transparency as a further channel, of images that have it."""
        return keeps_form(self._module)

    def pending(self, probe: PredictBatch, names: Sequence[str]) -> list[str]:
        """Return which of the images are to be predicted, having looked for what goes along with them.

        Raises:
            FileNotFoundError: an image has no file in the folder `also_copy`.
            ValueError: the files there are as large as the images, and the pictures are not.
        """
        if not self.skip_existing and not self._companions:
            return list(names)
        prefixes = [pattern.removesuffix(PROBE_NAME) for pattern in self._try_out(probe)[1]]
        if self._companions:
            self._companions.check(
                {whole_name(name): self._files[whole_name(name)] for name in names},
                self.outscale or scale_of(self._module),
            )
            self._companions.keep_apart(
                self._named(f"{prefix}{name}", name).same for prefix in prefixes for name in self._names
            )
        if not self.skip_existing:
            return list(names)
        made = {
            whole: [
                self._named(f"{prefix}{file}", file) for file in self._files[whole] for prefix in prefixes
            ]
            for whole in dict.fromkeys(map(whole_name, names))
        }
        left = {
            whole: pictures
            for whole, pictures in made.items()
            if not all(self._is_there(picture) for picture in pictures)
        }
        clear_partial(self.folder, self._files_of(left))
        if len(left) < len(made):
            notice(f"{len(made) - len(left)} of {len(made)} images have their pictures in {self.folder}.")
        return [name for name in names if whole_name(name) in left]

    def _try_out(self, probe: PredictBatch) -> tuple[Reach, list[str]]:
        if self._tried is None:
            self._tried = try_out(self._module, probe)
        return self._tried

    def _named(self, name: str, source: str) -> OutputName:
        """Return what a picture is called.

        Args:
            name: that the model gave it: that of its image, or one that ends in it.
            source: name of its image.
        """
        known = self._names.get(source)
        if known is None or not name.endswith(source):
            return as_it_is(name)
        prefix = name.removesuffix(source)
        alike = self._prefixes[key_of(prefix)]  # such as Black/ and black/, in the order of the model
        if prefix not in alike:
            alike.append(prefix)
        number = alike.index(prefix) + 1
        return known.below(prefix if number == 1 else f"{prefix.rstrip('/')}-{number}/")

    def _is_there(self, picture: OutputName) -> bool:
        """Whether a picture exists, in whatever format."""
        return any((self.folder / name).is_file() for name in picture.possible())

    def _files_of(self, made: Mapping[str, Sequence[OutputName]]) -> Iterator[Path]:
        """Yield the files that may be written for images, given the pictures' names by the images' names."""
        for name, pictures in made.items():
            for possible in (possible for picture in pictures for possible in picture.possible()):
                yield self.folder / possible
                if self._companions:
                    yield from self._companions.copies(name, possible, self.folder).values()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began = time.monotonic()
        self._written.clear()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Say how many pictures all processes wrote, and how fast; those too that had no image to predict."""
        if stage != "predict":
            return
        count = torch.tensor(float(len(self._written)), device=trainer.strategy.root_device)
        total = float(trainer.strategy.reduce(count, reduce_op="sum"))
        for name in self._volumes.unfinished:
            notice(f"{name} was not written: some of its slices could not be read, or were left out.")
        if total:
            seconds = max(time.monotonic() - self._began, 1e-3)
            notice(f"\n{total:.0f} pictures in {seconds:.1f} s: {total / seconds:.3g} per second.")

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Any,
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Write the pictures of one batch, or those of which it has the last tile.

        Raises:
            TypeError: if the variant's `predict_step` returns something other than `Predictions`.
            ValueError: if tiles come back in another size than the variant's scale says.
        """
        if not isinstance(prediction, Predictions):
            raise TypeError(
                f"{type(pl_module).__name__}.predict_step returned {type(prediction).__name__}, but pictures "
                "are written from gans.protocol.Predictions."
            )
        self.folder, self._module = Path(trainer.default_root_dir), pl_module
        data = getattr(trainer, "datamodule", None)
        sources = prediction.sources or prediction.names
        for row, (image, name) in enumerate(zip(prediction.images, prediction.names, strict=True)):
            origin = data.origin(sources[row]) if isinstance(data, ImageDataModule) else None
            if isinstance(batch, PredictBatch) and batch.tiling is not None and batch.tiles:
                scale = _kept_scale(pl_module, batch.images, prediction.images)
                tile = batch.tiles[row % len(batch.tiles)].enlarged(scale)
                self._blend(image, name, sources[row], tile, batch.tiling.enlarged(scale), origin)
            else:
                target = self._target(origin)
                self._write(to_pixels(image, target), name, sources[row], target)

    def _blend(
        self, image: Tensor, name: str, source: str, tile: Tile, tiling: Tiling, origin: Origin | None
    ) -> None:
        """Add a tile of a picture to it, and write that if it was the last."""
        if name not in self._blends:
            target = self._target(origin)
            blend = Blend(tiling, tile.height, tile.width, partial(to_pixels, target=target))
            self._blends[name] = blend, target
        blend, target = self._blends[name]
        blend.add(image, tile)
        if tile == tiling.tiles(tile.height, tile.width)[-1]:
            del self._blends[name]
            pixels, seams = blend.finish()
            self._write(pixels, name, source, target)
            if slice_of(source):
                return
            notice(
                f"{name}: the largest step between lines is {seams.overlaps:.2f} of 255 where tiles meet, "
                f"and {seams.inside:.2f} elsewhere."
            )

    def _target(self, origin: Origin | None) -> Target:
        """Return how a picture of the model is to be written."""
        target = target_of(origin)
        return target._replace(grey=target.channels == 1 and keeps_form(self._module))

    def _write(self, pixels: Array, name: str, source: str, target: Target) -> None:
        """Write a picture; that of a slice once it is the last one of its volume, which is written then.

        Raises:
            ValueError: as `_save`; or a slice does not fit into its volume.
        """
        pixels = self._in_its_size(pixels)
        if target.source is not None and slice_of(source):
            prefix, whole = name.removesuffix(source), whole_name(source)
            made = self._volumes.add(prefix + whole, target.source, pixels)
            if self._companions and len(made) > 1:
                self._companions.copy(whole, prefix + whole, self.folder)
            for file, write in made.items():
                file_name = file.relative_to(self._folder).as_posix()
                self._save(Encoding(write, prefix + file_name), prefix + file_name, file_name)
        else:
            self._save(encoding_of(pixels, name, target), name, source)

    def _save(self, encoding: Encoding, name: str, source: str) -> None:
        """Save what was made of a file, after what goes along with it.

        Args:
            encoding: how it is written.
            name: that was asked for.
            source: name of the file.

        Raises:
            ValueError: it would go outside of the folder, among the images, or to where another one went.
        """
        chosen = self._named(name, source).encoded(name, encoding.name)
        path = self.folder / chosen
        if self._inputs is not None and holds(self._inputs, os.path.realpath(path)):
            raise ValueError(
                f"The picture {path} would be written among the images that are predicted. Choose another "
                "folder with --output."
            )
        if path in self._written:
            raise ValueError(f"Two pictures would be written to {path}: rename the image {source}.")
        if self._companions:
            self._companions.copy(source, chosen, self.folder)
        save(encoding, self.folder, chosen)
        self._written.add(path)

    def _in_its_size(self, pixels: Array) -> Array:
        """Return a picture (H, W, C) of the model in the size that is asked for."""
        scale = scale_of(self._module)
        if self.outscale is None or self.outscale == scale:
            return pixels
        return resized(pixels, *sides_of(pixels.shape[:2], scale, self.outscale))


def _kept_scale(variant: Any, images: Tensor, pictures: Tensor) -> int:
    """Return the scale of a variant, having looked whether it kept to it.

    Args:
        variant: which made the pictures.
        images: (N, C, h, w) to be translated.
        pictures: (M, K, scale * h, scale * w).

    Raises:
        ValueError: if the pictures have another size.
    """
    scale = scale_of(variant)
    (height, width), (made_height, made_width) = images.shape[2:], pictures.shape[2:]
    if (made_height, made_width) != (scale * height, scale * width):
        raise ValueError(
            f"{type(variant).__name__} made {made_width}x{made_height} pixels of a tile of {width}x{height}, "
            f"and its scale is {scale}: tiles cannot be put together. Leave out data.tile, or correct the "
            "attribute scale of the model."
        )
    return scale


def save_image(image: Tensor, folder: Path, name: str, target: Target = EIGHT_BIT) -> Path:
    """Save one image (C, H, W) in [-1, 1], by default with 8 bits per channel, and return its path.

    Args:
        image: grey, RGB or RGBA; any other number of channels is saved as a TIFF without colours.
        folder: where it goes; folders in `name` are made below it.
        name: file name of the input, from which the format is taken.
        target: type and range of the values, and the file that this one is to be like.

    Raises:
        ValueError: if the name leads out of the folder.
    """
    encoding = encoding_of(to_pixels(image, target), name, target)
    return save(encoding, folder, encoding.name)


def save(encoding: Encoding, folder: Path, name: str) -> Path:
    """Write a picture to a file of this name in a folder, and return its path.

    Raises:
        ValueError: if the name leads out of the folder.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"The picture {name} would be written outside of {folder}.")
    with written_whole(path) as file:
        encoding.write(file)
    return path


def to_pixels(image: Tensor, target: Target = EIGHT_BIT) -> Array:
    """Turn an image (C, H, W) in [-1, 1], or rows of one, into values (H, W, C) of the target's type."""
    shown = image.detach().float().cpu()
    if target.grey and len(shown) == 3:
        shown = grey(shown)
    values = shown.permute(1, 2, 0).numpy()
    return from_unit(values, target.bounds, target.dtype)
