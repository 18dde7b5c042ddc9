"""The papers' training steps, as their authors order them: eager, float32, no tricks.

Each class has `step(...)`, which trains once on a batch and returns the losses under the authors' names;
tests/benchmarks holds them against the recorded official programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from benchmarks.plain.networks import (
    Enlarging,
    Projection,
    StarGANDiscriminator,
    StarGANGenerator,
    dcgan_discriminator,
    dcgan_generator,
    patch_discriminator,
    resnet_generator,
    unet_generator,
    vgg_discriminator,
)

Losses = dict[str, Tensor]


def _adam(rate: float, *networks: nn.Module) -> Adam:
    return Adam(chain.from_iterable(network.parameters() for network in networks), rate, betas=(0.5, 0.999))


def _trainable(networks: Iterable[nn.Module], trainable: bool) -> None:
    for network in networks:
        for parameter in network.parameters():
            parameter.requires_grad = trainable


class CycleGAN:
    """CycleGAN of 3 channels, without its image history. Args: widths, number of residual blocks."""

    def __init__(self, width: int = 64, blocks: int = 9) -> None:
        self.G_A, self.G_B = resnet_generator(width, blocks), resnet_generator(width, blocks)
        self.D_A = patch_discriminator(3, width, nn.InstanceNorm2d)
        self.D_B = patch_discriminator(3, width, nn.InstanceNorm2d)
        self.optimizer_G = _adam(2e-4, self.G_A, self.G_B)
        self.optimizer_D = _adam(2e-4, self.D_A, self.D_B)

    def step(self, real_A: Tensor, real_B: Tensor) -> Losses:
        """Train once on images (N, 3, H, W) of both domains."""
        fake_B, fake_A = self.G_A(real_A), self.G_B(real_B)
        rec_A, rec_B = self.G_B(fake_B), self.G_A(fake_A)
        _trainable((self.D_A, self.D_B), False)
        self.optimizer_G.zero_grad()
        losses = {
            "idt_A": 5 * F.l1_loss(self.G_A(real_B), real_B),
            "idt_B": 5 * F.l1_loss(self.G_B(real_A), real_A),
            "G_A": _least_squares(self.D_A(fake_B), 1),
            "G_B": _least_squares(self.D_B(fake_A), 1),
            "cycle_A": 10 * F.l1_loss(rec_A, real_A),
            "cycle_B": 10 * F.l1_loss(rec_B, real_B),
        }
        sum(losses.values(), torch.zeros(())).backward()
        self.optimizer_G.step()
        _trainable((self.D_A, self.D_B), True)
        self.optimizer_D.zero_grad()
        for name, D, real, fake in (("D_A", self.D_A, real_B, fake_B), ("D_B", self.D_B, real_A, fake_A)):
            losses[name] = 0.5 * (_least_squares(D(real), 1) + _least_squares(D(fake.detach()), 0))
            losses[name].backward()
        self.optimizer_D.step()
        return losses


class CUT:
    """CUT of 3 channels.

    Args:
        width: channels after the first convolution of generator and discriminator.
        projection_width: numbers in a projected vector.
        places: draws where in a feature map (N, C, H, W) patches are compared, (P,) in H W.
    """

    def __init__(
        self,
        width: int = 64,
        projection_width: int = 256,
        places: Callable[[Tensor], Tensor] = lambda features: torch.randperm(
            features[0, 0].numel(), device=features.device
        )[:256],
    ) -> None:
        self.G = resnet_generator(width, 9, filters=True)
        self.D = patch_discriminator(3, width, nn.InstanceNorm2d, filters=True)
        self.F = Projection((3, 2 * width, 4 * width, 4 * width, 4 * width), projection_width)
        self.optimizer_G, self.optimizer_D, self.optimizer_F = (
            _adam(2e-4, network) for network in (self.G, self.D, self.F)
        )
        self.places = places

    def step(self, real_A: Tensor, real_B: Tensor) -> Losses:
        """Train once on images (N, 3, H, W) of both domains."""
        fake_B, same_B = self.G(torch.cat([real_A, real_B])).split(len(real_A))
        losses = self._discriminator_step(real_B, fake_B.detach())
        _trainable([self.D], False)
        self.optimizer_G.zero_grad()
        self.optimizer_F.zero_grad()
        losses["G_GAN"] = _least_squares(self.D(fake_B), 1)
        losses["NCE"] = self._contrast(real_A, fake_B)
        losses["NCE_Y"] = self._contrast(real_B, same_B)
        losses["G"] = losses["G_GAN"] + 0.5 * (losses["NCE"] + losses["NCE_Y"])
        losses["G"].backward()
        self.optimizer_G.step()
        self.optimizer_F.step()
        _trainable([self.D], True)
        return losses

    def _discriminator_step(self, real: Tensor, fake: Tensor) -> Losses:
        self.optimizer_D.zero_grad()
        losses = {"D_fake": _least_squares(self.D(fake), 0), "D_real": _least_squares(self.D(real), 1)}
        (0.5 * (losses["D_fake"] + losses["D_real"])).backward()
        self.optimizer_D.step()
        return losses

    def _contrast(self, source: Tensor, made: Tensor) -> Tensor:
        """Return the mean of the layers' contrasts between images and what was made of them."""
        queries, keys = self._encoded(made), self._encoded(source)
        places = [self.places(features) for features in keys]
        pairs = zip(self.F(_rows(queries, places)), self.F(_rows(keys, places)), strict=True)
        return torch.stack([_told_apart(query, key.detach()) for query, key in pairs]).mean()

    def _encoded(self, images: Tensor) -> list[Tensor]:
        """Return the features after the layers 0, 4, 8, 12 and 16 of the generator."""
        features = []
        for number, layer in enumerate(self.G[:17]):
            images = layer(images)
            if number % 4 == 0:
                features.append(images)
        return features


def _rows(features: list[Tensor], places: list[Tensor]) -> list[Tensor]:
    """Return (N, P, C) of each feature map (N, C, H, W).

    The last axis is indexed: gradients that lie channels last become wrong in torch's instance norm on a CPU.
    """
    return [part.flatten(2)[..., at].transpose(1, 2) for part, at in zip(features, places, strict=True)]


def _told_apart(queries: Tensor, keys: Tensor) -> Tensor:
    """Return the cross-entropy of each query's own key among all keys of its image."""
    own = (queries * keys).sum(2, keepdim=True)
    itself = torch.eye(queries.shape[1], dtype=torch.bool, device=queries.device)
    others = (queries @ keys.transpose(1, 2)).masked_fill(itself, -10)
    logits = torch.cat([own, others], 2).flatten(0, 1) / 0.07
    return F.cross_entropy(logits, torch.zeros_like(logits[:, 0], dtype=torch.long))


def _least_squares(scores: Tensor, target: float) -> Tensor:
    return F.mse_loss(scores, torch.full_like(scores, target))


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


class Pix2Pix:
    """pix2pix of 3 channels. Args: width, halvings, dropout in the inner layers."""

    def __init__(self, width: int = 64, depth: int = 8, dropout: bool = True) -> None:
        self.G = unet_generator(width, depth, dropout)
        self.D = patch_discriminator(6, width, nn.BatchNorm2d)
        self.optimizer_G, self.optimizer_D = _adam(2e-4, self.G), _adam(2e-4, self.D)

    def step(self, real_A: Tensor, real_B: Tensor) -> Losses:
        """Train once on inputs and targets (N, 3, H, W)."""
        fake_B = self.G(real_A)
        self.optimizer_D.zero_grad()
        losses = {
            "D_fake": _cross_entropy(self.D(torch.cat([real_A, fake_B], 1).detach()), 0),
            "D_real": _cross_entropy(self.D(torch.cat([real_A, real_B], 1)), 1),
        }
        (0.5 * (losses["D_fake"] + losses["D_real"])).backward()
        self.optimizer_D.step()
        _trainable([self.D], False)
        self.optimizer_G.zero_grad()
        losses["G_GAN"] = _cross_entropy(self.D(torch.cat([real_A, fake_B], 1)), 1)
        losses["G_L1"] = 100 * F.l1_loss(fake_B, real_B)
        (losses["G_GAN"] + losses["G_L1"]).backward()
        self.optimizer_G.step()
        _trainable([self.D], True)
        return losses


class StarGAN:
    """StarGAN with attributes.

    Args:
        image_size: side of the images in pixels.
        width: channels after the first convolution of both networks.
        attributes: length of a label.
        blocks: residual blocks of the generator.
        depth: halvings in the discriminator.
        share: draws where between a real and a fake image the penalty is taken, (N, 1, 1, 1) in [0, 1].
    """

    def __init__(
        self,
        image_size: int = 128,
        width: int = 64,
        attributes: int = 5,
        blocks: int = 6,
        depth: int = 6,
        share: Callable[[Tensor], Tensor] = lambda images: torch.rand(
            len(images), 1, 1, 1, device=images.device
        ),
    ) -> None:
        self.G = StarGANGenerator(width, attributes, blocks)
        self.D = StarGANDiscriminator(image_size, width, attributes, depth)
        self.optimizer_G, self.optimizer_D = _adam(1e-4, self.G), _adam(1e-4, self.D)
        self.share = share

    def step(self, real: Tensor, labels: Tensor, targets: Tensor, generator: bool = True) -> Losses:
        """Train the discriminator once, and the generator if it is its turn; labels are (N, attributes)."""
        losses = self._discriminator_losses(real, labels, targets)
        self._minimise(losses, self.optimizer_D, {"D/loss_gp": 10.0})
        if not generator:
            return losses
        fake = self.G(real, targets)
        source, logits = self.D(fake)
        generator_losses = {
            "G/loss_fake": -source.mean(),
            "G/loss_cls": _attribute_loss(logits, targets),
            "G/loss_rec": (real - self.G(fake, labels)).abs().mean(),
        }
        self._minimise(generator_losses, self.optimizer_G, {"G/loss_rec": 10.0})
        return losses | generator_losses

    def _discriminator_losses(self, real: Tensor, labels: Tensor, targets: Tensor) -> Losses:
        source, logits = self.D(real)
        fake = self.G(real, targets)
        fake_source, _ = self.D(fake.detach())
        share = self.share(real)
        between = (share * real + (1 - share) * fake).detach().requires_grad_(True)
        between_source, _ = self.D(between)
        (gradient,) = torch.autograd.grad(
            between_source, between, torch.ones_like(between_source), create_graph=True
        )
        norm = gradient.flatten(1).square().sum(1).sqrt()
        return {
            "D/loss_real": -source.mean(),
            "D/loss_fake": fake_source.mean(),
            "D/loss_cls": _attribute_loss(logits, labels),
            "D/loss_gp": (norm - 1).square().mean(),
        }

    def _minimise(self, losses: Losses, optimizer: Adam, weights: dict[str, float]) -> None:
        self.optimizer_G.zero_grad()
        self.optimizer_D.zero_grad()
        total = torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()
        total.backward()
        optimizer.step()


def _attribute_loss(logits: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(logits)


class DCGAN:
    """DCGAN of 64-pixel images. Args: size of the latent, width."""

    def __init__(self, latent_size: int = 100, width: int = 64) -> None:
        self.G, self.D = dcgan_generator(latent_size, width), dcgan_discriminator(width)
        self.optimizer_G, self.optimizer_D = _adam(2e-4, self.G), _adam(2e-4, self.D)

    def step(self, real: Tensor, latents: Tensor) -> Losses:
        """Train once on images (N, 3, 64, 64) and latents (N, latent_size)."""
        ones, zeros = torch.ones_like(latents[:, 0]), torch.zeros_like(latents[:, 0])
        self.optimizer_D.zero_grad()
        losses = {"D_real": F.binary_cross_entropy(self.D(real).flatten(), ones)}
        losses["D_real"].backward()
        fake = self.G(latents[:, :, None, None])
        losses["D_fake"] = F.binary_cross_entropy(self.D(fake.detach()).flatten(), zeros)
        losses["D_fake"].backward()
        self.optimizer_D.step()
        self.optimizer_G.zero_grad()
        losses["G"] = F.binary_cross_entropy(self.D(fake).flatten(), ones)
        losses["G"].backward()
        self.optimizer_G.step()
        return losses


class ESRGAN:
    """ESRGAN, images in [0, 1], without the perceptual loss, whose weights are a file of their own.

    Args:
        size: side of the large images in pixels, a power of two from 16.
        width: channels of the generator.
        blocks: of the generator.
        growth: channels that a convolution of the generator adds.
        discriminator_width: channels after the discriminator's first convolution.
    """

    def __init__(
        self,
        size: int = 128,
        width: int = 64,
        blocks: int = 23,
        growth: int = 32,
        discriminator_width: int = 64,
    ) -> None:
        self.G, self.average = (Enlarging(width, blocks, growth) for _ in range(2))
        self.average.load_state_dict(self.G.state_dict())
        self.D = vgg_discriminator(size, discriminator_width)
        self.optimizer_G, self.optimizer_D = (
            Adam(network.parameters(), 1e-4, betas=(0.9, 0.99)) for network in (self.G, self.D)
        )

    def step(self, small: Tensor, large: Tensor) -> Losses:
        """Train once on images (N, 3, H, W) and what they are to become, (N, 3, 4 H, 4 W)."""
        _trainable([self.D], False)
        self.optimizer_G.zero_grad()
        output = self.G(small)
        losses = {"l_g_pix": 1e-2 * F.l1_loss(output, large)}
        real, fake = self.D(large).detach(), self.D(output)
        losses["l_g_gan"] = 5e-3 * (
            0.5 * _cross_entropy(real - fake.mean(), 0) + 0.5 * _cross_entropy(fake - real.mean(), 1)
        )
        (losses["l_g_pix"] + losses["l_g_gan"]).backward()
        self.optimizer_G.step()
        _trainable([self.D], True)
        losses |= self._discriminator_step(output.detach(), large)
        with torch.no_grad():
            for mean, parameter in zip(self.average.parameters(), self.G.parameters(), strict=True):
                mean.mul_(0.999).add_(parameter, alpha=0.001)
        return losses

    def _discriminator_step(self, output: Tensor, large: Tensor) -> Losses:
        self.optimizer_D.zero_grad()
        fake = self.D(output).detach()
        real = self.D(large)
        losses = {"l_d_real": 0.5 * _cross_entropy(real - fake.mean(), 1)}
        losses["l_d_real"].backward()
        fake = self.D(output)
        losses["l_d_fake"] = 0.5 * _cross_entropy(fake - real.detach().mean(), 0)
        losses["l_d_fake"].backward()
        self.optimizer_D.step()
        return losses
