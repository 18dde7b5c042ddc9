from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from support.captioned import write_cub
from support.toys import make_data, make_model

import gans
from datamodules import CaptionedImages
from datamodules.captioned.module import CaptionedBatch
from gans.losses.matching import joint_embedding_loss
from gans.text.encoder import FrozenTextEncoder
from gans.text_encoder import Embedded, TextEncoder, frozen_text_encoder, newest_text_encoder

TEXTS = ["a person with red hair", "someone with glasses"]


def fitted(folder: Path, **arguments: Any) -> tuple[TextEncoder, Path]:
    """Return a toy after an epoch, and its checkpoint."""
    model = make_model("TextEncoder", **arguments)
    assert isinstance(model, TextEncoder)
    trainer = L.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, make_data("TextEncoder", batch_size=4))
    trainer.save_checkpoint(folder / "text.ckpt")
    return model, folder / "text.ckpt"


def batch_of(data: CaptionedImages) -> CaptionedBatch:
    return next(iter(data.train_dataloader())).finish()  # type: ignore[no-any-return]


def test_the_vocabulary_is_that_of_the_training_captions_and_travels(tmp_path: Path) -> None:
    model, path = fitted(tmp_path)
    data = make_data("TextEncoder")
    assert isinstance(data, CaptionedImages)
    words = {word for text in data.training_captions() for word in text.replace(",", "").split()}
    assert {word for word in words if word not in model.text_encoder.vocabulary} == set()
    assert len(model.text_encoder.vocabulary) == len(words)
    loaded = TextEncoder.load_from_checkpoint(path)
    assert torch.equal(loaded.embed(TEXTS), model.embed(TEXTS))
    assert loaded.embed(TEXTS).shape == (2, 8)
    assert not torch.equal(loaded.embed(TEXTS)[0], loaded.embed(TEXTS)[1])


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_frozen_encoder_comes_out_of_the_checkpoint(tmp_path: Path, ema_decay: float) -> None:
    model, path = fitted(tmp_path, ema_decay=ema_decay, ema_networks=["text_encoder"])
    frozen = frozen_text_encoder(path)
    assert isinstance(frozen, FrozenTextEncoder)
    assert torch.equal(frozen(TEXTS), model.embed(TEXTS))
    assert torch.equal(frozen(TEXTS), model.averaged("text_encoder").eval()(TEXTS))
    assert torch.equal(frozen(TEXTS), model.text_encoder.eval()(TEXTS)) == (ema_decay == 0)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.ckpt does not exist.* --config text_encoder"):
        frozen_text_encoder(tmp_path / "none.ckpt")
    trainer = L.Trainer(default_root_dir=tmp_path, accelerator="cpu", logger=False, max_epochs=0)
    trainer.strategy.connect(make_model("GAN"))
    trainer.save_checkpoint(tmp_path / "gan.ckpt")
    with pytest.raises(ValueError, match=r"gan\.ckpt holds a GAN, not a TextEncoder"):
        frozen_text_encoder(tmp_path / "gan.ckpt")


def test_the_loss_is_over_captions_that_are_not_true_of_an_image() -> None:
    model = make_model("TextEncoder", norm="layer")
    assert isinstance(model, TextEncoder)
    data = make_data("TextEncoder", batch_size=8)
    assert isinstance(data, CaptionedImages)
    model.text_encoder.vocabulary.fill(data.training_captions())
    model.trainer = L.Trainer(accelerator="cpu", logger=False)
    batch = batch_of(data)
    assert batch.labels is not None
    assert batch.claims is not None
    wrong = torch.zeros(8, 8, dtype=torch.bool)
    for image, label in enumerate(batch.labels.tolist()):
        for text, claim in enumerate(batch.claims.tolist()):
            wrong[image, text] = any(
                said and (said > 0) != bool(has) for said, has in zip(claim, label, strict=True)
            )
    assert 0 < wrong.sum() < 8 * 7, "some captions are true of several images"
    images, texts = model.image_encoder(batch.images), model.text_encoder(batch.captions)
    expected = joint_embedding_loss(images, texts, wrong)
    torch.testing.assert_close(model.encoders_terms(batch, None)["matching"], expected)


def test_images_of_a_class_are_no_mismatch(tmp_path: Path) -> None:
    batch = batch_of(CaptionedImages(root=str(write_cub(tmp_path)), size=16, batch_size=4))
    assert batch.groups is not None
    nothing = torch.empty(4, 0)
    mismatched = Embedded(nothing, nothing, batch.groups, nothing, nothing).mismatched()
    crows = torch.tensor([name.startswith("001") for name in batch.names])
    assert torch.equal(mismatched, crows[:, None] != crows[None])
    assert mismatched.sum() == 8


def test_training_finds_captions() -> None:
    torch.manual_seed(0)
    model = make_model("TextEncoder", learning_rate=5e-3, image_width=8, text_width=16)
    data = make_data("TextEncoder", faces_count=64, test_count=64, attributes=["light_skin", "dark_skin"])
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=12,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
    )
    trainer.fit(model, data)
    assert float(trainer.callback_metrics["val/retrieval_rank"]) < 25


def test_grids_show_what_each_caption_finds() -> None:
    model = make_model("TextEncoder")
    assert isinstance(model, TextEncoder)
    data = make_data("TextEncoder")
    assert isinstance(data, CaptionedImages)
    model.text_encoder.vocabulary.fill(data.training_captions())
    batch = data.preview(4)
    (grid,) = model.grids(batch).values()
    assert grid.row_labels == batch.captions
    assert list(grid.columns) == ["its image", "found 1", "found 2", "found 3"]
    scores = model.embed(batch.captions) @ model.embed_images(batch.images).T
    assert torch.equal(grid.columns["found 1"], batch.images[scores.argmax(1)])
    two = model.grids(data.preview(2))["retrieval"].columns
    assert list(two) == ["its image", "found 1", "found 2"]


def test_texts_and_images_that_cannot_be_embedded_are_refused(tmp_path: Path) -> None:
    model, _ = fitted(tmp_path)
    with pytest.raises(ValueError, match="Text 0 is ''"):
        model.embed([""])
    with pytest.warns(UserWarning, match="金髪"):
        assert model.embed(["金髪"]).isfinite().all()
    with pytest.raises(ValueError, match="1 channels"):
        model.embed_images(torch.zeros(1, 1, 16, 16))
    with pytest.raises(ValueError, match="makes no pictures"):
        model.predict_step(None, 0)


def test_it_is_a_variant_that_loads_by_itself(tmp_path: Path) -> None:
    _, path = fitted(tmp_path)
    assert isinstance(gans.load(path), TextEncoder)


def test_a_folder_of_runs_stands_for_the_best_of_the_newest(tmp_path: Path) -> None:
    for run, names in {"2026-01-01": ["best", "last"], "2026-01-02": ["last"], "2026-01-03": []}.items():
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        for name in names:
            (tmp_path / run / "checkpoints" / f"{name}.ckpt").touch()
    assert newest_text_encoder(tmp_path) == tmp_path / "2026-01-02" / "checkpoints" / "last.ckpt"
    (tmp_path / "2026-01-02" / "checkpoints" / "best.ckpt").touch()
    assert newest_text_encoder(tmp_path) == tmp_path / "2026-01-02" / "checkpoints" / "best.ckpt"


def test_any_other_path_stands_for_itself(tmp_path: Path) -> None:
    assert newest_text_encoder(tmp_path / "text.ckpt") == tmp_path / "text.ckpt"
    assert newest_text_encoder(str(tmp_path)) == tmp_path
