"""Discriminator-only generation: an energy-based model (Du & Mordatch 2019, arXiv:1903.08689)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, get_args
from zlib import crc32

import torch
from torch import Tensor

from datamodules.images.batches import ImageBatch, SampleBatch
from gans.base import AdversarialModule
from gans.inference import consecutive, evaluating
from gans.networks.dcgan import DCGANDiscriminator, Kernel
from gans.networks.init import Initialisation, initialise
from gans.networks.joined import forward_joined
from gans.networks.norms import spectral_normalised
from gans.protocol import Comparison, Grid, Predictions
from gans.sampling.langevin import DivergenceGuard, Langevin
from gans.sampling.replay_buffer import ReplayBuffer, uniform_noise
from gans.training.lightning_internals import logs_now
from gans.training.turns import Player

Start = Literal["replay", "data"]
STAGES_SHOWN = 5  # columns of the picture of the climb


class Energy(AdversarialModule):
    """Learns to make images with a discriminator alone: by climbing its score, starting from noise.

    In every step chains of samples from a replay buffer climb the score for some Langevin steps; then the
    discriminator learns to score data high and these samples low, with an L2 penalty on both scores. The
    score is the negative energy of an unnormalised density, and the loss the gradient of its likelihood. It
    shows what a generator buys: here negatives cost dozens of passes through the discriminator, forwards and
    backwards, in training and again for each image made.

    The real images get the noise of a Langevin step too, or the discriminator would know samples by it. Each
    image's score must not depend on the others, so there is no batch norm.

    Chains whose score runs away begin again; `train/restarted_chains` counts them, and where most do, the
    training stops with a `gans.sampling.langevin.DivergedError`.

    Images are (N, channels, image_size, image_size) in [-1, 1].

    Args:
        channels: channels of the images; taken from the data on the command line.
        image_size: their edge in pixels, a power of two from 16; likewise.
        width: channels after the discriminator's first convolution.
        kernel: side of its stride-2 kernels, 4 or 5.
        initialisation: of its weights, see `gans.networks.init`; `normal` with 0.02 and no norm layers would
            start with scores, and slopes to climb, of almost 0.
        spectral_norm: divide its weights by their largest singular value.
        start: where chains begin: `replay`, the buffer; or `data`, the real images of the batch, which is
            contrastive divergence (Hinton 2002): quicker, and blind to what lies far from the data.
        buffer_size: chains of each process; all of them are in every checkpoint.
        restart_share: share of the drawn chains that begin again from noise.
        langevin_steps: of each chain in each training step.
        sampling_steps: of each image made afterwards, which begins as noise.
        step_size: twice the factor of the gradient in a Langevin step.
        langevin_noise: standard deviation of the noise in it.
        gradient_clamp: largest absolute gradient of the score at a pixel.
        score_weight: weight of the L2 penalty on the scores. It alone keeps them within 1 / (2 weight).
        score_bound: absolute score beyond which a chain counts as run away.
        **optimisation: the arguments of `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range.
    """

    batch_type = ImageBatch
    players: ClassVar[tuple[Player, ...]] = (Player("discriminator", ("discriminator",)),)

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 32,
        width: int = 64,
        kernel: Kernel = 4,
        initialisation: Initialisation = "kaiming",
        spectral_norm: bool = False,
        start: Start = "replay",
        buffer_size: int = 10_000,
        restart_share: float = 0.05,
        langevin_steps: int = 60,
        sampling_steps: int = 240,
        step_size: float = 20.0,
        langevin_noise: float = 0.005,
        gradient_clamp: float = 0.03,
        score_weight: float = 0.1,
        score_bound: float = 50.0,
        betas: tuple[float, float] = (0.0, 0.999),
        **optimisation: Any,
    ) -> None:
        super().__init__(betas=betas, **optimisation)
        if start not in get_args(Start):
            raise ValueError(f"model.start is {start!r}: it is {' or '.join(get_args(Start))}.")
        if score_weight < 0 or score_bound <= 0 or min(langevin_steps, sampling_steps) < 1:
            raise ValueError(
                f"model.score_weight is {score_weight}, score_bound {score_bound}, langevin_steps "
                f"{langevin_steps} and sampling_steps {sampling_steps}: the weight is 0 or more, the bound "
                "above 0, and there is at least one step."
            )
        self.langevin = Langevin(step_size, langevin_noise, gradient_clamp)
        network = initialise(
            DCGANDiscriminator(channels, image_size, width, kernel, norm="none"), initialisation
        )
        self.discriminator = spectral_normalised(network) if spectral_norm else network
        self.replay = ReplayBuffer(buffer_size, restart_share)
        self._guard = DivergenceGuard(score_bound)

    def produce(self, batch: ImageBatch) -> Tensor:
        """Let chains climb the score, and return where they have come, (N, C, H, W)."""
        if self.hparams["start"] == "data":
            return self._climbed(batch.images)
        starts, places = self.replay.draw(batch.images)
        images = self._climbed(starts)
        self.replay.keep(places, images)
        return images

    def _climbed(self, starts: Tensor) -> Tensor:
        """Return samples; those whose score has run away begin again as noise."""
        with evaluating(self.discriminator):  # spectral norm would otherwise follow every Langevin step
            images, scores = self.langevin.climb(self.discriminator, starts, self.hparams["langevin_steps"])
        strays = self._guard.strays(scores)
        if logs_now(self):
            self._guard.check()
            self.log("train/restarted_chains", self._guard.restarted.float())
        return torch.where(strays[:, None, None, None], uniform_noise(images), images)

    def discriminator_terms(self, batch: ImageBatch, fake: Tensor) -> dict[str, Tensor]:
        """Return how much higher samples are scored than data, and the weighted squares of all scores."""
        real = batch.images + self.langevin.noise * torch.randn_like(batch.images)
        real_scores, fake_scores = forward_joined(self.discriminator, real.clamp(-1, 1), fake)
        squares = real_scores.square().mean() + fake_scores.square().mean()
        return {
            "contrast": fake_scores.mean() - real_scores.mean(),
            "l2": self.hparams["score_weight"] * squares,
        }

    def sample(self, count: int, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """Make images from noise without a trainer or data module.

        Args:
            count: how many.
            seed: image i is that of seed + i, whatever the count: all its noise is drawn by it, on the CPU.
            labels: this variant has none.

        Returns:
            (count, channels, image_size, image_size) in [-1, 1], where the module is.

        Raises:
            ValueError: if the count is negative, or there are labels.
        """
        if labels is not None:
            raise ValueError("Energy learns without classes: it takes no labels.")
        return self._stages(consecutive(count, seed), [self.hparams["sampling_steps"]])[-1]

    def _stages(self, seeds: Sequence[int], stops: Sequence[int]) -> list[Tensor]:
        """Return the samples of seeds after each of several growing numbers of steps."""
        network = self.averaged("discriminator")
        weight = next(network.parameters())
        size = self.hparams["image_size"]
        draws = _SeededDraws(seeds, (self.hparams["channels"], size, size), weight)
        images, done, stages = draws.uniform(), 0, []
        with evaluating(network):
            for stop in stops:
                if stop > done and len(seeds):
                    images = self.langevin.climb(network, images, stop - done, draws.normal).images
                stages.append(images)
                done = stop
        return stages

    def comparisons(self, batch: ImageBatch) -> dict[str, Comparison]:
        """Return as many samples as the batch has images; their seeds are the names of those."""
        return {"samples": Comparison(self._made_for(batch), batch.images)}

    def grids(self, batch: ImageBatch) -> dict[str, Grid]:
        """Return how noise becomes images, step by step, beside real images."""
        steps = self.hparams["sampling_steps"]
        stops = sorted({round(steps * stage / (STAGES_SHOWN - 1)) for stage in range(STAGES_SHOWN)})
        stages = self._stages(range(len(batch.images)), stops)
        columns = {f"step {stop}": images for stop, images in zip(stops, stages, strict=True)}
        return {"samples": Grid(columns | {"real": batch.images})}

    def predict_step(self, batch: SampleBatch, batch_idx: int) -> Predictions:
        """Make the samples of a batch of seeds.

        Raises:
            ValueError: if the batch holds images of a folder: there is nothing to be made of them.
        """
        if not isinstance(batch, SampleBatch):
            raise ValueError("Energy makes images from noise: leave --data.predict_dir out.")
        made = self._stages(batch.seeds.tolist(), [self.hparams["sampling_steps"]])[-1]
        return Predictions(made, list(batch.names))

    def _made_for(self, batch: ImageBatch) -> Tensor:
        seeds = [crc32(name.encode()) for name in batch.names]
        return self._stages(seeds, [self.hparams["sampling_steps"]])[-1]


class _SeededDraws:
    """Draws for images (N, *shape): those of row i depend on seed i alone, on any machine."""

    def __init__(self, seeds: Sequence[int], shape: tuple[int, ...], like: Tensor) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._shape, self._like = shape, like

    def uniform(self) -> Tensor:
        """Return uniform noise in [-1, 1]."""
        rows = [torch.rand(self._shape, generator=generator) for generator in self._generators]
        return self._together(rows) * 2 - 1

    def normal(self) -> Tensor:
        """Return standard normal noise."""
        return self._together([torch.randn(self._shape, generator=each) for each in self._generators])

    def _together(self, rows: list[Tensor]) -> Tensor:
        return torch.stack(rows).to(self._like) if rows else self._like.new_empty((0, *self._shape))
