"""What the failure monitor measures on the device, read from there as rarely as possible."""

from __future__ import annotations

from collections import defaultdict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EDGE = 16  # pixels: pictures are compared by their large shapes and colours, not by their noise


class DeviceScalars:
    """Keeps scalars where they are, by name, until all are read in one transfer."""

    def __init__(self) -> None:
        self._kept: defaultdict[str, list[Tensor]] = defaultdict(list)

    def keep(self, name: str, scalar: Tensor) -> None:
        """Keep one more scalar under a name, without waiting for the device to compute it."""
        self._kept[name].append(scalar)

    def read(self) -> dict[str, list[float]]:
        """Return, and forget, what was kept since the last call, in order; this waits for the device."""
        kept, self._kept = self._kept, defaultdict(list)
        scalars = [scalar.float() for named in kept.values() for scalar in named]
        values = iter(torch.stack(scalars).tolist() if scalars else [])
        return {name: [next(values) for _ in named] for name, named in kept.items()}


class Diversity:
    """Measures how far images differ from each other, over any number of batches of any size.

    Images are shrunk to 16 x 16. The diversity is the standard deviation over the images, as the root of its
    mean square over positions and channels: 0 for equal images, at most about 1 for images in [-1, 1].
    """

    def __init__(self) -> None:
        self._shrunk: list[Tensor] = []

    def add(self, images: Tensor) -> None:
        """Take images (N, C, H, W); N may be 0, H and W may differ from call to call."""
        if len(images):
            self._shrunk.append(F.adaptive_avg_pool2d(images.detach().float(), EDGE).flatten(1))

    def __len__(self) -> int:
        return sum(map(len, self._shrunk))

    def value(self) -> float:
        """Return the diversity of the images so far, of which there must be two or more."""
        return float(torch.cat(self._shrunk).var(dim=0).mean().sqrt())


def gradient_norm(network: nn.Module) -> Tensor:
    """Return the L2 norm of all gradients of a network, a scalar on its device; 0 if there are none."""
    parameters = list(network.parameters())
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    return norm.to(parameters[0].device)
