from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.pairs import epoch, finished
from support.pictures import write_folder

from datamodules import SharpImages
from datamodules.public_sets.sharp import ARCHIVES, SHARP


def named(name: str, data: Path, **changes: Any) -> SharpImages:
    arguments = {"scale": 2, "size": 4, "data_dir": str(data), "batch_size": 2, "eval_batch_size": 1}
    return SharpImages(name=name, **(arguments | changes))


@pytest.mark.parametrize("layout", ["DIV2K/DIV2K_{}_HR", "DIV2K_{}_HR"])
def test_div2k_is_trained_and_evaluated_on_as_its_authors_split_it(tmp_path: Path, layout: str) -> None:
    write_folder(tmp_path / layout.format("train"), 4, (16, 16))
    write_folder(tmp_path / layout.format("valid"), 3, (16, 16))
    data = named("DIV2K", tmp_path)
    trained = {name for batch in epoch(data) for name in batch.names}
    assert trained == {f"{layout.format('train')}/{number:03d}.png" for number in range(4)}
    tested = [name for batch in finished(data.test_dataloader()) for name in batch.names]
    assert tested == [f"{layout.format('valid')}/{number:03d}.png" for number in range(3)]


def test_several_sets_are_one(tmp_path: Path) -> None:
    write_folder(tmp_path / "DIV2K/DIV2K_train_HR", 2, (16, 16))
    write_folder(tmp_path / "DIV2K/DIV2K_valid_HR", 1, (16, 16))
    write_folder(tmp_path / "Flickr2K/Flickr2K_HR", 2, (16, 16))
    for place in ("sky", "water"):
        write_folder(tmp_path / "OST" / place, 1, (16, 16))
    (found,) = named("DF2K", tmp_path).found()
    assert (found.training, found.held_out) == (4, 1)
    (found,) = named("DF2K_OST", tmp_path).found()
    assert (found.training, found.held_out) == (6, 1)
    (found,) = named("OST", tmp_path).found()
    assert (found.training, found.held_out) == (1, 1)
    (found,) = named("Flickr2K", tmp_path, max_images=1).found()
    assert (found.training, found.held_out) == (1, 1)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Set5", "benchmark/Set5/HR"),
        ("Set5", "Set5/GTmod12"),
        ("Set14", "Set14/HR"),
        ("BSD100", "benchmark/B100/HR"),
        ("BSD100", "BSD100"),
        ("Urban100", "Urban100/original"),
        ("Manga109", "Manga109"),
    ],
)
def test_sets_that_compare_are_evaluated_on_whole(tmp_path: Path, name: str, folder: str) -> None:
    write_folder(tmp_path / folder, 5, (9, 13))
    data = named(name, tmp_path)
    batches = finished(data.test_dataloader())
    assert [batch.names[0] for batch in batches] == [f"{folder}/{number:03d}.png" for number in range(5)]
    assert {tuple(batch.target.shape[2:]) for batch in batches} == {(8, 12)}
    with pytest.raises(ValueError, match="there is nothing to train on, only images to evaluate on"):
        data.train_dataloader()


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("div2k", ValueError, r"no public set 'div2k' is known here; .* Did you mean DIV2K\?"),
        ("DIV2K", FileNotFoundError, r"DIV2K_train_HR does not exist\. Add --data.download true .*srresnet"),
        ("BSD100", FileNotFoundError, r"benchmark does not exist\. Add --data.download true"),
        (
            "Manga109",
            FileNotFoundError,
            r"none of .*Manga109/HR, .*Manga109 is there, .* on registration only",
        ),
    ],
)
def test_absent_sets_say_what_to_do(tmp_path: Path, name: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        named(name, tmp_path)


def test_a_fetched_set_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "benchmark" / "Set5" / "HR", 5, (9, 13))
    with pytest.raises(ValueError, match=r"Set14/HR: 0 images, and the public set has 14 there"):
        named("Set14", tmp_path)


def test_every_set_is_known_by_folders_of_its_own() -> None:
    places = [place for known in SHARP.values() for place in known.train + known.held_out]
    first = {place[0] for place in places}
    assert all(len({place for place in places if place[0] == name}) == 1 for name in first)
    assert all(address.address.startswith("http") for address in ARCHIVES.values())
