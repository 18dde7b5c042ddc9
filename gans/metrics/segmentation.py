"""How much of a translation a segmentation network recognises: the FCN score of pix2pix.

Paper: Isola et al. 2017, arXiv:1611.07004, after Long et al. 2015, arXiv:1411.4038: a network that segments
photographs labels the generated ones, and its labels are compared with those they were generated from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_confusion_matrix

IGNORED = 255  # the label of pixels that do not count, as in Cityscapes and Pascal VOC

Segment = Callable[[Tensor], Tensor]
"""Segmentation: images (N, C, H, W) in [-1, 1] to labels (N, H, W), or to scores (N, classes, H, W)."""


class SegmentationScore(Metric):
    """Per-pixel accuracy, class accuracy and class IoU of what a segmentation sees in images.

    Args:
        segment: any function of images, such as a network in evaluation mode.
        classes: number of classes, labelled from 0.
        ignored: label of pixels that do not count.
        **options: of `torchmetrics.Metric`.
    """

    confusion: Tensor

    def __init__(
        self, segment: Segment, classes: int, ignored: int = IGNORED, **options: bool | str | None
    ) -> None:
        super().__init__(**options)
        self.segment, self.classes, self.ignored = segment, classes, ignored
        self.add_state("confusion", torch.zeros(classes, classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, images: Tensor, labels: Tensor) -> None:
        """Segment images and count which class was taken for which.

        Args:
            images: (N, C, H, W) in [-1, 1].
            labels: (N, H, W), the true labels in 0..classes - 1, or `ignored`.

        Raises:
            ValueError: if the segmentation returns labels of another height or width.
        """
        with torch.no_grad():
            seen = self.segment(images)
        if seen.ndim == 4:
            seen = seen.argmax(dim=1)
        if seen.shape != labels.shape:
            raise ValueError(
                f"the segmentation returned labels {tuple(seen.shape)} where {tuple(labels.shape)} were "
                "expected: let it resize them to the images it is given"
            )
        self.confusion += multiclass_confusion_matrix(seen, labels, self.classes, ignore_index=self.ignored)

    def compute(self) -> dict[str, Tensor]:
        """Return what `segmentation_scores` makes of all images so far."""
        return segmentation_scores(self.confusion)


def segmentation_scores(confusion: Tensor) -> dict[str, Tensor]:
    """Return the three scores of a confusion matrix, each in 0..1.

    A class that is not in the truth has no accuracy, and one that is neither in the truth nor seen has no
    IoU: the means leave them out. Without any pixel the scores are NaN.

    Args:
        confusion: (classes, classes), entry (i, j) the number of pixels of class i that were seen as j.

    Returns:
        `pixel_accuracy`: share of the pixels whose class was seen; `class_accuracy`: the same for each class,
        averaged; `class_iou`: intersection over union of each class, averaged.
    """
    counts = confusion.double()
    right, true, seen = counts.diagonal(), counts.sum(dim=1), counts.sum(dim=0)
    return {
        "pixel_accuracy": right.sum() / counts.sum(),
        "class_accuracy": (right / true).nanmean(),
        "class_iou": (right / (true + seen - right)).nanmean(),
    }


def labels_of_colours(
    images: Tensor, palette: Sequence[Sequence[int]], tolerance: float = 32.0, ignored: int = IGNORED
) -> Tensor:
    """Read a label map that is drawn in colours, one colour per class.

    Every pixel belongs to the nearest colour, which undoes the blending of resized pictures and the errors of
    a network that paints labels; one that is far from all colours, such as a class that is not scored, is
    ignored.

    Args:
        images: (N, 3, H, W) in [-1, 1].
        palette: red, green and blue in 0..255 of each class, in the order of the labels.
        tolerance: largest Euclidean distance in 0..255 of a pixel from its colour.
        ignored: label of pixels farther away.

    Returns:
        Labels (N, H, W), int64.

    Raises:
        ValueError: if the images or the colours are not RGB.
    """
    colours = torch.tensor(palette, dtype=torch.float32, device=images.device)
    if colours.ndim != 2 or colours.shape[1] != 3 or images.shape[1] != 3:
        raise ValueError(
            f"label colours are red, green and blue: got colours of shape {tuple(colours.shape)} and images "
            f"of {images.shape[1]} channels"
        )
    pixels = (images.float() + 1).mul(127.5).movedim(1, -1)  # (N, H, W, 3)
    distances = torch.cdist(pixels.flatten(0, 2)[None], colours[None])[0]
    nearest, labels = distances.min(dim=1)
    return torch.where(nearest <= tolerance, labels, ignored).view(pixels.shape[:-1])
