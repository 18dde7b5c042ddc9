"""The features of VGG-16 and VGG-19, for perceptual losses with weights that the user has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
DEPTHS_19 = (2, 2, 4, 4, 4)
WIDTHS_19 = (64, 128, 256, 512, 512)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels in [0, 1]


class VGGFeatures(nn.Module):
    """VGG-16 up to its last ReLU before the last pooling (relu5_3), frozen.

    Paper: Simonyan & Zisserman 2015, arXiv:1409.1556. Layers are numbered as in torchvision's `vgg16`, whose
    weights fit.

    Shape:
        (N, 1 or 3, H, W) in [-1, 1], sides of at least 16, to (N, 512, H // 16, W // 16); grey is repeated.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for block in WIDTHS:
            layers += [nn.MaxPool2d(2)] if layers else []
            for width in block:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the features (N, 512, H // 16, W // 16)."""
        pixels = (images.expand(-1, 3, -1, -1) + 1) / 2
        features: Tensor = self.features((pixels - self.mean) / self.std)
        return features


class VGG19Features(nn.Module):
    """Chosen convolutions of VGG-19 before their ReLU, frozen.

    Paper: Simonyan & Zisserman 2015, arXiv:1409.1556. Layers are numbered as in torchvision's `vgg19`, whose
    weights fit; `conv5_4` is the fourth convolution behind the fourth pooling.

    Args:
        layers: names of convolutions, in their order.
        widths: channels of the five stages.

    Shape:
        (N, 1 or 3, H, W) in [0, 1], sides of at least 16, to as many maps as layers; grey is repeated.

    Raises:
        ValueError: if a layer is unknown.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, layers: Sequence[str], widths: Sequence[int] = WIDTHS_19) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        places: dict[str, int] = {}
        channels = 3
        for stage, (depth, width) in enumerate(zip(DEPTHS_19, widths, strict=True), start=1):
            parts += [nn.MaxPool2d(2)] if parts else []
            for number in range(1, depth + 1):
                places[f"conv{stage}_{number}"] = len(parts)
                # Not in place: it would write into the feature that is kept.
                parts += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        unknown = sorted(set(layers) - set(places))
        if unknown or not layers:
            raise ValueError(f"VGG-19 has no layers {unknown}: choose from {', '.join(places)}")
        self.wanted = [places[name] for name in layers]
        self.features = nn.Sequential(*parts[: max(self.wanted) + 1])
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Return the features of each layer, (N, C, H / 2^k, W / 2^k) behind k poolings."""
        features = (pixels.expand(-1, 3, -1, -1) - self.mean) / self.std
        kept = []
        for place, part in enumerate(self.features):
            features = part(features)
            if place in self.wanted:
                kept.append(features)
        return kept


def load_vgg(weights: str) -> VGGFeatures:
    """Return the network with the weights of a file.

    Args:
        weights: path of the state dict of torchvision's `vgg16`, or of its `features`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no state dict, or that of another network.
    """
    if not Path(weights).is_file():
        raise FileNotFoundError(
            f"model.vgg_weights: {weights} does not exist. The perceptual loss needs the state dict of "
            "torchvision's vgg16; give its path, or set --model.perceptual_weight 0."
        )
    network = VGGFeatures()
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        wanted = {name: state[name] for name in network.state_dict()}
        network.load_state_dict(wanted)
    except Exception as error:  # torch.load and load_state_dict raise many kinds
        raise ValueError(
            f"model.vgg_weights: {weights} is not the state dict of torchvision's vgg16 ({error})."
        ) from error
    return network
