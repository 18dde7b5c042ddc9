"""Domains in equal shares, with two pictures of each target's domain; and masks in files beside images."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.multi_domain.batches import MultiDomainBatch
from datamodules.multi_domain.masks import SUFFIX
from datamodules.multi_domain.module import MultiDomainImages

LEVELS = {"cat": range(10, 16), "dog": range(100, 103), "fox": range(200, 205)}
"""Domain -> the grey levels of its training images."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("domains")
    for domain, levels in LEVELS.items():
        for split, shown in (("train", levels), ("test", [levels[0]])):
            (folder / split / domain).mkdir(parents=True)
            for level in shown:
                Image.new("RGB", (16, 16), (level,) * 3).save(folder / split / domain / f"{level}.png")
    return folder


def data_of(root: Path, **arguments: Any) -> MultiDomainImages:
    data = MultiDomainImages(root=str(root), **({"size": 16, "batch_size": 3} | arguments))
    data.references = True
    return data


def epoch_of(data: MultiDomainImages, epoch: int = 0) -> list[MultiDomainBatch]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[union-attr]
    return [batch.finish() for batch in loader]


def grey(images: torch.Tensor) -> list[int]:
    """Return the grey level of each image of one grey, of any leading shape."""
    return [round((float(image) + 1) * 127.5) for image in images.flatten(0, -4).mean((1, 2, 3))]


def domain_of(level: int) -> int:
    return next(number for number, levels in enumerate(LEVELS.values()) if level in levels)


def test_domains_are_sources_and_targets_equally_often_and_no_image_comes_before_its_turn(root: Path) -> None:
    batches = epoch_of(data_of(root))
    assert len(batches) == 6  # of three: three domains, six images of the largest
    images, first, second = [], [], []
    for batch in batches:
        assert batch.references is not None
        assert batch.targets is not None
        shown, pictures = grey(batch.images), grey(batch.references)
        assert [domain_of(level) for level in shown] == batch.labels.argmax(1).tolist()
        assert [domain_of(level) for level in pictures[::2]] == batch.targets.argmax(1).tolist()
        assert [domain_of(level) for level in pictures[1::2]] == batch.targets.argmax(1).tolist()
        assert all(one != other for one, other in zip(pictures[::2], pictures[1::2], strict=True))
        images += shown
        first += pictures[::2]
        second += pictures[1::2]
    for seen in (images, first, second):
        assert Counter(domain_of(level) for level in seen) == {0: 6, 1: 6, 2: 6}
        counted = Counter(seen)
        for levels in LEVELS.values():
            times = [counted[level] for level in levels]
            assert min(times) == 6 // len(levels)
            assert max(times) - min(times) <= 1
    assert len(set(zip(images, first, strict=True))) > 12  # references do not follow the images


def test_epochs_and_seeds_differ_and_nothing_else_makes_a_difference(root: Path) -> None:
    def drawn(epoch: int = 0, **arguments: Any) -> list[list[int]]:
        batches = epoch_of(data_of(root, **arguments), epoch)
        return [grey(batch.images) + grey(batch.references) for batch in batches]  # type: ignore[arg-type]

    assert drawn() == drawn()
    assert drawn() == drawn(workers=1)
    assert drawn() != drawn(epoch=1)
    assert drawn() != drawn(seed=1)


def test_images_meet_other_references_in_every_epoch(root: Path) -> None:
    def met(epoch: int) -> set[tuple[int, int, int]]:
        found = set()
        for batch in epoch_of(data_of(root), epoch):
            pairs = torch.tensor(grey(batch.references)).view(-1, 2).tolist()  # type: ignore[arg-type]
            shown = grey(batch.images)
            found |= {(image, first, second) for image, (first, second) in zip(shown, pairs, strict=True)}
        return found

    assert len(met(0) & met(1)) < 6  # of 18


def test_several_processes_deal_out_what_one_would_draw(root: Path) -> None:
    def drawn(rank: int, world: int, batch_size: int) -> list[tuple[int, ...]]:
        class Shard(MultiDomainImages):
            @property
            def rank(self) -> int:
                return rank

            @property
            def world(self) -> int:
                return world

        data = Shard(root=str(root), size=16, batch_size=batch_size)
        data.references = True
        found = []
        for batch in epoch_of(data):
            assert batch.references is not None
            pairs = torch.tensor(grey(batch.references)).view(-1, 2).tolist()
            found += [(level, *pair) for level, pair in zip(grey(batch.images), pairs, strict=True)]
        return found

    whole = drawn(0, 1, 2)
    assert Counter(whole) == Counter(drawn(0, 2, 1) + drawn(1, 2, 1))


def test_without_being_asked_there_are_no_references(root: Path) -> None:
    data = MultiDomainImages(root=str(root), size=16, batch_size=3)
    assert data.domains == ["cat", "dog", "fox"]
    assert next(iter(data.train_dataloader())).finish().references is None
    held_out = data_of(root)
    assert next(iter(held_out.val_dataloader())).finish().references is None


def test_windows_of_images_and_references_are_drawn_by_themselves(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    for domain in ("a", "b"):
        (tmp_path / domain).mkdir()
        for number in range(6):
            Image.fromarray(ramp).convert("RGB").save(tmp_path / domain / f"{number}.png")
    data = data_of(tmp_path, size=32, load_size=64, preprocess="resized_crop", batch_size=10)
    (batch,) = epoch_of(data)
    assert batch.references is not None
    lefts = torch.stack([batch.images[:, 0, 0, 0], *batch.references[:, :, 0, 0, 0].T])
    mirrored = lefts > 0
    assert not torch.equal(mirrored[0], mirrored[1])
    assert not torch.equal(mirrored[1], mirrored[2])
    whole = (lefts.abs() > 0.98).float().mean()
    assert 0.2 < whole < 0.8
    assert len(set(lefts.abs().flatten().tolist())) > 5  # several windows


def test_images_of_no_domain_are_named(tmp_path: Path) -> None:
    rows = ["file,x,y"]
    for number, label in enumerate(["1,0"] * 4 + ["0,1"] * 4 + ["0,0"] * 4):
        Image.new("RGB", (16, 16)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{label}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(rows))
    data = data_of(tmp_path, table=str(table), exclusive=[["x", "y"]])
    assert data.domains == ["x", "y"]
    with pytest.raises(ValueError, match=r"\d+.png is of no domain, and so are \d of 11 images: .* x, y"):
        data.train_dataloader()


def test_attributes_that_go_together_are_no_domains() -> None:
    assert MultiDomainImages(attributes=["black_hair", "blond_hair", "glasses"], size=16).domains is None


@pytest.fixture
def masked(tmp_path: Path) -> Path:
    """Return a folder whose images have masks that show the image itself and its negative."""
    ramp = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    for domain in ("a", "b"):
        (tmp_path / domain).mkdir()
        for number in range(4):
            shown = np.roll(ramp, 3 * number, axis=1)
            Image.fromarray(np.stack([shown] * 3, axis=2)).save(tmp_path / domain / f"{number}.png")
            masks = np.stack([shown, 255 - shown, np.zeros_like(shown)], axis=2)
            Image.fromarray(masks).save(tmp_path / domain / f"{number}{SUFFIX}")
    return tmp_path


@pytest.mark.parametrize("preprocess", ["resize_and_crop", "resized_crop"])
def test_masks_beside_images_are_cut_as_these(masked: Path, preprocess: str) -> None:
    data = data_of(masked, size=16, load_size=32, preprocess=preprocess)
    data.masks = True
    for batch in [*epoch_of(data), *(batch.finish() for batch in data.val_dataloader()), data.preview(2)]:
        assert batch.masks is not None
        assert batch.masks.shape == (len(batch.images), 2, 16, 16)
        shown = batch.images[:, 0] * 0.5 + 0.5
        torch.testing.assert_close(batch.masks[:, 0], shown, atol=0.01, rtol=0)
        torch.testing.assert_close(batch.masks[:, 1], 1 - shown, atol=0.01, rtol=0)


def test_masks_are_no_images(masked: Path) -> None:
    data = data_of(masked)
    assert [found.training + found.held_out for found in data.found()] == [4, 4]
    assert [found.left_out for found in data.found()] == [{"masks of images beside them": 4}] * 2
    assert next(iter(data.train_dataloader())).finish().masks is None


def test_masks_are_read_by_their_own_depth_whatever_the_range_of_the_images(masked: Path) -> None:
    data = data_of(masked, size=32, value_range=[0, 100])
    data.masks = True
    masks = data.preview(1).masks
    assert masks is not None
    torch.testing.assert_close(masks.sum(1), torch.ones(1, 32, 32))


def test_a_folder_to_predict_has_images_and_their_masks(masked: Path) -> None:
    small = Image.new("RGB", (8, 8), (51, 102, 0))
    small.save(masked / "a" / f"1{SUFFIX}")
    data = data_of(masked, predict_dir=str(masked / "a"))
    data.masks = True
    (batch,) = [batch.finish() for batch in data.predict_dataloader()]
    assert batch.names == ["0.png", "1.png", "2.png", "3.png"]
    shown = batch.images[::2, 0] * 0.5 + 0.5
    torch.testing.assert_close(batch.masks[::2], torch.stack([shown, 1 - shown], dim=1))
    torch.testing.assert_close(batch.masks[1].mean((1, 2)), torch.tensor([0.2, 0.4]))
    tiled = data_of(masked, predict_dir=str(masked / "b"), tile=24)
    tiled.masks = True
    for batch in (batch.finish() for batch in tiled.predict_dataloader()):
        shown = batch.images[:, 0] * 0.5 + 0.5
        torch.testing.assert_close(batch.masks, torch.stack([shown, 1 - shown], dim=1))
    held_out = data_of(masked)
    held_out.masks = True
    (batch,) = [batch.finish() for batch in held_out.predict_dataloader()]
    torch.testing.assert_close(batch.masks.sum(1), torch.ones(2, 16, 16))


def test_a_missing_mask_is_named(masked: Path) -> None:
    (masked / "b" / f"2{SUFFIX}").unlink()
    data = data_of(masked)
    data.masks = True
    missing = r"there is no 2.masks.png beside .*2.png.*--model.high_pass 0"
    with pytest.raises(ValueError, match=missing):
        _ = data.train_dataloader(), data.val_dataloader()
    to_predict = data_of(masked, predict_dir=str(masked / "b"))
    to_predict.masks = True
    with pytest.raises(ValueError, match=missing):
        to_predict.predict_dataloader()


def test_drawn_faces_have_no_masks() -> None:
    data = MultiDomainImages(attributes=["black_hair", "blond_hair"], faces_count=4, test_count=2, size=16)
    data.masks = True
    with pytest.raises(ValueError, match=r"masks: drawn faces have none. .*--model.landmarks wing.ckpt"):
        data.train_dataloader()
