from __future__ import annotations

import pytest
import torch
from support.compared import counted_extractor, random_images
from torch import Tensor, nn

from gans.metrics.features import FeatureExtractor, load_extractor, to_pixels

CONVOLUTIONS = getattr(torch.backends.cudnn, "conv")  # noqa: B009 - it is not in torch's type hints


class Conditions(nn.Module):
    """Notes under what settings it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.precision = ""

    def forward(self, pixels: Tensor) -> Tensor:
        self.precision = CONVOLUTIONS.fp32_precision
        features: Tensor = self.linear(pixels.float().mean((2, 3)))
        return features


def test_pixels_are_the_bytes_of_the_file() -> None:
    values = torch.arange(256)
    assert to_pixels((values / 127.5 - 1).view(1, 1, 16, 16))[0, 2].flatten().tolist() == values.tolist()
    assert to_pixels(torch.tensor([-1.5, 1.5]).view(1, 1, 1, 2)).flatten().tolist() == [0, 255] * 3


def test_grey_images_count_as_rgb() -> None:
    extractor, _ = counted_extractor()
    grey = random_images(2, channels=1)
    torch.testing.assert_close(extractor(grey), extractor(grey.repeat(1, 3, 1, 1)), rtol=0, atol=0)


@pytest.mark.parametrize("channels", [2, 4])
def test_other_channels_are_refused(channels: int) -> None:
    extractor, _ = counted_extractor()
    with pytest.raises(ValueError, match=f"these have {channels} channels"):
        extractor(random_images(1, channels))


def test_features_keep_full_precision() -> None:
    network = Conditions()
    extractor = FeatureExtractor("fake", network, 2, "fake")
    CONVOLUTIONS.fp32_precision = "tf32"  # torch's default
    with torch.autocast("cpu", torch.bfloat16):
        assert network.linear(torch.zeros(1, 3)).dtype == torch.bfloat16
        assert extractor(random_images(1)).dtype == torch.float32
    assert network.precision == "ieee"
    assert CONVOLUTIONS.fp32_precision == "tf32"


def test_the_network_is_frozen() -> None:
    extractor, network = counted_extractor()
    assert not any(parameter.requires_grad for parameter in extractor.parameters())
    assert not network.training
    assert not extractor(random_images(1).requires_grad_()).requires_grad


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="features is 'vgg': it is lite0 or inception"):
        load_extractor("vgg")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="only `features: inception` takes"):
        load_extractor("lite0", weights="inception.pth")


class Classifier(nn.Module):
    """Returns a feature and a logit of each image, and notes how many images come together."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        self.batches.append(len(pixels))
        return pixels[:, :1, 0, 0].float(), -pixels[:, :1, 0, 0].float()


@pytest.mark.parametrize("count", [0, 1, 16, 40])
def test_a_bounded_number_of_images_goes_through_the_network_together(count: int) -> None:
    network = Classifier()
    pixels = torch.randint(0, 256, (count, 3, 4, 4), dtype=torch.uint8)
    features, logits = FeatureExtractor("fake", network, 1, "fake").classify(pixels)
    assert torch.equal(features, pixels[:, :1, 0, 0].float())
    assert logits is not None
    assert torch.equal(logits, -features)
    assert sum(network.batches) == count
    assert max(network.batches) <= 16
    single, _ = counted_extractor()
    assert single(random_images(count)).shape == (count, 6)
