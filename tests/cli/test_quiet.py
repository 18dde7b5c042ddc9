"""What libraries say at every run is silent; the rest is said for people."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest
from lightning.pytorch import seed_everything
from lightning.pytorch.utilities import rank_zero_info
from PIL import Image
from support.tiny import TinyGAN, rows, trainer

from datamodules import reading
from gans.cli.quiet import LOGGERS, quieten


def test_the_expected_is_silent_and_the_rest_is_not() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        quieten()
        warnings.warn("Checkpoint directory /runs/a exists and is not empty.", stacklevel=1)
        warnings.warn("Found 34 module(s) in eval mode at the start of training. This may", stacklevel=1)
        warnings.warn("The loss is rising.", stacklevel=1)
    assert [str(warning.message) for warning in seen] == ["The loss is rising."]


def test_pillow_is_silent_of_large_images_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It warns of half as many pixels as it refuses."""
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for silent in (False, True):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            if silent:
                quieten()
            Image.open(tmp_path / "a.png").close()
        assert bool(seen) is not silent


def test_our_warnings_are_for_people_and_others_say_where_they_come_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)  # put back after the test
    quieten()
    skipped = UserWarning("photos: 1 images were skipped")
    assert warnings.formatwarning(skipped, UserWarning, reading.__file__, 7) == f"warning: {skipped}\n"
    library = "/venv/lib/python3.11/site-packages/lightning/pytorch/loop.py"
    assert warnings.formatwarning("Slow.", UserWarning, library, 7) == "warning of lightning: Slow.\n"
    assert "elsewhere.py:7" in warnings.formatwarning(skipped, UserWarning, "elsewhere.py", 7)


def test_advertisements_are_silent(caplog: pytest.LogCaptureFixture) -> None:
    quieten()
    with caplog.at_level(logging.INFO):
        rank_zero_info("💡 Tip: For seamless cloud logging, try installing something.")
        rank_zero_info("Time limit reached. Elapsed time is 0:00:07. Signaling Trainer to stop.")
    assert [record.getMessage()[:18] for record in caplog.records] == ["Time limit reached"]


def test_what_is_said_in_another_way_is_silent(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning itself says it here, so that a change of its words is noticed."""
    for name in LOGGERS:
        monkeypatch.setattr(logging.getLogger(name), "filters", [])  # as it is before this program starts
    said = {}
    for silent in (False, True):
        if silent:
            quieten()
        caplog.clear()
        with caplog.at_level(logging.INFO):
            seed_everything(0)
            fitted = trainer(tmp_path, max_epochs=1)
            fitted.fit(TinyGAN(), rows(8))
            fitted.save_checkpoint(tmp_path / "a.ckpt")
            trainer(tmp_path, max_epochs=2).fit(TinyGAN(), rows(8), ckpt_path=tmp_path / "a.ckpt")
        said[silent] = [record.getMessage() for record in caplog.records]
    assert len(said[False]) > 6
    assert said[True] == []
