"""StarGAN v2's networks and training step in plain PyTorch, without high-pass, as its authors order them."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

Losses = dict[str, Tensor]
WIDEST = 512


def _past(few: int, many: int) -> nn.Module:
    return nn.Identity() if few == many else nn.Conv2d(few, many, 1, bias=False)


class Down(nn.Module):
    """A residual block with or without norm, that may halve."""

    def __init__(self, few: int, many: int, norm: bool, halve: bool) -> None:
        super().__init__()
        self.halves = halve
        self.conv1, self.conv2 = nn.Conv2d(few, few, 3, 1, 1), nn.Conv2d(few, many, 3, 1, 1)
        norms = [nn.InstanceNorm2d(few, affine=True) if norm else nn.Identity() for _ in range(2)]
        self.norm1, self.norm2 = norms
        self.past = _past(few, many)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        inner, past = self.conv1(F.leaky_relu(self.norm1(x), 0.2)), self.past(x)
        if self.halves:
            inner, past = F.avg_pool2d(inner, 2), F.avg_pool2d(past, 2)
        both: Tensor = past + self.conv2(F.leaky_relu(self.norm2(inner), 0.2))
        return both / 2**0.5


class Styled(nn.Module):
    """Instance norm by a style."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.norm, self.fc = nn.InstanceNorm2d(channels), nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        """Normalise, scale and shift."""
        gamma, beta = self.fc(s)[:, :, None, None].chunk(2, 1)
        styled: Tensor = (1 + gamma) * self.norm(x) + beta
        return styled


class Up(nn.Module):
    """A residual block by a style, that may double."""

    def __init__(self, few: int, many: int, style: int, double: bool) -> None:
        super().__init__()
        self.doubles = double
        self.conv1, self.conv2 = nn.Conv2d(few, many, 3, 1, 1), nn.Conv2d(many, many, 3, 1, 1)
        self.norm1, self.norm2 = Styled(style, few), Styled(style, many)
        self.past = _past(few, many)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        """Return the sum of both ways."""
        inner, past = F.leaky_relu(self.norm1(x, s), 0.2), x
        if self.doubles:
            inner, past = F.interpolate(inner, scale_factor=2), F.interpolate(past, scale_factor=2)
        inner = self.conv2(F.leaky_relu(self.norm2(self.conv1(inner), s), 0.2))
        both: Tensor = self.past(past) + inner
        return both / 2**0.5


class Generator(nn.Module):
    """Image and style to image."""

    def __init__(self, size: int, style: int, width: int) -> None:
        super().__init__()
        halvings = size.bit_length() - 5
        widths = [min(width << level, WIDEST) for level in range(halvings + 1)]
        pairs = [*pairwise(widths), *[(widths[-1], widths[-1])] * 2]
        self.start = nn.Conv2d(3, width, 3, 1, 1)
        self.down = nn.ModuleList(Down(*pair, True, level < halvings) for level, pair in enumerate(pairs))
        turned = list(enumerate(pairs))[::-1]
        self.up = nn.ModuleList(Up(many, few, style, level < halvings) for level, (few, many) in turned)
        end = nn.InstanceNorm2d(width, affine=True), nn.LeakyReLU(0.2), nn.Conv2d(width, 3, 1)
        self.end = nn.Sequential(*end)

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        """Translate images (N, 3, H, W) into styles (N, S)."""
        x = self.start(x)
        for down in self.down:
            x = down(x)
        for up in self.up:
            x = up(x, s)
        made: Tensor = self.end(x)
        return made


def _trunk(size: int, width: int) -> tuple[list[nn.Module], int]:
    halvings = size.bit_length() - 3
    widths = [min(width << level, WIDEST) for level in range(halvings + 1)]
    blocks = [Down(few, many, False, True) for few, many in pairwise(widths)]
    last: list[nn.Module] = [nn.LeakyReLU(0.2), nn.Conv2d(widths[-1], widths[-1], 4), nn.LeakyReLU(0.2)]
    return [nn.Conv2d(3, width, 3, 1, 1), *blocks, *last], widths[-1]


class Heads(nn.Module):
    """Shared layers and a head for each domain, of which the label's is taken."""

    def __init__(self, shared: list[nn.Module], heads: list[nn.Module]) -> None:
        super().__init__()
        self.shared, self.heads = nn.Sequential(*shared), nn.ModuleList(heads)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return what the heads of labels (N,) say."""
        features = self.shared(x).flatten(1)
        every: Tensor = torch.stack([head(features) for head in self.heads], 1)
        return every[torch.arange(len(y)), y]


class Judge(nn.Module):
    """The discriminator: a score for each domain, of which the label's is taken."""

    def __init__(self, size: int, width: int, domains: int) -> None:
        super().__init__()
        layers, features = _trunk(size, width)
        self.main = nn.Sequential(*layers, nn.Conv2d(features, domains, 1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Score images (N, 3, H, W) in the domains of labels (N,)."""
        scores: Tensor = self.main(x).flatten(1)[torch.arange(len(y)), y]
        return scores


def _perceptron(entering: int, width: int, layers: int) -> list[nn.Module]:
    sizes = [entering, *[width] * layers]
    return [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]


class StarGANv2:
    """StarGAN v2. Args: side of the images, domains, sizes of latent and style, widths, diversity."""

    def __init__(
        self,
        size: int = 256,
        domains: int = 2,
        latent: int = 16,
        style: int = 64,
        width: int = 64,
        hidden: int = 512,
        diversity: float = 1.0,
        diversity_steps: int = 100_000,
    ) -> None:
        of_domain = [[*_perceptron(hidden, hidden, 3), nn.Linear(hidden, style)] for _ in range(domains)]
        trunk, features = _trunk(size, width)
        self.generator = Generator(size, style, width)
        heads: list[nn.Module] = [nn.Sequential(*layers) for layers in of_domain]
        self.mapping_network = Heads(_perceptron(latent, hidden, 4), heads)
        self.style_encoder = Heads(trunk, [nn.Linear(features, style) for _ in range(domains)])
        self.discriminator = Judge(size, width, domains)
        self.latent, self.weight, self.fall = latent, diversity, diversity / diversity_steps

        def adam(network: nn.Module, rate: float = 1e-4) -> Adam:
            return Adam(network.parameters(), rate, betas=(0.0, 0.99), weight_decay=1e-4)

        self.optimizers = {
            "G": adam(self.generator),
            "M": adam(self.mapping_network, 1e-6),
            "E": adam(self.style_encoder),
            "D": adam(self.discriminator),
        }
        self.averages: list[nn.Module] = []

    def step(
        self, real: Tensor, y: Tensor, first: Tensor, second: Tensor, target: Tensor, z: Tensor, other: Tensor
    ) -> Losses:
        """Train once on images and two references (N, 3, H, W), labels (N,) and latents (N, L)."""
        pictures, latents = (first, second), (z, other)
        losses = {
            **self._judge(real, y, target, z, None, "latent"),
            **self._judge(real, y, target, None, first, "ref"),
            **self._make(real, y, target, latents, None, "latent"),
            **self._make(real, y, target, None, pictures, "ref"),
        }
        self._average()
        self.weight = max(0.0, self.weight - self.fall)
        return losses

    def _style(self, z: Tensor | None, picture: Tensor | None, y: Tensor) -> Tensor:
        made: Tensor = self.mapping_network(z, y) if picture is None else self.style_encoder(picture, y)
        return made

    def _judge(
        self, real: Tensor, y: Tensor, target: Tensor, z: Tensor | None, picture: Tensor | None, by: str
    ) -> Losses:
        points = real.detach().requires_grad_()
        scores = self.discriminator(points, y)
        (slope,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
        with torch.no_grad():
            fake = self.generator(real, self._style(z, picture, target))
        losses = {
            f"D/{by}_real": F.softplus(-scores).mean(),
            f"D/{by}_fake": F.softplus(self.discriminator(fake, target)).mean(),
            f"D/{by}_reg": 0.5 * slope.square().flatten(1).sum(1).mean(),
        }
        self._minimise(torch.stack(list(losses.values())).sum(), "D")
        return losses

    def _make(
        self,
        real: Tensor,
        y: Tensor,
        target: Tensor,
        latents: tuple[Tensor, Tensor] | None,
        pictures: tuple[Tensor, Tensor] | None,
        by: str,
    ) -> Losses:
        z, other_z = latents or (None, None)
        picture, other_picture = pictures or (None, None)
        style = self._style(z, picture, target)
        fake = self.generator(real, style)
        other = self.generator(real, self._style(other_z, other_picture, target)).detach()
        back = self.generator(fake, self.style_encoder(real, y))
        losses = {
            f"G/{by}_adv": F.softplus(-self.discriminator(fake, target)).mean(),
            f"G/{by}_sty": (self.style_encoder(fake, target) - style).abs().mean(),
            f"G/{by}_ds": (fake - other).abs().mean(),
            f"G/{by}_cyc": (back - real).abs().mean(),
        }
        adversarial, styled, different, cycle = losses.values()
        total = adversarial + styled - self.weight * different + cycle
        self._minimise(total, *(("G", "M", "E") if latents else ("G",)))
        return losses

    def _minimise(self, total: Tensor, *players: str) -> None:
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        total.backward()
        for player in players:
            self.optimizers[player].step()

    @torch.no_grad()
    def _average(self) -> None:
        networks = self.generator, self.mapping_network, self.style_encoder
        if not self.averages:
            self.averages = [copy.deepcopy(network) for network in networks]
        for average, network in zip(self.averages, networks, strict=True):
            for kept, new in zip(average.parameters(), network.parameters(), strict=True):
                kept.copy_(torch.lerp(new, kept, 0.999))
