"""A module that callbacks can evaluate, without players: it translates by adding a learned shift."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gans.metrics.features import FeatureExtractor
from gans.protocol import Comparison, Grid


class Items(NamedTuple):
    """Images (N, C, H, W) in [-1, 1]; `real` may have another N."""

    source: Tensor
    real: Tensor | None
    truth: Tensor | None


class Counted(nn.Module):
    """Stands for a large feature network: means over four quarters of the image, and it counts the images."""

    def __init__(self) -> None:
        super().__init__()
        self.images = 0
        self.colours = nn.Conv2d(3, 3, 1)
        self.mixing = nn.Linear(12, 6)
        with torch.no_grad():
            for i, parameter in enumerate(self.parameters()):
                parameter.copy_(torch.sin(1.7 * torch.arange(parameter.numel()) + i).view_as(parameter))

    def forward(self, pixels: Tensor) -> Tensor:
        self.images += len(pixels)
        quarters = nn.functional.adaptive_avg_pool2d(self.colours(pixels.float() / 255), 2)
        features: Tensor = self.mixing(quarters.flatten(1)).relu()
        return features


def counted_extractor() -> tuple[FeatureExtractor, Counted]:
    """Return a quick extractor of six features and the network in it."""
    network = Counted()
    return FeatureExtractor("lite0", network, 6, "counted"), network


def random_images(count: int, channels: int = 3, size: int = 12, seed: int = 0) -> Tensor:
    """Return images whose values are those of 8-bit files."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, size, size), generator=generator) / 127.5 - 1


def items(sources: int, reals: int, channels: int = 3) -> Items:
    """Return random images; the truth is half way from the source to another image."""
    source = random_images(sources, channels)
    truth = (source + random_images(sources, channels, seed=1)) / 2
    return Items(source, random_images(reals, channels, seed=2), truth)


class Painter(L.LightningModule):
    """Satisfies `gans.protocol.Evaluated`; its parameter is a shift that training brings to 0.5.

    Args:
        images: what validation and test show.
        batch_size: of the evaluation batches.
        shares: how many sources and how many reals each process gets, in the order of ranks; all by default.
    """

    def __init__(
        self, images: Items, batch_size: int = 3, shares: list[tuple[int, int]] | None = None
    ) -> None:
        super().__init__()
        self.images = images
        self.batch_size = batch_size
        self.shares = shares
        self.shift = nn.Parameter(torch.tensor(0.25))
        self.frozen = nn.Dropout(0.5).eval()

    def comparisons(self, batch: Items) -> dict[str, Comparison]:
        fake = (batch.source + self.shift).clamp(-1, 1)
        return {"A2B": Comparison(fake, batch.real, batch.source, batch.truth)}

    def grids(self, batch: Items) -> dict[str, Grid]:
        assert not self.training
        assert not torch.is_grad_enabled()
        noise = torch.rand_like(batch.source) * 2 - 1
        return {"A2B": Grid({"A": batch.source, "A -> B": batch.source + self.shift, "noise": noise})}

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return (self.shift - 0.5 + 0.01 * torch.rand(())).square()

    def validation_step(self, batch: Items, batch_idx: int) -> dict[str, Comparison]:
        return self.comparisons(batch)

    def test_step(self, batch: Items, batch_idx: int) -> dict[str, Comparison]:
        return self.comparisons(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader([torch.zeros(1), torch.zeros(1)], batch_size=None)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Any]:
        source, real, truth = self.images
        if self.shares:
            sources, reals = zip(*self.shares, strict=True)
            source, real, truth = (
                self._mine(source, sources),
                self._mine(real, reals),
                self._mine(truth, sources),
            )
        longest = max(len(images) for images in (source, real, truth) if images is not None)
        starts = range(0, max(longest, 1), self.batch_size)  # slices beyond the end are empty batches
        batches = [Items(*(self._slice(images, i) for images in (source, real, truth))) for i in starts]
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]

    def test_dataloader(self) -> DataLoader[Any]:
        return self.val_dataloader()

    def _mine(self, images: Tensor | None, sizes: tuple[int, ...]) -> Any:
        if images is None:
            return None
        begin = sum(sizes[: self.global_rank])
        return images[begin : begin + sizes[self.global_rank]]

    def _slice(self, images: Tensor | None, start: int) -> Any:
        return None if images is None else images[start : start + self.batch_size]


def trainer(folder: Path, *callbacks: L.Callback, **options: Any) -> L.Trainer:
    """Return a quiet trainer that writes into `folder`."""
    settings: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
        "max_epochs": 1,
    }
    return L.Trainer(default_root_dir=folder, callbacks=list(callbacks), **(settings | options))
