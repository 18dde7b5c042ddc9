"""What was recorded of StarGAN v2's networks: their official shapes, inputs beside images, and outputs."""

from __future__ import annotations

import json

import numpy as np
import torch
from support.parity import FOLDER, vectors
from torch import Tensor

SHAPES = json.loads((FOLDER / "stargan_v2_official_shapes.json").read_text())


def slow_wave(*shape: int) -> Tensor:
    """Return the recorded styles and latents, cos of 0.9 k over the flat index k."""
    values = np.cos(0.9 * np.arange(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32)).double().view(shape)


def assert_recorded(name: str, kind: str, ours: Tensor) -> None:
    """Hold an output in float64 against the recorded one in float32, which states its own distance."""
    recorded = vectors(name)
    facts, values = recorded.facts["modes"]["eval"][kind], ours.detach().numpy()
    slack = 2 * facts["max_abs_diff_vs_fp64_weights_fp32"]
    stored = values if facts["stored"] == "full" else values[..., ::8, ::8]
    np.testing.assert_allclose(stored, recorded.arrays[f"eval/{kind}"], rtol=1e-6, atol=slack)
    found = [values.mean(), values.std(), values.min(), values.max()]
    expected = [facts[each] for each in ("mean", "std", "min", "max")]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=slack)
