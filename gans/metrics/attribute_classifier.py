"""A classifier of attributes, trained by itself, that judges translations (as StarGAN's paper does)."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torchvision.models import resnet18

from datamodules.multi_domain.attributes import Attributes
from datamodules.multi_domain.batches import MultiDomainBatch
from gans.losses.classification import classification

SMALLEST_STRIDED = 96  # pixels: of smaller images a ResNet's first layers would leave too little


class AttributeClassifier(L.LightningModule):
    """A ResNet-18 that names the attributes of images, trained on real ones by Adam from random weights.

    Validation logs `val/accuracy/NAME`: the share of images in which it sees the attribute as the label says.

    Paper: He et al. 2016, arXiv:1512.03385; StarGAN (arXiv:1711.09020) judges translations by such a one.

    Args:
        attributes: names of the attributes, by data set.
        exclusive: groups of attributes of which an image has at most one.
        channels: channels of the images.
        image_size: edge in pixels of the images; small ones are not halved in the first two layers.
        learning_rate: of Adam.

    Shape:
        (N, channels, H, W) in [-1, 1] to logits (N, K).
    """

    def __init__(
        self,
        attributes: list[list[str]],
        exclusive: list[list[str]],
        channels: int = 3,
        image_size: int = 128,
        learning_rate: float = 1e-3,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.attributes = Attributes(attributes, exclusive)
        self.network = resnet18(num_classes=len(self.attributes.flat))
        if image_size < SMALLEST_STRIDED:
            self.network.conv1 = nn.Conv2d(channels, 64, 3, stride=2, padding=1, bias=False)
            self.network.maxpool = nn.Identity()
        else:
            self.network.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, K) of images (N, channels, H, W)."""
        logits: Tensor = self.network(images)
        return logits

    @torch.no_grad()
    def recognise(self, images: Tensor) -> Tensor:
        """Return the possible labels (N, K) of 0 and 1 that are likeliest."""
        return self.attributes.most_likely(self(images))

    def configure_optimizers(self) -> Optimizer:
        """Return Adam."""
        return Adam(self.parameters(), lr=self.hparams["learning_rate"])

    def training_step(self, batch: MultiDomainBatch, batch_idx: int) -> Tensor:
        """Return the loss on one batch."""
        return classification(self.attributes.groups, self(batch.images), batch.labels, batch.mask)

    def validation_step(self, batch: MultiDomainBatch, batch_idx: int) -> None:
        """Count the right answers of one batch."""
        right = (self.recognise(batch.images) == batch.labels).float()
        known = self.attributes.known(batch.mask) > 0
        for column, name in enumerate(self.attributes.flat):
            answers: Any = right[known[:, column], column]
            if len(answers):
                self.log(f"val/accuracy/{name}", answers.mean(), batch_size=len(answers))
