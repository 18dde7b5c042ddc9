"""Super-resolution, learnt from pairs of a small and a large image: what its variants share."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datamodules.base import PredictBatch
from datamodules.degradations.filtering import sharpen
from datamodules.paired.batches import PairedBatch
from gans.base import AdversarialModule
from gans.inference import Given, mapped
from gans.networks.msrresnet import MSRResNet
from gans.networks.rrdbnet import RRDBNet
from gans.networks.sizes import Scale
from gans.networks.srvgg import SRVGG
from gans.pictures.details import details
from gans.pictures.grey import grey
from gans.pictures.lanczos import in_other_size
from gans.protocol import Comparison, Grid, Predictions
from gans.sampling.pair_pool import PairPool
from gans.training.turns import Player

GeneratorName = Literal["msrresnet", "rrdbnet", "srvgg"]

LOWEST_RATE = 1e-7  # of the learning rate, at the end of each period of a cosine with restarts
DEPTHS: dict[str, int] = {"msrresnet": 16, "rrdbnet": 23, "srvgg": 16}


class Upscaler(nn.Module):
    """A generator, whose images are in [0, 1], between images in [-1, 1].

    Args:
        generator: maps (N, C, H, W) in [0, 1] to (N, C, scale * H, scale * W), not bounded.

    Shape:
        (N, C, H, W) in [-1, 1] to (N, C, scale * H, scale * W) in [-1, 1].
    """

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, images: Tensor) -> Tensor:
        """Enlarge images; what leaves the range is cut off, as in a file."""
        enlarged: Tensor = self.generator(to_unit(images))
        return (2 * enlarged - 1).clamp(-1, 1)


class SuperResolution(AdversarialModule):
    """Base of variants that make images `scale` times as high and wide, with the details that belong there.

    Images enter and leave in [-1, 1]; networks and losses see them in [0, 1], as in the papers. A sub-class
    has the terms.

    Args:
        channels_in: image channels; taken from the data on the command line.
        channels_out: of the targets, which must be as many.
        image_size: edge in pixels of the small images in training.
        scale: pictures are so many times as high and wide as images; taken from the data on the command line.
        generator: `msrresnet` (scales 2, 3 and 4), `rrdbnet` (1, 2 and 4) or the small and fast `srvgg`.
        generator_width: channels of the generator's feature maps.
        blocks: of the generator; layers of srvgg. By default 16, 23 and 16, as in the papers.
        growth: channels that a convolution of rrdbnet's dense blocks adds.
        halve_at: steps after which the learning rate is halved, such as 50000, 100000, 200000 and 300000.
        restart_every: steps of a period of the learning rate's cosine with restarts, at the end of which it
            is 1e-7; 250000 in the authors' program, which makes four periods.
        sharpen_targets: whether the losses compare with sharpened targets, as both stages of Real-ESRGAN do.
        pool_size: pairs of earlier batches among which training batches are chosen, as both stages of
            Real-ESRGAN do with 180, in place of what the data module makes; 0 takes that.
        **optimisation: the arguments of `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or the generator has no such scale.
    """

    batch_type = PairedBatch
    schedule_unit: ClassVar[str] = "step"

    def __init__(
        self,
        channels_in: int = 3,
        channels_out: int = 3,
        image_size: int = 32,
        scale: Scale = 4,
        generator: GeneratorName = "msrresnet",
        generator_width: int = 64,
        blocks: int | None = None,
        growth: int = 32,
        halve_at: list[int] | None = None,
        restart_every: int | None = None,
        sharpen_targets: bool = False,
        pool_size: int = 0,
        **optimisation: Any,
    ) -> None:
        super().__init__(**optimisation)
        if channels_in != channels_out:
            raise ValueError(
                f"The small images have {channels_in} channels and the large ones {channels_out}: "
                f"{type(self).__name__} enlarges images and keeps their channels."
            )
        if restart_every is not None and restart_every < 1:
            raise ValueError(f"model.restart_every is {restart_every}: it counts steps, so it is 1 or more.")
        self.scale: int = scale
        self.generator = _generator(self.hparams)
        self.pool = PairPool(pool_size)

    def settings_of(self, player: Player) -> dict[str, Any]:
        """Return a player's settings, with the rate halved at its steps or in its place of the cosine."""
        settings = super().settings_of(player)
        step, period = self.global_step, self.hparams["restart_every"]
        rate = settings["learning_rate"] * 0.5 ** sum(step >= at for at in self.hparams["halve_at"] or ())
        if period is not None:
            # The end of a period is its own, and no beginning: the full rate never comes again.
            place = step - max(0, math.ceil(step / period) - 1) * period
            rate = LOWEST_RATE + (rate - LOWEST_RATE) * (1 + math.cos(math.pi * place / period)) / 2
        return settings | {"learning_rate": rate}

    def training_step(self, batch: PairedBatch, batch_idx: int) -> dict[str, Tensor]:
        """Exchange the batch for one of the pool, and learn from that."""
        small, large = self.pool(batch.input, batch.target)
        return super().training_step(batch._replace(input=small, target=large), batch_idx)

    def reference(self, batch: PairedBatch) -> Tensor:
        """Return what the generator's output is to equal, (N, C, scale * H, scale * W) in [0, 1]."""
        targets = to_unit(batch.target)
        return sharpen(targets) if self.hparams["sharpen_targets"] else targets

    def produce(self, batch: PairedBatch) -> Tensor:
        """Enlarge the small images, once for all players: (N, C, scale * H, scale * W), not bounded."""
        enlarged: Tensor = self.generator(to_unit(batch.input))
        return enlarged

    def upscale(self, images: Given, outscale: float | None = None) -> Given:
        """Enlarge images without a trainer or data module.

        Args:
            images: (N, C, H, W) or (C, H, W) in [-1, 1], or Pillow images, of any size; see
                `gans.inference.Images`.
            outscale: how many times as high and wide the pictures are to be, if not `scale` times: then they
                are resized, by `gans.pictures.lanczos`.

        Returns:
            The enlarged images: as tensor in [-1, 1] where the module is, or as Pillow images.

        Raises:
            ValueError: if the images have other channels than `channels_in`, or another type or range, or
                `outscale` is not above 0.
        """
        if outscale is not None and not 0 < outscale < math.inf:
            raise ValueError(f"outscale is {outscale}: it is a number above 0, such as 3.5.")
        upscaler = Upscaler(self.averaged("generator"))

        def enlarged(batch: Tensor) -> Tensor:
            if not len(batch):  # torch's pixel shuffle leaves an empty batch as it is
                return batch.new_empty(0, batch.shape[1], *(self.scale * side for side in batch.shape[-2:]))
            made: Tensor = upscaler(batch)
            return made

        pictures = mapped(images, upscaler, self.hparams["channels_in"], enlarged)
        if outscale is None or outscale == self.scale:
            return pictures
        return in_other_size(pictures, self.scale, outscale)

    def comparisons(self, batch: PairedBatch) -> dict[str, Comparison]:
        """Return the enlarged images, beside the targets both as real images and as their truth."""
        return {"upscaled": Comparison(self.upscale(batch.input), batch.target, batch.input, batch.target)}

    def grids(self, batch: PairedBatch) -> dict[str, Grid]:
        """Return the input enlarged by bicubic interpolation, the output, the truth, and a detail of each."""
        size = batch.target.shape[-2:]
        bicubic = F.interpolate(batch.input, size, mode="bicubic").clamp(-1, 1)
        columns = {"bicubic": bicubic, "output": self.upscale(batch.input), "truth": batch.target}
        return {"upscaled": Grid(columns | details(columns, "truth"))}

    @property
    def keeps_form(self) -> bool:
        """Whether grey and transparent images stay such in predictions: those of a model of colours do."""
        return bool(self.hparams["channels_in"] == 3)

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Enlarge a batch of a folder; alpha, where it comes behind the colours, as a grey image."""
        channels = self.hparams["channels_in"]
        pictures = self.upscale(batch.images[:, :channels])
        if batch.images.shape[1] > channels:
            alpha = self.upscale(batch.images[:, channels:].expand(-1, channels, -1, -1))
            pictures = torch.cat([pictures, grey(alpha)], dim=1)
        return Predictions(pictures, batch.names)


def to_unit(images: Tensor) -> Tensor:
    """Return images in [-1, 1] in [0, 1]."""
    return (images + 1) / 2


def _generator(arguments: Any) -> nn.Module:
    """Return the generator by the arguments of `SuperResolution`."""
    name, width, scale = arguments["generator"], arguments["generator_width"], arguments["scale"]
    if name not in DEPTHS:
        raise ValueError(f"model.generator is {name!r}: it is one of {', '.join(DEPTHS)}.")
    depth = DEPTHS[name] if arguments["blocks"] is None else arguments["blocks"]
    channels = arguments["channels_in"]
    if name == "msrresnet":
        return MSRResNet(channels, width, depth, scale)
    if name == "rrdbnet":
        return RRDBNet(channels, width, depth, arguments["growth"], scale)
    return SRVGG(channels, width, depth, scale)
