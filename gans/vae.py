"""The variational auto-encoder (Kingma & Welling 2014, arXiv:1312.6114)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from datamodules.images.batches import ImageBatch
from gans.autoencoder import AutoEncoder
from gans.losses.reconstruction import ReconstructionName, kl_from_standard_normal
from gans.sampling.joined_noise import joined_noise


class VAE(AutoEncoder):
    """An auto-encoder whose codes are drawn, and kept close to N(0, I), from which samples are then decoded.

    The encoder says mean m and log deviation s of each number of a code; the code is c = exp(s) e + m with e
    from N(0, I). The loss is the reconstruction, summed over an image, plus `beta` times the divergence
    sum(exp(2s) - 2s - 1 + m^2) / 2. `encode` returns the means, `latents` draws from N(0, I).

    Args:
        beta: weight of the divergence (Higgins et al. 2017); 1 is the paper's bound. Less gives sharper
            reconstructions, and codes that are further from what samples are drawn from.
        reconstruction: see `AutoEncoder`; here its scale matters, as it is weighed against the divergence.
        **others: the other arguments of `AutoEncoder`.

    Raises:
        ValueError: if an argument is out of range.
    """

    numbers_per_code = 2

    def __init__(self, beta: float = 1.0, reconstruction: ReconstructionName = "l2", **others: Any) -> None:
        super().__init__(reconstruction=reconstruction, **others)
        if beta < 0:
            raise ValueError(f"model.beta is {beta}: it is 0 or more.")

    def make_prior(self) -> nn.Module:
        """Return N(0, I): noise is a code as it is."""
        return nn.Identity()

    def autoencoder_terms(self, batch: ImageBatch, products: None) -> dict[str, Tensor]:
        """Return the reconstruction loss of drawn codes, and the weighted divergence."""
        mean, log_deviation = self.encoder(batch.images).chunk(2, dim=1)
        noise = joined_noise(self, *mean.shape)
        codes = torch.exp(log_deviation) * noise + mean
        return {
            "reconstruction": self.reconstruction_loss(codes, batch.images),
            "divergence": self.hparams["beta"] * kl_from_standard_normal(mean, log_deviation),
        }
