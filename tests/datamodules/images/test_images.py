from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.image_batches import FACES, by_name, epoch, finished, labels_by_name
from support.pairs import unit
from support.pictures import random_pixels, write_deep_png, write_folder, write_image

from datamodules import Images
from datamodules.base import PredictBatch
from datamodules.faces.attributes import ATTRIBUTES, attribute_labels, draw_with_labels
from datamodules.faces.faces import face_seeds
from datamodules.images.batches import SampleBatch
from datamodules.transforms import resize, to_unit_range


def test_faces_need_nothing() -> None:
    data = Images(**FACES)
    assert (data.channels, data.image_size, data.classes) == (3, 16, 0)
    batches = epoch(data)
    assert [batch.images.shape for batch in batches] == [(4, 3, 16, 16)] * 3
    assert all(batch.labels is None for batch in batches)
    trained = by_name(batches)
    assert len(trained) == 12
    held_out = by_name(finished(data.val_dataloader()))
    assert len(held_out) == 7
    assert not set(trained) & set(held_out)
    assert not any(torch.equal(one, other) for one in held_out.values() for other in trained.values())
    for image in (trained | held_out).values():
        assert image.dtype == torch.float32
        assert -1 <= image.min() < -0.5
        assert image.max() == 1


@pytest.mark.parametrize("eval_batch_size", [2, 7])
def test_each_held_out_image_comes_once_under_one_name(eval_batch_size: int) -> None:
    expected = by_name([Images(**FACES).preview(7)])
    found = by_name(finished(Images(**FACES, seed=5, eval_batch_size=eval_batch_size).test_dataloader()))
    assert list(found) == list(expected)
    assert all(torch.equal(image, expected[name]) for name, image in found.items())


def test_processes_share_the_evaluation_and_the_last_batch_may_be_empty() -> None:
    names: list[str] = []
    shapes = []
    for rank in range(2):
        data = Images(**FACES, labels="hair", eval_batch_size=2)
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2)
        batches = finished(data.val_dataloader())
        names += list(by_name(batches))
        shapes.append([tuple(batch.images.shape) for batch in batches])
        assert all(batch.labels is not None and len(batch.labels) == len(batch.images) for batch in batches)
    assert len(names) == len(set(names)) == 7
    assert shapes == [[(2, 3, 16, 16)] * 2, [(2, 3, 16, 16), (1, 3, 16, 16)]]
    data = Images(**(FACES | {"test_count": 1}))
    data.trainer = SimpleNamespace(global_rank=1, world_size=2)
    (empty,) = finished(data.val_dataloader())
    assert empty.images.shape == (0, 3, 16, 16)


@pytest.mark.parametrize(
    ("labels", "colours"),
    [("hair", ["0e0e0e", "7a4a21", "f5d76e", "c0392b"]), ("skin", ["f2d3b1", "9e5622"])],
)
def test_labels_of_faces_are_the_colours_that_are_seen(labels: str, colours: list[str]) -> None:
    data = Images(labels=labels, faces_count=40, test_count=20, size=32, flip=False, batch_size=40)
    assert data.classes == len(colours) == len(data.class_names)
    for batch in (*epoch(data), data.preview(20)):
        assert batch.labels is not None
        assert batch.labels.dtype == torch.int64
        wanted = torch.tensor([list(bytes.fromhex(colour)) for colour in colours]) / 127.5 - 1
        distances = (batch.images[:, None] - wanted[:, :, None, None]).abs().amax(2)  # N, class, H, W
        areas = (distances < 0.01).sum((2, 3))
        assert torch.equal(areas.argmax(1), batch.labels)
        assert (areas.amax(1) > 4).all()


def test_the_label_glasses_is_one_for_faces_with_glasses() -> None:
    data = Images(**FACES, labels="glasses")
    assert data.class_names == ["no_glasses", "glasses"]
    batch = data.preview(7)
    assert batch.labels is not None
    seeds = face_seeds("test", "images", 7)
    labels = attribute_labels(seeds, ATTRIBUTES)
    labels[:, ATTRIBUTES.index("glasses")] = 0
    bare = draw_with_labels(seeds, 16, ATTRIBUTES, labels)
    worn = [not torch.allclose(image, unit(face)) for image, face in zip(batch.images, bare, strict=True)]
    assert batch.labels.tolist() == worn
    assert 0 < sum(worn) < 7
    np.testing.assert_array_equal(data.attribute_table(["glasses"])[:, 0], batch.labels.numpy())


def test_labels_belong_to_their_faces_in_every_order() -> None:
    data = Images(**FACES, labels="hair")
    labels = labels_by_name(epoch(data))
    assert labels == labels_by_name(epoch(data, 1)) == labels_by_name(finished(data.once("train")))
    assert len(set(labels.values())) > 1


def test_labels_change_no_face() -> None:
    """Faces are the same whatever their labels are taken from."""
    assert torch.equal(Images(**FACES).preview(7).images, Images(**FACES, labels="skin").preview(7).images)


def test_attribute_table_follows_the_order_of_once() -> None:
    data = Images(faces_count=12, test_count=9, size=32)
    table = data.attribute_table(["glasses", "blond_hair"], "train")
    assert table.shape == (12, 2)
    (batch,) = finished(data.once("train"))
    colour = torch.tensor([0xF5, 0xD7, 0x6E]).view(3, 1, 1) / 127.5 - 1
    seen = ((batch.images - colour).abs() < 0.01).all(1).float().mean((1, 2)) > 0.01
    np.testing.assert_array_equal(table[:, 1] == 1, seen.numpy())
    with pytest.raises(ValueError, match=r"no attribute 'hat'; there are black_hair.*glasses"):
        data.attribute_table(["hat"])


def test_once_shows_training_images_whole_and_unmirrored(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 10, (16, 16))
    data = Images(str(tmp_path), size=16, load_size=24, batch_size=3)
    (batch,) = finished(data.once("train"))
    assert len(batch.names) == 9
    for name, image in by_name([batch]).items():
        assert torch.allclose(image, unit(pixels[name]), atol=1e-6)


def test_a_plain_folder_is_divided_by_the_names(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path / "sub", 10, (16, 16))
    data = Images(str(tmp_path), size=16, flip=False, batch_size=4, held_out_share=0.2)
    assert (data.channels, data.classes) == (3, 0)
    held_out = by_name(finished(data.val_dataloader()))
    trained = by_name(finished(data.once("train")))
    assert len(held_out) == 2
    assert sorted([*trained, *held_out]) == [f"sub/{name}" for name in pixels]
    for name, image in (trained | held_out).items():
        assert torch.allclose(image, unit(pixels[name.removeprefix("sub/")]), atol=1e-6)
    again = Images(folder=str(tmp_path), size=16, held_out_share=0.2, seed=3)
    assert list(by_name(finished(again.val_dataloader()))) == list(held_out)


@pytest.mark.parametrize("size", [(16, 30), (31, 16)])
def test_the_middle_square_is_kept(tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = write_folder(tmp_path, 3, size)
    batch = Images(str(tmp_path), size=16).preview(3)
    top, left = (size[0] - 16) // 2, (size[1] - 16) // 2
    for name, image in by_name([batch]).items():
        assert torch.allclose(image, unit(pixels[name][top : top + 16, left : left + 16]), atol=1e-6)
    stretched = Images(str(tmp_path), size=16, centre_crop=False).preview(3)
    assert stretched.images.shape == batch.images.shape
    assert not torch.equal(stretched.images, batch.images)


@pytest.mark.parametrize("given", [(16, 40), (20, 24), (30, 16)])
def test_the_middle_of_an_oblong_shape_is_kept(tmp_path: Path, given: tuple[int, int]) -> None:
    pixels = write_folder(tmp_path, 3, given)
    data = Images(str(tmp_path), size="16x24", predict_dir=str(tmp_path))
    assert data.image_size == (16, 24)
    assert Images(str(tmp_path), size="16x16").image_size == 16
    height, width = min(given[0], round(given[1] * 2 / 3)), min(given[1], given[0] * 3 // 2)
    top, left = (given[0] - height) // 2, (given[1] - width) // 2
    (predicted,) = finished(data.predict_dataloader())
    shown = data.preview(3)
    images = [*shown.images, *predicted.images]
    for name, image in zip([*shown.names, *predicted.names], images, strict=True):
        assert image.shape == (3, 16, 24)
        cut = torch.from_numpy(pixels[name][top : top + height, left : left + width]).permute(2, 0, 1)
        assert torch.equal(image, to_unit_range(resize(cut, 16, 24)))
    stretched = Images(str(tmp_path), size="16x24", centre_crop=False).preview(1)
    assert stretched.images.shape == (1, 3, 16, 24)


def test_windows_of_oblong_images_and_faces(tmp_path: Path) -> None:
    write_folder(tmp_path, 4, (40, 60))
    data = Images(str(tmp_path), size="16x24", load_size="5/4", batch_size=3)
    assert data._read("train").images[0].shape == (3, 20, 30)
    assert all(batch.images.shape == (3, 3, 16, 24) for batch in epoch(data))
    faces, squares = Images(**(FACES | {"size": "16x12"})), Images(**FACES)
    assert torch.equal(faces.preview(2).images, squares.preview(2).images[..., 2:14])
    assert faces.found()[0].sizes == ((12, 16), (12, 16))
    with pytest.raises(ValueError, match=r"size: '16 24' is a number of pixels, such as 64, or HEIGHTxWIDTH"):
        Images(size="16 24")
    with pytest.raises(ValueError, match="size: a width of 1 must be at least 2 pixels"):
        Images(size="16x1")


def test_training_mirrors_half_of_the_images_and_cuts_windows(tmp_path: Path) -> None:
    pixels = {f"{i}.png": random_pixels(16, 16, seed=i) for i in range(40)}
    for name, picture in pixels.items():
        write_image(tmp_path / name, picture)
    data = Images(str(tmp_path), size=16, batch_size=36)
    mirrored = 0
    for name, image in by_name(epoch(data)).items():
        flipped = torch.allclose(image, unit(pixels[name]).flip(2), atol=1e-6)
        assert flipped or torch.allclose(image, unit(pixels[name]), atol=1e-6)
        mirrored += flipped
    assert 8 < mirrored < 28
    one, other = by_name(epoch(data)), by_name(epoch(data, 1))
    assert any(not torch.equal(one[name], other[name]) for name in one)
    small = by_name(epoch(Images(str(tmp_path), size=16, batch_size=4)))
    assert all(torch.equal(small[name], image) for name, image in one.items())
    windows = by_name(epoch(Images(str(tmp_path), size=8, load_size=16, batch_size=36, flip=False)))
    for name, image in list(windows.items())[:5]:
        places = unit(pixels[name]).unfold(1, 8, 1).unfold(2, 8, 1)  # 3, top, left, 8, 8
        assert ((places - image[:, None, None]).abs().amax((0, 3, 4)) < 1e-6).sum() == 1


def test_channels_are_detected_and_can_be_asked_for(tmp_path: Path) -> None:
    write_folder(tmp_path, 3, channels=1)
    assert Images(str(tmp_path), size=16).preview(1).images.shape == (1, 1, 16, 16)
    data = Images(str(tmp_path), size=16, channels=3)
    assert data.channels == 3
    assert data.preview(1).images.shape == (1, 3, 16, 16)
    grey = Images(**FACES, channels=1)
    colour = Images(**FACES).preview(3).images
    luma = (colour * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    assert (grey.preview(3).images - luma).abs().max() < 1.5 / 127.5


def test_deep_images_keep_their_depth(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16, 1)  # one 8-bit level in all
    for i in range(2):
        write_deep_png(tmp_path / f"{i}.png", ramp)
    assert len(Images(str(tmp_path), size=16).preview(1).images.unique()) == 256


def test_a_small_cache_reads_the_same_images(tmp_path: Path) -> None:
    write_folder(tmp_path, 8, (20, 20))
    cached, read = (
        by_name(epoch(Images(str(tmp_path), size=16, batch_size=7, cache_gigabytes=gigabytes)))
        for gigabytes in (1, 0)
    )
    assert len(cached) == 7
    assert all(torch.equal(image, read[name]) for name, image in cached.items())


def test_workers_make_the_same_batches(tmp_path: Path) -> None:
    data = Images(**FACES, labels="hair", workers=1)
    here = Images(**FACES, labels="hair")
    for one, other in zip(epoch(data), epoch(here), strict=True):
        assert torch.equal(one.images, other.images)
        assert one.labels is not None
        assert other.labels is not None
        assert torch.equal(one.labels, other.labels)
    data.teardown("fit")


def test_samples_to_predict_are_shared_out_by_their_seeds() -> None:
    seeds: list[int] = []
    for rank in range(2):
        data = Images(**FACES, predict_count=7, seed=10, eval_batch_size=2)
        data.trainer = SimpleNamespace(global_rank=rank, world_size=2)
        for batch in data.predict_dataloader():
            sample = batch.finish()
            assert isinstance(sample, SampleBatch)
            assert list(sample.names) == [f"sample-{seed:06d}.png" for seed in sample.seeds.tolist()]
            assert len(sample.names) <= 2
            seeds += sample.seeds.tolist()
    assert sorted(seeds) == list(range(10, 17))


def test_samples_need_no_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANS_CACHE", str(tmp_path))
    for command, drawn in (("predict", 0), ("validate", 1), ("fit", 2)):
        data = Images(**FACES)
        data.trainer = SimpleNamespace(state=SimpleNamespace(fn=command))
        data.prepare_data()
        assert len(list(tmp_path.rglob("*.npz"))) == drawn


def test_a_folder_to_predict_comes_as_squares(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path / "a", 2, (16, 30))
    write_folder(tmp_path / "b", 1, (40, 24))
    data = Images(**FACES, predict_dir=str(tmp_path))
    batches = [batch.finish() for batch in data.predict_dataloader()]
    assert all(isinstance(batch, PredictBatch) for batch in batches)
    found = {name: image for batch in batches for name, image in zip(batch.names, batch.images, strict=True)}
    assert sorted(found) == ["a/000.png", "a/001.png", "b/000.png"]
    assert torch.allclose(found["a/001.png"], unit(pixels["001.png"][:, 7:23]), atol=1e-6)
    assert found["b/000.png"].shape == (3, 16, 16)
