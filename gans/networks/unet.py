"""The U-Net generator of pix2pix, and the same network without skips."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gans.networks.norms import Norm, needs_bias, norm_layer
from gans.networks.padding import crop_to, pad_to_multiple

WIDEST = 8  # channels double with each stage up to this multiple of the width
PAPER_DEPTH = 8
DROPPED = 3  # up stages with dropout, counted from the innermost


class UNetGenerator(nn.Module):
    """Image to image by an encoder and a decoder of the same depth, joined at every resolution.

    `depth` stride-2 convolutions down and as many transposed ones up, 4x4, LeakyReLU 0.2 down and ReLU up,
    tanh at the end; each up stage but the innermost sees the features of its own resolution beside what comes
    from below. Fully convolutional: images of any size pass, those whose sides are no multiples of 2^depth
    padded by reflection and cropped back.

    Dropout is 0.5 after the three innermost up stages, as in the paper; the later PyTorch code of the authors
    drops after the second to fourth. It is plain `nn.Dropout`: for the paper's noise at test time, put those
    modules into training mode.

    Paper: Isola et al. 2017, arXiv:1611.07004, where depth is 8 at 256x256.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        image_size: side in pixels of the images of training; bounds the depth. Other sizes pass too.
        width: channels after the first convolution; doubled by each stage up to eight times.
        depth: number of halvings; None takes as many as the image size allows, at most the paper's 8.
        norm: normalisation after all convolutions but the first, the innermost and the last.
        dropout: whether the inner up stages drop half of their features.
        skips: False leaves out the joints: the encoder-decoder of the paper's ablation.

    Shape:
        (N, channels_in, H, W) in [-1, 1] to (N, channels_out, H, W) in (-1, 1).

    Raises:
        ValueError: if the image cannot be halved `depth` times, or `norm` is unknown.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        image_size: int = 256,
        width: int = 64,
        depth: int | None = None,
        norm: Norm = "batch",
        dropout: bool = True,
        skips: bool = True,
    ) -> None:
        super().__init__()
        self.skips = skips
        self.depth = depth = _checked_depth(depth, image_size)
        widths = [width * min(2**stage, WIDEST) for stage in range(depth)]
        self.down = nn.ModuleList([nn.Conv2d(channels_in, width, 4, 2, 1, bias=needs_bias(norm))])
        for stage in range(1, depth):
            normed = stage < depth - 1  # a single pixel has no statistics
            self.down.append(_down(widths[stage - 1], widths[stage], norm, normed))
        self.up = nn.ModuleList()
        for stage in reversed(range(1, depth)):
            innermost = stage == depth - 1
            features = widths[stage] * (2 if skips and not innermost else 1)
            dropped = dropout and depth - 1 - stage < DROPPED
            self.up.append(_up(features, widths[stage - 1], norm, dropped))
        features = width * (2 if skips and depth > 1 else 1)
        self.up.append(
            nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(features, channels_out, 4, 2, 1), nn.Tanh())
        )

    def forward(self, images: Tensor) -> Tensor:
        """Translate (N, channels_in, H, W) to (N, channels_out, H, W)."""
        features = pad_to_multiple(images, 2**self.depth)
        beside = []
        for down in self.down:
            features = down(features)
            beside.append(features)
        beside.pop()  # the innermost goes up directly
        for up in self.up:
            features = up(features)
            if self.skips and beside:
                features = torch.cat([beside.pop(), features], dim=1)
        return crop_to(features, like=images)


def _checked_depth(depth: int | None, image_size: int) -> int:
    """Return the depth, by default the number of times that the image can be halved, at most the paper's."""
    if image_size < 2:
        raise ValueError(f"image_size must be at least 2 pixels, got {image_size}")
    if depth is None:
        return min(image_size.bit_length() - 1, PAPER_DEPTH)
    deepest = (image_size - 1).bit_length()
    if not 1 <= depth <= deepest:
        raise ValueError(
            f"a U-Net of depth {depth} does not fit images of {image_size} pixels: "
            f"take 1 to {deepest}, or leave depth out"
        )
    return depth


def _down(channels_in: int, channels_out: int, norm: Norm, normed: bool) -> nn.Sequential:
    """Halve the resolution."""
    layers = [
        nn.LeakyReLU(0.2),  # not in place: the skip keeps what enters
        nn.Conv2d(channels_in, channels_out, 4, 2, 1, bias=needs_bias(norm)),
    ]
    return nn.Sequential(*layers, *([norm_layer(norm, channels_out)] if normed else []))


def _up(channels_in: int, channels_out: int, norm: Norm, dropped: bool) -> nn.Sequential:
    """Double the resolution."""
    return nn.Sequential(
        nn.ReLU(),
        nn.ConvTranspose2d(channels_in, channels_out, 4, 2, 1, bias=needs_bias(norm)),
        norm_layer(norm, channels_out),
        *([nn.Dropout(0.5)] if dropped else []),
    )
