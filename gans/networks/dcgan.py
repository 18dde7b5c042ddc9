"""The convolutional generator and discriminator of DCGAN."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, get_args

from torch import Tensor, nn

from gans.networks.conditioning import Projection, join_labels
from gans.networks.norms import Norm, needs_bias, norm_layer
from gans.networks.sizes import SMALLEST_MAP, doublings, refuse_other_size, refuse_under_one

Kernel = Literal[4, 5]

WIDEST = 8  # channels double with each halving of the resolution up to this multiple of the width


class DCGANGenerator(nn.Module):
    """Latents to images: a 4x4 map, then stride-2 transposed convolutions up to the size of the image.

    A norm and ReLU follow every layer but the last, which ends in tanh. From the image inwards, the
    layers have `width` channels, doubled by each up to eight times. At 64 pixels and with kernel 4 this is
    the network of PyTorch's DCGAN example; kernel 5 and width 128 make it the paper's. 32 pixels take three
    stride-2 layers, the smaller net for grey images; 128 and 256 take five and six.

    Paper: Radford et al. 2016, arXiv:1511.06434. With classes the latent is joined with the one-hot label
    (Mirza & Osindero 2014, arXiv:1411.1784).

    Args:
        latent_size: numbers in a latent.
        channels: channels of the images.
        image_size: height and width of the images in pixels, a power of two from 16.
        width: channels before the last layer.
        kernel: side of the stride-2 kernels, 4 or 5.
        classes: number of classes, 0 for a generator without condition.
        norm: `batch`, as in the paper; with the others no image depends on the rest of its batch.

    Shape:
        latents (N, latent_size), in training drawn from N(0, 1), and labels (N,) int64 to
        (N, channels, image_size, image_size) in (-1, 1).

    Raises:
        ValueError: if an argument is out of range, or in forward if there are classes and no labels.
    """

    def __init__(
        self,
        latent_size: int = 100,
        channels: int = 3,
        image_size: int = 64,
        width: int = 64,
        kernel: Kernel = 4,
        classes: int = 0,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        refuse_under_one(latent_size=latent_size, channels=channels, width=width)
        _refuse_kernel(kernel)
        self.classes = classes
        widths = _widths(width, image_size)[::-1]
        project = nn.ConvTranspose2d(latent_size + classes, widths[0], SMALLEST_MAP, bias=False)
        self.stages = nn.Sequential(project, norm_layer(norm, widths[0]), nn.ReLU(inplace=True))
        for features, narrower in pairwise(widths):
            enlarge = _doubling(features, narrower, kernel)
            self.stages.extend([enlarge, norm_layer(norm, narrower), nn.ReLU(inplace=True)])
        self.stages.extend([_doubling(width, channels, kernel), nn.Tanh()])

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Make images (N, channels, image_size, image_size) of latents (N, latent_size) and labels (N,)."""
        images: Tensor = self.stages(join_labels(latents, labels, self.classes)[..., None, None])
        return images


class DCGANDiscriminator(nn.Module):
    """Images to one raw score each: the generator mirrored.

    Stride-2 convolutions with LeakyReLU 0.2 down to a 4x4 map, no pooling and no hidden fully connected
    layer, then one convolution over the whole map. All but the first and the last are normalised. Without
    batch norm all of them have a bias. With more `outputs` it is an encoder.

    Paper: Radford et al. 2016, arXiv:1511.06434; the layers as in PyTorch's example. With classes the product
    of the features, summed over the map, with a vector of the class is added to the score
    (Miyato & Koyama 2018, arXiv:1802.05637).

    Args:
        channels: channels of the images.
        image_size: height and width of the images in pixels, a power of two from 16.
        width: channels after the first convolution; doubled by each up to eight times.
        kernel: side of the stride-2 kernels, 4 (PyTorch's example) or 5 (the paper).
        norm: `batch`, or for a gradient penalty, which takes each image by itself, `layer`, `instance` or
            `none`.
        classes: number of classes, 0 for a discriminator without condition.
        outputs: numbers that come out for each image.

    Shape:
        images (N, channels, image_size, image_size) in [-1, 1] and labels (N,) int64 to scores (N,), higher
        meaning more real; or to (N, outputs) if there are several.

    Raises:
        ValueError: if an argument is out of range, if there are both classes and several outputs, or in
            forward if the images are of another size, or there are classes and no labels.
    """

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 64,
        width: int = 64,
        kernel: Kernel = 4,
        norm: Norm = "batch",
        classes: int = 0,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        refuse_under_one(channels=channels, width=width, outputs=outputs)
        if classes and outputs > 1:
            raise ValueError(
                f"only a single score can depend on a class, got {outputs} outputs: set classes=0"
            )
        self.image_size = image_size
        self.stages = halving_stages(channels, image_size, width, kernel, norm)
        deepest = width_of_map(width, image_size)
        self.score = nn.Conv2d(deepest, outputs, SMALLEST_MAP, bias=needs_bias(norm))
        self.projection = Projection(deepest, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Score images (N, channels, image_size, image_size), of labels (N,): (N,), or (N, outputs)."""
        refuse_other_size(images, self.image_size)
        features = self.stages(images)
        scores: Tensor = self.score(features).flatten(1)
        if scores.shape[1] == 1:
            scores = scores.squeeze(1) + self.projection(features.sum((2, 3)), labels)
        return scores


def halving_stages(channels: int, image_size: int, width: int, kernel: Kernel, norm: Norm) -> nn.Sequential:
    """Return the discriminator's layers down to the 4x4 map.

    Args:
        channels: channels of the images.
        image_size: their edge in pixels, a power of two from 16.
        width: channels after the first convolution; doubled by each up to eight times.
        kernel: side of the stride-2 kernels, 4 or 5.
        norm: after all convolutions but the first.

    Shape:
        (N, channels, image_size, image_size) to (N, `width_of_map`, 4, 4).

    Raises:
        ValueError: if an argument is out of range.
    """
    refuse_under_one(channels=channels, width=width)
    _refuse_kernel(kernel)
    bias = needs_bias(norm)
    stages = nn.Sequential(_halving(channels, width, kernel, bias), nn.LeakyReLU(0.2, inplace=True))
    for features, wider in pairwise(_widths(width, image_size)):
        shrink = _halving(features, wider, kernel, bias)
        stages.extend([shrink, norm_layer(norm, wider), nn.LeakyReLU(0.2, inplace=True)])
    return stages


def width_of_map(width: int, image_size: int) -> int:
    """Return the channels of the 4x4 map of a network with `width` channels at the images' side."""
    return _widths(width, image_size)[-1]


def _widths(width: int, image_size: int) -> list[int]:
    """Return the channels at each resolution, from half the size of the image down to 4x4."""
    return [width * min(2**halving, WIDEST) for halving in range(doublings(image_size))]


def _doubling(channels_in: int, channels_out: int, kernel: int) -> nn.ConvTranspose2d:
    """Double the resolution; an odd kernel needs one more row and column for that."""
    padding = (kernel - 1) // 2
    return nn.ConvTranspose2d(
        channels_in, channels_out, kernel, stride=2, padding=padding, output_padding=kernel % 2, bias=False
    )


def _halving(channels_in: int, channels_out: int, kernel: int, bias: bool) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, stride=2, padding=(kernel - 1) // 2, bias=bias)


def _refuse_kernel(kernel: int) -> None:
    if kernel not in get_args(Kernel):
        raise ValueError(f"kernel is {kernel}: take 4, as PyTorch's example, or 5, as the paper")
