from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.image_batches import by_name, finished, labels_by_name
from support.pairs import unit
from support.pictures import write_folder, write_image

from datamodules import Images

OPTIONS: dict[str, Any] = {"labels": "folder", "size": 16, "flip": False}


def classes(root: Path, **counts: int) -> dict[str, Any]:
    """Write one folder per class, and return the pixels by name."""
    pixels: dict[str, Any] = {}
    for seed, (name, count) in enumerate(counts.items()):
        written = write_folder(root / name, count, (16, 16), seed=seed)
        pixels |= {f"{name}/{file}": image for file, image in written.items()}
    return pixels


def test_sub_folders_are_classes_in_the_order_of_their_names(tmp_path: Path) -> None:
    pixels = classes(tmp_path, dog=5, cat=10, bee=3)
    data = Images(str(tmp_path), **OPTIONS, held_out_share=0.2)
    assert (data.class_names, data.classes) == (["bee", "cat", "dog"], 3)
    trained, held_out = finished(data.once("train")), finished(data.val_dataloader())
    labels = labels_by_name([*trained, *held_out])
    assert labels == {name: ["bee", "cat", "dog"].index(name[:3]) for name in pixels}
    # of each class a share, by the names of its images
    assert sorted(name[:3] for name in by_name(held_out)) == ["bee", "cat", "cat", "dog"]
    for name, image in by_name([*trained, *held_out]).items():
        assert torch.allclose(image, unit(pixels[name]), atol=1e-6)


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_folders_for_training_and_test(tmp_path: Path, held_out: str) -> None:
    classes(tmp_path / "train", a=3, b=2)
    pixels = classes(tmp_path / held_out, b=2)
    data = Images(str(tmp_path), **OPTIONS)
    assert labels_by_name(finished(data.val_dataloader())) == {"b/000.png": 1, "b/001.png": 1}
    assert torch.allclose(data.preview(1).images[0], unit(pixels["b/000.png"]), atol=1e-6)
    assert len(labels_by_name(finished(data.once("train")))) == 5
    plain = Images(str(tmp_path), size=16)
    assert (plain.classes, len(by_name(finished(plain.val_dataloader())))) == (0, 2)


def test_test_comes_before_val(tmp_path: Path) -> None:
    for place, count in (("train", 3), ("val", 1), ("test", 2)):
        write_folder(tmp_path / place, count)
    assert len(Images(str(tmp_path), size=16).preview(9).names) == 2


def test_a_plain_folder_may_have_any_sub_folders(tmp_path: Path) -> None:
    classes(tmp_path, train=4, test=4)
    data = Images(folder=str(tmp_path), **OPTIONS)
    assert data.class_names == ["test", "train"]
    found = by_name([*finished(data.once("train")), *finished(data.val_dataloader())])
    assert len(found) == 8


def test_at_most_so_many_images_of_each_split(tmp_path: Path) -> None:
    classes(tmp_path, a=20, b=20)
    data = Images(str(tmp_path), **OPTIONS, max_images=6, held_out_share=0.5)
    labels = labels_by_name(finished(data.once("train")))
    assert sorted(labels.values()) == [0, 0, 0, 1, 1, 1]
    assert len(data.preview(20).names) == 6


def test_hidden_folders_are_no_classes(tmp_path: Path) -> None:
    classes(tmp_path, a=2, b=2)
    (tmp_path / ".thumbnails").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    assert Images(str(tmp_path), **OPTIONS).class_names == ["a", "b"]


def test_folders_that_are_no_classes_are_refused(tmp_path: Path) -> None:
    classes(tmp_path, cat=3)
    with pytest.raises(ValueError, match=r"two classes or more, and .* has one: cat\."):
        Images(str(tmp_path), **OPTIONS)
    write_folder(tmp_path / "plain", 2)
    with pytest.raises(ValueError, match="2 images lie outside"):
        Images(str(tmp_path / "plain"), **OPTIONS)
    (tmp_path / "dog").mkdir()
    with pytest.raises(FileNotFoundError, match=r"dog: no images for training of class dog"):
        Images(str(tmp_path), **OPTIONS)
    classes(tmp_path / "other", a=2, b=1)
    with pytest.raises(ValueError, match=r"b: one image cannot be split"):
        Images(str(tmp_path / "other"), **OPTIONS)
    write_folder(tmp_path / "other" / "b" / "more", 1)
    write_image(tmp_path / "other" / "lost.png", next(iter(classes(tmp_path / "x", a=1).values())))
    with pytest.raises(ValueError, match=r"other as classes, and 1 images lie outside"):
        Images(str(tmp_path / "other"), **OPTIONS)


def test_classes_to_evaluate_on_are_trained_on(tmp_path: Path) -> None:
    classes(tmp_path / "train", a=2, b=2)
    classes(tmp_path / "test", a=2, c=2)
    with pytest.raises(ValueError, match=r"test: there are no images to train on of class c"):
        Images(str(tmp_path), **OPTIONS)
