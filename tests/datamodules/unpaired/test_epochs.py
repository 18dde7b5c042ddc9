"""How long an epoch is, and when windows end: functions of the epoch, whatever the workers."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from support.pictures import write_folder
from torch import Tensor, nn

from datamodules import UnpairedImages
from datamodules.faces import faces
from datamodules.faces.faces import draw_faces, face_seeds
from datamodules.transforms import Preprocess, resize, to_unit_range
from datamodules.unpaired.batches import TrainingBatches, UnpairedBatch
from datamodules.unpaired.sources import FolderDomains
from gans.training.schedules import learning_rate_factor

ENDING: dict[str, Any] = {"size": 8, "load_size": 12, "batch_size": 2, "windows_until": 0.5}


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Write six images of A and four of B; return the root and the pixels of A by their names."""
    root = tmp_path_factory.mktemp("images")
    shown = write_folder(root / "trainA", 6, (20, 30))
    write_folder(root / "trainB", 4, (20, 30), seed=1)
    for name in ("testA", "testB"):
        write_folder(root / name, 1, (20, 30))
    return {"root": str(root), **shown}


def running(data: UnpairedImages, max_epochs: int | None, rank: int = 0, world: int = 1) -> UnpairedImages:
    """Put a data module beside a trainer."""
    data.trainer = SimpleNamespace(max_epochs=max_epochs, global_rank=rank, world_size=world)
    return data


def epochs(data: UnpairedImages, *numbers: int) -> list[list[UnpairedBatch]]:
    loader = data.train_dataloader()
    seen = []
    for number in numbers:
        loader.sampler.set_epoch(number)
        seen.append([batch.finish() for batch in loader])
    return seen


def names(batches: list[UnpairedBatch]) -> list[str]:
    return [name for batch in batches for name in batch.names_A]


def same(one: list[UnpairedBatch], other: list[UnpairedBatch]) -> bool:
    assert names(one) == names(other)
    return all(torch.equal(a.A, b.A) and torch.equal(a.B, b.B) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("length", "rounds"), [(2, 3), (4, 3), (None, 2)])
def test_images_of_a_come_in_turn(pixels: dict[str, Any], length: int | None, rounds: int) -> None:
    data = UnpairedImages(pixels["root"], size=8, epoch_length=length)
    seen = epochs(data, *range(rounds))
    assert [len(batches) for batches in seen] == [length or 6] * rounds
    counts = Counter(name for batches in seen for name in names(batches))
    assert set(counts.values()) == {(length or 6) * rounds // 6}


def test_long_epochs_begin_with_a_again(pixels: dict[str, Any]) -> None:
    """As where B is larger, by the authors' rule: the same ones are seen twice in each epoch."""
    first, second = epochs(UnpairedImages(pixels["root"], size=8, epoch_length=9), 0, 1)
    assert sorted(Counter(names(first)).values()) == [1, 1, 1, 2, 2, 2]
    assert Counter(names(first)) == Counter(names(second))


def test_short_epochs_are_no_stretches_of_sorted_files(tmp_path: Path) -> None:
    for domain in "AB":
        write_folder(tmp_path / f"train{domain}", 40)
        write_folder(tmp_path / f"test{domain}", 1)
    (first,) = epochs(UnpairedImages(str(tmp_path), size=8, epoch_length=8), 0)
    assert max(names(first)) > "020.png"
    (other,) = epochs(UnpairedImages(str(tmp_path), size=8, epoch_length=8, seed=1), 0)
    assert set(names(first)) != set(names(other))


def test_an_epoch_has_a_length() -> None:
    with pytest.raises(ValueError, match="epoch_length: 0 must be at least 1"):
        UnpairedImages(epoch_length=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_windows_end(pixels: dict[str, Any], workers: int) -> None:
    root = pixels["root"]
    data = running(UnpairedImages(root, workers=workers, **ENDING), 4)
    seen = epochs(data, 0, 1, 2, 3)
    data.teardown("fit")
    always = epochs(UnpairedImages(root, **(ENDING | {"windows_until": 1.0})), 0, 1, 2, 3)
    never = epochs(UnpairedImages(root, **(ENDING | {"windows_until": 0.0})), 0, 1, 2, 3)
    assert [same(*both) for both in zip(seen, always, strict=True)] == [True, True, False, False]
    assert [same(*both) for both in zip(seen, never, strict=True)] == [False, False, True, True]
    mirrored = 0
    for batch in seen[2] + seen[3]:
        for name, image in zip(batch.names_A, batch.A, strict=True):
            file = torch.from_numpy(pixels[name]).permute(2, 0, 1)
            whole = to_unit_range(resize(file, 8, 8))  # from the file, not from its load size
            ways = [torch.equal(image, whole), torch.equal(image, whole.flip(2))]
            assert sum(ways) == 1
            mirrored += ways[1]
    assert 0 < mirrored < 12


@pytest.mark.parametrize("decay", [0.5, 0.3, 0.25])
@pytest.mark.parametrize("total", [1, 3, 5, 10, 200])
def test_windows_end_as_the_rate_begins_to_fall(pixels: dict[str, Any], decay: float, total: int) -> None:
    factor = learning_rate_factor("linear", total, decay)
    falls = next((epoch for epoch in range(total) if factor(epoch) < 1), total)
    data = running(UnpairedImages(pixels["root"], **(ENDING | {"windows_until": 1 - decay})), total)
    batches = data.train_dataloader().batches
    assert isinstance(batches, TrainingBatches)
    assert batches.windows_end == falls


def test_several_processes_see_together_what_one_sees(pixels: dict[str, Any]) -> None:
    options = ENDING | {"batch_size": 1}
    shards = [epochs(running(UnpairedImages(pixels["root"], **options), 2, rank, 2), 1)[0] for rank in (0, 1)]
    (alone,) = epochs(running(UnpairedImages(pixels["root"], **ENDING), 2), 1)
    for number, batch in enumerate(alone):
        assert torch.equal(batch.A, torch.cat([shard[number].A for shard in shards]))


@pytest.mark.parametrize("workers", [0, 2])
def test_whole_images_are_read_once_and_when_their_epochs_come(
    pixels: dict[str, Any], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    training = FolderDomains.training

    def noted(self: FolderDomains, preprocess: Preprocess) -> Any:
        read.append(preprocess.before_crop)
        return training(self, preprocess)

    monkeypatch.setattr(FolderDomains, "training", noted)
    data = running(UnpairedImages(pixels["root"], workers=workers, **ENDING), 4)
    left = [data.reading.budget.left]
    loader = data.train_dataloader()
    for number, sizes in enumerate(([12], [12], [12, 8], [12, 8])):
        loader.sampler.set_epoch(number)
        list(loader)
        assert read == sizes
        left.append(data.reading.budget.left)
    data.teardown("fit")
    taken = [before - after for before, after in pairwise(left)]
    assert taken == [10 * 3 * 12**2, 0, 10 * 3 * 8**2, 0]


def test_drawn_faces_are_drawn_in_the_size_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"faces_count": 3, "test_count": 1, "flip": False, **ENDING, "batch_size": 3}
    UnpairedImages(**options).draw("train")
    monkeypatch.setattr(faces, "draw_all", lambda *_: pytest.fail("drawn while training"))
    ((batch,),) = epochs(running(UnpairedImages(**options), 2), 1)
    expected = draw_faces(face_seeds("train", "A", 3), 8, change="black_hair", haired=True).images
    for name, image in zip(batch.names_A, batch.A, strict=True):
        face = torch.from_numpy(expected[int(name[-5])]).permute(2, 0, 1)
        assert torch.equal(image, to_unit_range(face))


@pytest.mark.parametrize("max_epochs", [None, -1])
def test_a_share_needs_a_number_of_epochs(pixels: dict[str, Any], max_epochs: int | None) -> None:
    data = UnpairedImages(pixels["root"], **ENDING)
    with pytest.raises(ValueError, match=r"windows_until: 0.5 .* set --trainer.max_epochs"):
        running(data, max_epochs).train_dataloader()
    running(
        UnpairedImages(pixels["root"], **(ENDING | {"windows_until": 0.0})), max_epochs
    ).train_dataloader()


class Recorder(L.LightningModule):
    """Learns one number and notes what every training batch shows."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[str, float]] = []

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> Tensor:
        self.seen += zip(batch.names_A, batch.A.double().sum((1, 2, 3)).tolist(), strict=True)
        return self.weight * batch.A.mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trained(root: str, folder: Path, workers: int, resume: Path | None = None) -> list[Any]:
    """Train for four epochs of three steps, saving every step."""
    module = Recorder()
    trainer = L.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        max_epochs=4,
        limit_val_batches=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[ModelCheckpoint(folder, save_top_k=-1, filename="{step}", every_n_train_steps=1)],
    )
    data = UnpairedImages(root, workers=workers, **ENDING)
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return module.seen


@pytest.mark.parametrize(("step", "workers"), [(2, 0), (6, 0), (7, 2), (9, 0)])
def test_a_resumed_run_sees_the_same(pixels: dict[str, Any], tmp_path: Path, step: int, workers: int) -> None:
    whole = trained(pixels["root"], tmp_path, 0)
    assert len(whole) == 24
    assert (
        trained(pixels["root"], tmp_path / "on", workers, tmp_path / f"step={step}.ckpt") == whole[2 * step :]
    )
