from __future__ import annotations

import numpy as np
import pytest
import torch
from support.parity import vectors
from torch import Tensor

from gans.losses.contrastive import patch_nce
from gans.networks.projection import rows_at


def maps(shape: list[int]) -> tuple[Tensor, Tensor]:
    k = np.arange(np.prod(shape))
    waves = [np.cos(0.013 * k), np.sin(0.013 * k), np.sin(0.37 * k)]
    query, key, shared = (torch.from_numpy(wave.astype(np.float32)).double().view(shape) for wave in waves)
    return 0.5 * query + 0.5 * shared, 0.5 * key + 0.5 * shared


def unit(rows: Tensor) -> Tensor:
    lengths: Tensor = rows.norm(dim=-1, keepdim=True) + 1e-7
    return rows / lengths


@pytest.mark.parametrize("case", ["own_image", "whole_batch"])
def test_loss_and_gradient_equal_the_official_ones(case: str) -> None:
    recorded = vectors("cut_patchnce")
    query, key = maps(recorded.facts["shape"])
    query.requires_grad_()
    key.requires_grad_()
    places = torch.tensor(recorded.facts["positions"])
    queries, keys = (unit(rows_at(features, places)) for features in (query, key))
    if case == "whole_batch":
        queries, keys = queries.flatten(0, 1)[None], keys.flatten(0, 1)[None]
    loss = patch_nce(queries, keys)
    loss.backward()
    assert loss.item() == pytest.approx(recorded.facts["cases"][case]["mean"], rel=1e-10)
    assert query.grad is not None
    theirs = recorded.arrays[f"{case}/grad_query_map"]
    np.testing.assert_allclose(query.grad.numpy(), theirs, rtol=1e-8, atol=1e-12)
    assert key.grad is None


def test_closed_form_of_two_patches() -> None:
    """Of orthogonal vectors at temperature 1, the masked negative counts with exp(-10)."""
    vectors_ = torch.eye(2, dtype=torch.float64)[None]
    expected = np.log(np.e + 1 + np.exp(-10)) - 1
    assert patch_nce(vectors_, vectors_, temperature=1.0).item() == pytest.approx(expected, rel=1e-12)


def test_the_own_key_may_begin_further_on() -> None:
    keys = torch.nn.functional.normalize(torch.randn(1, 6, 4), dim=-1)
    whole = patch_nce(keys, keys)
    halves = [patch_nce(keys[:, :3], keys), patch_nce(keys[:, 3:], keys, first=3)]
    assert torch.stack(halves).mean().item() == pytest.approx(whole.item(), rel=1e-6)


def test_half_precision_is_left_for_the_comparison() -> None:
    keys = torch.nn.functional.normalize(torch.randn(1, 6, 4), dim=-1)
    with torch.autocast("cpu", torch.bfloat16):
        assert patch_nce(keys, keys).equal(patch_nce(keys, keys))
        assert patch_nce(keys.bfloat16(), keys.bfloat16()).dtype == torch.float32
