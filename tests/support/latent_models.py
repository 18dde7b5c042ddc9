"""Stand-ins for trained variants with a latent, of which it is known what each axis does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from datamodules.faces.attributes import ATTRIBUTES, attribute_labels, draw_with_labels
from datamodules.faces.faces import face_seeds
from gans.inference import seeded_noise


class Colours:
    """Images of one colour: red, green and blue say what the three axes of the latent are.

    Its latents are not standard normal: their mean is `MEAN` and the last axis is three times as wide, so
    that it changes the picture most.
    """

    MEAN = torch.tensor([0.0, 1.0, -1.0])
    SCALE = torch.tensor([1.0, 1.0, 3.0])
    latent_size = 3

    def latents(self, seeds: Sequence[int]) -> Tensor:
        return self.from_noise(seeded_noise(seeds, self.latent_size))

    def from_noise(self, noise: Tensor) -> Tensor:
        assert noise.ndim == 2
        return noise * self.SCALE + self.MEAN

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        assert latents.ndim == 2
        return (latents / 20)[:, :, None, None].expand(-1, -1, 4, 4)


class Faces(Colours):
    """Drawn faces: they wear glasses where the first axis is above 0, and the second axis says who it is."""

    MEAN = torch.zeros(3)
    SCALE = torch.ones(3)
    PEOPLE = 48

    def __init__(self, size: int = 32) -> None:
        seeds = face_seeds("toy", "people", self.PEOPLE)
        labels = attribute_labels(seeds, ATTRIBUTES)
        banks = []
        for worn in (0, 1):
            labels[:, ATTRIBUTES.index("glasses")] = worn
            banks.append(torch.from_numpy(draw_with_labels(seeds, size, ATTRIBUTES, labels)))
        self._bank = torch.stack(banks).permute(0, 1, 4, 2, 3)

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        person = (torch.special.ndtr(latents[:, 1]) * self.PEOPLE).long().clamp(0, self.PEOPLE - 1)
        return self._bank[(latents[:, 0] > 0).long(), person] / 127.5 - 1


class Memory(Colours):
    """Returns one of its images for each seed, mirrored for odd seeds: it has memorised them."""

    def __init__(self, images: Tensor) -> None:
        self._images = images

    def latents(self, seeds: Sequence[int]) -> Tensor:
        return torch.tensor([[float(seed), 0.0, 0.0] for seed in seeds])

    def decode(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        seeds = latents[:, 0].long()
        images = self._images[seeds]
        return torch.where((seeds % 2 == 1)[:, None, None, None], images.flip(3), images)
