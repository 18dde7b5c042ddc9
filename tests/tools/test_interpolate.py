"""Weights between two models: what they are, of which files, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from support.official import convert, save, small
from support.parity import official_state

import gans
from gans.tools.interpolate import main

RRDBNET: dict[str, Any] = {"generator": "rrdbnet", "generator_width": 4, "blocks": 1, "growth": 3, "scale": 4}


def interpolate(*arguments: object) -> int:
    with patch.object(sys, "argv", ["interpolate", *map(str, arguments)]):
        return main()


def test_weights_lie_between_a_pixel_stage_and_a_gan(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first, second = small(tmp_path, "SRResNet", **RRDBNET), small(tmp_path, "ESRGAN")
    assert interpolate(first, second, tmp_path / "out.ckpt") == 0
    a, b, made = (gans.load(path) for path in (first, second, tmp_path / "out.ckpt"))
    assert isinstance(made, gans.ESRGAN)
    for one, other, between in zip(
        *(model.averaged("generator").parameters() for model in (a, b, made)), strict=True
    ):
        torch.testing.assert_close(between, 0.2 * one + 0.8 * other, rtol=1e-6, atol=1e-7)
        assert one.ndim == 1 or not torch.equal(one, other)  # biases begin at 0
    for own, kept in zip(b.discriminator.parameters(), made.discriminator.parameters(), strict=True):
        assert torch.equal(own, kept)


def test_averages_are_what_is_mixed(tmp_path: Path) -> None:
    paths = []
    for number, variant in enumerate(("SRResNet", "ESRGAN")):
        path = small(tmp_path, variant, **RRDBNET)
        checkpoint = torch.load(path, weights_only=True)
        weights = {n: v for n, v in checkpoint["state_dict"].items() if n.startswith("generator.")}
        averages = {f"ema.{name}": torch.full_like(value, number) for name, value in weights.items()}
        checkpoint["state_dict"] |= averages
        torch.save(checkpoint, path)
        paths.append(path)
    assert interpolate(*paths, tmp_path / "out.ckpt", "--alpha", 0.25) == 0
    model = gans.load(tmp_path / "out.ckpt")
    for network in (model.generator, model.averaged("generator")):
        assert all(
            torch.equal(value, torch.full_like(value, 0.25)) for value in network.state_dict().values()
        )


def test_files_of_the_authors_are_mixed_as_they_are(tmp_path: Path) -> None:
    state = official_state("srvgg_compact")
    first = save({"params": {name: value + 1 for name, value in state.items()}}, tmp_path / "wdn.pth")
    second = save({"params": state}, tmp_path / "x4v3.pth")
    assert interpolate(first, second, tmp_path / "out.ckpt", "--alpha", 0.5) == 0
    assert convert(tmp_path / "out.ckpt", tmp_path / "out", "--raw") == 0
    made = torch.load(tmp_path / "out" / "net_g_latest.pth", weights_only=True)["params"]
    assert list(made) == list(state)
    for name, value in state.items():
        torch.testing.assert_close(made[name], value + 0.5)


def test_what_cannot_be_mixed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = small(tmp_path, "ESRGAN"), small(tmp_path, "SRResNet")
    other = small(tmp_path, "CycleGAN")
    wider = save({"params": official_state("rrdbnet_x4")}, tmp_path / "wider.pth")

    def said(*arguments: object) -> str:
        assert interpolate(*arguments, tmp_path / "out.ckpt") != 0
        return capsys.readouterr().err

    assert "tensors differ, such as first.weight, which is (4, 3, 3, 3) in the first and (8, 3," in said(
        first, wider
    )
    assert "absent in the second" in said(first, second)
    assert "a ESRGAN and a CycleGAN have other networks" in said(first, other)
    assert "alpha is 1.5" in said(first, first, "--alpha", 1.5)
    assert "there is no such" in said(first, tmp_path / "none.pth")
    assert not (tmp_path / "out.ckpt").exists()
