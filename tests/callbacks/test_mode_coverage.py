from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from support.compared import Items, Painter, trainer
from support.processes import run_together

from gans.callbacks.mode_coverage import ModeCoverage
from gans.protocol import Comparison

# The last point is near no mode.
POINTS = torch.tensor([[1.0, 0.0], [1.02, 0.0], [0.0, 1.0], [6.0, 5.0]]).view(4, 2, 1, 1)


class Generating(Painter):
    """Generates the points that a test gives it as source."""

    def comparisons(self, batch: Items) -> dict[str, Comparison]:
        return {"samples": Comparison(batch.source, batch.real)}


class Plane(L.LightningDataModule):
    def __init__(self, module: Painter, modes: torch.Tensor | None) -> None:
        super().__init__()
        self.module = module
        self.modes = modes
        self.mode_std = 0.01

    def val_dataloader(self) -> Any:
        return self.module.val_dataloader()

    def test_dataloader(self) -> Any:
        return self.module.val_dataloader()


MODES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])


def run(
    folder: Path, modes: torch.Tensor | None, stage: str = "validate", **options: Any
) -> dict[str, float]:
    module = Generating(Items(POINTS, POINTS, None))
    run = trainer(folder, ModeCoverage(**options))
    (metrics,) = getattr(run, stage)(module, datamodule=Plane(module, modes), verbose=False)
    return dict(metrics)


def test_modes_are_counted_over_batches(tmp_path: Path) -> None:
    # The first mode is nearest to three points, the second to one.
    kl = math.log(3) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25)
    expected = {"modes": 2, "high_quality": 0.75, "modes_kl": kl}
    assert run(tmp_path, MODES) == pytest.approx({f"val/{name}": value for name, value in expected.items()})
    assert run(tmp_path, MODES, "test").keys() == {f"test/{name}" for name in expected}
    assert run(tmp_path, MODES, at_least=2)["val/modes"] == 1


def test_it_rests_where_no_modes_are_known(tmp_path: Path) -> None:
    assert run(tmp_path, None) == {}
    assert trainer(tmp_path, ModeCoverage()).validate(Generating(Items(POINTS, None, None))) == [{}]
    with pytest.raises(ValueError, match="at_least is 0"):
        ModeCoverage(at_least=0)


def measure(folder: str, shares: list[tuple[int, int]]) -> dict[str, float]:
    module = Generating(Items(POINTS, POINTS, None), shares=shares)
    options = {"devices": 2, "strategy": "ddp"} if len(shares) == 2 else {}
    run = trainer(Path(folder), ModeCoverage(), **options)
    run.validate(module, datamodule=Plane(module, MODES), verbose=False)
    return {name: float(value) for name, value in run.callback_metrics.items()}


def test_number_of_processes_does_not_matter(tmp_path: Path) -> None:
    (alone,) = run_together(measure, str(tmp_path), [(4, 4)], count=1)
    assert set(alone) == {"val/modes", "val/high_quality", "val/modes_kl"}
    for shares in ([(1, 1), (3, 3)], [(0, 0), (4, 4)]):
        first, second = run_together(measure, str(tmp_path), shares)
        assert first == second == pytest.approx(alone)
