from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gans.metrics.attribute_classifier import AttributeClassifier
from gans.tools.attribute_classifier import main, open_data

CONFIG = """\
data:
  class_path: MultiDomainImages
  init_args:
    {size: 16, faces_count: 8, test_count: 4, batch_size: 4, attributes: [black_hair, blond_hair],
     others: [{attributes: [glasses]}]}
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["attribute_classifier", *map(str, arguments)])
    return main()


def test_a_config_gets_a_classifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "some.yaml", tmp_path / "made" / "attributes.ckpt"
    config.write_text(CONFIG)
    assert run(monkeypatch, "--config", config, "--out", out, "--epochs", 1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["black_hair", "blond_hair", "glasses", str(out)]
    assert all(0 <= float(line.split()[1]) <= 1 for line in lines[-4:-1])
    loaded = AttributeClassifier.load_from_checkpoint(out, weights_only=True)
    assert loaded.hparams["attributes"] == [["black_hair", "blond_hair"], ["glasses"]]


def test_a_config_without_attributes_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--config", "cyclegan", "--out", tmp_path / "a.ckpt") == 1
    assert "data is UnpairedImages; only MultiDomainImages have attributes" in capsys.readouterr().err


def test_drawn_faces_with_captions_have_the_attributes_that_these_tell(tmp_path: Path) -> None:
    config = tmp_path / "captions.yaml"
    given = (
        "{size: 16, faces_count: 8, test_count: 4, captions_per_face: 2, attributes: [glasses, long_hair]}"
    )
    config.write_text(f"data: {{class_path: CaptionedImages, init_args: {given}}}")
    data = open_data(str(config))
    assert data.attributes == [["glasses", "long_hair"]]
    assert data.image_size == 16
    assert len(data.preview(10).images) == 4


def test_captions_of_ones_own_images_tell_no_attributes(tmp_path: Path) -> None:
    config = tmp_path / "captions.yaml"
    config.write_text(f"data: {{class_path: CaptionedImages, init_args: {{root: {tmp_path}}}}}")
    with pytest.raises(ValueError, match="data is CaptionedImages; only MultiDomainImages have attributes"):
        open_data(str(config))
