"""The official preprocessing in two halves: images are resized one by one, the rest is batched on the device.

Images are tensors (C, H, W), batches (N, C, H, W): uint8, or float32 in [-1, 1] for images deeper than 8 bit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as VF

PreprocessKind = Literal["resize_and_crop", "scale_width", "scale_width_and_crop", "crop", "none"]
UnpairedKind = Literal[
    "resize_and_crop", "scale_width", "scale_width_and_crop", "crop", "none", "zoom_and_crop"
]
MultiDomainKind = Literal[
    "resize_and_crop", "scale_width", "scale_width_and_crop", "crop", "none", "resized_crop"
]
AnyKind = Literal[UnpairedKind, MultiDomainKind]
Side = int | tuple[int, int]
"""Of an image in pixels: one number, or height and width."""
LoadSize = int | str
"""Pixels, the word `size`, or a multiple of size written as a fraction, such as `76/64`."""
PAPER_SHARE = Fraction(286, 256)  # CycleGAN's and pix2pix's load size
SINGLE_IMAGE_SHARE = Fraction(1024, 64)  # that of CUT with one picture per domain
LEAST_ZOOM = 1 / 3
LEAST_AREA, WIDEST_SHAPE = 0.8, 1.1  # of StarGAN v2's windows: share of the picture, and width by height
WINDOW_DRAWS = 6
"""Random numbers that decide what is cut from an image."""
FRACTION = re.compile(r"(\d+)/([1-9]\d*)")


class Augmentation(NamedTuple):
    """What was drawn for a batch: each image's window (from `top`, `left`) and whether it is mirrored.

    `top` and `left` are int64 and `flip` is bool, all (N,); `height` and `width` of the window are common
    to all.
    """

    top: Tensor
    left: Tensor
    flip: Tensor
    height: int
    width: int

    def __call__(self, images: Tensor) -> Tensor:
        """Cut and mirror (N, C, H, W) to (N, C, height, width): one gather, no wait for the device."""
        samples, channels = images.shape[:2]
        device = images.device
        across = torch.arange(self.width, device=device).expand(samples, -1)
        rows = self.top[:, None] + torch.arange(self.height, device=device)
        columns = self.left[:, None] + torch.where(self.flip[:, None], across.flip(1), across)
        sample = torch.arange(samples, device=device)[:, None, None, None]
        channel = torch.arange(channels, device=device)[None, :, None, None]
        return images[sample, channel, rows[:, None, :, None], columns[:, None, None, :]]


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes what the network sees, as the options of the official CycleGAN and pix2pix say.

    * resize_and_crop: resized to load_size x load_size whatever its shape, then a random window of size x
          size;
    * scale_width: width becomes load_size, the shape is kept;
    * scale_width_and_crop: the same, then a random window;
    * crop: a random window of the image as it is;
    * none: the image as it is;
    * zoom_and_crop: width becomes load_size, the shape is kept, and of that picture, scaled once more along
          each axis by a random number between 1/3 and 1, a random window: what a model of one picture per
          domain learns from (SinCUT, arXiv:2007.15651). Evaluated is the whole picture in its load_size;
    * resized_crop: resized to load_size x load_size whatever its shape; then, in every second case at random,
          a random window of 0.8 to 1 of its area, whose sides differ by a factor of at most 1.1, is resized
          to size x size, and else the whole (StarGAN v2, arXiv:1912.01865). The authors' program draws
          windows larger than the picture again, here they end at its edges.

    Images that are not cut to a window get sides that are multiples of `multiple`, without which the
    networks would return another size. Evaluation never cuts: it takes `size` for load_size (but see
    zoom_and_crop) and whole images.

    Attributes:
        kind: one of the above.
        size: side of the window in pixels.
        load_size: side or width after resizing; the word `size` takes size, so that no window is cut, and a
            fraction such as `76/64` that multiple of it; None is `286/256` where a window is cut, `1024/64`
            where it is zoomed, else size, also for resized_crop.
        flip: mirror every second image in training, at random.
        multiple: sides of whole images are rounded to it.
        step: windows begin at multiples of it.
        windows_until: share of the epochs, the first ones, in which windows are cut; in the others images are
            treated as `whole` says.

    Raises:
        ValueError: an unknown kind, sizes that contradict each other, or windows that cannot end.
    """

    kind: AnyKind = "resize_and_crop"
    size: int = 256
    load_size: LoadSize | None = None
    flip: bool = True
    multiple: int = 4
    step: int = 1
    windows_until: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(AnyKind):
            raise ValueError(f"preprocess: {self.kind!r} is unknown; {', '.join(get_args(AnyKind))} are.")
        if isinstance(self.load_size, str) and self._share is None:
            raise ValueError(
                f"load_size: {self.load_size!r} is unknown; it is a number of pixels, the word size, or a "
                "fraction of size such as 76/64."
            )
        if self.size < 2:  # torch cannot resize to a single pixel
            raise ValueError(f"size: {self.size} must be at least 2 pixels.")
        if self.scales and self.crops and self.before_crop < self.size:
            raise ValueError(
                f"load_size: {self.before_crop} is smaller than size: {self.size}, the window cut from it. "
                "Leave it out, or give the word size for none."
            )
        if not 0 <= self.windows_until <= 1:
            raise ValueError(f"windows_until: {self.windows_until} is a share of the epochs, from 0 to 1.")
        if self.windows_until < 1 and self.kind != "resize_and_crop":
            raise ValueError(
                f"windows_until: {self.windows_until} needs images that have one size without windows: "
                f"choose preprocess: resize_and_crop instead of {self.kind}, or leave windows_until out."
            )

    @property
    def crops(self) -> bool:
        """Whether training cuts windows, all of which have one size."""
        return self.kind not in ("scale_width", "none")

    @property
    def zooms(self) -> bool:
        """Whether windows are cut in many sizes, and pictures evaluated in their load size."""
        return self.kind == "zoom_and_crop"

    @property
    def squares(self) -> bool:
        """Whether images become squares, whatever their shape."""
        return self.kind in ("resize_and_crop", "resized_crop")

    @property
    def ends_windows(self) -> bool:
        """Whether windows are cut in some epochs and not in others."""
        return 0 < self.windows_until < 1 and self.before_crop > self.size

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of the windows."""
        return self.size, self.size

    @property
    def whole(self) -> Preprocess:
        """How images are treated once windows have ended: resized to `size`, and mirrored."""
        return replace(self, load_size="size", windows_until=1.0)

    @property
    def scales(self) -> bool:
        """Whether images are resized before they are cut."""
        return self.kind not in ("crop", "none")

    @property
    def before_crop(self) -> int:
        """Load size in pixels: what was given, or as much larger than the window as in the papers."""
        if isinstance(self.load_size, int):
            return self.load_size
        shares = {"zoom_and_crop": SINGLE_IMAGE_SHARE, "resized_crop": Fraction(1)}
        usual = shares.get(self.kind, PAPER_SHARE if self.crops else Fraction(1))
        return round(self.size * (self._share or usual))

    @property
    def evaluated(self) -> int:
        """Side or width in pixels of the images that are evaluated on."""
        return self._rounded(self.before_crop) if self.zooms else self.size

    @property
    def _share(self) -> Fraction | None:
        """Load size as a multiple of size, if it was given as one."""
        if self.load_size == "size":
            return Fraction(1)
        written = FRACTION.fullmatch(str(self.load_size))
        return Fraction(int(written[1]), int(written[2])) if written else None

    def for_training(self, image: Tensor) -> Tensor:
        """Resize (C, H, W) to what windows are cut from.

        Raises:
            ValueError: the image is smaller than the window.
        """
        return self._resize(image, self.before_crop, whole=not self.crops)

    def for_evaluation(self, image: Tensor) -> Tensor:
        """Resize (C, H, W) to what the network sees, without cutting."""
        return self._resize(image, self.evaluated, whole=True)

    def _resize(self, image: Tensor, target: int, *, whole: bool) -> Tensor:
        height, width = image.shape[1:]
        if self.squares:
            height = width = target
        elif self.scales:
            # never lower than the window, as official
            height, width = max(round(target * height / width), self.size), target
        if whole and not self.squares:
            height, width = self._rounded(height), self._rounded(width)
        elif not whole and min(height, width) < self.size:
            raise ValueError(
                f"{width}x{height} pixels are too few for a window of {self.size}; "
                "choose a smaller size or preprocess: resize_and_crop"
            )
        return resize(image, height, width)

    def _rounded(self, side: int) -> int:
        return max(self.multiple, round(side / self.multiple) * self.multiple)

    def zoomed(self, images: Sequence[Tensor], draws: Tensor) -> list[Tensor]:
        """Return images to cut windows from: themselves, or where windows are cut in many sizes, these.

        A window of the scaled picture shows what a larger one of the picture shows, and is made by scaling
        that one alone: the same but for its outermost pixels, without scaling a large picture for each item.
        As in the authors' program no picture is scaled to less than the window; unlike there each item has
        a scale of its own, not each batch.

        Args:
            images: N images (C, H, W) as `for_training` left them.
            draws: (N, 5) uniform in [0, 1): for top and left, one that is for `augmentation`, and for the
                scales of height and width; of `resized_crop` (N, 6), for top and left, one that is for
                `augmentation`, for area and shape, and whether there is a window.

        Returns:
            N images, (C, size, size) where they were cut in many sizes.
        """
        if self.kind not in ("zoom_and_crop", "resized_crop"):
            return list(images)
        sides = torch.tensor([image.shape[1:] for image in images])
        windows = (self._zoomed if self.zooms else self._within)(sides, draws)
        corners = (draws[:, :2] * (sides - windows + 1)).long()
        return [
            resize(image[:, top : top + height, left : left + width], self.size, self.size)
            for image, (top, left), (height, width) in zip(
                images, corners.tolist(), windows.tolist(), strict=True
            )
        ]

    def _zoomed(self, sides: Tensor, draws: Tensor) -> Tensor:
        """Return heights and widths (N, 2) of the windows of pictures of these sides (N, 2)."""
        scales = 1 - (1 - LEAST_ZOOM) * draws[:, 3:]
        return (self.size / scales).round().long().minimum(sides)

    def _within(self, sides: Tensor, draws: Tensor) -> Tensor:
        """Return the same of windows that are nearly the whole, and in every second case are it."""
        share = LEAST_AREA + (1 - LEAST_AREA) * draws[:, 3]
        shape = WIDEST_SHAPE ** (2 * draws[:, 4] - 1)
        area = share * sides.prod(1)
        windows = torch.stack([area / shape, area * shape], dim=1).sqrt().round().long().minimum(sides)
        return torch.where(draws[:, 5:6] < 0.5, windows, sides)

    def stack(self, images: Sequence[Tensor], names: Sequence[str]) -> Tensor:
        """Stack images as `for_training` left them, so that an `augmentation` can be cut from them.

        Raises:
            ValueError: as `stack_equal`, where no windows are cut.
        """
        return stack_padded(images) if self.crops else stack_equal(images, names)

    def augmentation(self, images: Sequence[Tensor], draws: Tensor) -> Augmentation:
        """Turn random numbers into windows and mirrorings.

        Args:
            images: N images (C, H, W) as `for_training`, and `zoomed` where that is called, left them.
            draws: (N, 3 or more) uniform in [0, 1): for top, left and mirroring.
        """
        sides = torch.tensor([image.shape[1:] for image in images])
        window = torch.tensor(self.window) if self.crops else sides.amax(0)
        corner = (draws[:, :2] * ((sides - window) // self.step + 1)).long() * self.step
        flip = draws[:, 2] < 0.5 if self.flip else torch.zeros(len(images), dtype=torch.bool)
        return Augmentation(corner[:, 0], corner[:, 1], flip, int(window[0]), int(window[1]))


def unchanged(image: Tensor) -> Tensor:
    """Return the image; for where one is to be resized in other cases."""
    return image


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """Resize (C, H, W) of any channel count with an antialiased bicubic filter, within the values' range."""
    if image.shape[1:] == (height, width):
        return image
    resized: Tensor = VF.resize(
        image, [height, width], interpolation=InterpolationMode.BICUBIC, antialias=True
    )
    return resized.clamp(-1, 1) if resized.is_floating_point() else resized  # bicubic filters overshoot


def stack_padded(images: Sequence[Tensor]) -> Tensor:
    """Stack images of any sizes, the smaller ones padded below and at the right, outside any window."""
    height, width = (max(image.shape[side] for image in images) for side in (1, 2))
    padded = [F.pad(image, (0, width - image.shape[2], 0, height - image.shape[1])) for image in images]
    return torch.stack(one_type(padded))


def stack_equal(images: Sequence[Tensor], names: Sequence[str]) -> Tensor:
    """Stack whole images.

    Raises:
        ValueError: their sizes differ; names two of them.
    """
    for image, name in zip(images, names, strict=True):
        if image.shape != images[0].shape:
            first, other = (f"{picture.shape[2]}x{picture.shape[1]}" for picture in (images[0], image))
            raise ValueError(
                f"{names[0]} ({first}) and {name} ({other}) cannot share a batch: set batch_size and "
                "eval_batch_size to 1, or preprocess to resize_and_crop."
            )
    return torch.stack(one_type(images))


def one_type(images: Sequence[Tensor]) -> list[Tensor]:
    """Bring 8-bit and deeper images to one range, [-1, 1], where there are both."""
    mixed = len({image.dtype for image in images}) > 1
    return [to_unit_range(image) for image in images] if mixed else list(images)


def to_unit_range(images: Tensor) -> Tensor:
    """Map uint8 to float32 in [-1, 1]; leave float32 as it is."""
    return images if images.is_floating_point() else images.float().div_(127.5).sub_(1.0)


def to_shares(masks: Tensor) -> Tensor:
    """Map masks in uint8, or in float32 in [-1, 1] where files are deeper, to float32 in [0, 1]."""
    return (masks + 1) / 2 if masks.is_floating_point() else masks.float() / 255
