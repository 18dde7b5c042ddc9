"""What the variants with discriminators share: what may hold those back."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from gans.base import AdversarialModule
from gans.losses.penalties import Discriminator
from gans.sampling.draws import Draws
from gans.sampling.joined_noise import joined_generator
from gans.sampling.regularisers import AugmentRule, Network, Regularisers
from gans.training.lightning_internals import logs_now
from gans.training.schedules import training_length


class Regularised(AdversarialModule):
    """Base of the variants that have discriminators, which any of the regularisers below may hold back.

    Augmentation and instance noise change whatever a discriminator sees, real and fake, in both players'
    turns: a variant passes images through `shown`. `penalties` are taken on images as it sees them. A
    discriminator goes through `bounded` when it is built, and its scores through `discriminator_loss`, by
    which an adaptive augmentation learns how surely it recognises real images.

    Args:
        instance_noise: standard deviation, at the start, of noise added to what the discriminator sees
            (Sønderby et al. 2017, arXiv:1610.04490).
        instance_noise_share: share of the training over which that noise fades to nothing, in (0, 1].
        r1_weight: gamma of the penalty on the discriminator's gradient at real images (Mescheder et al. 2018,
            arXiv:1801.04406).
        r2_weight: the same at fakes.
        gradient_penalty: weight of the penalty on gradients off length 1 between real and fake (Gulrajani et
            al. 2017, arXiv:1704.00028).
        penalty_every: apply the three penalties in every n-th step only, there n times as strongly (lazy
            regularisation: Karras et al. 2020, arXiv:1912.04958).
        augment: the augmentation of StyleGAN2-ADA (Karras et al. 2020, arXiv:2006.06676), through which the
            discriminator sees all images, for sets of a few hundred to thousand of them: with a probability
            that is `adaptive`, by how surely it recognises the training images, `fixed` or `scheduled`; null
            leaves it out.
        augment_pipe: its parts (blit, geom, color, filter, noise, cutout) or single transforms, with a factor
            on the probability; null is the paper's blit, geom and color, each 1. See `gans.sampling.pipe`.
        augment_probability: of each transform, on every image; adaptive and scheduled ones begin there.
        augment_final_probability: where a scheduled one comes to, along half a cosine.
        augment_share: share of the training that this takes, in (0, 1].
        augment_target: the mean sign of the scores of real images that an adaptive probability aims at.
        augment_kimg: thousands of images over which it moves by 1; 100 when fine-tuning, in the paper.
        augment_every: steps between its moves.
        diffaugment: which differentiable augmentations the discriminator sees through, of color, translation
            and cutout (Zhao et al. 2020, arXiv:2006.10738); for sets of a few hundred to thousand images.
        freeze_discriminator: how many of a discriminator's layers, from the image inwards, do not learn, as
            in fine-tuning (Mo et al. 2020, arXiv:2002.10964). Convolutions beside each other count too.
        spectral_norm: divide the discriminator's weights by their largest singular value (Miyato et al. 2018,
            arXiv:1802.05957).
        **optimisation: the arguments of `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        instance_noise: float = 0.0,
        instance_noise_share: float = 0.5,
        r1_weight: float = 0.0,
        r2_weight: float = 0.0,
        gradient_penalty: float = 0.0,
        penalty_every: int = 1,
        augment: AugmentRule | None = None,
        augment_pipe: dict[str, float] | None = None,
        augment_probability: float = 0.0,
        augment_final_probability: float | None = None,
        augment_share: float = 1.0,
        augment_target: float = 0.6,
        augment_kimg: float = 500.0,
        augment_every: int = 4,
        diffaugment: list[str] | None = None,
        freeze_discriminator: int = 0,
        spectral_norm: bool = False,
        **optimisation: Any,
    ) -> None:
        super().__init__(**optimisation)
        self.regularisers = Regularisers(self.hparams)

    def on_train_start(self) -> None:
        """Find out how long the training is, over which instance noise fades, too."""
        super().on_train_start()
        self.regularisers.start(training_length(self.trainer, "step", self.hparams["accumulate"]))

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed the step, and what augmentations draw in it."""
        super().on_train_batch_start(batch, batch_idx)
        self.regularisers.draws = self.augmentation_draws()

    def augmentation_draws(self) -> Draws:
        """Return where the numbers of a step's augmentations come from: a function of seed and step."""
        generator = joined_generator(self, self.device, stream=1)
        return Draws(generator, self.global_rank, self.trainer.world_size)

    def augment_probability(self) -> float:
        """Return how probable each transform is in the step that is to come, or going on.

        A variant overrides this to let it follow the training by a rule of its own.
        """
        return self.regularisers.augment_probability(self.global_step)

    def shown(self, images: Tensor) -> Tensor:
        """Return images as the discriminator sees them in this step."""
        return self.regularisers.shown(images, self.global_step, self.augment_probability())

    def discriminator_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the objective's loss of scores of images as shown."""
        assert self.objective is not None
        self.recognised(self.objective.margins(real_scores, fake_scores))
        return self.objective.discriminator(real_scores, fake_scores)

    def recognised(self, margins: Tensor) -> None:
        """Let an adaptive augmentation know how surely real images were recognised, above 0 if they were."""
        if self.regularisers.adaptive is not None:
            self.regularisers.adaptive.notice(margins)

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Do what every variant does; then let an adaptive augmentation adapt itself, where it is due."""
        steps = self.global_step
        losses = super().training_step(batch, batch_idx)
        adaptive = self.regularisers.adaptive
        if adaptive is not None:
            adaptive.count(self.images_judged(batch))
            if self.global_step > steps and self.global_step % self.hparams["augment_every"] == 0:
                adaptive.adapt()
            if adaptive.sign is not None and logs_now(self):
                self.log("train/augment/sign", adaptive.sign)
        if self.hparams["augment"] and logs_now(self):
            self.log("train/augment/probability", self.augment_probability())
        return losses

    def images_judged(self, batch: Any) -> int:
        """Return how many images of a batch the discriminator learns from: all, unless a variant parts it."""
        return len(next(part for part in batch if isinstance(part, Tensor)))

    def penalties(
        self, score: Discriminator, real: Tensor, fake: Tensor, score_fake: Discriminator | None = None
    ) -> dict[str, Tensor]:
        """Return, by name, the weighted penalties that are due, on images as shown, fakes detached.

        `score_fake` is the discriminator of fakes, where it judges them as something else.
        """
        due = self.regularisers.due(self.global_step)
        return self.regularisers.penalties(score, real, fake, due, score_fake)

    def bounded(self, discriminator: Network) -> Network:
        """Return a discriminator, initialised, normalised if that is asked for.

        Raises:
            ValueError: if penalties or spectral norm meet batch norm.
        """
        return self.regularisers.bound(discriminator)
