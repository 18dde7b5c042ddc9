from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gans.metrics import lite0
from gans.metrics.lite0 import EfficientNetLite0, SameConv2d, load_lite0, packaged_weights

TRAFFIC_LIGHT, CROSSWORD_PUZZLE, ANALOG_CLOCK = 920, 918, 409  # classes of ImageNet


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    return load_lite0().eval()


def traffic_light() -> Image.Image:
    picture = Image.new("RGB", (160, 160), (150, 190, 230))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((50, 10, 110, 150), fill=(25, 25, 25))
    for y, colour in ((35, (230, 30, 30)), (80, (240, 190, 30)), (125, (40, 200, 80))):
        draw.ellipse((62, y - 18, 98, y + 18), fill=colour)
    return picture


def crossword_puzzle() -> Image.Image:
    picture = Image.new("RGB", (160, 160), "white")
    draw = ImageDraw.Draw(picture)
    for x, y in np.ndindex(10, 10):
        square = (x * 16, y * 16, x * 16 + 16, y * 16 + 16)
        draw.rectangle(square, fill="black" if (3 * x + 7 * y) % 4 == 0 else "white", outline="black")
    return picture


def analog_clock() -> Image.Image:
    picture = Image.new("RGB", (160, 160), (200, 190, 170))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((10, 10, 150, 150), fill="white", outline="black", width=5)
    for hour in range(1, 13):
        angle = hour * math.pi / 6
        place = (80 + 55 * math.sin(angle), 80 - 55 * math.cos(angle))
        draw.text(place, str(hour), "black", ImageFont.load_default(18), anchor="mm")
    draw.line((80, 80, 80, 40), "black", 4)
    draw.line((80, 80, 110, 95), "black", 5)
    return picture


def pixels(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]


def test_drawings_are_recognised(network: EfficientNetLite0) -> None:
    pictures = torch.cat([pixels(draw()) for draw in (traffic_light, crossword_puzzle, analog_clock)])
    weights = packaged_weights()
    with torch.no_grad():
        scores = network(pictures) @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert scores.argmax(1).tolist() == [TRAFFIC_LIGHT, CROSSWORD_PUZZLE, ANALOG_CLOCK]


def test_features_are_those_recorded_from_another_implementation(network: EfficientNetLite0) -> None:
    wave = torch.sin(0.013 * torch.arange(2 * 3 * 40 * 56, dtype=torch.float64)).view(2, 3, 40, 56)
    with torch.no_grad():
        features = network(((wave + 1) * 127.5).round().to(torch.uint8))
    assert features.shape == (2, 1280)
    torch.testing.assert_close(features.sum(1), torch.tensor([123.90318, 123.01296]), rtol=1e-4, atol=0)
    torch.testing.assert_close(
        features.square().sum(1), torch.tensor([214.49663, 214.09024]), rtol=1e-4, atol=0
    )


def test_uneven_padding_goes_to_the_end() -> None:
    convolution = SameConv2d(1, 1, kernel_size=3, stride=2, groups=1)
    torch.nn.init.ones_(convolution.weight)
    # Of four pixels, windows of three begin at 0 and 2; the second one reaches over the end.
    assert convolution(torch.arange(1.0, 5).view(1, 1, 1, 4)).flatten().tolist() == [6.0, 7.0]


def test_another_file_of_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "SHA256", "0" * 64)
    with pytest.raises(
        ValueError, match=r"efficientnet-lite0-57934424\.pth is not the file .* expected 0000"
    ):
        load_lite0()
