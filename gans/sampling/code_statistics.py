"""The Gaussian that codes follow, estimated while an encoder is trained."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

MEMORY = 0.01  # weight of a batch in the running averages: the last hundred batches count


class CodeStatistics(nn.Module):
    """Mean and covariance of the codes of the last training batches, over all processes.

    An auto-encoder is not told how its codes are to be distributed, so noise from N(0, I) is no code of an
    image: drawn through this Gaussian it has at least the codes' position, scale and correlations. The two
    are buffers: a checkpoint can make samples without the training images.

    Args:
        size: numbers in a code.
    """

    mean: Tensor
    covariance: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("covariance", torch.eye(size))

    @torch.no_grad()
    def follow(self, codes: Tensor, step: int) -> None:
        """Take in the codes (N, size) of a training batch; a collective call.

        Args:
            codes: of this process; the others have as many.
            step: how many steps were made before, so that the averages forget their start at once.
        """
        codes = codes.to(self.mean)
        moments = torch.cat([codes.mean(0)[None], codes.T @ codes / len(codes)])
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(moments)
            moments /= dist.get_world_size()
        mean, second_moment = moments[0], moments[1:]
        weight = max(MEMORY, 1 / (1 + step))
        second_moment = torch.lerp(self.covariance + torch.outer(self.mean, self.mean), second_moment, weight)
        self.mean.lerp_(mean, weight)
        self.covariance.copy_(second_moment - torch.outer(self.mean, self.mean))

    def forward(self, noise: Tensor) -> Tensor:
        """Return codes (N, size) that follow the Gaussian, made of standard normal noise (N, size)."""
        values, vectors = torch.linalg.eigh(self.covariance.to(noise))
        # The symmetric root, because vectors alone have arbitrary signs: it is the same on any machine.
        root = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
        codes: Tensor = self.mean.to(noise) + noise @ root
        return codes
