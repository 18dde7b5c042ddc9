from __future__ import annotations

import pytest
import torch
from support.latent_models import Memory
from torch import Tensor

from datamodules.images.module import Images
from gans.cli.errors import UsageError
from gans.tools.latents.decoder import Decoder
from gans.tools.latents.neighbours import Nearest, neighbours
from gans.tools.latents.run_data import every_image
from gans.tools.latents.sheet import Sheet

close = torch.testing.assert_close


@pytest.fixture(scope="module")
def data() -> Images:
    return Images(size=16, faces_count=12, test_count=4, eval_batch_size=5)


@pytest.fixture(scope="module")
def training_images(data: Images) -> Tensor:
    return torch.cat([batch.images for batch in every_image(data, "train")])


@pytest.fixture(scope="module")
def found(data: Images, training_images: Tensor) -> Sheet:
    return neighbours(Decoder(Memory(training_images)), data, seeds=[2, 7, 8], nearest=2)


def test_every_training_image_counts_once(training_images: Tensor) -> None:
    assert len(training_images) == len(training_images.flatten(1).unique(dim=0)) == 12


@pytest.mark.parametrize("measure", ["lite0", "pixels"])
def test_memorised_images_are_found_mirrored_or_not(
    found: Sheet, training_images: Tensor, measure: str
) -> None:
    assert found.columns == ["sample"]
    assert list(found.beside) == ["lite0 1", "lite0 2", "pixels 1", "pixels 2"]
    mirrored = measure == "pixels"  # features hardly tell
    second = training_images[7].flip(2) if mirrored else training_images[7]
    close(found.beside[f"{measure} 1"], torch.stack([training_images[2], second, training_images[8]]))
    nearest = found.numbers[f"{measure}_distances"][:, 0]
    assert (nearest[[0, 2]] < 1e-2).all()
    assert (nearest[1] < 1e-2) == mirrored
    assert (found.numbers[f"{measure}_distances"][:, 1] > 1).all()
    assert (found.numbers[f"{measure}_held_out_distances"] > 1).all()
    first = found.numbers[f"{measure}_names"][:, 0].tolist()
    assert first == [
        "train_images_000002.png",
        "train_images_000007.png" + " (mirrored)" * mirrored,
        "train_images_000008.png",
    ]


def test_the_findings_compare_with_images_that_were_never_seen(found: Sheet) -> None:
    assert found.findings[0].startswith("lite0: the samples lie 0.0 from their nearest training image, held-")
    assert found.rows[0] == "seed 2: lite0 0.0 pixels 0.0"


def test_the_nearest_of_all_batches_are_kept_in_order() -> None:
    queries = torch.tensor([0.0, 10.0]).view(2, 1, 1, 1)
    near = Nearest(lambda images: images.flatten(1), queries, count=2)
    near.show(torch.tensor([4.0, 9.0]).view(2, 1, 1, 1), ["four", "nine"])
    near.show(torch.tensor([-1.0, 12.0, 5.0]).view(3, 1, 1, 1), ["minus one", "twelve", "five"])
    close(near.distances, torch.tensor([[1.0, 4.0], [1.0, 2.0]]))
    close(near.images.flatten(1), torch.tensor([[-1.0, 4.0], [9.0, 12.0]]))
    assert near.names.tolist() == [["minus one", "four"], ["nine", "twelve"]]


def test_pixels_are_told_apart_in_levels(training_images: Tensor) -> None:
    data = Images(size=16, faces_count=12, test_count=4, flip=False)
    darker = Memory(training_images - 10 / 127.5)
    sheet = neighbours(Decoder(darker), data, seeds=[2], nearest=1)
    assert sheet.numbers["pixels_distances"][0, 0] == pytest.approx(10, rel=1e-4)


def test_without_mirroring_in_training_there_is_none_here(training_images: Tensor) -> None:
    data = Images(size=16, faces_count=12, test_count=4, flip=False)
    sheet = neighbours(Decoder(Memory(training_images)), data, seeds=[7], nearest=1)
    assert sheet.numbers["pixels_distances"][0, 0] > 1


def test_data_of_another_size_is_refused(training_images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"shape \(3, 16, 16\), but those of the data have \(3, 24, 24\)"):
        neighbours(Decoder(Memory(training_images)), Images(size=24, faces_count=2, test_count=2))


def test_no_neighbour_is_too_few(data: Images, training_images: Tensor) -> None:
    with pytest.raises(UsageError, match="--nearest 0"):
        neighbours(Decoder(Memory(training_images)), data, nearest=0)
