from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.compared import Items, Painter, counted_extractor, items, trainer
from torch import Tensor

from gans.callbacks.diversity import OutcomeDiversity
from gans.metrics import diversity
from gans.metrics.diversity import Lite0Diversity


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No weights of LPIPS, and a quick extractor."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(diversity, "load_extractor", lambda name: counted_extractor()[0])


class Varied(Painter):
    """Every outcome is brighter than the one before, by a step that may be 0."""

    step = 0.3

    def outcomes(self, batch: Items, count: int) -> dict[str, Tensor]:
        brighter = self.step * torch.arange(count)[:, None, None, None]
        return {"A2B": (batch.source[:, None] + brighter).clamp(-1, 1)}


class Single(Varied):
    step = 0.0


def validate(folder: Path, module: Painter, count: int = 4) -> dict[str, float]:
    (metrics,) = trainer(folder, OutcomeDiversity(count)).validate(module, verbose=False)
    return dict(metrics)


def test_it_is_the_mean_over_all_inputs(tmp_path: Path) -> None:
    images = items(sources=7, reals=2)
    module = Varied(images)
    expected = float(Lite0Diversity()(module.outcomes(images, 4)["A2B"]).mean())
    assert expected > 0
    for batch_size in (1, 3, 7):
        module.batch_size = batch_size
        assert validate(tmp_path, module) == pytest.approx({"val/diversity_lite0/A2B": expected}, rel=1e-5)
    assert validate(tmp_path, module, count=2)["val/diversity_lite0/A2B"] < expected


def test_one_outcome_has_no_diversity(tmp_path: Path) -> None:
    assert validate(tmp_path, Single(items(3, 3))) == {"val/diversity_lite0/A2B": 0}


def test_variants_of_one_outcome_are_left_alone(tmp_path: Path) -> None:
    assert validate(tmp_path, Painter(items(3, 3))) == {}
    assert validate(tmp_path, Varied(items(0, 3))) == {}


def test_images_without_features_cost_one_warning(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="No diversity of outcomes for A2B.*these have 4 channels") as told:
        assert validate(tmp_path, Varied(items(7, 0, channels=4))) == {}
    assert sum("No diversity" in str(warning.message) for warning in told) == 1


def test_a_fit_measures_every_so_many_epochs_and_at_its_end(tmp_path: Path) -> None:
    asked = []

    class Watched(Varied):
        def outcomes(self, batch: Items, count: int) -> dict[str, Tensor]:
            asked.append(self.current_epoch)
            return super().outcomes(batch, count)

    fit = trainer(tmp_path, OutcomeDiversity(every_n_epochs=2), max_epochs=3, num_sanity_val_steps=1)
    fit.fit(Watched(items(3, 3)))
    assert asked == [1, 2]
    assert fit.callback_metrics["val/diversity_lite0/A2B"] > 0


def test_test_has_its_own_name(tmp_path: Path) -> None:
    (metrics,) = trainer(tmp_path, OutcomeDiversity()).test(Varied(items(3, 3)), verbose=False)
    assert set(metrics) == {"test/diversity_lite0/A2B"}


def test_wrong_counts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"count is 1: .* 2 or more"):
        OutcomeDiversity(count=1)
