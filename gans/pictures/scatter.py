"""Points of the plane as a picture: generated ones over real ones, over the discriminator's score."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = 320  # pixels of a side
FIELD = 128  # points of a side at which the score is asked for: a quarter of the time of every pixel
MARGIN = 1.3  # the picture's extent over that of the real points
REAL = (0.13, 0.35, 0.65)  # blue
FAKE = (0.90, 0.35, 0.05)  # orange
SHADE = (0.62, 0.68, 0.62)  # what the score darkens white to, where it is highest


@torch.no_grad()
def scatter(fake: Tensor, real: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Draw generated points (orange) over real ones (blue), over a shade: dark where the score is high.

    The real points decide the extent; generated ones beyond it are drawn on the border, so that none is
    hidden. The shade runs from the lowest score in the picture (white) to the highest, two percent at either
    end aside: only its shape has a meaning. The first coordinate points to the right, the second upwards.

    Args:
        fake: (N, 2, 1, 1); those that are not finite are left out.
        real: (M, 2, 1, 1), at least one.
        score: maps points (K, 2, 1, 1) to (K,): the discriminator, high where it believes.

    Returns:
        One picture (1, 3, 320, 320) in [-1, 1].
    """
    fake, real = fake.flatten(1).float(), real.flatten(1).float()
    low, high = real.amin(dim=0), real.amax(dim=0)
    centre = (low + high) / 2
    half = MARGIN * float((high - low).max().clamp(min=1e-6)) / 2
    picture = _shade(score, centre, half)
    for points, colour in ((real, REAL), (fake[fake.isfinite().all(dim=1)], FAKE)):
        _stamp(picture, (points - centre) / half, colour)
    return picture[None] * 2 - 1


def _shade(score: Callable[[Tensor], Tensor], centre: Tensor, half: float) -> Tensor:
    """Return the background (3, SIZE, SIZE) in 0..1."""
    ticks = (torch.arange(FIELD, device=centre.device) + 0.5) / FIELD * 2 - 1
    x, y = torch.meshgrid(ticks, -ticks, indexing="xy")  # rows go downwards, the second coordinate upwards
    places = centre + half * torch.stack([x, y], dim=-1).view(-1, 2)
    scores = score(places.view(-1, 2, 1, 1)).float().view(1, 1, FIELD, FIELD).nan_to_num()
    low, high = scores.quantile(0.02), scores.quantile(0.98)
    height = ((scores - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
    height = F.interpolate(height, size=(SIZE, SIZE), mode="bilinear")[0]
    return 1 - height * (1 - centre.new_tensor(SHADE).view(3, 1, 1))


def _stamp(picture: Tensor, places: Tensor, colour: tuple[float, float, float]) -> None:
    """Draw points (N, 2) in [-1, 1] into a picture (3, SIZE, SIZE), each a square of three pixels."""
    inner = SIZE - 2  # the border is left to the squares' edges
    unit = (places * places.new_tensor([1, -1]) + 1).clamp(0, 2) / 2
    column, row = (unit * inner).long().clamp(max=inner - 1).T
    for down in range(3):
        for right in range(3):
            picture[:, row + down, column + right] = picture.new_tensor(colour).view(3, 1)
