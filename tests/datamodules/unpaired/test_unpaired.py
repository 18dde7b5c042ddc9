from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.pictures import random_pixels, write_folder, write_image

from datamodules import DATA_MODULES, UnpairedImages
from datamodules.unpaired.batches import UnpairedBatch

FACES: dict[str, Any] = {"faces_count": 5, "test_count": 3, "size": 16}


def folders(root: Path, counts: dict[str, int], **options: Any) -> Path:
    """Write the official layout."""
    for seed, (name, count) in enumerate(counts.items()):
        write_folder(root / name, count, seed=seed, **options)
    return root


def finished(loader: Iterable[Any]) -> list[UnpairedBatch]:
    return [batch.finish() for batch in loader]


def epoch(data: UnpairedImages, number: int) -> list[UnpairedBatch]:
    loader = data.train_dataloader()
    assert hasattr(loader.sampler, "set_epoch")
    loader.sampler.set_epoch(number)
    return finished(loader)


def names(batches: Iterable[UnpairedBatch]) -> list[tuple[str, str]]:
    return [pair for batch in batches for pair in zip(batch.names_A, batch.names_B, strict=True)]


def test_the_list_of_data_modules_is_right() -> None:
    import datamodules

    for name in DATA_MODULES:
        assert getattr(datamodules, name).__name__ == name


def test_faces_need_nothing() -> None:
    data = UnpairedImages(**FACES, batch_size=2)
    assert (data.channels_A, data.channels_B, data.image_size) == (3, 3, 16)
    batches = epoch(data, 0)
    assert [batch.A.shape for batch in batches] == [(2, 3, 16, 16)] * 2
    for batch in batches:
        for images in (batch.A, batch.B):
            assert images.dtype == torch.float32
            assert -1 <= images.min() < -0.5
            assert images.max() == 1
        assert batch.truth_A2B is None
        assert batch.truth_B2A is None


def test_truth_shows_the_same_face_in_the_other_domain() -> None:
    (batch,) = finished(UnpairedImages(**FACES).test_dataloader())
    assert batch.truth_A2B is not None
    assert batch.truth_B2A is not None
    black, blond = torch.cat([batch.A, batch.truth_B2A]), torch.cat([batch.truth_A2B, batch.B])
    changed = (black != blond).any(1)
    assert (changed.float().mean((1, 2)) < 0.6).all()
    assert changed.any((1, 2)).all()
    assert (blond - black).mean((1, 2, 3)).min() > 0  # blond is lighter
    assert not torch.equal(batch.A, batch.truth_B2A)  # other faces in A than in B


def test_grey_faces_and_other_domains() -> None:
    data = UnpairedImages(**FACES, faces_A="line_drawing", faces_B="glasses", channels_A=1)
    (batch,) = finished(data.val_dataloader())
    assert batch.A.shape == (3, 1, 16, 16)
    assert batch.truth_A2B is not None
    assert batch.truth_A2B.shape == (3, 3, 16, 16)
    with pytest.raises(ValueError, match="channels_B: drawn faces have 3 channels"):
        UnpairedImages(**FACES, channels_B=2)


def test_faces_do_not_depend_on_the_seed() -> None:
    first, second = (UnpairedImages(**FACES, seed=seed).preview(3) for seed in (0, 1))
    assert torch.equal(first.A, second.A)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_repeats_itself_whatever_the_workers(tmp_path: Path, workers: int) -> None:
    root = folders(tmp_path, {"trainA": 6, "trainB": 9})
    options: dict[str, Any] = {"root": str(root), "size": 16, "batch_size": 2}
    expected = epoch(UnpairedImages(**options, cache_gigabytes=0), 1)
    repeated = epoch(UnpairedImages(**options, workers=workers), 1)
    assert names(expected) == names(repeated)
    for one, other in zip(expected, repeated, strict=True):
        assert torch.equal(one.A, other.A)
        assert torch.equal(one.B, other.B)


def test_pairing_order_and_windows_change_with_epoch_and_seed(tmp_path: Path) -> None:
    root = folders(tmp_path, {"trainA": 9, "trainB": 9, "testA": 1, "testB": 1})
    data = UnpairedImages(str(root), size=16)
    first, second = epoch(data, 0), epoch(data, 1)
    assert names(first) != names(second)
    assert set(names(first)) != set(names(second))  # not merely another order of the same pairs
    assert names(first) != names(epoch(UnpairedImages(str(root), size=16, seed=1), 0))

    def windows(batches: list[UnpairedBatch]) -> dict[str, bytes]:
        return {batch.names_A[0]: batch.A.numpy().tobytes() for batch in batches}

    one, other = windows(first), windows(second)
    assert sum(one[name] != other[name] for name in one) > 4


def test_an_epoch_covers_the_larger_domain(tmp_path: Path) -> None:
    root = folders(tmp_path, {"trainA": 3, "trainB": 8, "testA": 1, "testB": 1})
    pairs = names(epoch(UnpairedImages(str(root), size=16), 0))
    assert len(pairs) == 8
    counts = [sum(name == A for A, _ in pairs) for name in ("000.png", "001.png", "002.png")]
    assert counts == [3, 3, 2]


def test_training_images_are_windows_of_the_files(tmp_path: Path) -> None:
    folders(tmp_path, {"testA": 1, "testB": 1})
    pixels = {name: write_folder(tmp_path / f"train{name}", 4, (11, 14), seed=ord(name)) for name in "AB"}
    data = UnpairedImages(str(tmp_path), size=8, preprocess="crop", batch_size=2)
    mirrored = 0
    for batch in epoch(data, 0) + epoch(data, 1):
        for domain, images, image_names in (("A", batch.A, batch.names_A), ("B", batch.B, batch.names_B)):
            for image, name in zip(images, image_names, strict=True):
                whole = torch.from_numpy(pixels[domain][name]).permute(2, 0, 1) / 127.5 - 1
                found = [whole.unfold(1, 8, 1).unfold(2, 8, 1), whole.flip(2).unfold(1, 8, 1).unfold(2, 8, 1)]
                hits = [
                    (windows - image[:, None, None]).abs().amax((0, 3, 4)).min() < 1e-6 for windows in found
                ]
                assert sum(map(bool, hits)) == 1
                mirrored += int(hits[1])
    assert 0 < mirrored < 16


def test_held_out_images_occur_exactly_once_and_whole(tmp_path: Path) -> None:
    folders(tmp_path, {"trainA": 2, "trainB": 2})
    pixels = {
        name: write_folder(tmp_path / f"test{name}", count, (16, 16)) for name, count in (("A", 5), ("B", 2))
    }
    data = UnpairedImages(str(tmp_path), size=16, eval_batch_size=2)
    batches = finished(data.val_dataloader())
    assert [len(batch.A) for batch in batches] == [2, 2, 1]
    assert [len(batch.B) for batch in batches] == [2, 0, 0]
    assert batches[1].B.shape == (0, 3, 16, 16)
    shown = [(name, image) for batch in batches for name, image in zip(batch.names_A, batch.A, strict=True)]
    assert [name for name, _ in shown] == sorted(pixels["A"])
    for name, image in shown:
        expected = torch.from_numpy(pixels["A"][name]).permute(2, 0, 1) / 127.5 - 1
        assert torch.allclose(image, expected, atol=1e-6)


def test_without_a_test_folder_a_share_is_held_out(tmp_path: Path) -> None:
    folders(tmp_path, {"a": 20, "b": 10})
    data = UnpairedImages(
        folder_A=str(tmp_path / "a"), folder_B=str(tmp_path / "b"), size=16, held_out_share=0.2
    )
    trained = {name for name, _ in names(epoch(data, 0))}
    held_out = [name for batch in finished(data.test_dataloader()) for name in batch.names_A]
    assert len(held_out) == 4
    assert sorted(trained | set(held_out)) == [f"{i:03d}.png" for i in range(20)]
    assert not trained & set(held_out)


def test_max_images(tmp_path: Path) -> None:
    root = folders(tmp_path, {"trainA": 9, "trainB": 4, "testA": 5, "testB": 5})
    data = UnpairedImages(str(root), size=16, max_images=3)
    assert {name for name, _ in names(epoch(data, 0))} == {"000.png", "003.png", "006.png"}
    assert [len(batch.A) for batch in data.val_dataloader() for batch in [batch.finish()]] == [3]


def test_channels_come_from_the_files(tmp_path: Path) -> None:
    folders(tmp_path, {"trainA": 2}, channels=1)
    folders(tmp_path, {"trainB": 2})
    data = UnpairedImages(str(tmp_path), size=16)
    assert (data.channels_A, data.channels_B) == (1, 3)
    batch = epoch(data, 0)[0]
    assert (batch.A.shape[1], batch.B.shape[1]) == (1, 3)
    assert UnpairedImages(str(tmp_path), size=16, channels_B=1).preview(1).B.shape == (1, 1, 16, 16)


@pytest.mark.parametrize("kind", ["scale_width", "none"])
def test_images_of_other_shapes_pass_one_by_one(tmp_path: Path, kind: Any) -> None:
    for domain in "AB":
        for split in ("train", "test"):
            write_image(tmp_path / f"{split}{domain}" / "a.png", random_pixels(20, 36))
            write_image(tmp_path / f"{split}{domain}" / "b.png", random_pixels(28, 12))
    data = UnpairedImages(str(tmp_path), size=16, preprocess=kind)
    shapes = {"scale_width": {(16, 16), (36, 16)}, "none": {(20, 36), (28, 12)}}[kind]
    assert {tuple(batch.A.shape[2:]) for batch in epoch(data, 0)} == shapes
    assert [len(batch.A) for batch in finished(data.val_dataloader())] == [1, 1]
    assert data.preview(2).A.shape == (2, 3, 16, 16)  # a grid needs one size
    for options in ({"batch_size": 2}, {"eval_batch_size": 2}):
        together = UnpairedImages(str(tmp_path), size=16, preprocess=kind, **options)
        with pytest.raises(
            ValueError, match=r"cannot share a batch: set batch_size and eval_batch_size to 1"
        ):
            finished(together.train_dataloader() if "batch_size" in options else together.val_dataloader())


def test_preview_is_the_same_every_time(tmp_path: Path) -> None:
    root = folders(tmp_path, {"trainA": 3, "trainB": 3, "testA": 6, "testB": 4})
    first, second = (UnpairedImages(str(root), size=16, seed=seed).preview(2) for seed in (0, 1))
    assert first.names_A == ["000.png", "003.png"]
    assert first.names_B == ["000.png", "002.png"]
    assert torch.equal(first.A, second.A)
    assert len(UnpairedImages(str(root), size=16).preview(9).A) == 4


def test_16_bit_images_keep_their_depth(tmp_path: Path) -> None:
    import tifffile

    for folder in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(
            tmp_path / folder / "a.tif", np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
        )
    data = UnpairedImages(str(tmp_path), size=16)
    assert data.channels_A == 1
    levels = data.preview(1).A.flatten()
    assert torch.allclose(levels, torch.linspace(-1, 1, 256), atol=1e-4)
    assert torch.isfinite(epoch(data, 0)[0].A).all()


def test_bad_folders_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lacks trainA and trainB \(no such folder\)"):
        UnpairedImages(str(tmp_path / "nowhere"))
    folders(tmp_path, {"trainA": 2, "other": 1})
    with pytest.raises(FileNotFoundError, match=r"lacks trainB \(it has other, trainA\)\. Expected.*testA"):
        UnpairedImages(str(tmp_path))
    (tmp_path / "trainB").mkdir()
    with pytest.raises(FileNotFoundError, match=r"trainB: no images for training in domain B"):
        UnpairedImages(str(tmp_path))
    write_folder(tmp_path / "trainB", 2)
    (tmp_path / "testA").mkdir()
    with pytest.raises(FileNotFoundError, match=r"testA: no images for evaluation in domain A"):
        UnpairedImages(str(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folder_A": "x"}, "folder_B is missing"),
        ({"root": "x", "folder_A": "x"}, "either root, or folder_A and folder_B"),
        ({"batch_size": 0}, "batch_size: 0 must be at least 1"),
        ({"eval_batch_size": 0}, "eval_batch_size: 0 must be at least 1"),
        ({"channels_A": 0}, "channels_A: 0 must be at least 1"),
        ({"channels_B": -1}, "channels_B: -1 must be at least 1"),
        ({"workers": -1}, "workers: -1"),
        ({"seed": -1}, "seed: -1"),
        ({"faces_count": 0}, "faces_count: 0"),
        ({"max_images": 0}, "max_images: 0"),
        ({"on_bad_image": "ignore"}, "on_bad_image: 'ignore'"),
        ({"faces": "photo"}, "style of faces 'photo'"),
        ({"faces_B": "hat"}, "domain of faces 'hat'"),
    ],
)
def test_bad_arguments_are_named_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UnpairedImages(**options)


def test_a_share_must_leave_both_sides(tmp_path: Path) -> None:
    root = folders(tmp_path, {"trainA": 2, "trainB": 2})
    with pytest.raises(ValueError, match=r"held_out_share: 1\.0"):
        UnpairedImages(str(root), held_out_share=1.0)


def test_bad_files_stop_or_are_skipped(tmp_path: Path) -> None:
    root = folders(tmp_path, {"trainA": 4, "trainB": 4, "testA": 1, "testB": 1})
    (root / "trainA" / "002.png").write_text("not found")
    with pytest.raises(ValueError, match=r"002\.png: called \.png but holds no image"):
        UnpairedImages(str(root), size=16, channels_A=3).train_dataloader()
    data = UnpairedImages(str(root), size=16, on_bad_image="skip")
    with pytest.warns(UserWarning, match=r"1 images were skipped(.|\n)*002\.png"):
        pairs = names(epoch(data, 0))
    assert {name for name, _ in pairs} == {"000.png", "001.png", "003.png"}
