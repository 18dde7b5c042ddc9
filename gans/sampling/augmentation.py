"""What is done to images, real and fake alike, before the discriminator sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

BRIGHTNESS = 0.5  # the paper's strengths; images are in [-1, 1]
SATURATION = (0.0, 2.0)
CONTRAST = (0.5, 1.5)
TRANSLATION = 1 / 8  # of a side
CUTOUT = 1 / 2  # of a side


class DiffAugment:
    """Augments images by differentiable functions, drawn anew for each image and at every call.

    With few training images the discriminator learns them by heart. Augmenting the real ones alone would
    teach the generator to make augmented images; here fakes go through the same functions in both players'
    turns, and the generator's gradient goes back through them. The draws come from torch's global generator.

    Paper: Zhao et al. 2020, arXiv:2006.10738.

    Args:
        policies: which functions, applied in this order, of `color` (brightness, saturation and contrast),
            `translation` (up to an eighth of a side, zeros where nothing came from) and `cutout` (zeros in a
            square of half a side). Of images without colours `color` leaves the saturation.

    Shape:
        called with (N, C, H, W) in [-1, 1], any C, H and W; returns the same, which with `color` may exceed
        [-1, 1].

    Raises:
        ValueError: if a policy is unknown.
    """

    def __init__(self, policies: Sequence[str]) -> None:
        for name in policies:
            if name not in _POLICIES:
                raise ValueError(
                    f"unknown policy {name!r} of DiffAugment: choose from {', '.join(_POLICIES)}"
                )
        self.policies = tuple(policies)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the images (N, C, H, W), each augmented in its own way."""
        for name in self.policies:
            images = _POLICIES[name](images)
        return images


def instance_noise(images: Tensor, std: float) -> Tensor:
    """Add normal noise to images (N, C, H, W), so that real and fake ones overlap while they are far apart.

    Papers: Sønderby et al. 2017, arXiv:1610.04490; Arjovsky & Bottou 2017, arXiv:1701.04862.

    Args:
        images: in [-1, 1]; they leave this range.
        std: standard deviation of the noise, from 0; usually it fades during the training.

    Raises:
        ValueError: if `std` is negative.
    """
    if std < 0:
        raise ValueError(f"the standard deviation of instance noise must be 0 or more, got {std}")
    return images + std * torch.randn_like(images)


def _color(images: Tensor) -> Tensor:
    """Shift each image, then scale its distance from its own grey and from its mean."""
    images = images + _uniform(images, -BRIGHTNESS, BRIGHTNESS)
    images = torch.lerp(images.mean(1, keepdim=True), images, _uniform(images, *SATURATION))
    return torch.lerp(images.mean((1, 2, 3), keepdim=True), images, _uniform(images, *CONTRAST))


def _uniform(images: Tensor, low: float, high: float) -> Tensor:
    """Draw a number in [low, high) for each image, (N, 1, 1, 1)."""
    shares = torch.rand(len(images), 1, 1, 1, dtype=images.dtype, device=images.device)
    return low + (high - low) * shares


def _translation(images: Tensor) -> Tensor:
    """Move each image by whole pixels, vertically and horizontally."""
    return _moved(_moved(images, axis=2), axis=3)


def _moved(images: Tensor, axis: int) -> Tensor:
    count, length = len(images), images.shape[axis]
    reach = round(TRANSLATION * length)
    shifts = torch.randint(-reach, reach + 1, (count, 1), device=images.device)
    sources = torch.arange(length, device=images.device) - shifts
    nowhere = (sources < 0) | (sources >= length)
    along = (count, 1, length, 1) if axis == 2 else (count, 1, 1, length)
    places = sources.clamp(0, length - 1).view(along).expand_as(images)
    return images.gather(axis, places).masked_fill(nowhere.view(along), 0)


def _cutout(images: Tensor) -> Tensor:
    """Hide a square of each image, whose middle may be anywhere: at the border less of it is seen.

    Were all of it to lie inside, it would hide the middle of nearly every image.
    """
    rows = _covered(images, axis=2)[:, None, :, None]
    columns = _covered(images, axis=3)[:, None, None, :]
    return images.masked_fill(rows & columns, 0)


def _covered(images: Tensor, axis: int) -> Tensor:
    """Say which rows or columns of each image the square lies in, (N, length)."""
    length = images.shape[axis]
    side = round(CUTOUT * length)
    first_start, last_start = -(side // 2), length - (side + 1) // 2
    starts = torch.randint(first_start, last_start + 1, (len(images), 1), device=images.device)
    places = torch.arange(length, device=images.device)
    return (starts <= places) & (places < starts + side)


_POLICIES: dict[str, Callable[[Tensor], Tensor]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
