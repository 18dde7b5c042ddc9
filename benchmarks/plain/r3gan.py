"""R3GAN, its networks and its step as its authors order them: eager, float32, no tricks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from benchmarks.plain.networks import low_pass
from benchmarks.plain.steps import Losses


class Activation(nn.Module):
    """Adds a bias to each channel; LeakyReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the same shape."""
        return F.leaky_relu(x + self.bias[:, None, None], 0.2)


class Block(nn.Module):
    """A residual block of so many channels, damped by the number of blocks of its network."""

    def __init__(self, channels: int, group_width: int, of: int) -> None:
        super().__init__()
        inner, gain = 2 * channels, math.sqrt(2 / 1.04) * of**-0.25
        self.first = convolution(channels, inner, gain)
        self.second = convolution(inner, inner, gain, side=3, groups=inner // group_width)
        self.third = convolution(inner, channels, 0.0)
        self.activation_1, self.activation_2 = Activation(inner), Activation(inner)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the same shape."""
        made: Tensor = x + self.third(self.activation_2(self.second(self.activation_1(self.first(x)))))
        return made


class Resampling(nn.Module):
    """Halves or doubles height and width by 1 3 3 1 with zeros outside, and changes the channels."""

    kernel: Tensor

    def __init__(self, channels: int, to: int, up: bool) -> None:
        super().__init__()
        self.up = up
        filtered = to if up else channels
        kernel = low_pass([1.0, 3.0, 3.0, 1.0], filtered) * (4 if up else 1)
        self.register_buffer("kernel", kernel, persistent=False)
        self.change = nn.Identity() if channels == to else convolution(channels, to)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, to, 2 H, 2 W), or (N, to, H / 2, W / 2)."""
        filters: dict[str, Any] = {"stride": 2, "padding": 1, "groups": len(self.kernel)}
        if self.up:
            return F.conv_transpose2d(self.change(x), self.kernel, **filters)
        changed: Tensor = self.change(F.conv2d(x, self.kernel, **filters))
        return changed


class Start(nn.Module):
    """A learnt 4x4 map, scaled by a linear layer of the latent."""

    def __init__(self, latent_size: int, channels: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(channels, 4, 4))
        self.linear = linear(latent_size, channels)

    def forward(self, latents: Tensor) -> Tensor:
        """Return (N, channels, 4, 4) of latents (N, latent_size)."""
        made: Tensor = self.basis * self.linear(latents)[:, :, None, None]
        return made


def convolution(channels: int, to: int, gain: float = 1.0, side: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a convolution without bias that keeps height and width."""
    made = nn.Conv2d(channels, to, side, padding=side // 2, groups=groups, bias=False)
    nn.init.normal_(made.weight, 0.0, gain / math.sqrt(made.weight[0].numel()))
    return made


def linear(features: int, to: int) -> nn.Linear:
    """Return a linear layer without bias."""
    made = nn.Linear(features, to, bias=False)
    nn.init.normal_(made.weight, 0.0, 1 / math.sqrt(features))
    return made


def generator(
    latent_size: int, widths: Sequence[int], blocks: Sequence[int], group_width: int
) -> nn.Sequential:
    """Return the generator of images of 3 channels; widths and blocks from 4x4 pixels up."""
    layers: list[nn.Module] = []
    for number, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        layers.append(Resampling(widths[number - 1], width, True) if number else Start(latent_size, width))
        layers += [Block(width, group_width, sum(blocks)) for _ in range(count)]
    return nn.Sequential(*layers, convolution(widths[-1], 3))


def discriminator(widths: Sequence[int], blocks: Sequence[int], group_width: int) -> nn.Sequential:
    """Return the discriminator of images of 3 channels; widths and blocks from 4x4 pixels up."""
    layers: list[nn.Module] = [convolution(3, widths[-1])]
    for number in reversed(range(len(widths))):
        layers += [Block(widths[number], group_width, sum(blocks)) for _ in range(blocks[number])]
        if number:
            layers.append(Resampling(widths[number], widths[number - 1], False))
    deepest = widths[0]
    weigh = nn.Conv2d(deepest, deepest, 4, groups=deepest, bias=False)
    nn.init.normal_(weigh.weight, 0.0, 1 / 4)
    return nn.Sequential(*layers, weigh, nn.Flatten(), linear(deepest, 1), nn.Flatten(0))


class R3GAN:
    """R3GAN without classes and augmentation.

    Args:
        latent_size: numbers in a latent.
        widths: channels of each stage, from 4x4 pixels up.
        blocks: residual blocks of each stage.
        group_width: inner channels that a group of a 3x3 convolution sees.
        decay: images over which rate, beta2, gamma and averages move.
        gamma: at the start.
        ema: images over which the average loses half of its past, at the end.
    """

    def __init__(
        self,
        latent_size: int = 64,
        widths: Sequence[int] = (768, 768, 768, 768),
        blocks: Sequence[int] = (2, 2, 2, 2),
        group_width: int = 16,
        decay: float = 2e7,
        gamma: float = 2.0,
        ema: float = 5e5,
    ) -> None:
        self.G = generator(latent_size, widths, blocks, group_width)
        self.D = discriminator(widths, blocks, group_width)
        self.G_ema = generator(latent_size, widths, blocks, group_width)
        self.G_ema.load_state_dict(self.G.state_dict())
        self.optimizer_G, self.optimizer_D = Adam(self.G.parameters()), Adam(self.D.parameters())
        self.decay, self.gamma, self.ema = decay, gamma, ema
        self.seen = 0

    def step(self, real_D: Tensor, real_G: Tensor, latents_D: Tensor, latents_G: Tensor) -> Losses:
        """Train once on images (N, 3, H, W) and latents (N, latent_size) of either player."""
        self._set_optimizers()
        losses = self._discriminator_step(real_D, latents_D)
        for parameter in self.D.parameters():
            parameter.requires_grad_(False)
        self.optimizer_G.zero_grad()
        fake = self.D(self.G(latents_G))
        losses["G: Loss/G/loss"] = F.softplus(self.D(real_G) - fake).mean()
        losses["G: Loss/G/loss"].backward()
        self.optimizer_G.step()
        for parameter in self.D.parameters():
            parameter.requires_grad_(True)
        self._follow(len(real_D))
        return losses

    def _discriminator_step(self, real: Tensor, latents: Tensor) -> Losses:
        self.optimizer_D.zero_grad()
        real = real.detach().requires_grad_(True)
        with torch.no_grad():
            fake = self.G(latents)
        fake = fake.requires_grad_(True)
        real_scores, fake_scores = self.D(real), self.D(fake)
        r1, r2 = _squared_slope(real_scores, real), _squared_slope(fake_scores, fake)
        loss = F.softplus(fake_scores - real_scores)
        total = (loss + self._moved(self.gamma, self.gamma / 10) / 2 * (r1 + r2)).mean()
        total.backward()
        self.optimizer_D.step()
        return {
            "D: Loss/D/loss": loss.mean(),
            "D: Loss/r1_penalty": r1.mean(),
            "D: Loss/r2_penalty": r2.mean(),
            "(not printed) D: total": total,
        }

    def _moved(self, begin: float, end: float) -> float:
        share = (1 - math.cos(math.pi * min(1.0, self.seen / self.decay))) / 2
        return begin + share * (end - begin)

    def _set_optimizers(self) -> None:
        for optimizer in (self.optimizer_G, self.optimizer_D):
            for group in optimizer.param_groups:
                group["lr"], group["betas"] = self._moved(2e-4, 5e-5), (0.0, self._moved(0.9, 0.99))

    @torch.no_grad()
    def _follow(self, images: int) -> None:
        kept = 0.5 ** (images / max(self._moved(0.0, self.ema), 1e-8))
        for average, current in zip(self.G_ema.parameters(), self.G.parameters(), strict=True):
            average.copy_(current.lerp(average, kept))
        self.seen += images


def _squared_slope(scores: Tensor, images: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum((1, 2, 3))
