"""Export of a variant whose pictures are larger than its images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import onnxruntime
import pytest
import torch
from support.checkpoints import checkpoint_of
from support.enlarging import enlarger

import gans
from gans.real_esrgan import RealESRGAN
from gans.tools.export.__main__ import main
from gans.tools.export.program import Program, Sizes, image_input
from gans.tools.export.variants import ONE_WAY, translation

SMALL: dict[str, Any] = {"generator_width": 4, "blocks": 1}
JUDGED: dict[str, Any] = {"discriminator_width": 2, "perceptual_weight": 0.0}


def program(model: Any) -> Program:
    return translation(
        model,
        ("generator",),
        model.averaged("generator"),
        model.translate,
        [image_input(3, "images to enlarge")],
        channels=3,
        sizes=Sizes(model.hparams["image_size"]),
    )


@pytest.mark.parametrize("scale", [2, 3])
def test_onnx_enlarges_any_batch_height_and_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: int, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(gans.VARIANTS, "Enlarger", "support.enlarging")
    monkeypatch.setitem(ONE_WAY, "Enlarger", program)
    torch.save(checkpoint_of(enlarger(scale)), tmp_path / "model.ckpt")
    command = ["export", str(tmp_path / "model.ckpt"), str(tmp_path / "out"), "--formats", "onnx", "torch"]
    with patch.object(sys, "argv", command):
        assert main() == 0
    assert "any batch, any height and width from 2 pixels, trained at 16" in capsys.readouterr().out

    session = onnxruntime.InferenceSession(tmp_path / "out" / "generator.onnx")
    run = torch.export.load(tmp_path / "out" / "generator.pt2").module()
    model = gans.load(tmp_path / "model.ckpt")
    for size in [(1, 3, 16, 16), (4, 3, 21, 30), (2, 3, 9, 40)]:
        given = torch.rand(*size, generator=torch.Generator().manual_seed(7)) * 2 - 1
        wanted = model.translate(given)
        assert wanted.shape == (*size[:2], scale * size[2], scale * size[3])
        made = torch.from_numpy(session.run(None, {"images": given.numpy()})[0])
        torch.testing.assert_close(made, wanted, rtol=0, atol=1e-4)
        torch.testing.assert_close(run(given), wanted, rtol=0, atol=1e-4)

    card = (tmp_path / "out" / "generator.md").read_text(encoding="utf-8")
    assert "`images`, float32 (batch, 3, height, width)" in card
    assert f"float32 (batch, 3, {scale} * height, {scale} * width): images in [-1, 1]" in card
    assert "| 3 x 17 x 11 |" in card, "odd sides were compared before it was kept"


@pytest.mark.parametrize(
    "generator",
    [
        {"generator": "rrdbnet", "growth": 2, "scale": 2},
        {"generator": "rrdbnet", "growth": 2, "scale": 1},
        {"generator": "srvgg", "scale": 4},
    ],
    ids=lambda generator: f"{generator['generator']}_x{generator['scale']}",
)
def test_every_generator_is_exported_for_odd_sides_and_any_batch(
    tmp_path: Path, generator: dict[str, Any]
) -> None:
    """Also where pixels become channels at the entry, 2 x 2 or 4 x 4 of them, that odd sides do not fill."""
    torch.manual_seed(0)
    model = RealESRGAN(**generator, **SMALL, **JUDGED)
    torch.save(checkpoint_of(model), tmp_path / "model.ckpt")
    with patch.object(sys, "argv", ["export", str(tmp_path / "model.ckpt"), str(tmp_path / "made.onnx")]):
        assert main() == 0
    session = onnxruntime.InferenceSession(tmp_path / "made.onnx")
    least = getattr(model.generator, "divisor", 1) + 1
    for size in [(1, 3, 16, 16), (3, 3, 21, 30), (2, 3, 9, 41), (1, 3, least, least + 2)]:
        given = torch.rand(*size, generator=torch.Generator().manual_seed(7)) * 2 - 1
        made = torch.from_numpy(session.run(None, {"images": given.numpy()})[0])
        assert made.shape[2:] == (model.scale * size[2], model.scale * size[3])
        torch.testing.assert_close(made, model.upscale(given), rtol=0, atol=1e-4)
        assert made.std() > 0.01
