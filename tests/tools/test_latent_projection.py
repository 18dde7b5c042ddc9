"""Pictures projected into a latent space, and moved there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.checkpoints import checkpoint_of
from support.latent_models import Colours
from support.playing import write_lively
from torch import Tensor

import gans
from datamodules.files.formats.common import ImageError
from gans.cli.errors import INTERRUPTED, UsageError
from gans.tools.latents import projection
from gans.tools.latents.__main__ import main
from gans.tools.latents.decoder import Decoder, StyleDecoder, decoder_of
from gans.tools.latents.projection import (
    followed,
    normalise,
    project,
    rate_share,
    read_target,
    roughness,
)
from gans.tools.latents.sheet import write
from gans.tools.latents.starts import starts

close = torch.testing.assert_close


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return that of a model whose layers have noise, which begins without any."""
    path = write_lively(tmp_path_factory.mktemp("styled"), "StyleGAN2")
    model = gans.load(path)
    for name, weight in model.named_parameters():
        if name.endswith("noise_strength"):
            weight.data.fill_(0.3)
    torch.save(checkpoint_of(model), path)
    return path


@pytest.fixture
def decoder(checkpoint: Path) -> StyleDecoder:
    made = decoder_of(gans.load(checkpoint))
    assert isinstance(made, StyleDecoder)
    return made


@pytest.fixture
def picture(decoder: StyleDecoder, tmp_path: Path) -> Path:
    """Return the file of a sample of the model itself, without any noise."""
    made = decoder_of(decoder._styled, noise="none")
    path = tmp_path / "sample.png"
    gans.to_pil(made(made.latents([3])))[0].save(path)
    return path


def test_features_lead_towards_the_target(decoder: StyleDecoder, picture: Path) -> None:
    sheet = project(decoder, picture, steps=10)
    name, before, after = sheet.findings[0].replace(":", "").split()[0], *_numbers(sheet.findings[0])
    assert name == "perceptual_lite0"
    assert after < 0.95 * before
    assert sheet.columns == ["step 0", "step 1", "step 3", "step 10"]
    close(sheet.latents[0, 0], decoder.mean)
    close(sheet.latents[0, -1], torch.from_numpy(sheet.numbers["latent"]))
    assert sheet.frames is not None
    close(sheet.frames[-1, 0], sheet.latents[0, -1])


def _numbers(finding: str) -> list[float]:
    return [float(word) for word in finding.replace(",", "").split() if "." in word and word[0].isdigit()]


def test_what_is_written_makes_the_picture_again(
    decoder: StyleDecoder, picture: Path, tmp_path: Path
) -> None:
    sheet = project(decoder, picture, steps=2)
    written = write(sheet, decoder, tmp_path / "project")
    assert [path.suffix for path in written] == [".png", ".gif", ".npz"]
    start = starts(decoder, [], tmp_path / "project.npz")
    assert start.names == ["project"]
    assert sheet.decoder is not None
    close(start.decoder(start.latents), sheet.decoder(sheet.latents[0, -1:]))
    assert not start.decoder(start.latents).allclose(decoder(start.latents), atol=1e-3), "noise is kept"
    moved = starts(decoder, [1, 2])
    close(moved.latents, decoder.latents([1, 2]))
    assert moved.names == ["seed 1", "seed 2"]


def test_other_models_find_a_latent_z(tmp_path: Path) -> None:
    model: Any = gans.load(write_lively(tmp_path, "R3GAN"))
    decoder = decoder_of(model)
    path = tmp_path / "sample.png"
    gans.to_pil(decoder(decoder.latents([3])))[0].save(path)
    sheet = project(decoder, path, steps=3)
    assert sheet.latents.shape == (1, 3, 3)
    assert not any(name.startswith("noise") for name in sheet.numbers)
    assert not sheet.latents[0, 0].equal(sheet.latents[0, -1])


class Bowl(Decoder):
    """Decodes a latent to itself, as an image of three pixels."""

    def differentiable(self, latents: Tensor) -> Tensor:
        return latents


def test_the_search_ends_at_the_smallest_distance() -> None:
    goal = torch.tensor([[1.0, 2.0, -3.0]])

    def distance(points: Tensor) -> Tensor:
        return (points - goal).square().sum()

    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    (way, _, noise), (again, *_) = (followed(Bowl(Colours()), distance, 120, each) for each in generators)
    assert again.equal(way)
    close(way[0], Colours.MEAN)
    close(way[-1], goal[0], atol=0.05, rtol=0)
    assert noise == []


@pytest.mark.parametrize(
    ("done", "share"), [(0, 0), (0.025, 0.5), (0.05, 1), (0.75, 1), (0.875, 0.5), (1, 0)]
)
def test_the_rate_rises_stays_and_falls(done: float, share: float) -> None:
    assert rate_share(done) == pytest.approx(share, abs=1e-12)


def test_only_patterns_in_the_noise_are_rough() -> None:
    """White noise of N pixels has correlations of about 1 / sqrt(N); a stripe is its neighbour's equal."""
    white = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    stripes = torch.ones(1, 1, 8, 8)
    stripes[..., ::2] = -1
    assert float(roughness([white])) < 0.1
    close(roughness([stripes]), torch.tensor(2.0))
    close(roughness([stripes, stripes]), torch.tensor(4.0))
    dots = torch.zeros(1, 1, 16, 16)  # no neighbours of each other, and everywhere 1/2 where they are halved
    dots[..., ::2, ::2] = 1
    close(roughness([dots]), torch.tensor(2 * 0.25**2))
    assert roughness([]) == 0


def test_noise_keeps_mean_and_variance() -> None:
    parts = [3 + 2 * torch.randn(1, 1, side, side) for side in (4, 16)]
    normalise(parts)
    for part in parts:
        close(part.mean(), torch.tensor(0.0), atol=1e-6, rtol=0)
        close(part.square().mean(), torch.tensor(1.0))


def test_the_middle_of_a_picture_is_the_target(tmp_path: Path) -> None:
    pixels = np.zeros((4, 10, 3), np.uint8)
    pixels[:, 3:7] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    close(read_target(tmp_path / "wide.png", (3, 4, 4)), torch.ones(1, 3, 4, 4))
    oblong = read_target(tmp_path / "wide.png", (1, 4, 8))
    assert oblong.shape == (1, 1, 4, 8)
    close(oblong[0, 0, 0], torch.tensor([-1.0, -1, 1, 1, 1, 1, -1, -1]))


def test_bad_pictures_are_told(decoder: StyleDecoder, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"broken\.png") as raised:
        project(decoder, tmp_path / "broken.png")
    assert "on_bad_image" not in str(raised.value)
    with pytest.raises((ImageError, FileNotFoundError), match=r"gone\.png"):
        project(decoder, tmp_path / "gone.png")
    with pytest.raises(UsageError, match="--steps 0: at least 1"):
        project(decoder, tmp_path / "broken.png", steps=0)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"latents": np.zeros(4)}, "holds no projected picture"),
        (
            {"latent": np.zeros(3), "space": np.array("w")},
            "3 numbers in w, and this model has 4",
        ),
        ({"latent": np.zeros(4)}, "4 numbers in z, and"),
    ],
)
def test_files_of_something_else_are_refused(
    decoder: StyleDecoder, tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    np.savez(tmp_path / "found.npz", **arrays)
    with pytest.raises(ValueError, match=said):
        starts(decoder, [], tmp_path / "found.npz")


def test_a_file_that_would_execute_something_is_refused(decoder: StyleDecoder, tmp_path: Path) -> None:
    np.savez(tmp_path / "found.npz", latent=np.array([print], dtype=object))
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("found", "text"):
        with pytest.raises(ValueError, match=rf"{name}\.npz is no \.npz of the command project"):
            starts(decoder, [], tmp_path / f"{name}.npz")


def test_a_search_that_ends_early_leaves_nothing(
    checkpoint: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(projection, "normalise", interrupt)
    out = tmp_path / "out" / "project"
    arguments = ["latents", "project", str(checkpoint), "--image", str(picture), "--output", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert main() == INTERRUPTED
    assert not out.parent.exists()
