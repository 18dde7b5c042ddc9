"""GAN-CLS and GAN-INT: from a caption to an image (Reed et al. 2016, arXiv:1605.05396)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from datamodules.captioned.batches import PromptBatch
from datamodules.captioned.module import CaptionedBatch
from gans.families.noise_to_image import LatentGAN
from gans.inference import evaluating
from gans.networks.dcgan import Kernel
from gans.networks.gan_cls import CaptionDiscriminator, CaptionGenerator
from gans.networks.init import initialise
from gans.networks.joined import forward_joined
from gans.networks.norms import Norm
from gans.networks.sizes import doublings
from gans.pictures.captions import between_grid, one_word_grid, seeds_grid
from gans.protocol import Comparison, Grid, Predictions
from gans.sampling.joined_noise import joined_noise
from gans.text_encoder import held_text_encoder, size_of_embeddings
from gans.training.turns import Turn

COLOURS = ("black", "brown", "blond", "red")

GENERATOR = Turn("generator")  # the extra ones are due in every step


class Products(NamedTuple):
    """What both players look at: embeddings (N, E) of right and wrong captions, latents and their fakes."""

    right: Tensor
    wrong: Tensor
    latents: Tensor
    fake: Tensor


class GANCLS(LatentGAN):
    """Learns to draw what a caption says; the discriminator judges whether image and caption match, too.

    Algorithm 1 of the paper: with real images and captions that match, the same images and captions that do
    not, and fakes and the captions they are drawn for, scored s_r, s_w and s_f, the discriminator lowers
    -(log s_r + (log(1 - s_w) + log(1 - s_f)) / 2) and the generator -log s_f, by Adam(2e-4, 0.5). As logged,
    the discriminator's loss is the sum of `wrong_caption` and `fake_image`, each with half of log s_r.

    Captions reach the networks as embeddings: those of a frozen text encoder, which becomes a part of this
    model and of its checkpoints, or those that the data brings along. A trained model needs nothing else:

        GANCLS.load_from_checkpoint(path).draw("a person with blond hair and glasses", seed=3)

    `decode` takes embeddings as condition; `sample`, which knows no caption, refuses.

    Args:
        image_size: edge of the images in pixels, a power of two from 16; taken from the data.
        text_encoder: checkpoint of a `TextEncoder`, or a folder of its runs, of which the newest is taken.
            Read once, when the model is made.
        embedding_size: without a text encoder, numbers in the embeddings that the data brings along; taken
            from the data.
        text_encoder_arguments: of the text encoder in a checkpoint of this model, which it is rebuilt by.
            Given without a checkpoint, a text encoder is drawn at random and learns nothing.
        projection: numbers that the embeddings are projected to in both networks.
        interpolation: GAN-INT: the generator is also to convince with captions that nobody wrote, whose
            embedding is this share of the right and the rest of the wrong caption's; 0.5 in the paper, 0
            leaves it out.
        extra_generator_steps: steps of the generator, each with fresh noise, before the discriminator's in
            every batch.
        generator_width: channels before the generator's last layer; the authors' program has 128.
        discriminator_width: channels after the discriminator's first convolution; there 64.
        kernel: side of the strided kernels, 4 or 5.
        generator_norm: normalisation of the generator; `batch` as in the paper, else as below.
        discriminator_norm: normalisation of the discriminator; `batch` as in the paper, or `none`, `layer` or
            `instance`, which penalties and spectral norm need.
        swapped_words: words that a sample grid puts in one another's place; by default colours of hair.
        **shared: the other arguments of `LatentGAN`, `Regularised` and `AdversarialModule`.

    Raises:
        FileNotFoundError: if there is no such text encoder.
        ValueError: if an argument is out of range, or there is no text encoder and no size of embeddings.
    """

    batch_type = CaptionedBatch
    generator: CaptionGenerator
    discriminator: CaptionDiscriminator

    def __init__(
        self,
        image_size: int = 64,
        text_encoder: str | None = None,
        embedding_size: int | None = None,
        text_encoder_arguments: dict[str, Any] | None = None,
        projection: int = 128,
        interpolation: float = 0.0,
        extra_generator_steps: int = 0,
        generator_width: int = 128,
        discriminator_width: int = 64,
        kernel: Kernel = 4,
        generator_norm: Norm = "batch",
        discriminator_norm: Norm = "batch",
        swapped_words: list[str] | None = None,
        **shared: Any,
    ) -> None:
        doublings(image_size)  # a size that no network can take is refused before the encoder is read
        super().__init__(image_size=image_size, **shared)
        if not 0 <= interpolation < 1:
            raise ValueError(f"model.interpolation is {interpolation}: it lies in [0, 1), for example 0.5.")
        if extra_generator_steps < 0 or (extra_generator_steps and self.hparams["accumulate"] > 1):
            raise ValueError(
                f"model.extra_generator_steps is {extra_generator_steps}: it is 0 or more, and 0 where "
                "accumulate is above 1."
            )
        self.text_encoder = held_text_encoder(text_encoder, text_encoder_arguments)
        if self.text_encoder is not None:
            self.hparams["text_encoder_arguments"] = self.text_encoder.arguments
        self.embedding_size = size_of_embeddings(self.text_encoder, embedding_size)
        shape = (self.embedding_size, projection, self.hparams["channels"], image_size)
        generator = CaptionGenerator(self.latent_size, *shape, generator_width, kernel, generator_norm)
        discriminator = CaptionDiscriminator(*shape, discriminator_width, kernel, discriminator_norm)
        self.play(initialise(generator), initialise(discriminator))

    def setup(self, stage: str) -> None:
        """Give a text encoder drawn at random its vocabulary: that of the training captions."""
        super().setup(stage)
        data = getattr(self.trainer, "datamodule", None)
        if self.text_encoder is not None and not len(self.text_encoder.vocabulary) and data is not None:
            self.text_encoder.vocabulary.fill(data.training_captions())

    def produce(self, batch: CaptionedBatch) -> Products:
        """Let the generator take its extra turns; embed the captions and draw fakes.

        They are drawn without a graph in steps in which the generator rests.
        """
        for extra in range(1, self.hparams["extra_generator_steps"] + 1):
            self.take_turn(GENERATOR, batch, self._products(batch, extra))
        with torch.set_grad_enabled(self.is_due("generator")):
            return self._products(batch, 0)

    def _products(self, batch: CaptionedBatch, number: int) -> Products:
        """Return what the generator looks at in a turn: of its turns in a batch, the last is number 0."""
        turns = 1 + int(self.hparams["extra_generator_steps"])
        noise = joined_noise(self, len(batch.images), turns * self.latent_size)
        latents = noise.view(-1, turns, self.latent_size)[:, number]
        right, wrong = self._embeddings(batch)
        return Products(right, wrong, latents, self.generator(latents, right))

    def discriminator_terms(self, batch: CaptionedBatch, products: Products) -> dict[str, Tensor]:
        """Return the two halves of the adversarial loss, and the weighted penalties with right captions."""
        judge, (right, wrong, _, fake) = self.discriminator.judge, products
        real, fake = self.shown(batch.images), self.shown(fake.detach())
        real_features, fake_features = forward_joined(self.discriminator.features, real, fake)
        s_r, s_w = judge(real_features, right), judge(real_features, wrong)
        s_f = judge(fake_features, right)
        return {
            "wrong_caption": self.objective.discriminator(s_r, s_w) / 2,
            "fake_image": self.discriminator_loss(s_r, s_f) / 2,
        } | self.penalties(lambda images: self.discriminator(images, right), real, fake)

    def generator_terms(self, batch: CaptionedBatch, products: Products) -> dict[str, Tensor]:
        """Return the adversarial loss, and that with interpolated captions if there are such."""
        right, wrong, latents, fake = products
        real_scores = None
        if self.objective.needs_real:
            real_scores = self.discriminator(self.shown(batch.images), right)
        s_f = self.discriminator(self.shown(fake), right)
        terms = {"adversarial": self.objective.generator(s_f, real_scores)}
        if self.hparams["interpolation"]:
            between = torch.lerp(wrong, right, self.hparams["interpolation"])
            scores = self.discriminator(self.shown(self.generator(latents, between)), between)
            terms["interpolated"] = self.objective.generator(scores, real_scores)
        return terms

    @torch.no_grad()
    def embed(self, captions: str | Sequence[str]) -> Tensor:
        """Return the embeddings (N, embedding_size) of one or N captions, where the module is.

        Raises:
            ValueError: if a caption is empty, or there is no text encoder; unknown words cost a warning.
        """
        if self.text_encoder is None:
            raise ValueError(
                "This GANCLS learnt from embeddings computed beforehand and has no text encoder: give it "
                f"embeddings by the same model, a tensor (N, {self.embedding_size})."
            )
        texts = [captions] if isinstance(captions, str) else captions
        if not texts:
            return self._to_own(torch.empty(0, self.embedding_size))
        embeddings: Tensor = self.text_encoder(texts)
        return self._to_own(embeddings)

    def unknown(self, caption: str) -> list[str]:
        """Return the words of a caption, or its characters, that the text encoder never met.

        They are drawn as if each were the same word without a meaning. Where there is no text encoder, which
        `embed` says, none is known.
        """
        return [] if self.text_encoder is None else self.text_encoder.vocabulary.unknown(caption)

    def _embeddings(self, batch: CaptionedBatch) -> tuple[Tensor, Tensor]:
        """Return the embeddings of a batch's right and wrong captions."""
        if self.text_encoder is not None:
            right, wrong = list(batch.captions), list(batch.wrong_captions)
            joined = self.embed(right + wrong)
            return joined[: len(right)], joined[len(right) :]
        if batch.embeddings is None or batch.wrong_embeddings is None:
            raise ValueError(
                "The data has no embeddings of its captions, and this GANCLS has no text encoder: give "
                "--data.embeddings FILE."
            )
        return self._to_own(batch.embeddings), self._to_own(batch.wrong_embeddings)

    def _to_own(self, embeddings: Tensor) -> Tensor:
        return embeddings.to(next(self.generator.parameters()))

    @torch.no_grad()
    def draw(self, captions: str | Sequence[str] | Tensor, seed: int | Sequence[int] = 0) -> Tensor:
        """Draw images without a trainer or data module.

        Args:
            captions: one or N of them; or their embeddings, (E,) or (N, E).
            seed: of the noise: of all images alike, or one for each. A seed and a caption give the same image
                on any machine and in any batch.

        Returns:
            (channels, image_size, image_size) in [-1, 1] for one caption, else (N, ...), where the module is.

        Raises:
            ValueError: if a caption is empty, embeddings have another size, or seeds are not as many.
        """
        if isinstance(captions, Tensor):
            single, embeddings = captions.ndim == 1, self._to_own(torch.atleast_2d(captions))
        else:
            single, embeddings = isinstance(captions, str), self.embed(captions)
        seeds = [seed] * len(embeddings) if isinstance(seed, int) else list(seed)
        if len(seeds) != len(embeddings):
            raise ValueError(f"{len(embeddings)} captions need one seed, or one each, not {len(seeds)}.")
        images = self.decode(self.latents(seeds), embeddings)
        return images[0] if single else images

    def takes_condition(self, condition: Tensor | None, count: int) -> bool:
        """Refuse what are no embeddings, which stand where variants with classes have labels."""
        if condition is None:
            raise ValueError(
                "A GANCLS draws captions: use draw(caption, seed), or predict with data.prompts."
            )
        if condition.shape != (count, self.embedding_size):
            raise ValueError(
                f"{count} images need one embedding each, ({count}, {self.embedding_size}), not "
                f"{tuple(condition.shape)}."
            )
        return True

    @torch.no_grad()
    def caption_scores(self, batch: CaptionedBatch) -> tuple[Tensor, Tensor]:
        """Return how images score with their right and with their wrong captions, (N,) each."""
        batch = self.checked(batch)
        right, wrong = self._embeddings(batch)
        with evaluating(self.discriminator):
            features = self.discriminator.features(batch.images)
            return self.discriminator.judge(features, right), self.discriminator.judge(features, wrong)

    def comparisons(self, batch: CaptionedBatch) -> dict[str, Comparison]:
        """Return an image drawn for the caption of each image; its latent by the name of that image.

        So they are the same in batches of any size and on any number of processes.
        """
        seeds = [crc32(name.encode()) for name in batch.names]
        return {"drawn": Comparison(self.draw(self._embeddings(batch)[0], seeds), batch.images)}

    def grids(self, batch: CaptionedBatch) -> dict[str, Grid]:
        """Return captions by seeds, ways from caption to caption, and captions with one word changed."""
        embeddings, _ = self._embeddings(batch)
        grids = {
            "captions": seeds_grid(self.draw, batch.captions, embeddings),
            "between": between_grid(self.draw, batch.captions, embeddings),
        }
        if self.text_encoder is not None:
            words = self.hparams["swapped_words"] or COLOURS
            one_word = one_word_grid(self.draw, self.embed, batch.captions, words)
            grids |= {"one_word": one_word} if one_word else {}
        return grids

    def predict_step(self, batch: Any, batch_idx: int) -> Predictions:
        """Draw a batch of prompts.

        Raises:
            ValueError: if the data module delivers something else.
        """
        if not isinstance(batch, PromptBatch):
            raise ValueError("A GANCLS draws captions: predict with --data CaptionedImages, data.prompts.")
        given = batch.captions if self.text_encoder is not None else batch.embeddings
        if given is None:
            raise ValueError("The prompts have no embeddings, and this GANCLS has no text encoder.")
        return Predictions(self.draw(given, batch.seeds.tolist()), list(batch.names))
