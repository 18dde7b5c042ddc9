from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support.captioned import FACES, epoch, finished, write_cub, write_plain
from support.image_batches import FACES as IMAGE_FACES

from datamodules import CaptionedImages, Images
from datamodules.captioned.batches import contradicts
from datamodules.captioned.module import PromptBatch


def test_faces_need_nothing_and_are_those_of_images() -> None:
    data = CaptionedImages(**FACES)
    assert (data.channels, data.image_size, data.embedding_size) == (3, 16, None)
    batch = data.preview(7)
    images = Images(**IMAGE_FACES)
    assert torch.equal(batch.images, images.preview(7).images)
    assert batch.labels is not None
    assert batch.labels.tolist() == images.attribute_table(data.attribute_names).tolist()
    assert len(data.training_captions()) == 12 * 4


def test_right_captions_are_true_and_wrong_ones_are_not() -> None:
    data = CaptionedImages(**FACES)
    words = {
        "black_hair": "black hair",
        "red_hair": "red hair",
        "dark_skin": "dark skin",
        "long_hair": "long",
    }
    said: list[float] = []
    for batch in [batch for number in range(5) for batch in epoch(data, number)]:
        assert batch.labels is not None
        assert batch.claims is not None
        assert batch.wrong_claims is not None
        assert not contradicts(batch.claims, batch.labels).diagonal().any()
        assert contradicts(batch.wrong_claims, batch.labels).diagonal().all()
        for captions, claims in ((batch.captions, batch.claims), (batch.wrong_captions, batch.wrong_claims)):
            for name, word in words.items():
                column = claims[:, data.attribute_names.index(name)]
                assert [word in caption for caption in captions] == (column == 1).tolist()
                said += column.tolist()
    assert {said.count(1) > 20, said.count(0) > 20, said.count(-1) > 20} == {True}


def test_captions_are_a_function_of_seed_epoch_and_item() -> None:
    def captions(number: int = 0, **arguments: int) -> dict[str, tuple[str, str]]:
        batches = epoch(CaptionedImages(**(FACES | arguments)), number)
        return {
            name: (right, wrong)
            for batch in batches
            for name, right, wrong in zip(batch.names, batch.captions, batch.wrong_captions, strict=True)
        }

    first = captions()
    assert first == captions() == captions(workers=2)
    shared = captions(batch_size=3)
    assert all(shared[name] == first[name] for name in shared)
    assert captions(1) != first
    assert captions(seed=1) != first


def test_evaluation_shows_every_image_once_with_the_same_captions() -> None:
    expected = CaptionedImages(**FACES).preview(7)
    data = CaptionedImages(**FACES, seed=5, eval_batch_size=2)
    assert [name for batch in finished(data.val_dataloader()) for name in batch.names] == expected.names
    captions = [caption for batch in finished(data.test_dataloader()) for caption in batch.captions]
    assert captions == expected.captions


def test_a_process_without_images_gets_an_empty_batch() -> None:
    data = CaptionedImages(**(FACES | {"test_count": 2, "eval_batch_size": 1}))
    data.trainer = SimpleNamespace(global_rank=2, world_size=3)
    (empty,) = finished(data.val_dataloader())
    assert empty.images.shape == (0, 3, 16, 16)
    assert empty.captions == empty.wrong_captions == []
    for part in (empty.labels, empty.claims, empty.wrong_claims):
        assert part is not None
        assert part.shape == (0, 8)


def test_wrong_captions_of_sets_with_classes_are_of_another_class(tmp_path: Path) -> None:
    data = CaptionedImages(root=str(write_cub(tmp_path)), size=16, batch_size=4)
    for number in range(5):
        (batch,) = epoch(data, number)
        assert batch.groups is not None
        assert batch.labels is batch.claims is batch.embeddings is None
        for name, group, right, wrong in zip(
            batch.names, batch.groups.tolist(), batch.captions, batch.wrong_captions, strict=True
        ):
            assert re.fullmatch(rf"(first|second) of {name.removesuffix('.jpg')}", right)
            assert wrong.split()[-1].split("/")[0] != name.split("/")[0]
            assert group == int(name.startswith("002"))
    assert data.attribute_names == []


def test_wrong_captions_are_never_a_text_that_the_image_has_too(tmp_path: Path) -> None:
    write_plain(tmp_path)
    rows = [
        f'{{"image": "a/{number}.jpg", "caption": "{caption}"}}\n'
        for number in range(6)
        for caption in ("a picture", "A Picture", f"number {number}")
    ]
    (tmp_path / "captions.jsonl").write_text("".join(rows))
    data = CaptionedImages(root=str(tmp_path), size=16, batch_size=4)
    for number in range(5):
        for batch in epoch(data, number):
            for name, wrong in zip(batch.names, batch.wrong_captions, strict=True):
                assert wrong.startswith("number")
                assert wrong != f"number {name[2]}"


def test_images_that_every_caption_describes_are_refused(tmp_path: Path) -> None:
    write_plain(tmp_path)
    rows = [f'{{"image": "a/{number}.jpg", "caption": "a picture"}}\n' for number in range(6)]
    (tmp_path / "captions.jsonl").write_text("".join(rows))
    with pytest.raises(ValueError, match=r"Every caption may describe a/\d\.jpg"):
        CaptionedImages(root=str(tmp_path), size=16).preview(1)


def test_prompts_are_drawn_with_several_seeds_and_names_for_files() -> None:
    data = CaptionedImages(
        **FACES, prompts=["Red hair, glasses!", "金髪"], predict_count=2, seed=5, eval_batch_size=3
    )
    first, second = list(data.predict_dataloader())
    assert isinstance(first, PromptBatch)
    assert [*first.captions, *second.captions] == ["Red hair, glasses!"] * 2 + ["金髪"] * 2
    assert [*first.seeds.tolist(), *second.seeds.tolist()] == [5, 6, 5, 6]
    assert first.names[:2] == ["000_red_hair_glasses_seed5.png", "000_red_hair_glasses_seed6.png"]
    assert second.names == ["001_金髪_seed6.png"]


def test_without_prompts_the_captions_of_held_out_images_are_drawn() -> None:
    (batch,) = list(CaptionedImages(**FACES, seed=3).predict_dataloader())
    assert len(batch.captions) == 7
    assert batch.seeds.tolist() == [3] * 7
    assert batch.names[0] == "test_images_000000.png"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"captions": "c.csv"}, "belong to a root"),
        ({"embeddings": "e.npy"}, "belong to a root"),
        ({"captions_per_face": 0}, "captions_per_face: 0"),
        ({"attributes": []}, "at least one"),
        ({"attributes": ["beard"]}, "Unknown attribute of faces 'beard'"),
        ({"held_out_share": 1.0}, r"held_out_share: 1\.0"),
        ({"on_missing_caption": "ignore"}, "on_missing_caption: 'ignore' is unknown"),
        ({"prompts": ["red hair", " "]}, "prompts: one is empty"),
        ({"prompts": ["red hair"], "root": ".", "embeddings": "e.npy"}, "prompts: they have no embeddings"),
        ({"name": "cub", "root": "."}, "name and root"),
        ({"channels": 4}, "channels: drawn faces have 3"),
    ],
)
def test_contradictions_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CaptionedImages(**(FACES | arguments))


def test_an_absent_public_set_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"--data\.download true"):
        CaptionedImages(name="cub", data_dir=str(tmp_path))
