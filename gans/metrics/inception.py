"""The Inception network of 2015, in whose features FID is defined (Heusel et al. 2017, arXiv:1706.08500)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gans.metrics.weights import verified

DIMENSION = 2048
WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{WEIGHTS}"


def find_weights(weights: str | None = None, download: bool = False) -> Path:
    """Return the verified file of the network's weights.

    Args:
        weights: path of the file; by default it is looked for in torch's hub cache.
        download: fetch the file (96 MB) into torch's hub cache if it is not there.

    Raises:
        FileNotFoundError: if the file is absent and may not, or cannot, be fetched.
        ValueError: if the file is another one.
    """
    path = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    if not path.is_file() and weights is None and download:
        _download(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"FID needs the Inception weights, and {path} does not exist. Fetch {ADDRESS} and put it there, "
            "or name its place with --metrics.weights FILE; or fetch it with --metrics.download true; or use "
            "`features: lite0`, which needs no download."
        )
    return verified(path, SHA256)


def _download(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(ADDRESS, str(path), hash_prefix=SHA256)
    except (OSError, RuntimeError) as error:  # RuntimeError: what arrived has another hash
        raise FileNotFoundError(
            f"Fetching {ADDRESS} failed: {error}. Fetch it by other means and put it at {path}."
        ) from error


class InceptionNetwork(nn.Module):
    """Pooled features and logits, by torch-fidelity, which resizes as the original TensorFlow graph did.

    The logits are those without bias, from which the Inception score has always been computed.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        # Imported here: it takes long, and few runs compute FID.
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        self.network = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights)
        )

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features (N, 2048) and logits (N, 1008) of uint8 RGB images (N, 3, H, W)."""
        features, logits = self.network(pixels)
        return features, logits
