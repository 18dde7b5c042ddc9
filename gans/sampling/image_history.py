"""Earlier fakes for the discriminator."""

from __future__ import annotations

import torch
from torch import Tensor

from gans.checkpoints.contents import OwnState


class ImageHistory(OwnState):
    """Shows the discriminator a mixture of new fakes and fakes of earlier steps, which steadies training.

    While the history fills, every image is stored and passed on. Once it is full, each image is, with
    probability one half, exchanged for a stored one drawn at random: that one is passed on and the new image
    takes its place.

    The images are part of `state_dict()`, hence of a checkpoint, so that a resumed run continues exactly;
    each process keeps its own. Draws come from torch's global CPU generator, so the device is never waited
    for.

    Papers: Shrivastava et al. 2017, arXiv:1612.07828; CycleGAN (arXiv:1703.10593) keeps 50 images a domain.

    Args:
        size: number of images kept; 0 passes every batch on untouched.

    Raises:
        ValueError: if `size` is negative.
    """

    def __init__(self, size: int = 50) -> None:
        super().__init__()
        if size < 0:
            raise ValueError(f"the size of the image history must be 0 or more, got {size}")
        self.size = size
        self.images: list[Tensor] = []  # each (C, H, W); sizes may differ

    def forward(self, images: Tensor) -> Tensor:
        """Return as many images as given, (N, C, H, W), some of them from earlier calls, without gradient.

        A stored image of another size than the batch can only stand in for a batch of one.
        """
        images = images.detach()
        if self.size == 0:
            return images
        exchanged = (torch.rand(len(images), device="cpu") < 0.5).tolist()
        places = torch.randint(self.size, (len(images),), device="cpu").tolist()
        chosen = []
        for image, exchange, place in zip(images, exchanged, places, strict=True):
            if len(self.images) < self.size:
                self.images.append(image.clone())
            elif exchange and (len(images) == 1 or self.images[place].shape == image.shape):
                stored = self.images[place].to(image)  # after a resume it may lie on the CPU
                self.images[place] = image.clone()
                image = stored
            chosen.append(image)
        return torch.stack(chosen) if chosen else images

    def get_extra_state(self) -> list[Tensor]:
        """Return the stored images, on the CPU, for `state_dict`."""
        return [image.cpu() for image in self.images]

    def set_extra_state(self, state: list[Tensor]) -> None:
        """Take over stored images from `load_state_dict`; a smaller history keeps the first ones."""
        self.images = list(state[: self.size])
