"""Start-up, in processes of its own: what needs no torch must not load it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import run

ROOT = Path(__file__).parents[2]
WITHOUT_TORCH = """
import sys
sys.path.insert(0, {root!r})
from gans.cli.command import main
status = main()
assert "torch" not in sys.modules, "torch was imported"
sys.exit(status)
"""


def answer(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_TORCH.format(root=str(ROOT)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 0, "usage:"),
        (["--help"], 0, "--list shows: autoencoder"),
        (["--list"], 0, "paper/cyclegan_horse2zebra"),
        (["--version"], 0, "torch 2."),
        (["fit", "--config", "cyclgan"], 1, "Did you mean cyclegan?"),
        (["fits"], 2, "Did you mean fit?"),
        (["fit"], 2, "name a config with --config"),
        (["fit", "--config", "cyclegan", "--model.blokcs", "3"], 2, "Did you mean blocks?"),
        (["fit", "--config", "cyclegan", "--trainer.max_epochs", "many"], 2, "expected int or null"),
        (["fit", "--config", "cyclegan", "--without", "metric"], 2, "Did you mean metrics?"),
        (["fit", "--config", "dcgan", "--data.root", "nowhere"], 1, "nowhere"),
        (["fit", "--config", "munit", "--data.folder_A", "."], 1, "no image"),
        (["predict", "--config", "cyclegan", "--data.predict_dir", "nowhere"], 1, "nowhere"),
        (["--config", "cyclegan", "fit"], 2, "The command comes first"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_answers_without_torch(tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    answered = answer(tmp_path, *arguments)
    assert answered.returncode == status, answered.stderr
    assert said in (answered.stdout if status == 0 else answered.stderr)
    assert "Traceback" not in answered.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--config", "cyclgan"]])
def test_answers_within_a_second(tmp_path: Path, arguments: list[str]) -> None:
    def seconds() -> float:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, ROOT / "train.py", *arguments], capture_output=True, cwd=tmp_path, check=False
        )
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 1  # the quickest, since other tests run beside this one


def test_two_devices_share_one_run_folder(tmp_path: Path) -> None:
    """The launcher starts the second process with the rewritten command line."""
    toy = ["--model.generator_width", "2", "--model.blocks", "1", "--model.discriminator_width", "2"]
    tiny = ["--data.size", "16", "--data.faces_count", "8", "--data.test_count", "4"]
    devices = ["--trainer.devices", "2", "--trainer.accelerator", "cpu", "--trainer.max_steps", "1"]
    command = [sys.executable, str(ROOT / "train.py"), "fit", "--config", "cyclegan", *toy, *tiny, *devices]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--logger", "csv", "--without", "metrics"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Starting with 2 processes" in done.stderr
    [run] = (tmp_path / "runs" / "cyclegan").iterdir()
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize(
    ("chosen", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)],
)
def test_waiting_threads_spin_briefly_unless_told_otherwise(
    chosen: dict[str, str], spins: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        os.environ.pop(name, None)
    os.environ |= chosen
    assert run("fit", "--config", "cyclegan", "--print_config") == 0
    assert os.environ.get("GOMP_SPINCOUNT") == spins
