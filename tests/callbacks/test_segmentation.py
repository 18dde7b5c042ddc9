from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.compared import Items, Painter, trainer
from support.processes import run_together
from torch import Tensor

from gans.callbacks.segmentation import SegmentationScores

PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255]]
SCORES = {"pixel_accuracy", "class_accuracy", "class_iou"}
TRUE_LABELS = torch.tensor([[[0, 1], [1, 2]], [[0, 0], [2, 2]], [[1, 1], [1, 0]]])


def drawn(labels: Tensor) -> Tensor:
    """Return the label map (N, 3, H, W) of labels (N, H, W); label 3 is drawn white, as no class is."""
    colours = torch.tensor([*PALETTE, [255, 255, 255]])
    return (colours[labels] / 127.5 - 1).movedim(-1, 1)


def brightness(photos: Tensor) -> Tensor:
    """Segments photographs in which class 0, 1 and 2 are dark, middle and bright."""
    return ((photos.mean(dim=1) + 1) * 1.5).long().clamp(max=2)


def photographed(labels: Tensor) -> Tensor:
    return ((labels[:, None] - 1) * 0.8).float().repeat(1, 3, 1, 1)


class Translating(Painter):
    """Returns as translations what the test gives it as reals."""

    def comparisons(self, batch: Items) -> dict[str, object]:  # type: ignore[override]
        assert batch.real is not None
        return {"labels": super().comparisons(batch)["A2B"]._replace(fake=batch.real)}


def validate(folder: Path, images: Items, callback: SegmentationScores) -> dict[str, float]:
    (metrics,) = trainer(folder, callback).validate(Translating(images, batch_size=2), verbose=False)
    return dict(metrics)


def test_photographs_are_segmented_and_compared_with_their_label_maps(tmp_path: Path) -> None:
    seen, truth = TRUE_LABELS.clone(), TRUE_LABELS.clone()
    seen[0, 0, 0] = 2
    truth[1, 0, 0] = 3  # white: does not count
    images = Items(drawn(truth), photographed(seen), photographed(TRUE_LABELS))
    metrics = validate(tmp_path, images, SegmentationScores(PALETTE, brightness))
    assert set(metrics) == {f"val/{score}{of}/labels" for score in SCORES for of in ("", "_of_truth")}
    assert metrics["val/pixel_accuracy/labels"] == pytest.approx(10 / 11)
    assert metrics["val/class_accuracy/labels"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert metrics["val/class_iou/labels"] == pytest.approx((2 / 3 + 1 + 3 / 4) / 3)
    assert metrics["val/class_iou_of_truth/labels"] == 1


def test_painted_label_maps_are_compared_with_the_true_ones(tmp_path: Path) -> None:
    seen = TRUE_LABELS.clone()
    seen[2, 0] = 0
    unsteady = (drawn(seen) * 0.95).clamp(-1, 1)  # as a network paints
    images = Items(photographed(TRUE_LABELS), unsteady, drawn(TRUE_LABELS))
    metrics = validate(tmp_path, images, SegmentationScores(PALETTE))
    assert set(metrics) == {f"val/{score}/labels" for score in SCORES}
    assert metrics["val/pixel_accuracy/labels"] == pytest.approx(10 / 12)


def test_without_label_maps_there_is_no_score(tmp_path: Path) -> None:
    images = Items(drawn(TRUE_LABELS), photographed(TRUE_LABELS), None)
    assert validate(tmp_path, images, SegmentationScores(PALETTE)) == {}
    with pytest.raises(ValueError, match="palette is empty"):
        SegmentationScores([])


def measure(folder: str, shares: list[tuple[int, int]]) -> dict[str, float]:
    images = Items(drawn(TRUE_LABELS), photographed(TRUE_LABELS.flip(0)), None)
    options = {"devices": 2, "strategy": "ddp"} if len(shares) == 2 else {}
    run = trainer(Path(folder), SegmentationScores(PALETTE, brightness), **options)
    run.validate(Translating(images, shares=shares), verbose=False)
    return {name: float(value) for name, value in run.callback_metrics.items()}


def test_number_of_processes_does_not_matter(tmp_path: Path) -> None:
    (alone,) = run_together(measure, str(tmp_path), [(3, 3)], count=1)
    first, second = run_together(measure, str(tmp_path), [(2, 2), (1, 1)])
    assert set(alone) == {f"val/{score}/labels" for score in SCORES}
    assert first == second == pytest.approx(alone)
