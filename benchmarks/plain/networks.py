"""The authors' networks, layer after layer, without anything of this framework."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Adds to its input what some layers make of it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus the layers' output, of the same shape."""
        made: Tensor = x + self.layers(x)
        return made


def low_pass(weights: list[float], channels: int) -> Tensor:
    """Return the outer product of the weights, of sum 1, for each channel: (channels, 1, K, K)."""
    kernel = torch.outer(torch.tensor(weights), torch.tensor(weights))
    return (kernel / kernel.sum()).repeat(channels, 1, 1, 1)


class Halving(nn.Module):
    """Filters every channel by 1 2 1 and leaves every second row and column out."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("kernel", low_pass([1.0, 2.0, 1.0], channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, H / 2, W / 2), rounded up."""
        padded = F.pad(x, (1, 1, 1, 1), "reflect")
        return F.conv2d(padded, self.kernel, stride=2, groups=len(self.kernel))


class Doubling(nn.Module):
    """Doubles rows and columns, filling in by 1 3 3 1."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("kernel", 4 * low_pass([1.0, 3.0, 3.0, 1.0], channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, 2 H, 2 W)."""
        padded = F.pad(x, (1, 1, 1, 1), "replicate")
        return F.conv_transpose2d(padded, self.kernel, stride=2, padding=3, groups=len(self.kernel))


def resnet_generator(width: int, blocks: int, filters: bool = False) -> nn.Sequential:
    """Return CycleGAN's generator of 3 channels with instance norm, or CUT's with its low-pass filters."""
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), nn.InstanceNorm2d(width), nn.ReLU(True)]
    for scale in (1, 2):
        inner = width * scale
        down = nn.Conv2d(inner, 2 * inner, 3, 1 if filters else 2, 1)
        layers += [down, nn.InstanceNorm2d(2 * inner), nn.ReLU(True)]
        layers += [Halving(2 * inner)] if filters else []
    deep = 4 * width
    for _ in range(blocks):
        first = [nn.ReflectionPad2d(1), nn.Conv2d(deep, deep, 3), nn.InstanceNorm2d(deep), nn.ReLU(True)]
        second = [nn.ReflectionPad2d(1), nn.Conv2d(deep, deep, 3), nn.InstanceNorm2d(deep)]
        layers.append(Residual(*first, *second))
    for scale in (4, 2):
        inner = width * scale // 2
        if filters:
            layers += [Doubling(2 * inner), nn.Conv2d(2 * inner, inner, 3, 1, 1)]
        else:
            layers.append(nn.ConvTranspose2d(2 * inner, inner, 3, 2, padding=1, output_padding=1))
        layers += [nn.InstanceNorm2d(inner), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def patch_discriminator(
    channels: int, width: int, norm: type[nn.Module], filters: bool = False
) -> nn.Sequential:
    """Return the 70-pixel PatchGAN, or CUT's, which halves by low-pass filters."""
    with_bias = norm is nn.InstanceNorm2d
    halved = 1 if filters else 2
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, halved, 1), nn.LeakyReLU(0.2, True)]
    for inner, outer, stride in ((1, 2, halved), (2, 4, halved), (4, 8, 1)):
        layers += [Halving(width * inner)] if filters else []
        layers.append(nn.Conv2d(width * inner, width * outer, 4, stride, 1, bias=with_bias))
        layers += [norm(width * outer), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


class Projection(nn.Module):
    """CUT's perceptrons, one for each of several feature maps of so many channels."""

    def __init__(self, channels: Iterable[int], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width)) for size in channels
        )

    def forward(self, rows: Iterable[Tensor]) -> list[Tensor]:
        """Return (N, P, width), of length 1, for the rows (N, P, C) of each feature map."""
        made = [layer(part) for layer, part in zip(self.layers, rows, strict=True)]
        return [vectors / (vectors.norm(dim=2, keepdim=True) + 1e-7) for vectors in made]


class _UNetLevel(nn.Module):
    """One level of a U-Net: down, the levels below, up, and beside its output its input."""

    def __init__(self, down: list[nn.Module], below: nn.Module | None, up: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*down, *([below] if below is not None else []), *up)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C + C', H, W): the input of C channels, and what was made of it."""
        return torch.cat([x, self.layers(x)], 1)


def unet_generator(width: int, depth: int, dropout: bool) -> nn.Sequential:
    """Return pix2pix's U-Net of 3 channels with batch norm and `depth` halvings."""
    channels = [width * min(2**level, 8) for level in range(depth)]
    inner = channels[-1]
    up = [nn.ReLU(True), nn.ConvTranspose2d(inner, inner, 4, 2, 1, bias=False), nn.BatchNorm2d(inner)]
    level = _UNetLevel([nn.LeakyReLU(0.2, True), nn.Conv2d(inner, inner, 4, 2, 1, bias=False)], None, up)
    for index in range(depth - 2, 0, -1):
        outer, inner = channels[index - 1], channels[index]
        down = [
            nn.LeakyReLU(0.2, True),
            nn.Conv2d(outer, inner, 4, 2, 1, bias=False),
            nn.BatchNorm2d(inner),
        ]
        up = [nn.ReLU(True), nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
        dropped: list[nn.Module] = [nn.Dropout(0.5)] if dropout and index >= 4 else []
        level = _UNetLevel(down, level, up + dropped)
    first = nn.Conv2d(3, width, 4, 2, 1, bias=False)
    return nn.Sequential(first, level, nn.ReLU(True), nn.ConvTranspose2d(2 * width, 3, 4, 2, 1), nn.Tanh())


class StarGANGenerator(nn.Module):
    """StarGAN's generator: labels tiled and joined to the image."""

    def __init__(self, width: int, attributes: int, blocks: int) -> None:
        super().__init__()

        def norm(channels: int) -> nn.Module:
            return nn.InstanceNorm2d(channels, affine=True, track_running_stats=True)

        layers = [nn.Conv2d(3 + attributes, width, 7, 1, 3, bias=False), norm(width), nn.ReLU(True)]
        for scale in (1, 2):
            inner = width * scale
            layers += [nn.Conv2d(inner, 2 * inner, 4, 2, 1, bias=False), norm(2 * inner), nn.ReLU(True)]
        deep = 4 * width
        for _ in range(blocks):
            first = [nn.Conv2d(deep, deep, 3, 1, 1, bias=False), norm(deep), nn.ReLU(True)]
            layers.append(Residual(*first, nn.Conv2d(deep, deep, 3, 1, 1, bias=False), norm(deep)))
        for scale in (4, 2):
            inner = width * scale // 2
            up = nn.ConvTranspose2d(2 * inner, inner, 4, 2, 1, bias=False)
            layers += [up, norm(inner), nn.ReLU(True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 3, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return images (N, 3, H, W) in the domains of the labels (N, attributes)."""
        tiled = labels[:, :, None, None].expand(-1, -1, *images.shape[2:])
        made: Tensor = self.layers(torch.cat([images, tiled], 1))
        return made


class StarGANDiscriminator(nn.Module):
    """StarGAN's discriminator with its two heads."""

    def __init__(self, image_size: int, width: int, attributes: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.01)]
        for level in range(1, depth):
            inner = width * 2 ** (level - 1)
            layers += [nn.Conv2d(inner, 2 * inner, 4, 2, 1), nn.LeakyReLU(0.01)]
        deep = width * 2 ** (depth - 1)
        self.layers = nn.Sequential(*layers)
        self.source = nn.Conv2d(deep, 1, 3, 1, 1, bias=False)
        self.labels = nn.Conv2d(deep, attributes, image_size // 2**depth, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the patches' scores (N, 1, h, w) and the label logits (N, attributes)."""
        features = self.layers(images)
        return self.source(features), self.labels(features).flatten(1)


def dcgan_generator(latent_size: int, width: int) -> nn.Sequential:
    """Return DCGAN's generator of 64-pixel images."""
    layers: list[nn.Module] = []
    inner, outer, step = latent_size, 8 * width, (1, 0)
    for _ in range(4):
        layers.append(nn.ConvTranspose2d(inner, outer, 4, *step, bias=False))
        layers += [nn.BatchNorm2d(outer), nn.ReLU(True)]
        inner, outer, step = outer, outer // 2, (2, 1)
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())


def dcgan_discriminator(width: int) -> nn.Sequential:
    """Return DCGAN's discriminator of 64-pixel images, ending in a sigmoid."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for inner in (width, 2 * width, 4 * width):
        layers.append(nn.Conv2d(inner, 2 * inner, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(2 * inner), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False), nn.Sigmoid())


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees all that is before it; a fifth of the last is added."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.growing = nn.ModuleList(
            nn.Conv2d(width + number * growth, growth, 3, 1, 1) for number in range(4)
        )
        self.last = nn.Conv2d(width + 4 * growth, width, 3, 1, 1)
        self.lrelu = nn.LeakyReLU(0.2, True)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape."""
        seen = [x]
        for convolution in self.growing:
            seen.append(self.lrelu(convolution(torch.cat(seen, 1))))
        made: Tensor = self.last(torch.cat(seen, 1)) * 0.2 + x
        return made


class Enlarging(nn.Module):
    """ESRGAN's generator: images (N, 3, H, W) four times as high and wide."""

    def __init__(self, width: int, blocks: int, growth: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, 1, 1)
        self.body = nn.ModuleList(
            nn.Sequential(*(DenseBlock(width, growth) for _ in range(3))) for _ in range(blocks)
        )
        self.after_body, self.up1, self.up2, self.hr = (nn.Conv2d(width, width, 3, 1, 1) for _ in range(4))
        self.last = nn.Conv2d(width, 3, 3, 1, 1)
        self.lrelu = nn.LeakyReLU(0.2, True)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 3, 4 H, 4 W)."""
        features = self.first(images)
        deep = features
        for block in self.body:
            deep = block(deep) * 0.2 + deep
        features = features + self.after_body(deep)
        for up in (self.up1, self.up2):
            features = self.lrelu(up(F.interpolate(features, scale_factor=2, mode="nearest")))
        made: Tensor = self.last(self.lrelu(self.hr(features)))
        return made


def vgg_discriminator(size: int, width: int) -> nn.Sequential:
    """Return ESRGAN's discriminator of square images of 128 pixels, or of another power of two from 16."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1), nn.LeakyReLU(0.2, True)]
    inner, outer = width, width
    for halving in range(size.bit_length() - 3):
        if halving:
            outer = min(2 * inner, 8 * width)
            layers += [nn.Conv2d(inner, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer)]
            layers.append(nn.LeakyReLU(0.2, True))
        layers += [
            nn.Conv2d(outer, outer, 4, 2, 1, bias=False),
            nn.BatchNorm2d(outer),
            nn.LeakyReLU(0.2, True),
        ]
        inner = outer
    layers += [nn.Flatten(), nn.Linear(16 * inner, 100), nn.LeakyReLU(0.2, True), nn.Linear(100, 1)]
    return nn.Sequential(*layers)
