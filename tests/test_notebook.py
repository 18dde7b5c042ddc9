"""docs/quick_start.ipynb is run here from its first cell to its last, on a training of two steps."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.documented import ROOT

FILE = ROOT / "docs" / "quick_start.ipynb"
SECONDS = 120  # for any one cell, on a busy machine


def test_it_is_kept_without_output() -> None:
    notebook = nbformat.read(FILE, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count] == []
    assert FILE.stat().st_size < 10_000


def test_it_trains_looks_translates_and_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANS_NOTEBOOK_TOY", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(FILE, as_version=4)
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(tmp_path)}}).execute()

    _, train, look, translate, play, _ = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "Training    1 epoch of 2 steps" in "".join(output.text for output in train.outputs)
    shown = [*look.outputs, *translate.outputs]
    assert ["image/png" in output.data for output in shown] == [True] * 6
    assert (tmp_path / "quick_start" / "report.html").exists()
    assert 'src="http://127.0.0.1:' in play.outputs[-1].data["text/html"]
