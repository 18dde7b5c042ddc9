"""How many images a metric wants before its value says much of the images and little of their number."""

from __future__ import annotations

FEATURES = {"fd_lite0": 1280, "fid": 2048}
"""Frechet distances -> dimensions of their features: with fewer images the covariances have no full rank, and
the distance is mostly a matter of their number."""

FEW = 100
"""Below this a kernel distance varies from one choice of images to the next by as much as trainings differ,
and a share of images comes in steps of more than a hundredth."""

OF_FEW = ("kid", "precision", "recall", "density", "coverage")


def images_wanted(metric: str) -> int:
    """Return how many images a metric wants, such as 1280 for `fd_lite0`; 0 if any number will do.

    Args:
        metric: its name without stage and without what is compared.
    """
    return FEATURES.get(metric, FEW if metric.removesuffix("_lite0") in OF_FEW else 0)
