from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support.image_batches import by_name, epoch, finished, labels_by_name
from support.pairs import unit
from support.torchvision_files import (
    CELEBA_ATTRIBUTES,
    write_celeba,
    write_cifar10,
    write_flowers102,
    write_mnist,
)
from torchvision import datasets

from datamodules import Images, MultiDomainImages


def options(name: str, data_dir: Path, **more: Any) -> dict[str, Any]:
    return {"name": name, "data_dir": str(data_dir), "flip": False, "batch_size": 2} | more


def check_arrays(data: Images, written: dict[str, tuple[Any, list[int]]]) -> None:
    """Compare every image and label with what was written, in the set's own splits."""
    for split, loader in (("train", data.once("train")), ("test", data.test_dataloader())):
        batches = finished(loader)
        images, labels = written[split]
        assert list(labels_by_name(batches).values()) == labels
        found = by_name(batches)
        assert list(found) == [f"{split}-{row:06d}.png" for row in range(len(images))]
        for one, other in zip(found.values(), images, strict=True):
            assert torch.allclose(one, unit(other), atol=1e-6)


def test_mnist(tmp_path: Path) -> None:
    written = write_mnist(tmp_path)
    data = Images(**options("mnist", tmp_path, labels="class", size=28))
    assert (data.channels, data.classes, data.class_names[3]) == (1, 10, "3")
    check_arrays(data, written)
    assert len(by_name(epoch(data))) == 6
    plain = Images(**options("mnist", tmp_path, size=32))
    assert plain.classes == 0
    assert plain.preview(2).labels is None
    assert plain.preview(2).images.shape == (2, 1, 32, 32)
    colour = Images(**options("mnist", tmp_path, size=28, channels=3)).preview(3).images
    assert torch.equal(colour, data.preview(3).images.expand(-1, 3, -1, -1))


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_cifar10(tmp_path, monkeypatch)
    data = Images(**options("cifar10", tmp_path, labels="class", size=32))
    assert (data.channels, data.classes, data.class_names[3]) == (3, 10, "cat")
    check_arrays(data, written)
    names = datasets.CIFAR10(str(tmp_path), train=False).classes
    assert data.class_names == names
    grey = Images(**options("cifar10", tmp_path, size=32, channels=1)).preview(3).images
    luma = (data.preview(3).images * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    assert (grey - luma).abs().max() < 1.5 / 127.5


def test_flowers_of_any_size_keep_their_classes_and_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write_flowers102(tmp_path, monkeypatch)
    data = Images(**options("flowers102", tmp_path, labels="class", size=24, centre_crop=False))
    assert (data.channels, data.classes, data.class_names[3]) == (3, 102, "sweet pea")
    for split, loader in (("train", data.once("train")), ("test", data.test_dataloader())):
        batches = finished(loader)
        assert list(labels_by_name(batches).values()) == written[split][1]
    (fifth,) = (image for name, image in by_name(finished(data.once("train"))).items() if "00005" in name)
    assert (fifth - unit(written["train"][0][2])).abs().mean() < 0.05  # 24x24 as written, but for the jpg
    assert Images(**options("flowers102", tmp_path, size=16)).preview(2).labels is None


def test_without_scipy_flowers_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_flowers102(tmp_path, monkeypatch)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ImportError, match=r"flowers102 is read by scipy.*pip install scipy"):
        Images(**options("flowers102", tmp_path)).preview(1)


def test_celeba_is_cut_to_its_middle_and_keeps_its_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = write_celeba(tmp_path, monkeypatch)
    data = Images(**options("celeba", tmp_path, labels="Smiling", size=178))
    assert (data.channels, data.classes, data.class_names) == (3, 2, ["not Smiling", "Smiling"])
    trained, tested = finished(data.once("train")), finished(data.test_dataloader())
    assert labels_by_name(trained) == {"000001.png": 1, "000002.png": 0, "000005.png": 0}
    assert labels_by_name(tested) == {"000004.png": 0, "000006.png": 1}
    for name, image in by_name([*trained, *tested]).items():
        assert torch.allclose(image, unit(pixels[name][20:198]), atol=1e-6)
    np.testing.assert_array_equal(data.attribute_table(["Young", "Smiling"]), [[1, 0], [1, 1]])
    np.testing.assert_array_equal(data.attribute_table(["Young"], "train"), [[0], [0], [1]])


def test_at_most_so_many_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_mnist(tmp_path)
    data = Images(**options("mnist", tmp_path, labels="class", size=28, max_images=3))
    labels = labels_by_name(finished(data.once("train")))
    assert labels == {f"train-{row:06d}.png": written["train"][1][row] for row in (0, 2, 4)}
    write_celeba(tmp_path, monkeypatch)
    faces = Images(**options("celeba", tmp_path, labels="Young", size=16, max_images=1))
    assert labels_by_name(finished(faces.once("train"))) == {"000001.png": 0}
    assert faces.attribute_table(["Young"]).tolist() == [[1]]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist", "MNIST/raw"),
        ("cifar10", "cifar-10-batches-py"),
        ("flowers102", "flowers-102"),
        ("celeba", "celeba"),
    ],
)
def test_a_missing_set_names_its_folder_and_the_arguments(tmp_path: Path, name: str, folder: str) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Images(**options(name, tmp_path))
    message = str(caught.value)
    assert f"{name} is expected in {tmp_path / folder}" in message
    assert "--data.data_dir" in message
    assert "--data.download true" in message
    assert not list(tmp_path.iterdir())


def test_an_incomplete_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"MNIST/raw is incomplete or damaged\. Move it away"):
        Images(**options("mnist", tmp_path)).train_dataloader()
    write_cifar10(tmp_path, monkeypatch)
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(b"other")
    with pytest.raises(FileNotFoundError, match=r"cifar10 in .* is incomplete or damaged"):
        Images(**options("cifar10", tmp_path)).test_dataloader()


@pytest.mark.parametrize("name", ["mnist", "cifar10", "celeba"])
def test_torchvision_fetches_once_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The folder is written by what torchvision calls to fetch it, when `prepare_data` runs."""
    fetched = []

    def fetch(dataset: Any) -> None:
        fetched.append(name)
        if not (tmp_path / "there").exists():
            (tmp_path / "there").touch()
            if name == "mnist":
                write_mnist(tmp_path)
            else:
                {"cifar10": write_cifar10, "celeba": write_celeba}[name](tmp_path, monkeypatch)

    reader = {"mnist": datasets.MNIST, "cifar10": datasets.CIFAR10, "celeba": datasets.CelebA}[name]
    monkeypatch.setattr(reader, "download", fetch)
    data = Images(**options(name, tmp_path, download=True, size=16))
    assert not fetched
    data.trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"), global_rank=0, world_size=1)
    data.prepare_data()
    assert fetched
    assert len(data.preview(2).images) == 2


def test_a_set_that_cannot_be_fetched_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(dataset: Any) -> None:
        raise RuntimeError("the server is away")

    monkeypatch.setattr(datasets.MNIST, "download", fetch)
    with pytest.raises(ValueError, match="mnist cannot be fetched: the server is away"):
        Images(**options("mnist", tmp_path, download=True)).prepare_data()


def test_mistakes_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path)
    write_celeba(tmp_path, monkeypatch)
    with pytest.raises(
        ValueError, match=r"name: 'imagenet' is unknown; mnist, cifar10, flowers102, celeba are"
    ):
        Images(**options("imagenet", tmp_path))
    with pytest.raises(ValueError, match="labels: 'digit' is unknown for mnist; class takes its classes"):
        Images(**options("mnist", tmp_path, labels="digit"))
    with pytest.raises(ValueError, match=r"channels: mnist can have 1 \(grey\) or 3 \(colour\), not 4"):
        Images(**options("mnist", tmp_path, channels=4))
    with pytest.raises(ValueError, match=r"celeba has no attribute 'Smile'; there are Smiling, Young\."):
        Images(**options("celeba", tmp_path, labels="Smile")).train_dataloader()
    with pytest.raises(ValueError, match="mnist has no attributes"):
        Images(**options("mnist", tmp_path)).attribute_table(["Smiling"])


def test_celeba_has_many_domains_by_its_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match=r"celeba is expected in .*celeba.*fit --config stargan"):
        MultiDomainImages(name="celeba", data_dir=str(tmp_path))
    pixels = write_celeba(tmp_path, monkeypatch)
    data = MultiDomainImages(name="celeba", data_dir=str(tmp_path), size=178, held_out_share=0.5)
    assert data.attributes == [["Smiling", "Young"]]
    batch = next(iter(data.val_dataloader())).finish()
    assert len(batch.names) == 3
    for name, image, label in zip(batch.names, batch.images, batch.labels, strict=True):
        row = int(Path(name).stem) - 1
        assert torch.allclose(image, unit(pixels[name][20:198]), atol=1e-6)
        assert label.tolist() == [float(CELEBA_ATTRIBUTES[which][row] > 0) for which in ("Smiling", "Young")]
