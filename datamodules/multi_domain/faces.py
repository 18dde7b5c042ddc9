"""Drawn faces with attributes, and the truth of every change of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from datamodules.faces.attributes import (
    EXCLUSIVE,
    Labels,
    attribute_labels,
    check_attributes,
    draw_with_labels,
)
from datamodules.faces.faces import face_seeds
from datamodules.found import Found, drawn
from datamodules.image_sets import Split
from datamodules.multi_domain.attributes import Attributes
from datamodules.multi_domain.masks import OTHERWISE
from datamodules.multi_domain.sources import LabelledImages
from datamodules.reading import MemoryImages
from datamodules.transforms import Preprocess

DEFAULT_ATTRIBUTES = (*EXCLUSIVE["hair"], *EXCLUSIVE["skin"])


def face_attributes(names: Sequence[str] | None) -> Attributes:
    """Return the attributes of a set of drawn faces; colours of hair, and of skin, exclude each other.

    Args:
        names: of `datamodules.faces.attributes.ATTRIBUTES`; None takes the colours of hair and skin.
    """
    chosen = list(DEFAULT_ATTRIBUTES if names is None else names)
    groups = [[name for name in members if name in chosen] for members in EXCLUSIVE.values()]
    return Attributes([chosen], [group for group in groups if group])


@dataclass
class DrawnDataSet:
    """Drawn faces with chosen attributes; other faces in every data set, other ones again to evaluate on.

    Attributes:
        attributes: those that are known of these faces.
        everywhere: those of all data sets, which all faces are drawn with.
        number: of this data set among several.
        style: name of the style, see `datamodules.faces.faces.STYLES`.
        count: faces to train on.
        test_count: faces to evaluate on.
        preprocess: tells the sizes to draw in; nothing is resized.
        channels: 3, or 1 for grey.

    Raises:
        ValueError: an attribute that cannot be drawn, or a number of channels that cannot.
    """

    attributes: Attributes
    everywhere: Sequence[str]
    number: int
    style: str
    count: int
    test_count: int
    preprocess: Preprocess
    channels: int = 3

    def __post_init__(self) -> None:
        check_attributes(self.everywhere, self.style)
        if self.channels not in (1, 3):
            raise ValueError(f"channels: drawn faces have 3 channels, or 1 when grey, not {self.channels}.")

    def found(self, read: tuple[LabelledImages, LabelledImages] | None) -> list[Found]:
        """Describe the faces."""
        return [drawn("images", self.count, self.test_count, self.preprocess.before_crop, self.channels)]

    def training(self, masks: bool) -> LabelledImages:
        """Return what is trained on, in the size windows are cut from.

        Raises:
            ValueError: masks are asked for, which nobody draws.
        """
        _refuse(masks)
        return self._draw("train", self.count, self.preprocess.before_crop)

    def held_out(self, masks: bool) -> LabelledImages:
        """Return what is evaluated on, in the size the network sees, and its truths.

        Raises:
            ValueError: masks are asked for, which nobody draws.
        """
        _refuse(masks)
        faces = self._draw("test", self.test_count, self.preprocess.size)
        labels = attribute_labels(self._seeds("test", self.test_count), self.everywhere)
        truths = [
            self._pictures("test", self._changed(labels, name), self.preprocess.size)
            for name in self.everywhere
        ]
        return faces._replace(truths=torch.stack(truths, dim=1))

    def _changed(self, labels: Labels, name: str) -> Labels:
        """Return the labels of all faces after one attribute was changed as `Attributes.towards` does."""
        changed, column = labels.copy(), self.everywhere.index(name)
        group = next((members for members in EXCLUSIVE.values() if name in members), None)
        if group is not None:
            changed[:, [self.everywhere.index(member) for member in group if member in self.everywhere]] = 0
        known = name in self.attributes.flat
        changed[:, column] = 1 - labels[:, column] if group is None and known else 1
        return changed

    def _draw(self, split: Split, count: int, size: int) -> LabelledImages:
        seeds = self._seeds(split, count)
        labels = attribute_labels(seeds, self.everywhere)
        names = [f"{seed.replace('/', '_')}.png" for seed in seeds]
        known = [self.everywhere.index(name) for name in self.attributes.flat]
        images = MemoryImages(self._pictures(split, labels, size), names)
        return LabelledImages(images, torch.from_numpy(labels[:, known]))

    def _pictures(self, split: Split, labels: Labels, size: int) -> Tensor:
        seeds = self._seeds(split, len(labels))
        pixels = draw_with_labels(seeds, size, self.everywhere, labels, self.style)
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
        return VF.rgb_to_grayscale(images) if self.channels == 1 else images

    def _seeds(self, split: Split, count: int) -> list[str]:
        return face_seeds(split, f"multi_domain_{self.number}", count)


def _refuse(masks: bool) -> None:
    if masks:
        raise ValueError(f"masks: drawn faces have none. {OTHERWISE}")
