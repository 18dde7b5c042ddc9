"""How well images that are drawn for captions show what these say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gans import load
from gans.callbacks.evaluation import EvaluationCallback, Stage, log_synchronised
from gans.metrics.processes import gather
from gans.metrics.retrieval import retrieval_ranks
from gans.protocol import Comparison, JointEmbedding, JudgesCaptions
from gans.text_encoder import newest_text_encoder

if TYPE_CHECKING:
    from gans.metrics.attribute_classifier import AttributeClassifier


class _Seen(NamedTuple):
    """What is kept of N images on the CPU; without columns where nothing looks at it.

    Attributes:
        above: (N, 1), whether the discriminator scores the right above the wrong caption.
        groups: (N, 1) of the images.
        claims: (N, K) of their captions.
        drawn: (N, E) embeddings of the images drawn for the captions.
        real: (N, E) of the real images.
        texts: (N, E) of the captions.
        shown_drawn: (N, K) attributes that the classifier sees in the drawn images.
        shown_real: (N, K) in the real ones.
    """

    above: Tensor
    groups: Tensor
    claims: Tensor
    drawn: Tensor
    real: Tensor
    texts: Tensor
    shown_drawn: Tensor
    shown_real: Tensor


class TextMatch(EvaluationCallback):
    """Logs how well drawn images match their captions, for variants that judge captions; else it rests.

    * `val/right_above_wrong`: the share of held-out real images whose right caption the discriminator scores
      above a wrong one. Guessing gives 0.5.
    * With a text encoder: `val/retrieval_rank`, the mean rank of the caption that an image was drawn for
      among 100 captions that say something else, by the joint embedding; see `gans.metrics.retrieval`.
      Guessing gives 50.5. `val/retrieval_rank_of_real` is that of real images and their captions.
    * With a classifier, on drawn faces: `val/accuracy/NAME`, the share of images drawn for captions that name
      the attribute in which the classifier sees it as the caption says, and the mean `val/accuracy`. Of
      colours those count that a caption says are there (guessing one of four is right in 0.25), of glasses
      and the length of hair also those that it says are not (0.5). `val/accuracy_of_real/NAME` and
      `val/accuracy_of_real` are those of real images and their captions.

    In test `test/` stands in place of `val/`. All are over all images of all processes.

    Args:
        classifier: checkpoint of `python -m gans.tools.attribute_classifier`.
        text_encoder: checkpoint of a `TextEncoder`, or a folder of its runs; by default what the model's own
            text encoder came from, if that is still there.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: at the start of a run, if the classifier does not know an attribute of the captions, or
            the file holds no `TextEncoder`.
    """

    def __init__(self, classifier: str | None = None, text_encoder: str | None = None) -> None:
        for argument, path in {"classifier": classifier, "text_encoder": text_encoder}.items():
            if path is not None and not newest_text_encoder(path).is_file():
                raise FileNotFoundError(f"text_match.{argument}: {path} does not exist.")
        self._classifier: AttributeClassifier | None = None
        if classifier is not None:
            from gans.metrics.attribute_classifier import AttributeClassifier

            self._classifier = AttributeClassifier.load_from_checkpoint(
                classifier, map_location="cpu", weights_only=True
            ).eval()
        self._path = text_encoder
        self._encoder: JointEmbedding | None = None
        self._names: list[str] = []
        self._seen: list[_Seen] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Load the text encoder, and refuse a classifier of other attributes, before anything is trained."""
        if stage == "predict" or not isinstance(pl_module, JudgesCaptions):
            return
        path = self._path or pl_module.hparams.get("text_encoder")
        if self._encoder is None and path is not None and newest_text_encoder(path).is_file():
            encoder = load(newest_text_encoder(path))
            if not isinstance(encoder, JointEmbedding):
                raise ValueError(f"text_match.text_encoder: {path} holds a {type(encoder).__name__}.")
            self._encoder = encoder
        self._names = list(getattr(getattr(trainer, "datamodule", None), "attribute_names", []))
        known = self._classifier.attributes.flat if self._classifier else self._names
        missing = [name for name in self._names if name not in known]
        if missing:
            raise ValueError(
                f"text_match.classifier does not know {', '.join(missing)}: train one with the config of this"
                " run, python -m gans.tools.attribute_classifier --config gan_cls --out FILE."
            )

    def begin(self, pl_module: LightningModule, stage: Stage) -> None:
        """Forget the last epoch."""
        self._seen = []
        for network in (self._classifier, self._encoder):
            if isinstance(network, torch.nn.Module):
                network.to(pl_module.device)

    def observe(self, stage: Stage, pl_module: LightningModule, outputs: Any, batch: Any) -> None:
        """Look at one batch, and at what was drawn for it."""
        if isinstance(pl_module, JudgesCaptions) and len(batch.captions):  # a process may have none left
            right, wrong = pl_module.caption_scores(batch)
            (comparison,) = outputs.values()
            seen = self._look(batch, comparison, (right > wrong)[:, None])
            self._seen.append(_Seen(*(part.cpu() for part in seen)))

    def _look(self, batch: Any, comparison: Comparison, above: Tensor) -> _Seen:
        nothing = above.new_empty(len(above), 0)
        drawn, real, texts, shown_drawn, shown_real = [nothing] * 5
        if self._encoder is not None:
            drawn = _embedded(self._encoder, comparison.fake)
            real = _embedded(self._encoder, batch.images)
            texts = self._encoder.embed(batch.captions)
        if self._classifier is not None and self._names:
            columns = [self._classifier.attributes.flat.index(name) for name in self._names]
            shown_drawn = self._classifier.recognise(comparison.fake.float())[:, columns]
            shown_real = self._classifier.recognise(batch.images.float())[:, columns]
        claims = nothing if batch.claims is None else batch.claims
        groups = batch.groups[:, None]
        return _Seen(above, groups, claims, drawn, real, texts, shown_drawn, shown_real)

    def finish(self, pl_module: LightningModule, stage: Stage) -> None:
        """Bring together what all processes have seen, and log what it says."""
        everything = [seen for of_process in gather(self._seen) for seen in of_process]
        if not everything:
            return
        seen = _Seen(*(torch.cat(rows) for rows in zip(*everything, strict=True)))
        values = {"right_above_wrong": float(seen.above.double().mean())}
        if self._encoder is not None:
            mismatched = _mismatched(seen)
            for name, images in {"retrieval_rank": seen.drawn, "retrieval_rank_of_real": seen.real}.items():
                values[name] = float(retrieval_ranks(images, seen.texts, mismatched).mean())
        if self._classifier is not None and self._names:
            grouped = [bool(self._classifier.attributes.group_of(name)) for name in self._names]
            for name, shown in {"accuracy": seen.shown_drawn, "accuracy_of_real": seen.shown_real}.items():
                values |= _accuracies(name, self._names, grouped, seen.claims, shown)
        log_synchronised(pl_module, {f"{stage}/{name}": value for name, value in values.items()})


def _embedded(encoder: JointEmbedding, images: Tensor) -> Tensor:
    """Return the embeddings of images (N, C, H, W), resized to what the encoder was trained on."""
    side = encoder.hparams["image_size"]
    if images.shape[-1] != side:
        images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    return encoder.embed_images(images)


def _mismatched(seen: _Seen) -> Tensor:
    """Return (N, N) of bool: whether caption j contradicts caption i; without claims, is of another group."""
    others = seen.groups != seen.groups.T
    if not seen.claims.shape[1]:
        return others
    return (seen.claims[:, None] * seen.claims[None] < 0).any(2)


def _accuracies(
    metric: str, names: Sequence[str], grouped: Sequence[bool], claims: Tensor, shown: Tensor
) -> dict[str, float]:
    """Return the share of right answers for each attribute that captions name, and the mean."""
    shares = {}
    for column, name in enumerate(names):
        said = claims[:, column] > 0 if grouped[column] else claims[:, column] != 0
        if said.any():
            right = (shown[said, column] > 0) == (claims[said, column] > 0)
            shares[f"{metric}/{name}"] = float(right.double().mean())
    return shares | {metric: sum(shares.values()) / len(shares)} if shares else {}
