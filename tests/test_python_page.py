"""The code in docs/python.md is run here, on checkpoints and pictures of toy size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
import yaml
from PIL import Image
from support.checkpoints import checkpoint_of
from support.uses import usable

import gans
from datamodules import MultiDomainImages

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
SIZES = {"photo.jpg": (40, 30), "drawing.png": (25, 33), "reference.png": (17, 20), "face.png": (16, 16)}


def quick_start_attributes(config: str) -> dict[str, Any]:
    """Return the attributes that a quick start learns, as its data hands them over."""
    text = (ROOT / "configs" / f"{config}.yaml").read_text(encoding="utf-8")
    (names,) = re.findall(r"^ +attributes: (.*)$", text, re.MULTILINE)
    data = MultiDomainImages(attributes=yaml.safe_load(names))
    return {"attributes": data.attributes, "exclusive": data.exclusive}


@pytest.fixture
def users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with the files that the page names."""
    known = {"StarGAN": quick_start_attributes("stargan")}
    known["StarGANv2"] = {"domains": quick_start_attributes("stargan_v2")["attributes"][0]}
    for name in gans.VARIANTS:
        model = usable(name, **(known.get(name, {})))
        torch.save(checkpoint_of(model), tmp_path / f"{name.lower()}.ckpt")
    for picture, size in SIZES.items():
        Image.effect_noise(size, 90).convert("RGB").save(tmp_path / picture)
    tifffile.imwrite(tmp_path / "scan.tif", np.arange(20 * 24, dtype=np.uint16).reshape(20, 24))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_variant_is_on_the_page() -> None:
    assert [name for name in gans.VARIANTS if f'"{name.lower()}.ckpt"' not in PAGE] == []


def test_the_code_of_the_page_runs(users_folder: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"block {number} of docs/python.md", "exec"), names)
        check = CHECKS.get(number)
        assert check is None or eval(check, names), f"block {number}: {check}"
    assert Image.open("translated.png").size == SIZES["photo.jpg"]
    assert {path.name for path in users_folder.glob("?.png")} == {"0.png", "1.png", "2.png", "3.png"}
    assert Image.open("drawing_of_red_hair.png").size == (16, 16)


CHECKS = {
    1: "translated.shape == (4, 3, 64, 64)",
    3: "translated.shape == (3, 20, 24)",
    4: "there.size == back.size == photo.size and first != another",
    5: "seen.shape == (2, 5)",
    6: "styles.shape == (2, 4) and len(lent) == 2 and middle.size == photo.size",
    7: "[picture.size for picture in alike] == [picture.size for picture in photos] and between != some",
    8: "large.size == (2 * small.width, 2 * small.height)",
    9: "samples.shape == (16, 3, 16, 16) and torch.allclose(again[0], samples[0], atol=1e-5)",
    10: "samples.shape == (2, 3, 16, 16)",
    11: "same.size == face.size and images.shape == (2, 3, 16, 16)",
    12: "drawing.shape == (3, 16, 16) and len(drawings) == 2 and matches.shape == (1, 2)",
}
"""Block number -> what its comments say comes out."""
