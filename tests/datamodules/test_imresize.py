from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from support.parity import FOLDER, picture, vectors

from datamodules.imresize import cubic, imresize, weights

RECORDED = json.loads((FOLDER / "imresize.json").read_text())["entries"]


@pytest.mark.parametrize(("name", "entry"), RECORDED.items(), ids=RECORDED)
def test_equals_matlab_as_recorded(name: str, entry: dict[str, Any]) -> None:
    shape = [int(side) for side in entry["input"].partition("]")[0].strip("[").split(",")]
    resized = imresize(picture(*shape), entry["scale"], entry["antialiasing"])
    assert list(resized.shape) == entry["shape"]
    np.testing.assert_allclose(resized.numpy(), vectors("imresize").arrays[f"{name}/float64"], atol=1e-12)


@pytest.mark.parametrize("scale", [0.1, 1 / 3, 0.77, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("length", [1, 2, 5, 40])
def test_a_flat_picture_stays_flat_whatever_its_size(length: int, scale: float) -> None:
    resized = imresize(torch.full((2, 3, length, 7), 0.3, dtype=torch.float64), scale)
    torch.testing.assert_close(resized, torch.full_like(resized, 0.3))


def test_a_picture_in_its_own_size_stays_as_it_is() -> None:
    assert torch.equal(imresize(picture(2, 3, 8, 9), 1.0), picture(2, 3, 8, 9))


def test_a_batch_is_resized_as_its_images_are() -> None:
    images = picture(4, 3, 12, 16)
    one_by_one = torch.stack([imresize(image, 0.25) for image in images])
    torch.testing.assert_close(imresize(images, 0.25), one_by_one)
    assert imresize(images.float(), 0.25).dtype == torch.float32


def test_each_resized_pixel_is_a_mean() -> None:
    assert torch.allclose(weights(13, 0.4).sum(dim=1), torch.ones(6, dtype=torch.float64))
    assert torch.equal(cubic(torch.tensor([-3.0, -1, 0, 1, 2])), torch.tensor([0.0, 0, 1, 0, 0]))


def test_what_cannot_be_resized_is_said() -> None:
    with pytest.raises(ValueError, match="uint8"):
        imresize(torch.zeros(3, 4, 4, dtype=torch.uint8), 0.5)
    with pytest.raises(ValueError, match="scale"):
        imresize(torch.zeros(3, 4, 4), 0)
