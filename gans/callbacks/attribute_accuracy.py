"""How many translations show what they should, by a classifier that was trained by itself."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gans.callbacks.evaluation import ComparisonCallback, Stage, log_synchronised
from gans.metrics.attribute_classifier import AttributeClassifier
from gans.metrics.processes import gather
from gans.protocol import Comparison


class AttributeAccuracy(ComparisonCallback):
    """Logs in which share of images a classifier sees an attribute as it should be.

    For the attribute NAME: `val/accuracy/NAME` of the translations to it, and beside it
    `val/accuracy_of_real/NAME` of real images: those that have it, if it is one of a group, else all. Then
    the means over all attributes, `val/accuracy` and `val/accuracy_of_real`. The paper of StarGAN
    (arXiv:1711.09020) reports the error, 1 minus that. In test `test/` stands in place of `val/`. Each is
    over all images of all processes.

    Args:
        classifier: checkpoint of `python -m gans.tools.attribute_classifier`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: at the start of a run, if the classifier knows other attributes than the data has.
    """

    def __init__(self, classifier: str) -> None:
        if not Path(classifier).is_file():
            raise FileNotFoundError(
                f"classifier: {classifier} is no file. Train one: python -m gans.tools.attribute_classifier "
                "--config CONFIG --out FILE"
            )
        self._classifier = AttributeClassifier.load_from_checkpoint(
            classifier, map_location="cpu", weights_only=True
        ).eval()
        self._right: dict[tuple[str, str], list[Tensor]] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse a classifier of other attributes before anything is trained."""
        given = getattr(getattr(trainer, "datamodule", None), "attributes", None)
        own = [list(names) for names in self._classifier.attributes.names]
        if given is not None and given != own:
            raise ValueError(
                f"The classifier was trained on the attributes {own}, and the data has {given}: train one "
                "with this config."
            )

    def begin(self, pl_module: LightningModule, stage: Stage) -> None:
        """Forget the answers of the last epoch."""
        self._classifier.to(pl_module.device)
        self._right = defaultdict(list)

    def collect(self, stage: Stage, name: str, comparison: Comparison) -> None:
        """Keep whether the answers for one batch are right."""
        if name not in self._classifier.attributes.flat:
            return
        column = self._classifier.attributes.flat.index(name)
        self._judge("accuracy", name, comparison.fake, comparison.labels, column)
        labels = comparison.source_labels
        if labels is not None and comparison.source is not None:
            grouped = bool(self._classifier.attributes.group_of(name))
            shown = labels[:, column] == 1 if grouped else ~labels[:, column].isnan()
            self._judge("accuracy_of_real", name, comparison.source[shown], labels[shown], column)

    def _judge(self, metric: str, name: str, images: Tensor, labels: Tensor | None, column: int) -> None:
        if labels is not None and len(images):
            seen = self._classifier.recognise(images.to(self._classifier.dtype))
            self._right[metric, name].append((seen[:, column] == labels[:, column]).cpu())

    def finish(self, pl_module: LightningModule, stage: Stage) -> None:
        """Bring the answers of all processes together and log their shares."""
        everyone = gather({key: torch.cat(right) for key, right in self._right.items()})
        shares: dict[str, list[float]] = defaultdict(list)
        for metric, name in sorted({key for right in everyone for key in right}):
            right = torch.cat([answers[metric, name] for answers in everyone if (metric, name) in answers])
            shares[metric].append(float(right.double().mean()))
            log_synchronised(pl_module, {f"{stage}/{metric}/{name}": shares[metric][-1]})
        for metric, values in shares.items():
            log_synchronised(pl_module, {f"{stage}/{metric}": sum(values) / len(values)})
