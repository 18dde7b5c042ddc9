"""The latent whose image is most like a given picture, found by gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.files.formats.common import OF_FOLDERS, ImageError
from datamodules.files.readers import read_image
from datamodules.progress import progress_bar
from datamodules.transforms import resize, to_unit_range
from gans.cli.errors import UsageError
from gans.families.perception import perception
from gans.losses.perceptual import normalised_distance
from gans.tools.latents.decoder import MEASURED, Decoder
from gans.tools.latents.sheet import Sheet

RATE = 0.1
RISING, FALLING = 0.05, 0.25  # shares of the steps in which the rate rises, and falls
WANDERING = 0.75  # share of the steps in which the latent is disturbed, ever less
DISTURBANCE = 0.05  # of all latents' spread, at the start
ROUGHNESS = 1e5  # weight of what patterns are in the noise
COARSEST = 8  # pixels of the map down to which patterns are looked for
SEEN = (64, 256)  # pixels of the shorter side within which images are compared
VGG_LAYERS = dict.fromkeys(("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4"), 1.0)
FRAMES = 50
SHOWN = (0.0, 0.1, 0.3, 1.0)  # of all steps

Distance = Callable[[Tensor], Tensor]  # images (1, C, H, W) to a scalar


def project(decoder: Decoder, image: Path, steps: int = 1000, seed: int = 0) -> Sheet:
    """Find the latent of a picture: beginning at the mean one, by steps of Adam on a distance of features.

    The latent is disturbed in the beginning, so that it does not settle early. Among styles the noise of the
    layers is found too, held back from holding the picture itself.

    Paper: Karras et al. 2020, arXiv:1912.04958, section 5 and appendix D. There features are LPIPS's, here
    those of VGG-19 where its file is there, else of EfficientNet-Lite0, by `normalised_distance`.

    Args:
        decoder: the variant; of one with classes the class that the picture shows.
        image: file of the picture, the middle of which is taken.
        steps: of Adam.
        seed: of the noise.

    Returns:
        The picture shows the way and its target; the film the whole way. `latent` (L,) is what was found, and
        `noise_0` and so on are the layers' noise.

    Raises:
        ImageError: if the picture cannot be read.
        UsageError: if there are no steps.
    """
    if steps < 1:
        raise UsageError(f"--steps {steps}: at least 1.")
    target = read_target(image, decoder(decoder.from_noise(torch.zeros(1, decoder.latent_size))).shape[1:])
    name, distance = distance_to(target)
    way, drawn, noise = followed(decoder, distance, steps, torch.Generator().manual_seed(seed))
    shown = list(dict.fromkeys(round(share * steps) for share in SHOWN))
    distances = [float(distance(drawn(way[None, step]))) for step in (0, steps)]
    frames = list(dict.fromkeys(round(share * steps / FRAMES) for share in range(FRAMES + 1)))
    return Sheet(
        way[None, shown],
        columns=[f"step {step}" for step in shown],
        rows=[image.stem],
        beside={"target": target},
        frames=way[frames][:, None],
        frame_columns=["projected"],
        numbers={"latent": way[-1].numpy(), **{f"noise_{k}": part.numpy() for k, part in enumerate(noise)}},
        findings=[f"{name}: {distances[0]:.3f} at the mean latent, {distances[1]:.3f} after {steps} steps."],
        decoder=drawn,
    )


def read_target(path: Path, shape: Sequence[int]) -> Tensor:
    """Return the middle of a picture in the shape (C, H, W) of a model's images, (1, C, H, W) in [-1, 1].

    Raises:
        ImageError: if it cannot be read.
    """
    channels, height, width = shape
    try:
        pixels = torch.from_numpy(read_image(path, channels)).permute(2, 0, 1)
    except ImageError as error:
        raise ImageError(str(error).replace(OF_FOLDERS, "")) from error
    scale = min(pixels.shape[1] / height, pixels.shape[2] / width)
    sides = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = ((pixels.shape[axis + 1] - side) // 2 for axis, side in enumerate(sides))
    cut = pixels[:, top : top + sides[0], left : left + sides[1]]
    return to_unit_range(resize(cut, height, width)[None])


def distance_to(target: Tensor) -> tuple[str, Distance]:
    """Return the name of the distance to an image (1, C, H, W), and the distance itself."""
    seen = perception("auto", VGG_LAYERS, None)
    size = _seen_size(target.shape[2], target.shape[3])

    def features(images: Tensor) -> list[Tensor]:
        pixels = F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
        found: list[Tensor] = seen.network((pixels + 1) / 2)
        return found

    wanted = features(target)
    return seen.name, lambda images: normalised_distance(features(images), wanted, seen.weights)


def followed(
    decoder: Decoder, distance: Distance, steps: int, generator: torch.Generator
) -> tuple[Tensor, Decoder, list[Tensor]]:
    """Follow the gradient of a distance from the mean latent.

    Args:
        decoder: the variant.
        distance: of an image from the target.
        steps: of Adam.
        generator: of disturbances and noise.

    Returns:
        The latents from the start to the end of all steps, (steps + 1, L); the decoder with the noise that
        was found; and that noise.
    """
    latent = decoder.from_noise(torch.zeros(1, decoder.latent_size)).requires_grad_()
    radius = (decoder.latents(range(MEASURED)) - latent.detach()).square().sum(1).mean().sqrt()
    noise = [part.requires_grad_() for part in decoder.free_noise(generator)]
    drawn = decoder.with_noise(noise)
    optimizer = torch.optim.Adam([latent, *noise], lr=RATE)
    way = [latent.detach()[0].clone()]
    with progress_bar("Projecting", steps) as advance:
        for step in range(steps):
            done = step / steps
            optimizer.param_groups[0]["lr"] = RATE * rate_share(done)
            disturbance = DISTURBANCE * radius * max(0.0, 1 - done / WANDERING) ** 2
            tried = latent + disturbance * torch.randn(latent.shape, generator=generator)
            loss = distance(drawn.differentiable(tried)) + ROUGHNESS * roughness(noise)
            optimizer.zero_grad()
            loss.backward(inputs=[latent, *noise])
            optimizer.step()
            normalise(noise)
            way.append(latent.detach()[0].clone())
            advance()
    found = [part.detach() for part in noise]
    return torch.stack(way), decoder.with_noise(found), found


def rate_share(done: float) -> float:
    """Return the share of the rate when a share of the steps is done: it rises, stays, and falls smoothly."""
    falling = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - done) / FALLING))
    return falling * min(1.0, done / RISING)


def roughness(noise: Sequence[Tensor]) -> Tensor:
    """Return how far maps of noise (1, 1, H, W) are from white: each pixel is to say nothing of the next.

    It is the squared correlation with the neighbours of each axis, also of the maps halved again and again.
    """
    total = torch.zeros(())
    for part in noise:
        while True:
            for axis in (2, 3):
                total = total + (part * part.roll(1, axis)).mean().square()
            if min(part.shape[2:]) <= COARSEST:
                break
            part = 2 * F.avg_pool2d(part, 2)  # of variance 1 again, if it was white
    return total


@torch.no_grad()
def normalise(noise: Sequence[Tensor]) -> None:
    """Give maps of noise mean 0 and variance 1 again."""
    for part in noise:
        part.sub_(part.mean()).mul_(part.square().mean().rsqrt())


def _seen_size(height: int, width: int) -> tuple[int, int]:
    """Return the size in which images are compared: their own, or the nearest of sides that are `SEEN`."""
    smallest, largest = SEEN
    scale = min(max(min(height, width), smallest), largest) / min(height, width)
    return round(height * scale), round(width * scale)
