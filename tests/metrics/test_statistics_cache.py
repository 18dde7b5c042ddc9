from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.compared import counted_extractor, random_images

from gans.metrics.features import FeatureExtractor
from gans.metrics.statistics_cache import RealFeatures


def test_known_images_are_not_computed_again(tmp_path: Path) -> None:
    extractor, network = counted_extractor()
    images = random_images(5)
    expected = extractor(images)
    real = RealFeatures(extractor, tmp_path)
    network.images = 0
    for batch_size in (5, 2, 3):
        found = [real(batch) for batch in torch.split(images, batch_size)]
        real.finish()
        torch.testing.assert_close(torch.cat([features for features, _ in found]), expected)
        assert len({key for _, keys in found for key in keys}) == 5
    assert network.images == 5


def test_the_next_process_reads_the_file(tmp_path: Path) -> None:
    extractor, network = counted_extractor()
    images = random_images(5)
    real = RealFeatures(extractor, tmp_path)
    first, _ = real(images)
    real.finish()
    network.images = 0
    second, _ = RealFeatures(extractor, tmp_path)(images)
    assert network.images == 0
    assert torch.equal(first, second)


def test_what_is_not_the_same_image_is_computed(tmp_path: Path) -> None:
    extractor, _ = counted_extractor()
    images = random_images(4)
    real = RealFeatures(extractor, tmp_path)
    real(images)
    real.finish()
    changed = images.clone()
    changed[2, 0, 3, 3] *= -1
    cases = {
        "one changed pixel": changed,
        "the same first image, then others": torch.cat([images[:1], random_images(3, seed=1)]),
        "another order": images.flip(0),
        "the same bytes in another shape": images.view(4, 3, 9, 16),
        "fewer": images[:2],
    }
    for name, case in cases.items():
        found, _ = RealFeatures(extractor, tmp_path)(case)
        torch.testing.assert_close(found, extractor(case), msg=name)


def test_another_extractor_has_its_own_file(tmp_path: Path) -> None:
    extractor, network = counted_extractor()
    images = random_images(3)
    real = RealFeatures(extractor, tmp_path)
    real(images)
    real.finish()
    network.images = 0
    RealFeatures(FeatureExtractor("lite0", network, 6, "counted otherwise"), tmp_path)(images)
    assert network.images == 3


@pytest.mark.parametrize("damage", ["cut", "garbage", "dimension"])
def test_a_damaged_file_is_repaired(tmp_path: Path, damage: str) -> None:
    extractor, network = counted_extractor()
    images = random_images(3)
    real = RealFeatures(extractor, tmp_path)
    expected, _ = real(images)
    real.finish()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    if damage == "dimension":
        extractor.dimension = 7
    else:
        file.write_bytes(whole[:-40] if damage == "cut" else b"garbage")
    network.images = 0
    again = RealFeatures(extractor, tmp_path)
    assert torch.equal(again(images)[0], expected)
    assert network.images == 3
    again.finish()
    assert file.read_bytes() == whole


def test_a_set_that_changes_is_kept_for_one_pass_and_written_once(tmp_path: Path) -> None:
    extractor, network = counted_extractor()
    real = RealFeatures(extractor, tmp_path)
    contents = []
    for seed in (0, 1, 0):  # a set that changes, as random crops do
        real(random_images(3, seed=seed))
        real.finish()
        contents.append([file.read_bytes() for file in tmp_path.iterdir()])
    assert network.images == 9
    assert contents[0] == contents[1] == contents[2]


def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path: Path) -> None:
    extractor, _ = counted_extractor()
    (tmp_path / "file").touch()
    real = RealFeatures(extractor, tmp_path / "file")
    images = random_images(2)
    assert torch.equal(real(images)[0], extractor(images))
    with pytest.warns(UserWarning, match="Could not keep the features of the real images in"):
        real.finish()
