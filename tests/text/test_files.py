from __future__ import annotations

from pathlib import Path

from gans.text.files import newest_text_encoder


def test_a_folder_of_runs_stands_for_the_best_of_the_newest(tmp_path: Path) -> None:
    for run, names in {"2026-01-01": ["best", "last"], "2026-01-02": ["last"], "2026-01-03": []}.items():
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        for name in names:
            (tmp_path / run / "checkpoints" / f"{name}.ckpt").touch()
    assert newest_text_encoder(tmp_path) == tmp_path / "2026-01-02" / "checkpoints" / "last.ckpt"
    (tmp_path / "2026-01-02" / "checkpoints" / "best.ckpt").touch()
    assert newest_text_encoder(tmp_path) == tmp_path / "2026-01-02" / "checkpoints" / "best.ckpt"


def test_any_other_path_stands_for_itself(tmp_path: Path) -> None:
    assert newest_text_encoder(tmp_path / "text.ckpt") == tmp_path / "text.ckpt"
    assert newest_text_encoder(str(tmp_path)) == tmp_path
