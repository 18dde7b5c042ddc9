from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.parity import FOLDER, vectors
from torch import Tensor, nn

from gans.networks.landmarks import LANDMARKS, FaceMasks, LandmarkNetwork, load_landmarks, masks_of

SHAPES = json.loads((FOLDER / "stargan_v2_official_shapes.json").read_text())
COUNTERS = "num_batches_tracked"


def recorded_heatmaps() -> Tensor:
    """Return the recorded heatmaps (1, 98, 256, 256): a spot for each landmark."""
    number, line = torch.arange(LANDMARKS).double(), torch.arange(256).double()
    row, column = 40 + 37 * number % 176, 30 + 53 * number % 196
    down = (line[None, :, None] - row[:, None, None]).square()
    across = (line[None, None, :] - column[:, None, None]).square()
    return torch.exp(-(down + across) / 50)[None].float().double()


def test_masks_of_heatmaps_equal_the_official_ones() -> None:
    recorded, heatmaps = vectors("stargan_v2_heatmap_masks"), recorded_heatmaps()
    before = heatmaps.clone()
    masks = masks_of(heatmaps)
    assert torch.equal(heatmaps, before)
    for number, mask in enumerate(masks[0], start=1):
        facts = recorded.facts["modes"]["eval"][f"mask_{number}"]
        stored = recorded.arrays[f"eval/mask_{number}"]
        np.testing.assert_allclose(mask[::4, ::4].numpy(), stored[0, 0], rtol=1e-12, atol=1e-15)
        assert float(mask.mean()) == pytest.approx(facts["mean"], rel=1e-12)


def test_the_landmark_network_has_the_official_tensors() -> None:
    with torch.device("meta"):
        network = LandmarkNetwork()
    assert sum(parameter.numel() for parameter in network.parameters()) == SHAPES["n_params"]["fan"]
    named = [[name, list(value.shape)] for name, value in network.state_dict().items()]
    assert [entry for entry in named if not str(entry[0]).endswith(COUNTERS)][:40] == SHAPES["fan"]


def test_masks_of_images_of_any_size() -> None:
    class Recorded(nn.Module):
        """Shows the recorded heatmaps at a quarter of the size, if it sees images in [0, 1]."""

        def forward(self, images: Tensor) -> Tensor:
            assert images.shape == (2, 3, 256, 256)
            assert 0 <= images.min() <= images.max() <= 1
            heat = recorded_heatmaps()[..., ::4, ::4].expand(2, -1, -1, -1)
            return torch.cat([heat, torch.full_like(heat[:, :1], 9.0)], dim=1)  # the boundary does not count

    masks = FaceMasks(Recorded())(torch.rand(2, 3, 40, 40).double() * 2 - 1)
    assert masks.shape == (2, 2, 256, 256)
    assert 0 <= masks.min() < 0.1 < 0.9 < masks.max() <= 1
    assert torch.equal(masks[0], masks[1])


def test_the_authors_file_is_read_and_others_are_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, file = LandmarkNetwork().eval(), tmp_path / "wing.ckpt"
    older = {name: value for name, value in network.state_dict().items() if not name.endswith(COUNTERS)}
    torch.save({"state_dict": older | {"m0.coordconv.addcoords": torch.ones(1)}}, file)
    images = torch.rand(1, 3, 256, 256)
    with torch.no_grad():
        assert torch.equal(load_landmarks(file).eval()(images), network(images))
    del older["l0.bias"]
    torch.save({"state_dict": older}, file)
    with pytest.raises(ValueError, match=r"wing.ckpt is not the authors' wing.ckpt: it lacks l0.bias"):
        load_landmarks(file)
    file.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"model.landmarks: .*wing.ckpt is not the authors'"):
        load_landmarks(file)
    with pytest.raises(FileNotFoundError, match=r"model.landmarks: .* is no file"):
        load_landmarks(tmp_path / "absent.ckpt")
