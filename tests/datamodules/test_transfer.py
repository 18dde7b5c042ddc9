"""What makes the way of a batch from the workers to the device cheap, for the data of every variant."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch
from lightning.fabric.utilities import move_data_to_device
from lightning_utilities.core.apply_func import apply_to_collection
from support.toys import TOYS, make_data
from torch import Tensor
from torch.utils.data._utils.pin_memory import pin_memory

from datamodules.loading import ResumableLoader

NAMES = {toy.data: name for name, toy in TOYS.items()}  # one variant for each data module


def loaded(data_name: str) -> Any:
    """Return a training batch as the workers deliver it."""
    return next(iter(make_data(NAMES[data_name]).train_dataloader()))


def tensors(batch: Any) -> list[Tensor]:
    found: list[Tensor] = []
    apply_to_collection(batch, Tensor, found.append)
    return found


@pytest.mark.parametrize("data_name", NAMES)
def test_images_travel_as_bytes_and_are_finished_on_the_device(data_name: str) -> None:
    batch = loaded(data_name)
    images = [tensor for tensor in tensors(batch) if tensor.ndim == 4]
    assert images
    assert all(tensor.dtype == torch.uint8 for tensor in images)
    # The device `meta` has no values: what asks for one, which would wait for a GPU, raises there.
    finished = move_data_to_device(batch, torch.device("meta")).finish()
    assert {tensor.device.type for tensor in tensors(finished)} == {"meta"}
    assert all(tensor.dtype == torch.float32 for tensor in tensors(finished) if tensor.ndim == 4)


@pytest.mark.parametrize("data_name", NAMES)
def test_all_of_a_batch_can_be_pinned(data_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = []

    def pin(tensor: Tensor, *_: Any) -> Tensor:
        pinned.append(tensor.data_ptr())
        return tensor

    monkeypatch.setattr(Tensor, "pin_memory", pin)  # torch's own needs a GPU
    batch = loaded(data_name)
    assert type(pin_memory(batch)) is type(batch)
    assert pinned == [tensor.data_ptr() for tensor in tensors(batch)]


class Workplace:
    """A source whose batches are the process that made them."""

    def __getitem__(self, keys: Any) -> int:
        return os.getpid()


def test_workers_stay_from_one_epoch_to_the_next() -> None:
    loader = ResumableLoader(Workplace(), [[0]], workers=1)
    first, second = list(loader), list(loader)
    loader.close()
    assert first == second
    assert first != [os.getpid()]
