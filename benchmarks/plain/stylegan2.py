"""StyleGAN2, its networks and its step as its authors order them: eager, float32, no tricks."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from benchmarks.plain.networks import low_pass
from benchmarks.plain.steps import Losses

Normal = Callable[..., Tensor]  # draws a tensor of a shape
ROOT = math.sqrt(0.5)


def activated(x: Tensor) -> Tensor:
    """Return LeakyReLU times sqrt(2)."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def blurred(x: Tensor, padding: int, stride: int = 1, gain: float = 1.0) -> Tensor:
    """Filter every channel by 1 3 3 1 with zeros outside."""
    kernel = low_pass([1.0, 3.0, 3.0, 1.0], x.shape[1]).to(x) * gain
    return F.conv2d(F.pad(x, [padding] * 4), kernel, stride=stride, groups=x.shape[1])


def doubled(x: Tensor) -> Tensor:
    """Put a zero after every pixel, then filter: (N, C, 2H, 2W)."""
    count, channels, height, width = x.shape
    spread = F.pad(x.reshape(count, channels, height, 1, width, 1), [0, 1, 0, 0, 0, 1])
    spread = F.pad(spread.reshape(count, channels, 2 * height, 2 * width), [2, 1, 2, 1])
    return blurred(spread, 0, gain=4)


class Linear(nn.Module):
    """A linear layer whose weights are scaled when they are used."""

    def __init__(
        self, features: int, to: int, active: bool = False, rate: float = 1.0, start: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(to, features) / rate)
        self.bias = nn.Parameter(torch.full([to], start))
        self.active, self.rate = active, rate

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, to)."""
        weight = self.weight * (self.rate / math.sqrt(self.weight.shape[1]))
        made = F.linear(x, weight, self.bias * self.rate)
        return activated(made) if self.active else made


class Convolution(nn.Module):
    """A convolution whose weights are scaled when they are used; may halve the size under a filter."""

    def __init__(self, channels: int, to: int, side: int, halves: bool = False, active: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(to, channels, side, side))
        self.bias = nn.Parameter(torch.zeros(to)) if active else None
        self.halves, self.side = halves, side

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, to, H, W), or half of both sides."""
        weight = self.weight / math.sqrt(self.weight[0].numel())
        if self.halves and self.side == 1:
            return F.conv2d(blurred(x, 1, stride=2), weight)
        if self.halves:
            made = F.conv2d(blurred(x, 2), weight, stride=2)
        else:
            made = F.conv2d(x, weight, padding=self.side // 2)
        return made if self.bias is None else activated(made + self.bias[:, None, None])


class Styled(nn.Module):
    """A modulated 3x3 convolution with noise; may double the size."""

    def __init__(self, channels: int, to: int, w_dim: int, doubles: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(to, channels, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(to))
        self.affine = Linear(w_dim, channels, start=1.0)
        self.doubles = doubles

    def forward(self, x: Tensor, w: Tensor, normal: Normal) -> Tensor:
        """Return (N, to, H, W), or twice both sides."""
        style = self.affine(w)
        weights = self.weight[None] * style[:, None, :, None, None]
        demodulation = (weights.square().sum((2, 3, 4)) + 1e-8).rsqrt()
        x = x * style[:, :, None, None]
        if self.doubles:
            x = blurred(F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2), 1, gain=4)
        else:
            x = F.conv2d(x, self.weight, padding=1)
        noise = normal(len(x), 1, *x.shape[2:]) * self.noise_strength
        return activated(x * demodulation[:, :, None, None] + noise + self.bias[:, None, None])


class ToImage(nn.Module):
    """A modulated 1x1 convolution to 3 channels."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.affine = Linear(w_dim, channels, start=1.0)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Return (N, 3, H, W)."""
        style = self.affine(w) / math.sqrt(self.weight.shape[1])
        return F.conv2d(x * style[:, :, None, None], self.weight) + self.bias[:, None, None]


class Generator(nn.Module):
    """Mapping and synthesis; channels from 4x4 pixels up."""

    w_avg: Tensor

    def __init__(self, z_dim: int, w_dim: int, layers: int, channels: list[int]) -> None:
        super().__init__()
        self.const = nn.Parameter(torch.randn(channels[0], 4, 4))
        self.blocks = nn.ModuleList([nn.ModuleList([Styled(channels[0], channels[0], w_dim, False)])])
        for before, after in pairwise(channels):
            self.blocks.append(
                nn.ModuleList([Styled(before, after, w_dim, True), Styled(after, after, w_dim, False)])
            )
        self.to_image = nn.ModuleList([ToImage(width, w_dim) for width in channels])
        self.mapping = nn.Sequential(
            *(Linear(width, w_dim, True, 0.01) for width in [z_dim, *[w_dim] * (layers - 1)])
        )
        self.num_ws = 2 * len(channels)
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def ws(self, z: Tensor, moves_mean: bool = True) -> Tensor:
        """Return w of every layer, (N, num_ws, w_dim)."""
        w: Tensor = self.mapping(z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt())
        if moves_mean:
            self.w_avg.copy_(w.detach().mean(0).lerp(self.w_avg, 0.995))
        return w.unsqueeze(1).repeat(1, self.num_ws, 1)

    def synthesis(self, ws: Tensor, normal: Normal) -> Tensor:
        """Return images (N, 3, H, W)."""
        x = self.const.unsqueeze(0).repeat(len(ws), 1, 1, 1)
        image: Tensor | None = None
        index = 0
        for block, to_image in zip(self.blocks, self.to_image, strict=True):
            assert isinstance(block, nn.ModuleList)
            for layer in block:
                x, index = layer(x, ws[:, index], normal), index + 1
            added = to_image(x, ws[:, index])
            image = added if image is None else doubled(image) + added
        assert image is not None
        return image


class Halving(nn.Module):
    """A residual block of the discriminator."""

    def __init__(self, channels: int, to: int) -> None:
        super().__init__()
        self.conv0 = Convolution(channels, channels, 3)
        self.conv1 = Convolution(channels, to, 3, halves=True)
        self.skip = Convolution(channels, to, 1, halves=True, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, to, H/2, W/2)."""
        past: Tensor = self.skip(x) * ROOT
        made: Tensor = self.conv1(self.conv0(x)) * ROOT + past
        return made


class Discriminator(nn.Module):
    """Channels from 4x4 pixels up; groups of so many images for the deviation of a batch."""

    def __init__(self, channels: list[int], group: int) -> None:
        super().__init__()
        self.from_image = Convolution(3, channels[-1], 1)
        self.blocks = nn.Sequential(*(Halving(*pair) for pair in pairwise(channels[::-1])))
        deepest = channels[0]
        self.conv = Convolution(deepest + 1, deepest, 3)
        self.fc, self.out = Linear(16 * deepest, deepest, True), Linear(deepest, 1)
        self.group = group

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (N, 1)."""
        x = self.blocks(self.from_image(images))
        groups = x.reshape(min(self.group, len(x)), -1, *x.shape[1:])
        deviation = ((groups - groups.mean(0)).square().mean(0) + 1e-8).sqrt().mean((1, 2, 3))
        deviation = deviation.reshape(-1, 1, 1, 1).repeat(len(groups), 1, 4, 4)
        scores: Tensor = self.out(self.fc(self.conv(torch.cat([x, deviation], 1)).flatten(1)))
        return scores


class StyleGAN2:
    """StyleGAN2 without classes and augmentation, of 3 channels.

    Args:
        side: of the images.
        z_dim: numbers in a latent.
        w_dim: numbers in w.
        base: channels of a map times its side.
        most: channels of any map.
        group: images over which the deviation is measured.
        G_every: steps between path lengths.
        D_every: steps between R1.
        gamma: of R1.
        ema: images in which the average loses half of its past.
        rampup: at most this share of the images seen.
        normal: draws a normal tensor of a shape.
        integer: draws a number from low to high.
        uniform: draws a number.
    """

    def __init__(
        self,
        side: int = 32,
        z_dim: int = 512,
        w_dim: int = 512,
        base: int = 16384,
        most: int = 512,
        group: int = 4,
        G_every: int = 4,
        D_every: int = 16,
        gamma: float = 0.0256,
        ema: float = 2500.0,
        rampup: float = 0.05,
        normal: Normal = torch.randn,
        integer: Callable[[int, int], int] = lambda low, high: int(torch.randint(low, high + 1, ())),
        uniform: Callable[[], float] = lambda: float(torch.rand(())),
    ) -> None:
        channels = [min(base // 2**level, most) for level in range(2, side.bit_length())]
        self.G, self.G_ema = (Generator(z_dim, w_dim, 2, channels) for _ in range(2))
        self.G_ema.load_state_dict(self.G.state_dict())
        self.D = Discriminator(channels, group)
        self.optimizer_G, self.optimizer_D = _adam(self.G, G_every), _adam(self.D, D_every)
        self.z_dim, self.every, self.gamma = z_dim, (G_every, D_every), gamma
        self.ema, self.rampup = ema, rampup
        self.normal, self.integer, self.uniform = normal, integer, uniform
        self.pl_mean: Tensor | float = 0.0
        self.steps = self.seen = 0

    def step(self, real: Tensor) -> Losses:
        """Train once on images (N, 3, H, W)."""
        z = self.normal(4 * len(real), self.z_dim).split(len(real))
        _trainable(self.D, False)
        losses = {"Gmain: Loss/G/loss": F.softplus(-self.D(self._images(z[0]))).mean()}
        self._update(self.optimizer_G, losses["Gmain: Loss/G/loss"])
        if self.steps % self.every[0] == 0:
            losses["Greg: Loss/G/reg"] = self._path_length(z[1][: len(real) // 2], real.shape[2:].numel())
            self._update(self.optimizer_G, losses["Greg: Loss/G/reg"] * self.every[0])
        _trainable(self.D, True)
        _trainable(self.G, False)
        fake = F.softplus(self.D(self._images(z[2]))).mean()
        self.optimizer_D.zero_grad()
        fake.backward()
        recognised = F.softplus(-self.D(real)).mean()
        recognised.backward()
        self.optimizer_D.step()
        losses["Dmain: Loss/D/loss"] = fake + recognised
        if self.steps % self.every[1] == 0:
            losses["Dreg: Loss/D/reg"] = self._r1(real)
            self._update(self.optimizer_D, losses["Dreg: Loss/D/reg"] * self.every[1])
        _trainable(self.G, True)
        self._follow(len(real))
        return losses

    def _images(self, z: Tensor) -> Tensor:
        return self.G.synthesis(self._mixed(z), self.normal)

    def _mixed(self, z: Tensor) -> Tensor:
        ws = self.G.ws(z)
        layer = self.integer(1, self.G.num_ws - 1)
        layer = layer if self.uniform() < 0.9 else self.G.num_ws
        other = self.G.ws(self.normal(*z.shape), moves_mean=False)
        return torch.cat([ws[:, :layer], other[:, layer:]], 1)

    def _path_length(self, z: Tensor, pixels: int) -> Tensor:
        ws = self._mixed(z)
        images = self.G.synthesis(ws, self.normal)
        direction = self.normal(*images.shape) / math.sqrt(pixels)
        (gradient,) = torch.autograd.grad((images * direction).sum(), ws, create_graph=True)
        lengths = gradient.square().sum(2).mean(1).sqrt()
        mean = self.pl_mean + 0.01 * (lengths.mean() - self.pl_mean)
        self.pl_mean = mean.detach()
        penalty: Tensor = (images[:, 0, 0, 0] * 0 + 2 * (lengths - mean).square()).mean()
        return penalty

    def _r1(self, real: Tensor) -> Tensor:
        real = real.detach().requires_grad_(True)
        scores = self.D(real)
        (gradient,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
        slopes = gradient.square().sum((1, 2, 3))
        penalty: Tensor = (scores[:, 0] * 0 + self.gamma / 2 * slopes).mean()
        return penalty

    def _update(self, optimizer: Adam, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def _follow(self, images: int) -> None:
        kept = 0.5 ** (images / max(min(self.ema, self.rampup * self.seen), 1e-8))
        for average, current in zip(self.G_ema.parameters(), self.G.parameters(), strict=True):
            average.copy_(current.lerp(average, kept))
        self.G_ema.w_avg.copy_(self.G.w_avg)
        self.steps, self.seen = self.steps + 1, self.seen + images


def _adam(network: nn.Module, every: int) -> Adam:
    share = every / (every + 1)
    return Adam(network.parameters(), 0.0025 * share, betas=(0.0, 0.99**share))


def _trainable(network: nn.Module, trainable: bool) -> None:
    for parameter in network.parameters():
        parameter.requires_grad_(trainable)
