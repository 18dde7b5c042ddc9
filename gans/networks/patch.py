"""Discriminators that score patches of an image, and the one that scores the whole of it."""

from __future__ import annotations

from torch import Tensor, nn

from gans.networks.antialiasing import AntialiasedDownsample, Downsampling
from gans.networks.norms import Norm, needs_bias, norm_layer

RECEPTIVE_FIELDS = (1, 16, 34, 70, 142, 286)  # side of the patch in pixels, by number of layers
WIDEST = 8  # channels double with each layer up to this multiple of the width


class PatchDiscriminator(nn.Module):
    """One score for each overlapping patch of the image: the PatchGAN.

    `layers` convolutions that halve the resolution and two that do not, all 4x4 with LeakyReLU 0.2, give
    patches of 16, 34, 70, 142 and 286 pixels for 1 to 5 layers (a fifth more with filters); 0 layers is the
    pixel discriminator of three 1x1 convolutions. Scores are raw: the objective applies what they need. A
    condition (pix2pix) is given as further channels of the input.

    Paper: Isola et al. 2017, arXiv:1611.07004; 70x70 is its default and CycleGAN's.

    Args:
        channels: channels of the input, of image and condition together.
        width: channels after the first convolution; doubled by each layer up to eight times.
        layers: number of halvings, 0 to 5; `layers_for_patch` finds it from the size of the patch.
        norm: normalisation after all convolutions but the first and the last.
        downsampling: `strided` convolutions as in the paper, or `antialiased`: of stride 1, then a filter, as
            in CUT.

    Shape:
        (N, channels, H, W) in [-1, 1] to (N, 1, h, w), where h is H // 2^layers - 2 (H for 0 layers), w
        likewise.

    Raises:
        ValueError: if `layers` is not in 0 to 5, `channels` or `width` is under 1, or in forward if the image
            is smaller than `smallest_size`.
    """

    def __init__(
        self,
        channels: int,
        width: int = 64,
        layers: int = 3,
        norm: Norm = "instance",
        downsampling: Downsampling = "strided",
    ) -> None:
        super().__init__()
        if min(channels, width) < 1:
            raise ValueError(
                f"channels and width of a discriminator must be 1 or more, got {channels} and {width}"
            )
        if not 0 <= layers < len(RECEPTIVE_FIELDS):
            raise ValueError(f"layers must be 0 to {len(RECEPTIVE_FIELDS) - 1}, got {layers}")
        self.smallest_size = 3 * 2**layers if layers else 1
        if layers:
            self.stages = nn.Sequential(*_patch_stages(channels, width, layers, norm, downsampling))
        else:
            self.stages = nn.Sequential(*_pixel_stages(channels, width, norm))

    def forward(self, images: Tensor) -> Tensor:
        """Score the patches of (N, channels, H, W): (N, 1, h, w), higher means more real."""
        _refuse_smaller(images, self.smallest_size, "take fewer layers (a smaller patch) or larger images")
        scores: Tensor = self.stages(images)
        return scores


class ImageDiscriminator(nn.Module):
    """One score for the whole image.

    Stride-2 convolutions down to a side of 4 to 7 pixels, then one convolution over all of it, so that every
    pixel of an image of `image_size` bears on the one score. A larger image gets a map of scores.

    Papers: DCGAN (Radford et al. 2016, arXiv:1511.06434) for the form; pix2pix calls its 286-pixel patch,
    which covers a 256-pixel image, the ImageGAN.

    Args:
        channels: channels of the input, of image and condition together.
        image_size: height and width of the images in pixels, at least 8.
        width: channels after the first convolution; doubled by each layer up to eight times.
        norm: normalisation after all convolutions but the first and the last.

    Shape:
        (N, channels, image_size, image_size) in [-1, 1] to (N, 1, 1, 1).

    Raises:
        ValueError: if `image_size` is under 8, or in forward if an image is smaller than `image_size`.
    """

    def __init__(self, channels: int, image_size: int, width: int = 64, norm: Norm = "instance") -> None:
        super().__init__()
        if image_size < 8:
            raise ValueError(
                f"a whole-image discriminator takes an image_size of 8 or more, got {image_size}"
            )
        self.image_size = image_size
        halvings = image_size.bit_length() - 3  # leaves 4 to 7 pixels
        features = width * min(2 ** (halvings - 1), WIDEST)
        self.stages = nn.Sequential(
            *_halving(channels, width, halvings, norm),
            nn.Conv2d(features, 1, kernel_size=image_size >> halvings),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Score (N, channels, image_size, image_size): (N, 1, 1, 1), higher means more real."""
        _refuse_smaller(images, self.image_size, "build it with their size as image_size")
        scores: Tensor = self.stages(images)
        return scores


def layers_for_patch(patch: int) -> int:
    """Return the number of layers whose patch has this side in pixels: `layers_for_patch(70)` is 3.

    Raises:
        ValueError: if no discriminator has this receptive field.
    """
    if patch not in RECEPTIVE_FIELDS:
        known = ", ".join(str(size) for size in RECEPTIVE_FIELDS)
        raise ValueError(f"no discriminator sees patches of {patch} pixels: choose from {known}")
    return RECEPTIVE_FIELDS.index(patch)


def _halving(
    channels: int, width: int, layers: int, norm: Norm, downsampling: Downsampling = "strided"
) -> list[nn.Module]:
    """Halve the resolution `layers` times; the first convolution is not normalised."""
    filtered = downsampling == "antialiased"
    stride = 1 if filtered else 2
    stages: list[nn.Module] = [
        nn.Conv2d(channels, width, 4, stride=stride, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
        *([AntialiasedDownsample(width)] if filtered else []),
    ]
    for layer in range(1, layers):
        features = width * min(2 ** (layer - 1), WIDEST)
        wider = width * min(2**layer, WIDEST)
        stages += [
            nn.Conv2d(features, wider, 4, stride=stride, padding=1, bias=needs_bias(norm)),
            norm_layer(norm, wider),
            nn.LeakyReLU(0.2, inplace=True),
            *([AntialiasedDownsample(wider)] if filtered else []),
        ]
    return stages


def _patch_stages(
    channels: int, width: int, layers: int, norm: Norm, downsampling: Downsampling
) -> list[nn.Module]:
    """Layers that halve, then two that do not."""
    features = width * min(2 ** (layers - 1), WIDEST)
    wider = width * min(2**layers, WIDEST)
    return [
        *_halving(channels, width, layers, norm, downsampling),
        nn.Conv2d(features, wider, 4, padding=1, bias=needs_bias(norm)),
        norm_layer(norm, wider),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(wider, 1, 4, padding=1),
    ]


def _pixel_stages(channels: int, width: int, norm: Norm) -> list[nn.Module]:
    """Three 1x1 convolutions."""
    bias = needs_bias(norm)
    return [
        nn.Conv2d(channels, width, 1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width, 2 * width, 1, bias=bias),
        norm_layer(norm, 2 * width),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(2 * width, 1, 1, bias=bias),  # the official one follows the norm's rule even here
    ]


def _refuse_smaller(images: Tensor, smallest: int, advice: str) -> None:
    height, width = images.shape[-2:]
    if min(height, width) < smallest:
        raise ValueError(
            f"this discriminator needs images of at least {smallest}x{smallest} pixels, "
            f"got {height}x{width}: {advice}"
        )
