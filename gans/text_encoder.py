"""The text encoder of text to image, trained beside an image encoder (Reed et al. 2016, arXiv:1605.05395)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

import gans
from datamodules.captioned.batches import contradicts
from datamodules.captioned.module import CaptionedBatch
from gans.base import AdversarialModule
from gans.inference import Images, coded, evaluating
from gans.losses.matching import joint_embedding_loss
from gans.metrics.processes import gather
from gans.metrics.retrieval import retrieval_ranks
from gans.networks.dcgan import DCGANDiscriminator
from gans.networks.init import initialise
from gans.networks.norms import Norm
from gans.networks.text_encoder import Level
from gans.protocol import Comparison, Grid
from gans.text.encoder import FrozenTextEncoder, TextEmbedder
from gans.training.turns import Player

FOUND = 3  # pictures in a grid of those that a caption finds


class Embedded(NamedTuple):
    """Embeddings (N, E) of images and captions, and what tells which of them match.

    `groups` is (N,); `labels` and `claims` are (N, K), without columns where nothing is known. See
    `datamodules.captioned.module.CaptionedBatch`.
    """

    images: Tensor
    texts: Tensor
    groups: Tensor
    labels: Tensor
    claims: Tensor

    def mismatched(self) -> Tensor:
        """Return (N, N) of bool: whether caption j does not describe image i."""
        others = self.groups[:, None] != self.groups[None]
        return others & contradicts(self.claims, self.labels) if self.labels.shape[1] else others


class TextEncoder(AdversarialModule):
    """Learns to embed captions and images so that those which match have the largest inner products.

    The text encoder is what text to image needs: `frozen_text_encoder` takes it out of a checkpoint, with its
    vocabulary, which is made of the training captions when the training begins. The image encoder, DCGAN's
    discriminator with more outputs, learns beside it; the paper has features of a trained classifier there.

    A caption and an image count as a mismatch if they are of different groups (classes, or else images) and,
    for drawn faces, if the caption is not true of the image. With several processes all pairs of their joined
    batch count, as if one process had it.

    `val/retrieval_rank` is the mean rank of the right caption among 100 (`gans.metrics.retrieval`); guessing
    gives 50.5.

    Args:
        channels: channels of the images; taken from the data on the command line.
        image_size: their edge in pixels, a power of two from 16; likewise.
        embedding_size: numbers in an embedding.
        level: whether texts are cut into tokens by `character`, as in the paper, or by `word`.
        text_width: of the text encoder, see `gans.networks.text_encoder.TextNetwork`.
        length: tokens that are read of a text; by default 201 characters or 30 words.
        vocabulary_size: most tokens to know; by default 512 characters or 8192 words.
        image_width: channels after the image encoder's first convolution.
        norm: of the image encoder, see `gans.networks.norms`.
        learning_rate: of Adam; the paper's of RMSprop.
        betas: its decay rates; its own defaults, because nothing oscillates here.
        **optimisation: the other arguments of `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range.
    """

    batch_type = CaptionedBatch
    players: ClassVar[tuple[Player, ...]] = (Player("encoders", ("text_encoder", "image_encoder")),)

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 64,
        embedding_size: int = 1024,
        level: Level = "character",
        text_width: int = 256,
        length: int | None = None,
        vocabulary_size: int | None = None,
        image_width: int = 64,
        norm: Norm = "batch",
        learning_rate: float = 7e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        **optimisation: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, betas=betas, **optimisation)
        self.text_encoder = TextEmbedder(level, embedding_size, text_width, length, vocabulary_size)
        self.image_encoder = initialise(
            DCGANDiscriminator(channels, image_size, image_width, norm=norm, outputs=embedding_size)
        )
        self._seen: list[Embedded] = []

    def setup(self, stage: str) -> None:
        """Make the vocabulary of the training captions, unless it is there; that of a checkpoint wins."""
        super().setup(stage)
        data = getattr(self.trainer, "datamodule", None)
        if not len(self.text_encoder.vocabulary) and data is not None:
            self.text_encoder.vocabulary.fill(data.training_captions())

    def encoders_terms(self, batch: CaptionedBatch, products: None) -> dict[str, Tensor]:
        """Return the loss over all pairs of the batch that all processes have together."""
        mine = _embedded(batch, self.image_encoder(batch.images), self.text_encoder(batch.captions))
        everyone = Embedded(*(self._joined(part) for part in mine))
        return {"matching": joint_embedding_loss(everyone.images, everyone.texts, everyone.mismatched())}

    def _joined(self, rows: Tensor) -> Tensor:
        """Return the rows of all processes; gradients flow back to where they came from."""
        if self.trainer.world_size == 1:
            return rows
        joined = self.all_gather(rows, sync_grads=rows.requires_grad)
        assert isinstance(joined, Tensor)
        return joined.flatten(0, 1)

    @torch.no_grad()
    def embed(self, texts: str | Sequence[str]) -> Tensor:
        """Return the embeddings (N, embedding_size) of one or N texts, where the module is.

        Raises:
            ValueError: if a text is empty; unknown words cost a warning.
        """
        network = self.averaged("text_encoder")
        with evaluating(network):
            embeddings: Tensor = network([texts] if isinstance(texts, str) else texts)
        return embeddings

    def embed_images(self, images: Images) -> Tensor:
        """Return the embeddings (N, embedding_size) of images of the size trained on, where the module is.

        They are (N, C, H, W) or (C, H, W) in [-1, 1], or Pillow images; see `gans.inference.Images`.

        Raises:
            ValueError: if the images have other channels or another size than those trained on, or another
                type or range.
        """
        network = self.averaged("image_encoder")
        return coded(images, network, self.hparams["channels"], network)

    def comparisons(self, batch: CaptionedBatch) -> dict[str, Comparison]:
        """Return nothing: no image is made."""
        return {}

    def grids(self, batch: CaptionedBatch) -> dict[str, Grid]:
        """Return, for each caption, its own image and those of the batch that it finds, the best first."""
        scores = self.embed(batch.captions) @ self.embed_images(batch.images).T
        order = scores.argsort(dim=1, descending=True)[:, :FOUND]
        columns = {"its image": batch.images}
        columns |= {f"found {place}": batch.images[rows] for place, rows in enumerate(order.unbind(1), 1)}
        return {"retrieval": Grid(columns, list(batch.captions))}

    def validation_step(self, batch: CaptionedBatch, batch_idx: int) -> dict[str, Comparison]:
        """Embed one batch."""
        return self._observe(batch)

    def test_step(self, batch: CaptionedBatch, batch_idx: int) -> dict[str, Comparison]:
        """Embed one batch."""
        return self._observe(batch)

    def _observe(self, batch: CaptionedBatch) -> dict[str, Comparison]:
        batch = self.checked(batch)
        if len(batch.captions):  # a process may have no image left
            found = _embedded(batch, self.embed_images(batch.images), self.embed(batch.captions))
            self._seen.append(Embedded(*(part.cpu() for part in found)))
        return self.comparisons(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the retrieval rank."""
        self._measure("val")

    def on_test_epoch_end(self) -> None:
        """Log the retrieval rank."""
        self._measure("test")

    def _measure(self, stage: str) -> None:
        """Log over the images of all processes; each computes the same, so the maximum is that."""
        seen = [part for mine in gather(self._seen) for part in mine]
        self._seen = []
        everything = Embedded(*(torch.cat(rows) for rows in zip(*seen, strict=True)))
        ranks = retrieval_ranks(everything.images, everything.texts, everything.mismatched())
        values = {"images/retrieval": float(len(everything.images)), "retrieval_rank": float(ranks.mean())}
        for name, value in values.items():
            self.log(f"{stage}/{name}", value, reduce_fx="max", sync_dist=True, batch_size=1)

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """Refuse: nothing is to be seen.

        Raises:
            ValueError: always.
        """
        raise ValueError("A TextEncoder makes no pictures: predict with a model that draws, such as GANCLS.")


def _embedded(batch: CaptionedBatch, images: Tensor, texts: Tensor) -> Embedded:
    assert batch.groups is not None
    nothing = images.new_empty(len(images), 0)
    labels = nothing if batch.labels is None else batch.labels
    return Embedded(images, texts, batch.groups, labels, nothing if batch.claims is None else batch.claims)


def frozen_text_encoder(path: str | Path) -> FrozenTextEncoder:
    """Return the text encoder in a checkpoint of `TextEncoder`, averaged if there is an average, on the CPU.

    It holds its vocabulary and needs the file no more; see `gans.text.encoder.FrozenTextEncoder`.

    Raises:
        FileNotFoundError: if there is no such file; the message says how to make one.
        ValueError: if the file holds something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"text_encoder: {path} does not exist. Train one first, with the same data: python train.py fit "
            "--config text_encoder; it is then RUN/checkpoints/best.ckpt."
        )
    trained = gans.load(path)
    if not isinstance(trained, TextEncoder):
        raise ValueError(f"text_encoder: {path} holds a {type(trained).__name__}, not a TextEncoder.")
    averaged = trained.averaged("text_encoder")
    assert isinstance(averaged, TextEmbedder)
    frozen = FrozenTextEncoder(**averaged.arguments)
    frozen.load_state_dict(averaged.state_dict())
    return frozen


def held_text_encoder(path: str | None, arguments: dict[str, Any] | None) -> FrozenTextEncoder | None:
    """Return the text encoder in a file; or, of arguments, one to load a checkpoint's weights into.

    Args:
        path: see `newest_text_encoder`.
        arguments: `TextEmbedder.arguments` of the one that was held; they win, so that a model which has one
            needs the file no more.

    Returns:
        None where nothing is given.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file holds something else.
    """
    if arguments is not None:
        return FrozenTextEncoder(**arguments)
    return None if path is None else frozen_text_encoder(newest_text_encoder(path))


def size_of_embeddings(text_encoder: FrozenTextEncoder | None, given: int | None) -> int:
    """Return how many numbers an embedding has: by the text encoder, or else as the data says.

    Raises:
        ValueError: if there are both, or neither.
    """
    if text_encoder is not None and given is not None:
        raise ValueError(
            "A text encoder and embeddings of the data are both given: leave out --model.text_encoder or "
            "--data.embeddings."
        )
    if text_encoder is not None:
        return text_encoder.embedding_size
    if given is None:
        raise ValueError(
            "Captions need a text encoder or embeddings. Train one by python train.py fit --config "
            "text_encoder and give --model.text_encoder runs/text_encoder, or give --data.embeddings FILE."
        )
    return given


def newest_text_encoder(path: str | Path) -> Path:
    """Return the checkpoint that a path stands for.

    Args:
        path: a checkpoint, or a folder of runs such as runs/text_encoder: the newest one's best checkpoint,
            or else its last.

    Returns:
        The checkpoint; the path itself where none is found.
    """
    path = Path(path).expanduser()
    for run in sorted(path.glob("*/checkpoints"), reverse=True):  # runs are named by their date
        for name in ("best.ckpt", "last.ckpt"):
            if (run / name).is_file():
                return run / name
    return path
