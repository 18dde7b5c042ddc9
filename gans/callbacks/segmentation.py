"""Label maps that are translated to photographs, or come from them: how many labels are right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from gans.callbacks.evaluation import ComparisonCallback, Stage, log_synchronised
from gans.metrics.processes import gather
from gans.metrics.segmentation import SegmentationScore, labels_of_colours, segmentation_scores
from gans.protocol import Comparison


class SegmentationScores(ComparisonCallback):
    """Logs per-pixel accuracy, class accuracy and class IoU of translations: the FCN score of pix2pix.

    From labels to photographs, `segment` labels the translations, and the true labels are read from the
    colours of the source. It labels the true photographs too, which tells what can be reached:
    `val/pixel_accuracy/NAME` stands beside `val/pixel_accuracy_of_truth/NAME`, and so do `class_accuracy` and
    `class_iou`. From photographs to labels, without `segment`, both are read from the colours of translation
    and truth. All scores are in 0..1, over all images of all processes. In test `test/` stands in place of
    `val/`.

    Args:
        palette: red, green and blue in 0..255 of each class that counts, in the order of the labels.
        segment: images (N, C, H, W) in [-1, 1] to labels (N, H, W) or scores (N, classes, H, W), by its
            import path: a function, or a class with its `init_args`.
        tolerance: pixels of a label map that are farther than this from all colours, in 0..255, do not count.

    Raises:
        ValueError: if the palette is empty.
    """

    def __init__(
        self,
        palette: Sequence[Sequence[int]],
        segment: Callable[[Tensor], Tensor] | None = None,
        tolerance: float = 32.0,
    ) -> None:
        if not palette:
            raise ValueError("palette is empty: it has one colour for each class, such as [128, 64, 128].")
        self._palette, self._segment, self._tolerance = palette, segment, tolerance
        self._metrics: dict[tuple[str, str], SegmentationScore] = {}

    def begin(self, pl_module: LightningModule, stage: Stage) -> None:
        """Forget what the last epoch has counted."""
        self._metrics = {}
        if isinstance(self._segment, nn.Module):
            self._segment.to(pl_module.device).eval()

    def collect(self, stage: Stage, name: str, comparison: Comparison) -> None:
        """Count the labels of one batch."""
        label_map = comparison.truth if self._segment is None else comparison.source
        if label_map is None or len(label_map) == 0:
            return
        labels = self._read(label_map)
        self._count(("", name), comparison.fake, labels)
        if self._segment is not None and comparison.truth is not None:
            self._count(("_of_truth", name), comparison.truth, labels)

    def _read(self, label_map: Tensor) -> Tensor:
        return labels_of_colours(label_map, self._palette, self._tolerance)

    def _count(self, key: tuple[str, str], images: Tensor, labels: Tensor) -> None:
        if key not in self._metrics:
            metric = SegmentationScore(self._segment or self._read, len(self._palette))
            self._metrics[key] = metric.to(images.device)
        self._metrics[key].update(images, labels)

    def finish(self, pl_module: LightningModule, stage: Stage) -> None:
        """Bring the counts of all processes together and log their scores."""
        everyone = gather({key: metric.confusion.cpu() for key, metric in self._metrics.items()})
        for suffix, name in sorted({key for counts in everyone for key in counts}):
            confusion = torch.stack([counts[suffix, name] for counts in everyone if (suffix, name) in counts])
            for score, value in segmentation_scores(confusion.sum(dim=0)).items():
                log_synchronised(pl_module, {f"{stage}/{score}{suffix}/{name}": float(value)})
