r"""Trains a classifier of attributes, by which made images are judged, on the real images of a config.

    python -m gans.tools.attribute_classifier --config stargan --out runs/attributes.ckpt
    python train.py fit --config stargan \
        --trainer.callbacks+=gans.callbacks.attribute_accuracy.AttributeAccuracy \
        --trainer.callbacks.classifier=runs/attributes.ckpt

    python -m gans.tools.attribute_classifier --config gan_cls --out runs/attributes.ckpt
    python train.py fit --config gan_cls --text_match.classifier runs/attributes.ckpt

Prints its accuracy on the held-out images.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import lightning as L
from jsonargparse import ArgumentParser

from datamodules.captioned.module import CaptionedImages
from datamodules.multi_domain.module import MultiDomainImages
from gans.cli import errors
from gans.cli.config_files import find_config
from gans.cli.own_images import read_settings
from gans.metrics.attribute_classifier import AttributeClassifier
from gans.tools.command_line import command_line

SHARED_BY_FACES = ("attributes", "faces", "faces_count", "test_count", "size", "channels", "workers")
"""Arguments that drawn faces with captions and those with labels have in common."""


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    accuracies = train(open_data(options.config), options.out, options.epochs)
    sys.stdout.writelines(f"{name}  {value:.3f}\n" for name, value in accuracies.items())
    sys.stdout.write(f"{options.out}\n")


def open_data(config: str) -> MultiDomainImages:
    """Return the data module that a config, a file or the name of a shipped one, names.

    Drawn faces with captions become such with labels: the same attributes of as many faces.

    Raises:
        ValueError: if its data has no attributes.
    """
    path = find_config(config)
    chosen = read_settings(path).get("data") or {}
    kind, given = str(chosen.get("class_path")).rpartition(".")[2], chosen.get("init_args") or {}
    if kind == "CaptionedImages" and not {"root", "name"} & set(given):
        given = {name: value for name, value in given.items() if name in SHARED_BY_FACES}
        attributes = CaptionedImages(**given).attribute_names
        return MultiDomainImages(**(given | {"attributes": attributes, "flip": False}))
    if kind != "MultiDomainImages":
        raise ValueError(
            f"{path}: data is {chosen.get('class_path')}; only MultiDomainImages have attributes, and drawn "
            "faces with captions."
        )
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(MultiDomainImages, "data")
    parsed = parser.parse_object({"data": given})
    data: MultiDomainImages = parser.instantiate_classes(parsed).data
    return data


def train(data: MultiDomainImages, out: Path, epochs: int) -> dict[str, float]:
    """Train a classifier, write its checkpoint, and return its accuracy by attribute on held-out images."""
    L.seed_everything(data.seed, verbose=False)
    classifier = AttributeClassifier(data.attributes, data.exclusive, data.channels, data.preprocess.size)
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="auto",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(classifier, datamodule=data)
    out.parent.mkdir(parents=True, exist_ok=True)
    trainer.save_checkpoint(out, weights_only=True)
    measured = trainer.callback_metrics.items()
    return {name.removeprefix("val/accuracy/"): float(value) for name, value in measured}


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.attribute_classifier", __doc__)
    parser.add_argument("--config", required=True, help="whose data has the attributes")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--epochs", type=int, default=5, help="passes over the training images")
    return parser


if __name__ == "__main__":
    sys.exit(main())
