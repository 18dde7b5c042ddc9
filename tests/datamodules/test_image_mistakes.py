from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.image_batches import epoch, labels_by_name
from support.pictures import write_folder

from datamodules import Images


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"root": "x", "folder": "y"}, "either root or folder, not both"),
        ({"root": "x", "name": "mnist"}, "either root or name, not both"),
        ({"labels": "hat"}, "labels: 'hat' is no class of drawn faces.*hair, skin, glasses, long_hair are"),
        ({"labels": "blond_hair"}, "labels: 'blond_hair' is no class"),
        (
            {"labels": "glasses", "faces": "dylan"},
            "labels: 'glasses' is no class of drawn faces in style dylan",
        ),
        ({"faces": "manga"}, "style of faces 'manga'"),
        ({"channels": 2}, "channels: drawn faces have 3 channels, or 1 when grey, not 2"),
        ({"channels": 0}, "channels: 0"),
        ({"predict_count": 0}, "predict_count: 0"),
        ({"max_images": 0}, "max_images: 0"),
        ({"held_out_share": 0}, "held_out_share: 0"),
        ({"size": 64, "load_size": 32}, "load_size: 32 is smaller than size: 64"),
        ({"batch_size": 0}, "batch_size: 0"),
    ],
)
def test_bad_arguments_are_named_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Images(**options)


def test_missing_and_empty_folders_are_named_at_once(tmp_path: Path) -> None:
    for argument in ("root", "folder"):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            Images(**{argument: str(tmp_path / "nowhere")})
        with pytest.raises(FileNotFoundError, match="no images for training"):
            Images(**{argument: str(tmp_path)})
    write_folder(tmp_path, 3)
    with pytest.raises(ValueError, match=r"labels: 'hair' is unknown for folders; folder takes"):
        Images(str(tmp_path), labels="hair")
    with pytest.raises(ValueError, match="leave out root and folder"):
        Images(str(tmp_path)).attribute_table(["glasses"])


def test_bad_images_stop_or_are_skipped(tmp_path: Path) -> None:
    write_folder(tmp_path / "train" / "a", 3)
    write_folder(tmp_path / "train" / "b", 3)
    write_folder(tmp_path / "test" / "a", 1)
    write_folder(tmp_path / "test" / "b", 1)
    (tmp_path / "train" / "a" / "001.png").write_text("no image")
    options: dict[str, Any] = {"root": str(tmp_path), "labels": "folder", "size": 16, "batch_size": 5}
    with pytest.raises(ValueError, match=r"a/001\.png: called \.png but holds no image"):
        Images(**options).train_dataloader()
    data = Images(**options, on_bad_image="skip")
    with pytest.warns(UserWarning, match="1 images were skipped"):
        labels = labels_by_name(epoch(data))
    assert labels == {"a/000.png": 0, "a/002.png": 0, "b/000.png": 1, "b/001.png": 1, "b/002.png": 1}
