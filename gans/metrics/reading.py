"""How metrics are read: in which order they matter, and which way is better."""

from __future__ import annotations

LOWER, HIGHER = "lower", "higher"
NEAR_ONE = "near 1"

BETTER: dict[str, str] = {
    "kid": LOWER,
    "kid_floor": "",
    "fid": LOWER,
    "fd": LOWER,
    "fid_floor": "",
    "fd_floor": "",
    "inception_score": HIGHER,
    "inception_score_deviation": "",
    "modes": HIGHER,
    "high_quality": HIGHER,
    "modes_kl": LOWER,
    "l1": LOWER,
    "l1_untouched": LOWER,
    "l1_doing_nothing": "",
    "l1_constant": "",
    "psnr_y": HIGHER,
    "ssim_y": HIGHER,
    "psnr_y_bicubic": "",
    "distance": LOWER,
    "distance_lpips": LOWER,
    "psnr_rgb": HIGHER,
    "ssim_rgb": HIGHER,
    "psnr": HIGHER,
    "ssim": HIGHER,
    "accuracy": HIGHER,
    "accuracy_of_real": "",
    "retrieval_rank": LOWER,
    "retrieval_rank_of_real": "",
    "right_above_wrong": HIGHER,
    "pixel_accuracy": HIGHER,
    "class_accuracy": HIGHER,
    "class_iou": HIGHER,
    "pixel_accuracy_of_truth": "",
    "class_accuracy_of_truth": "",
    "class_iou_of_truth": "",
    "precision": HIGHER,
    "recall": HIGHER,
    "density": NEAR_ONE,
    "coverage": HIGHER,
    "diversity_lpips": HIGHER,
    "diversity": HIGHER,
}
"""Metric, in the order in which they matter -> which way is better; nothing for what does not depend on the
model, beside which the others are read."""

COUNTS = ("images", "real_images")
"""How many were compared, which is no metric."""


def place(metric: str) -> tuple[int, str]:
    """Return what sorts metrics in the order in which they matter; unknown ones come last, by name."""
    known = list(BETTER)
    name = plain(metric)
    return (known.index(name) if name in known else len(known), metric)


def better(metric: str) -> str:
    """Return `lower`, `higher` or `near 1`; nothing where there is no better."""
    return BETTER.get(plain(metric), "")


def plain(metric: str) -> str:
    """Return a metric's name without the features that it is in: `kid_floor` for `kid_lite0_floor`."""
    return metric.replace("_lite0", "")
