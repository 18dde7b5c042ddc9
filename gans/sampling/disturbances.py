"""What a pipe does to images beside moving and recolouring them: bands, noise, cut-out.

Of ADA (Karras et al. 2020, arXiv:2006.06676, appendix B).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gans.sampling.draws import Chance

BANDS = 4  # of an octave each; the lowest has the rest
POWERS = (10 / 13, 1 / 13, 1 / 13, 1 / 13)  # what the bands hold of a photograph's power
GAIN = 1.0  # standard deviation of the exponents of 2
NOISE = 0.1  # standard deviation of the noise's standard deviation
CUTOUT = 1 / 2  # of a side

# Autocorrelations of the second symlet, low-pass and high-pass: they add up to one tap of 1.
LOW = (-1 / 32, 0.0, 9 / 32, 1 / 2, 9 / 32, 0.0, -1 / 32)
HIGH = (1 / 32, 0.0, -9 / 32, 1 / 2, -9 / 32, 0.0, 1 / 32)


def filtered(images: Tensor, chance: Chance) -> Tensor:
    """Amplify or weaken four bands of frequencies of images (N, C, H, W), so that the power stays.

    Raises:
        ValueError: if the images have less than 22 pixels a side.
    """
    bank = filter_bank().to(images)
    reach = bank.shape[1] // 2
    if min(images.shape[2:]) <= reach:
        raise ValueError(
            f"The filter of an augmentation pipe takes images of {reach + 1} pixels a side or more, not "
            f"{images.shape[3]}x{images.shape[2]}: leave it out of --model.augment_pipe."
        )
    powers = images.new_tensor(POWERS)
    gains = torch.ones(len(images), BANDS, dtype=images.dtype, device=images.device)
    for band in range(BANDS):
        amplified = torch.ones_like(gains)
        amplified[:, band] = chance.or_else(torch.exp2(GAIN * chance.normal()), 1)
        gains = gains * amplified / (powers * amplified.square()).sum(1, keepdim=True).sqrt()
    count, channels = images.shape[:2]
    taps = (gains @ bank).repeat_interleave(channels, 0)[:, None]
    padded = F.pad(images, [reach] * 4, mode="reflect").flatten(0, 1)[None]
    rows = F.conv2d(padded, taps[:, :, None, :], groups=count * channels)
    return F.conv2d(rows, taps[:, :, :, None], groups=count * channels).view_as(images)


def filter_bank() -> Tensor:
    """Return the filters of the bands, lowest first, (4, 43), which add up to no change.

    What is left of the lowest band is halved once for each further band: by the low-pass filter for the lower
    half and the high-pass for the upper one, with zeros between the taps as the octave lies lower.
    """
    bank = torch.ones(1, 1)
    for _ in range(BANDS - 1):
        stretched = torch.zeros(len(bank), 2 * bank.shape[1] - 1)
        stretched[:, ::2] = bank
        lower = F.conv1d(stretched[:, None], torch.tensor([[LOW]]), padding=len(LOW) - 1)[:, 0]
        around = (lower.shape[1] - len(HIGH)) // 2
        bank = torch.cat([lower, F.pad(torch.tensor([HIGH]), (around, around))])
    return bank


def noisy(images: Tensor, chance: Chance) -> Tensor:
    """Add normal noise to images (N, C, H, W), of a strength of its own to each."""
    strength = chance.or_else(NOISE * chance.normal(1, 1, 1).abs(), 0)
    return images + strength * chance.normal(*images.shape[1:])


def cut_out(images: Tensor, chance: Chance) -> Tensor:
    """Put zeros into a box of half the width and height of images (N, C, H, W), its middle anywhere."""
    height, width = images.shape[2:]
    whole = torch.full((len(images), 1, 1, 1), CUTOUT, dtype=images.dtype, device=images.device)
    reach = chance.or_else(whole, 0) / 2
    middle_x, middle_y = chance.uniform(2, 1, 1).split(1, 1)
    columns = (torch.arange(width, device=images.device) + 0.5) / width
    rows = (torch.arange(height, device=images.device) + 0.5)[:, None] / height
    seen: Tensor = ((columns - middle_x).abs() >= reach) | ((rows - middle_y).abs() >= reach)
    return images * seen
