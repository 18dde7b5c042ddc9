from __future__ import annotations

import math
import re
from typing import Any

import pytest
from support.tiny import TinyGAN


@pytest.mark.parametrize(
    ("name", "refused", "taken"),
    [
        ("learning_rate", -1e-4, 0.0),
        ("learning_rate", math.nan, 1.0),
        ("betas", (1.0, 0.9), (0.0, 0.9)),
        ("betas", (0.5,), (0.5, 0.0)),
        ("weight_decay", -0.1, 0.0),
        ("decay_share", 1.1, 1.0),
        ("halve_every", 0, 1),
        ("gradient_clip", -1.0, None),
        ("gradient_clip", 0.0, 0.1),
        ("accumulate", 0, 1),
        ("ema_decay", 1.0, 0.0),
    ],
)
def test_values_out_of_range_are_refused_by_name(name: str, refused: Any, taken: Any) -> None:
    TinyGAN(**{name: taken})
    with pytest.raises(ValueError, match=re.escape(f"model.{name} is {refused}: it ")):
        TinyGAN(**{name: refused})
