"""pix2pix: paired image-to-image translation (Isola et al. 2017, arXiv:1611.07004)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # what all batch norms share, the synchronised one too

from datamodules.base import PredictBatch
from datamodules.paired.batches import PairedBatch
from datamodules.paired.colour import join_lab, split_lab
from gans.families.regularised import Regularised
from gans.inference import Given, evaluating, mapped
from gans.losses import adversarial
from gans.losses.reconstruction import l1
from gans.networks.antialiasing import Downsampling
from gans.networks.init import initialise
from gans.networks.joined import forward_joined
from gans.networks.norms import Norm
from gans.networks.patch import ImageDiscriminator, PatchDiscriminator, layers_for_patch
from gans.networks.resnet import ResNetGenerator, Upsampling, blocks_for
from gans.networks.unet import UNetGenerator
from gans.protocol import Comparison, Grid, Predictions
from gans.sampling.regularisers import Regularisers
from gans.training.schedules import Schedule
from gans.training.turns import Player

GeneratorName = Literal["unet", "encoder_decoder", "resnet"]
NormStatistics = Literal["batch", "running"]
Patch = int | Literal["image"]


class Pix2Pix(Regularised):
    """Learns to translate images from pairs of input and target.

    A U-Net generator, and a PatchGAN discriminator that sees the input beside the real or generated target.
    In every step the discriminator learns first, by half of its loss; then the generator learns from the
    updated discriminator and from the L1 distance to the target. The paper's defaults throughout: batch 1,
    Adam(2e-4, 0.5, 0.999), rate constant for the first half of the epochs and falling to 0 over the second.

    The paper's ablations are one argument each: L1 alone is `adversarial_weight` 0, without L1 is `l1_weight`
    0, GAN instead of cGAN is `conditional` false, no skips is `generator` encoder_decoder, and `patch`.

    Images are (N, channels, H, W) in [-1, 1], of any size: sides that do not divide are padded and cropped.

    Args:
        channels_in: channels of the input images; taken from the data on the command line.
        channels_out: channels of the target images; likewise.
        image_size: edge in pixels of the training images; it chooses the depth and bounds the patch.
        lab: whether input and target are the lightness and the colour of one picture, likewise: then
            pictures, metrics and predictions show the two joined, see `datamodules.paired.colour`.
        generator: `unet`; `encoder_decoder`, the same network without skips; `resnet`, CycleGAN's.
        generator_width: channels after the generator's first convolution.
        depth: halvings in unet and encoder_decoder; by default as many as the image size allows, at most 8.
        blocks: residual blocks of resnet; by default 9 for images of 256 pixels and more, else 6.
        discriminator_width: channels after the discriminator's first convolution.
        patch: side in pixels of the patches that are judged: 1, 16, 34, 70, 142 or 286; or `image`, one score
            for the whole image.
        conditional: whether the discriminator sees the input too: the paper's cGAN, else its GAN.
        norm: normalisation of all networks; `batch` in the paper, whose batches are of one image.
        downsampling: of resnet and of the discriminator of patches: `strided` convolutions as in the paper,
            or `antialiased`, with a filter.
        upsampling: of resnet: `transposed` convolutions as in the paper, `nearest`, or `antialiased`.
        dropout: whether the inner layers of the generator drop half of their features in training.
        dropout_at_test: whether `dropout` stays on in `translate`, as in the paper: it is the only noise its
            generator has. Off, pictures are smoother and errors a little lower, because something like the
            mean of many thinned networks answers instead of one of them.
        norm_statistics: what batch norm normalises by in `translate`. `batch`: each image by its own
            statistics, as in the paper, whose test batches are of one image; that is what a network trained
            with batch 1 has seen, and it adapts to each image's contrast. `running`: averages over the
            training, as usual elsewhere. After training with batch 1 no image had these statistics, and
            pictures may be worse than in training; after larger batches they fit, and `batch` fits less.
            Without effect where `norm` is not `batch`.
        objective: the adversarial loss; the paper's is `non_saturating`, binary cross-entropy.
        adversarial_weight: weight of the generator's adversarial loss; 0 trains without a discriminator.
        l1_weight: weight of the L1 loss; 0 leaves it out.
        schedule: see `AdversarialModule`.
        **shared: the other arguments of `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, both weights are 0, or the patch needs larger images.
    """

    batch_type = PairedBatch
    objective: adversarial.Objective
    players: ClassVar[tuple[Player, ...]] = (
        Player("discriminator", ("discriminator",)),
        Player("generator", ("generator",)),
    )

    def __init__(
        self,
        channels_in: int = 3,
        channels_out: int = 3,
        image_size: int = 256,
        lab: bool = False,
        generator: GeneratorName = "unet",
        generator_width: int = 64,
        depth: int | None = None,
        blocks: int | None = None,
        discriminator_width: int = 64,
        patch: Patch = 70,
        conditional: bool = True,
        norm: Norm = "batch",
        downsampling: Downsampling = "strided",
        upsampling: Upsampling = "transposed",
        dropout: bool = True,
        dropout_at_test: bool = True,
        norm_statistics: NormStatistics = "batch",
        objective: adversarial.ObjectiveName = "non_saturating",
        adversarial_weight: float = 1.0,
        l1_weight: float = 100.0,
        schedule: Schedule = "linear",
        **shared: Any,
    ) -> None:
        super().__init__(schedule=schedule, **shared)
        if min(adversarial_weight, l1_weight) < 0 or adversarial_weight == l1_weight == 0:
            raise ValueError(
                f"model.adversarial_weight is {adversarial_weight} and model.l1_weight {l1_weight}: neither "
                "is negative, and at least one is above 0."
            )
        _refuse_wrong_regularisers(self.hparams, self.regularisers)
        if norm_statistics not in get_args(NormStatistics):
            raise ValueError(f"model.norm_statistics is {norm_statistics!r}: it is batch or running.")
        # The generator first: with one seed it starts from the same weights whatever discriminator follows.
        self.generator = initialise(_generator(generator, self.hparams))
        if adversarial_weight > 0:
            judged = channels_out + (channels_in if conditional else 0)
            self.discriminator = self.bounded(
                initialise(_discriminator(patch, judged, image_size, discriminator_width, norm, downsampling))
            )
        self.objective = adversarial.objective(objective)

    def active_players(self) -> tuple[Player, ...]:
        """Return discriminator and generator; the generator alone where nothing adversarial counts."""
        return self.players if self.hparams["adversarial_weight"] > 0 else self.players[1:]

    def produce(self, batch: PairedBatch) -> Tensor:
        """Translate the inputs, once for both players."""
        fake: Tensor = self.generator(batch.input)
        return fake

    def discriminator_terms(self, batch: PairedBatch, fake: Tensor) -> dict[str, Tensor]:
        """Return the halved loss on real targets and on translations, each beside its input."""
        fake, real = self._shown(batch, fake.detach(), batch.target)
        fake_scores, real_scores = forward_joined(self.discriminator, fake, real)
        loss = 0.5 * self.discriminator_loss(real_scores, fake_scores)
        return {"adversarial": loss} | self.penalties(self.discriminator, real, fake)

    def generator_terms(self, batch: PairedBatch, fake: Tensor) -> dict[str, Tensor]:
        """Return the adversarial loss and the L1 distance to the target, weighted, as far as they count."""
        terms = {}
        if self.hparams["adversarial_weight"] > 0:
            outputs = (fake, batch.target) if self.objective.needs_real else (fake,)
            scores = forward_joined(self.discriminator, *self._shown(batch, *outputs))
            terms["adversarial"] = self.hparams["adversarial_weight"] * self.objective.generator(*scores)
        if self.hparams["l1_weight"] > 0:
            terms["l1"] = self.hparams["l1_weight"] * l1(fake, batch.target)
        return terms

    def _shown(self, batch: PairedBatch, *outputs: Tensor) -> list[Tensor]:
        """Return outputs as the discriminator sees them: beside the input, as one, if it is conditional."""
        if self.hparams["conditional"]:
            outputs = tuple(torch.cat([batch.input, images], dim=1) for images in outputs)
        return [self.shown(images) for images in outputs]

    def translate(self, images: Given, seed: int = 0) -> Given:
        """Translate images without a trainer or data module.

        A translation depends on its image alone and never on the others of the batch: where `dropout_at_test`
        or `norm_statistics` would make it so, images go through the network one by one. Dropout draws the
        same masks for each of them, by the seed; random numbers of the caller stay as they are.

        Args:
            images: (N, channels_in, H, W) or (channels_in, H, W) in [-1, 1], or Pillow images, of any size;
                see `gans.inference.Images`. With `lab` a tensor is the lightness, and of Pillow images it is
                taken.
            seed: of dropout; another seed gives another sample.

        Returns:
            The translated images, of the same height and width: as tensor in [-1, 1] where the module is, or
            as Pillow images. With `lab` they are pictures: the colours joined to the lightness.

        Raises:
            ValueError: if the images have other channels than `channels_in`, or another type or range.
        """
        network = self.averaged("generator")
        of_pictures = self.hparams["lab"] and not isinstance(images, Tensor)

        def translated(batch: Tensor) -> Tensor:
            inputs = split_lab(batch)[0] if of_pictures else batch
            return self._seen(inputs, self._generated(network, inputs, seed))

        return mapped(images, network, 3 if of_pictures else self.hparams["channels_in"], translated)

    def _generated(self, network: nn.Module, inputs: Tensor, seed: int) -> Tensor:
        """Return what the generator makes of inputs, each by itself, its dropout drawn by the seed."""
        devices = [inputs.device] if inputs.is_cuda else []
        outputs = []
        with _as_at_test(network, self.hparams) as one_by_one, torch.random.fork_rng(devices):
            for part in torch.split(inputs, 1 if one_by_one else len(inputs)):
                torch.manual_seed(seed)
                outputs.append(network(part))
        return torch.cat(outputs)

    def comparisons(self, batch: PairedBatch) -> dict[str, Comparison]:
        """Return the translations, beside the targets both as real images and as their truth."""
        fake, target = self.translate(batch.input), self._seen(batch.input, batch.target)
        return {"translation": Comparison(fake, target, batch.input, target)}

    def grids(self, batch: PairedBatch) -> dict[str, Grid]:
        """Return input, output and target."""
        fake, target = self.translate(batch.input), self._seen(batch.input, batch.target)
        return {"translation": Grid({"input": batch.input, "output": fake, "target": target})}

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Translate a batch of a folder."""
        return Predictions(self.translate(batch.images), batch.names)

    def _seen(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Return outputs as pictures: as they are, or colours joined to the lightness of their inputs."""
        return join_lab(inputs, outputs) if self.hparams["lab"] else outputs


def _refuse_wrong_regularisers(arguments: Any, regularisers: Regularisers) -> None:
    """Refuse what holds back a discriminator that is not there, or mixes the colours of both pictures."""
    asked = regularisers.asked
    if asked and arguments["adversarial_weight"] == 0:
        raise ValueError(
            f"model.{asked[0]} holds a discriminator back, and with model.adversarial_weight 0 there is none."
        )
    if arguments["conditional"] and regularisers.changes_colours:
        raise ValueError(
            "Augmented colours would mix those of input and output, which the discriminator sees as one. "
            "Leave color out of model.diffaugment, or set model.augment_pipe to {blit: 1, geom: 1}, without "
            "it; or set --model.conditional false."
        )


def _generator(name: GeneratorName, arguments: Any) -> nn.Module:
    """Return the generator of this name, by the arguments of `Pix2Pix`."""
    channels = arguments["channels_in"], arguments["channels_out"]
    size, width, norm = arguments["image_size"], arguments["generator_width"], arguments["norm"]
    dropout = arguments["dropout"]
    if name == "resnet":
        blocks = blocks_for(size) if arguments["blocks"] is None else arguments["blocks"]
        sampling = arguments["upsampling"], dropout, arguments["downsampling"]
        return ResNetGenerator(*channels, width, blocks, norm, *sampling)
    if name not in get_args(GeneratorName):
        raise ValueError(f"model.generator is {name!r}: it is one of {', '.join(get_args(GeneratorName))}.")
    return UNetGenerator(*channels, size, width, arguments["depth"], norm, dropout, skips=name == "unet")


def _discriminator(
    patch: Patch, channels: int, image_size: int, width: int, norm: Norm, downsampling: Downsampling
) -> nn.Module:
    """Return the discriminator of patches of this size."""
    if patch == "image":
        return ImageDiscriminator(channels, image_size, width, norm)
    discriminator = PatchDiscriminator(channels, width, layers_for_patch(patch), norm, downsampling)
    if image_size < discriminator.smallest_size:
        raise ValueError(
            f"model.patch is {patch}: its discriminator takes images of {discriminator.smallest_size} pixels "
            f"and more, and image_size is {image_size}. Take a smaller patch, or `image`."
        )
    return discriminator


@contextmanager
def _as_at_test(network: nn.Module, arguments: Any) -> Iterator[bool]:
    """Put a network for a while into the mode that `dropout_at_test` and `norm_statistics` ask for.

    Yields:
        Whether in this mode a translation may depend on the other images of its batch.
    """
    dropouts = [part for part in network.modules() if isinstance(part, nn.Dropout)]
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm)]
    noisy = dropouts if arguments["dropout_at_test"] else []
    own_statistics = norms if arguments["norm_statistics"] == "batch" else []
    running = [(norm.running_mean, norm.running_var) for norm in own_statistics]
    with evaluating(network):
        for dropout in noisy:
            dropout.train()
        for norm in own_statistics:
            norm.running_mean = norm.running_var = None  # without them a batch norm takes the batch's
        try:
            yield bool(noisy or own_statistics)
        finally:
            for norm, (mean, variance) in zip(own_statistics, running, strict=True):
                norm.running_mean, norm.running_var = mean, variance
