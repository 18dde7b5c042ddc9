from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_info
from PIL import Image

from datamodules import image_sets
from gans.cli.quiet import quieten


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
    assert warnings.formatwarning(skipped, UserWarning, image_sets.__file__, 7) == f"warning: {skipped}\n"
    assert "elsewhere.py:7" in warnings.formatwarning(skipped, UserWarning, "elsewhere.py", 7)


def test_advertisements_are_silent(caplog: pytest.LogCaptureFixture) -> None:
    quieten()
    with caplog.at_level(logging.INFO):
        rank_zero_info("💡 Tip: For seamless cloud logging, try installing something.")
        rank_zero_info("`Trainer.fit` stopped: `max_epochs=2` reached.")
    assert [record.getMessage() for record in caplog.records] == [
        "`Trainer.fit` stopped: `max_epochs=2` reached."
    ]
