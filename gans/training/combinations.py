"""Combinations of settings that cannot be right, refused with the reason before a training begins."""

from __future__ import annotations

from lightning.pytorch import LightningModule, Trainer
from torch import nn


def refuse_wrong_combinations(module: LightningModule, trainer: Trainer) -> None:
    """Refuse what would train, but not what was asked for.

    Raises:
        ValueError: for accumulation under 16-mixed, weights in 16 bits, and synchronised batch norm on a CPU.
    """
    if trainer.scaler is not None and module.hparams["accumulate"] > 1:
        raise ValueError(
            "model.accumulate above 1 cannot be right under 16-mixed: when one player's gradients overflow, "
            "the scale changes before the other's are unscaled. Use --trainer.precision bf16-mixed."
        )
    if trainer.precision in ("16-true", "bf16-true"):
        raise ValueError(
            f"--trainer.precision {trainer.precision} cannot train: a step of Adam, or of an average, is "
            "mostly too small to change a weight of 16 bits, and penalties need 32. Use bf16-mixed."
        )
    synchronised = any(isinstance(part, nn.SyncBatchNorm) for part in module.modules())
    if synchronised and trainer.world_size > 1 and trainer.strategy.root_device.type == "cpu":
        raise ValueError(
            "--trainer.sync_batchnorm has no effect that could be right on a CPU: PyTorch has synchronised "
            "batch norm for GPUs only. Leave it out; each process then uses the statistics of its own images."
        )
