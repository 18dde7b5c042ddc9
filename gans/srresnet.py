"""SRResNet: super-resolution by the distance of pixels alone (Ledig et al. 2017, arXiv:1609.04802)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

import torch.nn.functional as F
from torch import Tensor

from datamodules.paired.batches import PairedBatch
from gans.families.super_resolution import SuperResolution
from gans.losses.reconstruction import l1
from gans.training.turns import Player

PixelLoss = Literal["l1", "l2"]


class SRResNet(SuperResolution):
    """Learns to enlarge images by the distance to the truth, which gives the highest PSNR and soft pictures.

    It is the first stage of SRGAN, of ESRGAN and, as Real-ESRNet, of Real-ESRGAN: `generator` chooses whose.
    The defaults are those of BasicSR: L1, Adam(2e-4, 0.9, 0.99), averages with 0.999; there the training has
    a million steps with `restart_every` 250000.

    Images are (N, channels, H, W) in [-1, 1].

    Args:
        loss: `l1`, the mean absolute difference, or `l2`, the mean square, as in the paper.
        learning_rate: see `AdversarialModule`.
        betas: see `AdversarialModule`.
        ema_decay: see `AdversarialModule`.
        **shared: the other arguments of `SuperResolution` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range.
    """

    players: ClassVar[tuple[Player, ...]] = (Player("generator", ("generator",)),)

    def __init__(
        self,
        loss: PixelLoss = "l1",
        learning_rate: float = 2e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        ema_decay: float = 0.999,
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, betas=betas, ema_decay=ema_decay, **shared)
        if loss not in get_args(PixelLoss):
            raise ValueError(f"model.loss is {loss!r}: it is l1 or l2.")

    def generator_terms(self, batch: PairedBatch, enlarged: Tensor) -> dict[str, Tensor]:
        """Return the distance to the targets, of pixels in [0, 1]."""
        target, loss = self.reference(batch), self.hparams["loss"]
        return {loss: l1(enlarged, target) if loss == "l1" else F.mse_loss(enlarged, target)}
