from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules.faces.attributes import draw_with_labels
from datamodules.faces.faces import face_seeds
from datamodules.multi_domain.batches import MultiDomainBatch
from datamodules.multi_domain.module import MultiDomainImages
from datamodules.multi_domain.sources import DataSet

FACES = ["black_hair", "blond_hair", "glasses"]


def faces(**arguments: Any) -> MultiDomainImages:
    settings: dict[str, Any] = {"size": 16, "attributes": FACES, "faces_count": 12, "test_count": 5}
    return MultiDomainImages(**(settings | {"batch_size": 4} | arguments))


def finished(loader: Any) -> list[MultiDomainBatch]:
    return [batch.finish() for batch in loader]


def write(folder: Path, levels: dict[str, int], size: tuple[int, int] = (16, 16), mode: str = "RGB") -> None:
    """Write a picture of one grey level per name."""
    for name, level in levels.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, level).convert(mode).save(path)


def levels_of(batch: MultiDomainBatch) -> list[int]:
    return [round((float(image.mean()) + 1) * 127.5) for image in batch.images]


def test_faces_have_the_attributes_that_their_labels_tell() -> None:
    data = faces(flip=False)
    assert (data.attributes, data.exclusive) == ([FACES], [["black_hair", "blond_hair"]])
    (seeds,) = [face_seeds("train", "multi_domain_0", 12)]
    for batch in finished(data.train_dataloader()):
        for name, image, label in zip(batch.names, batch.images, batch.labels, strict=True):
            seed = seeds[int(Path(name).stem[-6:])]
            drawn = draw_with_labels([seed], 16, FACES, label[None].numpy())
            expected = torch.from_numpy(drawn[0]).permute(2, 0, 1) / 127.5 - 1
            torch.testing.assert_close(image, expected)


def test_the_truth_of_every_change_of_a_face() -> None:
    data = faces()
    batch = data.preview(5)
    assert batch.truths is not None
    assert batch.truths.shape == (5, 3, 3, 16, 16)
    seeds = face_seeds("test", "multi_domain_0", 5)
    for row, label in enumerate(batch.labels):
        for column, changed in enumerate(
            ([1, 0, label[2]], [0, 1, label[2]], [label[0], label[1], 1 - label[2]])
        ):
            drawn = draw_with_labels([seeds[row]], 16, FACES, np.array([changed], np.float32))
            expected = torch.from_numpy(drawn[0]).permute(2, 0, 1) / 127.5 - 1
            torch.testing.assert_close(batch.truths[row, column], expected)
    own = batch.labels[:, :2].argmax(1)
    assert torch.equal(batch.truths[torch.arange(5), own], batch.images)


def test_targets_are_the_labels_permuted_over_an_epoch() -> None:
    data = faces(batch_size=4)
    loader = data.train_dataloader()
    seen = []
    for epoch in (0, 1):
        loader.sampler.set_epoch(epoch)  # type: ignore[union-attr]
        batches = finished(loader)
        labels = torch.cat([batch.labels for batch in batches])
        targets = torch.cat([batch.targets for batch in batches if batch.targets is not None])
        assert Counter(map(tuple, labels.tolist())) == Counter(map(tuple, targets.tolist()))
        names = [name for batch in batches for name in batch.names]
        seen.append(dict(zip(names, targets.tolist(), strict=True)))
        assert targets.tolist() != labels.tolist()
    assert seen[0] != seen[1]
    assert set(seen[0]) == set(seen[1])


def test_several_data_sets_have_equal_shares_and_a_mask() -> None:
    data = faces(attributes=["black_hair", "blond_hair"], others=[DataSet(attributes=["glasses"])])
    assert data.attributes == [["black_hair", "blond_hair"], ["glasses"]]
    batches = finished(data.train_dataloader())
    mask, labels = (
        torch.cat([batch.mask for batch in batches]),
        torch.cat([batch.labels for batch in batches]),
    )
    assert mask.sum(0).tolist() == [12, 12]
    first, second = labels[mask[:, 0] == 1], labels[mask[:, 1] == 1]
    assert (first[:, :2].sum(1) == 1).all()
    assert (first[:, 2] == 0).all()
    assert (second[:, :2] == 0).all()
    assert 0 < second[:, 2].sum() < 12
    for batch in batches:
        assert batch.targets is not None
        assert (batch.targets * (1 - batch.mask @ torch.tensor([[1.0, 1, 0], [0, 0, 1]]))).sum() == 0
    held_out = finished(data.val_dataloader())
    assert sum(len(batch.images) for batch in held_out) == 10
    assert len({name for batch in held_out for name in batch.names}) == 10
    assert held_out[0].truths is not None


def test_sets_of_different_length_and_channels_are_joined(tmp_path: Path) -> None:
    write(tmp_path / "grey", {f"{name}/{i}.png": 10 for name in "ab" for i in range(4)}, mode="L")
    write(tmp_path / "colour", {f"{name}/{i}.png": 200 for name in "cd" for i in range(8)})
    data = MultiDomainImages(
        str(tmp_path / "grey"), others=[DataSet(str(tmp_path / "colour"))], size=16, batch_size=4
    )
    assert data.channels == 3
    batches = finished(data.train_dataloader())
    counts = torch.cat([batch.mask for batch in batches]).sum(0)
    assert counts.tolist() == [14, 14]  # 7 of 8 are trained on, in each domain of the larger set
    assert all(batch.truths is None for batch in finished(data.val_dataloader()))
    for batch in batches:
        assert [10 if mask[0] else 200 for mask in batch.mask] == levels_of(batch)


def test_a_folder_for_each_domain(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 1)):
        levels = {"cat": 10, "dog": 120, "wild": 250}
        write(
            tmp_path / split,
            {f"{name}/{i}.png": level for name, level in levels.items() for i in range(count)},
        )
    data = MultiDomainImages(str(tmp_path), size=16, batch_size=3)
    assert (data.attributes, data.exclusive) == ([["cat", "dog", "wild"]], [["cat", "dog", "wild"]])
    for batch in finished(data.train_dataloader()) + finished(data.val_dataloader()):
        assert [[10, 120, 250][column] for column in batch.labels.argmax(1)] == levels_of(batch)
    chosen = MultiDomainImages(str(tmp_path), size=16, attributes=["wild", "cat"])
    assert chosen.attributes == [["wild", "cat"]]
    (batch,) = finished(chosen.val_dataloader())
    assert dict(zip(levels_of(batch), batch.labels.tolist(), strict=True)) == {250: [1, 0], 10: [0, 1]}


def test_a_share_of_each_domain_is_held_out(tmp_path: Path) -> None:
    write(tmp_path, {f"{name}/{i}.png": 10 for name in ("cat", "dog") for i in range(10)})
    data = MultiDomainImages(str(tmp_path), size=16, held_out_share=0.2, batch_size=16)
    (held_out,) = finished(data.val_dataloader())
    assert held_out.labels.sum(0).tolist() == [2, 2]
    (trained,) = finished(data.train_dataloader())
    assert set(trained.names).isdisjoint(held_out.names)
    assert len({*trained.names, *held_out.names}) == 20


TABLE = "file,black,blond,hat\n" + "".join(f"{i}.png,{i % 2},{1 - i % 2},{i // 4}\n" for i in range(8))


def table(folder: Path, text: str = TABLE, count: int = 8) -> dict[str, Any]:
    """Write pictures whose grey level is their number, and their table; return the arguments for them."""
    write(folder / "images", {f"{i}.png": i for i in range(count)})
    (folder / "table.csv").write_text(text)
    return {"root": str(folder / "images"), "table": str(folder / "table.csv"), "size": 16}


def test_a_table_of_attributes(tmp_path: Path) -> None:
    data = MultiDomainImages(
        **table(tmp_path), attributes=["hat", "black"], batch_size=4, held_out_share=0.25
    )
    assert (data.attributes, data.exclusive) == ([["hat", "black"]], [])
    batches = finished(data.train_dataloader()) + finished(data.val_dataloader())
    levels = [level for batch in batches for level in levels_of(batch)]
    labels = [label for batch in batches for label in batch.labels.tolist()]
    assert labels == [[level // 4, level % 2] for level in levels]
    assert len(set(levels[-2:])) == 2


def test_the_middle_is_cut_before_anything_else(tmp_path: Path) -> None:
    pixels = np.zeros((218, 178, 3), np.uint8)
    pixels[20:198] = 255
    for i in range(4):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    data = MultiDomainImages(str(tmp_path), size=32, centre_crop=178)
    (batch,) = finished(data.val_dataloader())
    assert batch.images.min() == 1
    with pytest.raises(ValueError, match="178x218 pixels are too few for centre_crop 200"):
        finished(MultiDomainImages(str(tmp_path), size=32, centre_crop=200).val_dataloader())


CONFLICT = TABLE.replace("5.png,1,0", "5.png,1,1")


def test_a_face_of_two_exclusive_groups_is_named(tmp_path: Path) -> None:
    arguments = table(tmp_path, CONFLICT) | {"exclusive": [["black", "blond"]]}
    with pytest.raises(
        ValueError, match=r"table\.csv: 5\.png has both black and blond, .* are 1 of 8 images"
    ):
        MultiDomainImages(**arguments)
    with pytest.warns(UserWarning, match=r"1 of 8 images .* left out, such as 5\.png"):
        data = MultiDomainImages(**arguments, on_conflict="skip", batch_size=7)
    batches = finished(data.train_dataloader()) + finished(data.val_dataloader())
    assert "5.png" not in {name for batch in batches for name in batch.names}
    MultiDomainImages(**table(tmp_path, CONFLICT))  # where nothing is declared, nothing contradicts


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        (TABLE, {"attributes": ["blak"]}, r"table\.csv has no attribute blak\. Did you mean black\?"),
        (TABLE.replace("5.png,1,0,1\n", ""), {}, r"table\.csv: no row for 5\.png, which is in"),
        (TABLE.replace(",1\n", ",0\n"), {"attributes": ["hat"]}, "0 of 8 images have hat; 2 or more"),
    ],
)
def test_a_table_that_does_not_fit_is_explained(
    tmp_path: Path, text: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MultiDomainImages(**table(tmp_path, text), **more)


def test_a_domain_of_one_image_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"cat/0.png": 0, "cat/1.png": 0, "dog/0.png": 0})
    with pytest.raises(ValueError, match="domain dog has one image; 2 or more are needed"):
        MultiDomainImages(str(tmp_path))


def test_folders_that_do_not_fit_are_explained(tmp_path: Path) -> None:
    write(tmp_path, {"cat/0.png": 0, "cat/1.png": 0})
    with pytest.raises(ValueError, match="has 1 of the two or more domains"):
        MultiDomainImages(str(tmp_path))
    with pytest.raises(ValueError, match="has no folder dog; it has cat"):
        MultiDomainImages(str(tmp_path), attributes=["dog", "cat"])
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        MultiDomainImages(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attributes": ["grey_hair", "blond_hair"]}, "grey_hair"),
        ({"others": [DataSet(attributes=["glasses"])]}, "glasses"),
        ({"channels": 2}, "3 channels, or 1"),
        ({"held_out_share": 1.0}, "held_out_share: 1.0"),
        ({"centre_crop": 0}, "centre_crop: 0"),
        ({"table": "some.csv"}, "some.csv tells the attributes of images in root, which is missing"),
        ({"exclusive": [["black_hair", "glasses"]]}, "groups attributes of a table, and there is none"),
        ({"on_conflict": "ignore"}, "'ignore' is unknown"),
    ],
)
def test_a_wrong_argument_is_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        faces(**arguments)


def test_grey_faces() -> None:
    batch = faces(channels=1).preview(2)
    assert batch.truths is not None
    assert (batch.images.shape[1], batch.truths.shape[2]) == (1, 1)


def test_held_out_faces_are_predicted_without_a_folder() -> None:
    batches = list(faces().predict_dataloader())
    assert sum(len(batch.names) for batch in batches) == 5
