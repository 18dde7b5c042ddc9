from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gans.metrics.segmentation import SegmentationScore, labels_of_colours, segmentation_scores


def values(scores: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(score) for name, score in scores.items()}


def test_scores_of_a_confusion_matrix_worked_out_by_hand() -> None:
    confusion = torch.tensor([[3, 1, 0], [2, 4, 0], [1, 1, 8]])
    assert values(segmentation_scores(confusion)) == {
        "pixel_accuracy": pytest.approx(15 / 20),
        "class_accuracy": pytest.approx((3 / 4 + 4 / 6 + 8 / 10) / 3),
        "class_iou": pytest.approx((3 / 7 + 4 / 8 + 8 / 10) / 3),  # the unions are 4 + 6 - 3 and so on
    }


def test_a_large_class_weighs_more_in_pixels_than_in_classes() -> None:
    assert values(segmentation_scores(torch.tensor([[98, 0], [2, 0]]))) == {
        "pixel_accuracy": pytest.approx(0.98),
        "class_accuracy": pytest.approx(0.5),
        "class_iou": pytest.approx(0.49),
    }


def test_absent_classes_are_left_out_of_the_means() -> None:
    confusion = torch.tensor([[6, 2, 0], [0, 0, 0], [0, 0, 0]])  # class 1 is only seen, class 2 is nowhere
    assert values(segmentation_scores(confusion)) == {
        "pixel_accuracy": pytest.approx(6 / 8),
        "class_accuracy": pytest.approx(6 / 8),
        "class_iou": pytest.approx((6 / 8 + 0 / 2) / 2),
    }


def brightness(images: Tensor) -> Tensor:
    """Label 0, 1 or 2 from dark to bright."""
    return ((images[:, 0] + 1) * 1.5).long().clamp(max=2)


def painted(labels: Tensor) -> Tensor:
    return (labels[:, None] - 1.0) * 0.9


def test_any_segmentation_counts_truth_in_rows_over_several_batches() -> None:
    seen = torch.tensor([[[0, 1], [1, 2]], [[0, 0], [2, 2]]])
    truth = torch.tensor([[[0, 0], [1, 2]], [[255, 0], [1, 255]]])
    metric = SegmentationScore(brightness, classes=3)
    for i in range(2):
        metric.update(painted(seen[i : i + 1]), truth[i : i + 1])
    assert metric.confusion.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert values(metric.compute()) == pytest.approx(values(segmentation_scores(metric.confusion)))
    metric.reset()
    assert metric.confusion.sum() == 0


def test_a_network_may_return_scores() -> None:
    def scores(images: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(brightness(images), 3).movedim(-1, 1).float()

    labels = torch.tensor([[[0, 1, 2, 2]]])
    metric = SegmentationScore(scores, classes=3)
    metric.update(painted(labels), labels)
    assert values(metric.compute()) == {"pixel_accuracy": 1, "class_accuracy": 1, "class_iou": 1}


def test_labels_of_another_size_are_refused() -> None:
    metric = SegmentationScore(lambda images: brightness(images)[:, ::2], classes=3)
    with pytest.raises(ValueError, match=r"\(1, 2, 4\) where \(1, 4, 4\)"):
        metric.update(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.long))


def test_colours_become_the_nearest_label_and_strange_ones_are_ignored() -> None:
    palette = [(128, 64, 128), (0, 0, 142), (220, 20, 60)]
    colours = torch.tensor([(128, 64, 128), (10, 5, 130), (220, 20, 60), (255, 255, 255)])
    images = (colours.T.reshape(1, 3, 2, 2) / 127.5) - 1
    assert labels_of_colours(images, palette).tolist() == [[[0, 1], [2, 255]]]
    assert labels_of_colours(images, palette, tolerance=5).tolist() == [[[0, 255], [2, 255]]]
    assert labels_of_colours(images, palette, tolerance=1000).tolist() == [[[0, 1], [2, 0]]]
    with pytest.raises(ValueError, match="images of 1 channels"):
        labels_of_colours(images[:, :1], palette)
