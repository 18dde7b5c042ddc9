from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from gans.networks.padding import crop_to, pad_to_multiple


@pytest.mark.parametrize(
    ("size", "multiple", "smallest", "padded"),
    [
        ((16, 32), 16, 1, (16, 32)),
        ((17, 31), 16, 1, (32, 32)),
        ((200, 333), 256, 1, (256, 512)),
        ((3, 9), 4, 8, (8, 12)),
        ((1, 1), 16, 1, (16, 16)),
    ],
)
def test_size_fits_and_cropping_restores(
    size: tuple[int, int], multiple: int, smallest: int, padded: tuple[int, int]
) -> None:
    images = torch.randn(2, 1, *size)
    larger = pad_to_multiple(images, multiple, smallest)
    assert larger.shape[-2:] == padded
    assert crop_to(larger, like=images).equal(images)


def test_images_that_fit_are_not_copied() -> None:
    images = torch.randn(1, 1, 8, 8)
    assert pad_to_multiple(images, 8) is images


def test_the_picture_is_mirrored_around_the_middle() -> None:
    row = torch.tensor([[[[1.0, 2.0, 3.0, 4.0, 5.0]] * 8]])
    assert pad_to_multiple(row, 8)[0, 0, 0].tolist() == [2, 1, 2, 3, 4, 5, 4, 3]


def test_an_image_too_small_to_mirror_repeats_its_border() -> None:
    assert pad_to_multiple(torch.tensor([[[[1.0, 2.0]] * 8]]), 8)[0, 0, 0].tolist() == [1] * 4 + [2] * 4


class PaddedAndCropped(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        padded = pad_to_multiple(images, 8)
        return padded, crop_to(padded, like=images)


def test_an_exported_program_does_the_same_in_any_size() -> None:
    axes = {axis: Dim(name, min=2) for axis, name in ((2, "height"), (3, "width"))}
    exported = torch.export.export(
        PaddedAndCropped(), (torch.zeros(2, 1, 20, 20),), dynamic_shapes=(axes,)
    ).module()
    for size in [(16, 24), (17, 31), (9, 20), (20, 3), (2, 5)]:
        images = torch.randn(2, 1, *size)
        padded, cropped = exported(images)
        assert padded.equal(pad_to_multiple(images, 8))
        assert cropped.equal(images)
