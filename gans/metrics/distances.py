"""Distances between two sets of features, exact over all of them: no order, batch or subset enters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BLOCK = 2048  # rows whose kernel values are in memory at once: 2048 x 10 000 of them are 160 MB


class _Given(nn.Module):
    """Stands where torchmetrics expects the feature network: it is given features, not images."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Return the Frechet distance between Gaussians fitted to two sets of features (arXiv:1706.08500).

    It is |m_r - m_f|^2 + Tr(C_r + C_f - 2 (C_r C_f)^(1/2)), by torchmetrics, with float64 sums. It is biased
    upwards, more so for fewer images, so numbers of different set sizes cannot be compared.

    Args:
        real: (N, D), at least two rows.
        fake: (M, D), at least two rows.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    real, fake = _in_common_subspace(in_double(real), in_double(fake))
    # Features of all processes are here already: letting it sum over processes would count them again.
    metric = FrechetInceptionDistance(feature=_Given(real.shape[1]), sync_on_compute=False).to(real.device)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return float(metric.compute())


def _in_common_subspace(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate features into the subspace they span, if it is smaller than D.

    The Frechet distance does not change under rotation, but its eigenvalues cost D^3: a second for 1280
    features.
    """
    everything = torch.cat([real, fake])
    if everything.shape[0] >= everything.shape[1]:
        return real, fake
    basis = torch.linalg.qr(everything.T).Q
    return real @ basis, fake @ basis


def kernel_distance(real: Tensor, fake: Tensor) -> float:
    """Return the squared maximum mean discrepancy of the kernel (x.y / D + 1)^3, unbiased (arXiv:1801.01401).

    The paper averages over random subsets of 1000 to save time; this is the mean over all subsets at once,
    the same expectation with less noise, and it does not depend on a seed. Being unbiased it can be below 0.

    Args:
        real: (N, D), at least two rows.
        fake: (M, D), at least two rows.
    """
    real, fake = in_double(real), in_double(fake)
    n, m = len(real), len(fake)
    within_real = _kernel_sum(real, real, diagonal=False) / (n * (n - 1))
    within_fake = _kernel_sum(fake, fake, diagonal=False) / (m * (m - 1))
    return within_real + within_fake - 2 * _kernel_sum(real, fake) / (n * m)


def _kernel_sum(x: Tensor, y: Tensor, diagonal: bool = True) -> float:
    from torchmetrics.image.kid import poly_kernel

    total = torch.zeros((), dtype=x.dtype, device=x.device)
    for start in range(0, len(x), BLOCK):
        values = poly_kernel(x[start : start + BLOCK], y)
        total += values.sum()
        if not diagonal:
            total -= values.diagonal(offset=start).sum()
    return float(total)


def dealt_out(keys: list[bytes]) -> list[int]:
    """Return the rows in an order that depends on their content alone, for splits that do so too.

    Args:
        keys: one per row, drawn from the image's content, such as a hash.
    """
    return sorted(range(len(keys)), key=keys.__getitem__)


def halves(features: Tensor, keys: list[bytes]) -> tuple[Tensor, Tensor]:
    """Split a set in two disjoint halves of N // 2 rows, the same ones in whatever order the rows come.

    The distance between halves of the real images is the floor under the distance of generated ones: what
    perfect images would score. For the Frechet distance it is a high floor, its bias being that of half the
    images.

    Args:
        features: (N, D).
        keys: one per row; see `dealt_out`.
    """
    order = torch.tensor(dealt_out(keys), device=features.device)
    half = len(keys) // 2
    return features[order[:half]], features[order[half : 2 * half]]


def in_double(features: Tensor) -> Tensor:
    """Convert to float64, on the CPU where the device has none (Apple's)."""
    return (features.cpu() if features.device.type == "mps" else features).double()
