"""The network that finds a face's landmarks, and masks of the face made of them, for StarGAN v2's high-pass.

Its weights, `wing.ckpt`, come with the authors' program of StarGAN v2 (arXiv:1912.01865) and are not part of
this project.

Papers: FAN (Bulat & Tzimiropoulos 2017, arXiv:1703.07332), trained with the adaptive wing loss on
coordinates and boundaries (Wang et al. 2019, arXiv:1904.07399).
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LANDMARKS = 98
SIZE = 256  # side in pixels of the pictures that the network takes, and of the masks
FEATURES = 256
DEPTH = 4  # halvings of the hourglass
FAINTEST = 0.1  # lower values of a heatmap count as nothing

CHIN, BROWS, NOSE, NOSTRILS, EYES = slice(8, 25), slice(33, 51), slice(51, 55), slice(55, 60), slice(60, 76)
UPPER_LIP, LOWER_LIP, INNER_LIP = slice(77, 82), slice(83, 88), slice(88, 96)
MOVED: tuple[tuple[slice, int, int], ...] = (
    (CHIN, 0, 3),
    (BROWS, -7, 2),
    (NOSTRILS, 8, 4),
    (UPPER_LIP, -8, 4),
    (LOWER_LIP, 8, 4),
    (INNER_LIP, -2, 3),
)
"""Part of the face, how many rows its heatmaps move up, and the power they are raised to."""
DROPPED = (*range(8), *range(25, 33), 33, 46, 76, 82)
NOT_IN_THE_SECOND = (slice(0, 51), slice(76, 96))
"""Outline, brows and mouth, which the second mask leaves out; the last two landmarks are the pupils."""


class FaceMasks(nn.Module):
    """Makes the two masks of faces: of all that marks a face, and of eyes and nose alone.

    Args:
        landmarks: a network as `LandmarkNetwork`.

    Shape:
        images (N, 3, H, W) in [-1, 1] to masks (N, 2, 256, 256) in [0, 1].
    """

    def __init__(self, landmarks: nn.Module) -> None:
        super().__init__()
        self.landmarks = landmarks.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Find the landmarks of faces and return masks (N, 2, 256, 256)."""
        resized = F.interpolate(images, size=(SIZE, SIZE), mode="bilinear")
        heatmaps = self.landmarks(resized * 0.5 + 0.5)[:, :LANDMARKS]
        return masks_of(F.interpolate(heatmaps, size=(SIZE, SIZE), mode="bilinear", align_corners=True))


def masks_of(heatmaps: Tensor) -> Tensor:
    """Return both masks (N, 2, 256, 256), in [0, 1], of heatmaps (N, 98, 256, 256) of landmarks."""
    heat = torch.where(heatmaps < FAINTEST, 0.0, heatmaps)
    low, high = heat.amin((2, 3), keepdim=True), heat.amax((2, 3), keepdim=True)
    heat = (heat - low) / (high - low + 1e-6)
    for part, rows, power in MOVED:
        heat[:, part] = _moved(heat[:, part], rows) ** power
    heat[:, DROPPED] = 0
    heat[:, NOSE.start + 1 : NOSE.stop] = _moved(heat[:, NOSE.start + 1 : NOSE.stop], 4)
    heat[:, EYES] = _moved(heat[:, EYES], -8) ** 3 + _moved(heat[:, EYES], -24)
    second = heat.clone()
    for part in NOT_IN_THE_SECOND:
        second[:, part] = 0
    return torch.stack([each.sum(1).clamp(0, 1) for each in (heat, second)], dim=1)


def _moved(heat: Tensor, rows: int) -> Tensor:
    """Move heatmaps up by so many rows; what leaves on one side comes in on the other."""
    return heat.roll(-rows, dims=2)


class LandmarkNetwork(nn.Module):
    """Finds 98 landmarks of a face, as a heatmap each, and its boundary: one hourglass on coordinates.

    Tensors have the names that they have in wing.ckpt.

    Shape:
        images (N, 3, 256, 256) in [0, 1] to heatmaps (N, 99, 64, 64), the last of which is the boundary.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _WithCoordinates(nn.Conv2d(3 + 3, 64, 7, stride=2, padding=3))
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = _Block(64, 128)
        self.conv3 = _Block(128, 128)
        self.conv4 = _Block(128, FEATURES)
        self.m0 = _Hourglass()
        self.top_m_0 = _Block(FEATURES, FEATURES)
        self.conv_last0 = nn.Conv2d(FEATURES, FEATURES, 1)
        self.bn_end0 = nn.BatchNorm2d(FEATURES)
        self.l0 = nn.Conv2d(FEATURES, LANDMARKS + 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return heatmaps (N, 99, 64, 64) of images (N, 3, 256, 256)."""
        features = F.relu(self.bn1(self.conv1(images)))
        features = F.avg_pool2d(self.conv2(features), 2)
        features = self.top_m_0(self.m0(self.conv4(self.conv3(features))))
        heatmaps: Tensor = self.l0(F.relu(self.bn_end0(self.conv_last0(features))))
        return heatmaps


class _WithCoordinates(nn.Module):
    """A convolution that sees, beside the features, the row, the column and the distance from the middle.

    Rows and columns run from -1 to 1, the distance from about 0 to 1.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[2:]
        rows = torch.linspace(-1, 1, height).to(features)[:, None].expand(height, width)
        columns = torch.linspace(-1, 1, width).to(features).expand(height, width)
        radius = (rows.square() + columns.square()).sqrt()
        places = torch.stack([rows, columns, radius / radius.max()]).expand(len(features), -1, -1, -1)
        seen: Tensor = self.conv(torch.cat([features, places], dim=1))
        return seen


class _Block(nn.Module):
    """Three 3x3 convolutions of falling width, whose outputs side by side are added to the input."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        half, quarter = channels_out // 2, channels_out // 4
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(quarter)
        self.conv3 = nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample: nn.Module = nn.Identity()
        if channels_in != channels_out:
            past = nn.Conv2d(channels_in, channels_out, 1, bias=False)
            self.downsample = nn.Sequential(nn.BatchNorm2d(channels_in), nn.ReLU(), past)

    def forward(self, features: Tensor) -> Tensor:
        first = self.conv1(F.relu(self.bn1(features)))
        second = self.conv2(F.relu(self.bn2(first)))
        third = self.conv3(F.relu(self.bn3(second)))
        past: Tensor = self.downsample(features)
        return torch.cat([first, second, third], dim=1) + past


class _Hourglass(nn.Module):
    """Halves the features several times, and adds what it makes of each size to the next larger one."""

    def __init__(self) -> None:
        super().__init__()
        self.coordconv = _WithCoordinates(nn.Conv2d(FEATURES + 3, FEATURES, 1))
        for level in range(DEPTH, 0, -1):
            self.add_module(f"b1_{level}", _Block(FEATURES, FEATURES))
            self.add_module(f"b2_{level}", _Block(FEATURES, FEATURES))
        self.add_module("b2_plus_1", _Block(FEATURES, FEATURES))
        for level in range(1, DEPTH + 1):
            self.add_module(f"b3_{level}", _Block(FEATURES, FEATURES))

    def forward(self, features: Tensor) -> Tensor:
        return self._level(self.coordconv(features), DEPTH)

    def _level(self, features: Tensor, level: int) -> Tensor:
        past = self.get_submodule(f"b1_{level}")(features)
        low = self.get_submodule(f"b2_{level}")(F.avg_pool2d(features, 2))
        low = self._level(low, level - 1) if level > 1 else self.get_submodule("b2_plus_1")(low)
        low = self.get_submodule(f"b3_{level}")(low)
        enlarged: Tensor = past + F.interpolate(low, scale_factor=2, mode="nearest")
        return enlarged


def load_landmarks(path: str | Path) -> LandmarkNetwork:
    """Return the landmark network with the weights in a file, of which nothing is executed.

    Args:
        path: the authors' wing.ckpt, or the nets_ema.ckpt of a model with high-pass, which holds it too.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds something else.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"model.landmarks: {path} is no file. It is the authors' wing.ckpt of StarGAN v2, which their "
            "program fetches; code and weights there are for non-commercial use."
        )
    network = LandmarkNetwork()
    wanted = network.state_dict()
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        state = held["fan"] if "fan" in held else held["state_dict"]
        network.load_state_dict({name: state[name] for name in wanted if name in state}, strict=False)
        missing = [name for name in wanted if name not in state and not name.endswith("num_batches_tracked")]
    except Exception as error:
        raise ValueError(f"model.landmarks: {path} is not the authors' wing.ckpt: {error}") from error
    if missing:
        raise ValueError(f"model.landmarks: {path} is not the authors' wing.ckpt: it lacks {missing[0]}.")
    return network
