from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from support.tiny import TinyGAN, rows, trainer
from torch import Tensor

Change = Callable[[dict[str, Any]], object]


def saved(folder: Path, change: Change | None = None, **options: Any) -> str:
    """Return a checkpoint of two steps, changed as it might have come from elsewhere."""
    torch.manual_seed(0)
    fit = trainer(folder)
    fit.fit(TinyGAN(**options), rows(4))
    file = folder / "kept.ckpt"
    fit.save_checkpoint(file)
    if change is not None:
        checkpoint = torch.load(file, weights_only=True)
        change(checkpoint)
        torch.save(checkpoint, file)
    return str(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kept: kept.pop("gans"), "was not written by this project"),
        (
            lambda kept: kept["gans"].update(format=1000),
            "newer version of gans: update this one",
        ),
        (
            lambda kept: kept["state_dict"].pop("critic.2.bias"),
            r"do not fit the model: 1 differ, such as critic\.2\.bias.*another version of gans wrote it",
        ),
        (
            lambda kept: kept["state_dict"].update({"generator.bias": torch.zeros(5)}),
            r"do not fit the model: 1 differ, such as generator\.bias",
        ),
    ],
    ids=["foreign", "newer", "fewer networks", "other networks"],
)
def test_a_checkpoint_that_cannot_be_taken_says_why(tmp_path: Path, change: Change, message: str) -> None:
    file = saved(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        trainer(tmp_path, max_epochs=2).fit(TinyGAN(), rows(4), ckpt_path=file)


def weight(network: Any) -> Tensor:
    return network.weight.float()  # type: ignore[no-any-return]


def test_averages_can_begin_later(tmp_path: Path) -> None:
    file = saved(tmp_path)
    kept = torch.load(file, weights_only=True)["state_dict"]["generator.weight"]
    module = TinyGAN.load_from_checkpoint(file, ema_decay=0.9)
    assert torch.equal(weight(module.averaged("generator")), kept.float())
    trainer(tmp_path, max_epochs=2).fit(module, rows(4), ckpt_path=file)
    average = weight(module.averaged("generator"))
    assert not torch.equal(average, kept.float())
    assert not torch.equal(average, weight(module.generator))


def test_averages_can_end(tmp_path: Path) -> None:
    file = saved(tmp_path, ema_decay=0.9)
    module = TinyGAN.load_from_checkpoint(file, ema_decay=0.0)
    assert module.averaged("generator") is module.generator
    trainer(tmp_path, max_epochs=2).fit(module, rows(4), ckpt_path=file)


@pytest.mark.parametrize(("rank", "takes"), [(0, 0), (1, 1), (2, 0)])
def test_image_histories_are_dealt_out_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int, takes: int
) -> None:
    def two_processes(kept: dict[str, Any]) -> None:
        kept["gans_histories"] = [{"history": [torch.full((3,), float(number))]} for number in range(2)]

    file = saved(tmp_path, two_processes)
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_rank", lambda: rank)
    module = TinyGAN.load_from_checkpoint(file)
    assert [float(image[0]) for image in module.history.images] == [takes]
