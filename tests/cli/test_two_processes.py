"""The command itself on two processes, as Lightning, torchrun or SLURM start it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.commands import run, write_toy_config
from support.processes import run_together
from support.runs import assert_identical

ROOT = Path(__file__).parents[2]
EPOCHS = ["--trainer.max_epochs", "3", "--without", "[metrics,sample_grid]"]  # of two steps each
KEPT = ("state_dict", "optimizer_states", "gans_histories", "global_step", "epoch")


def stop(signal_name: str) -> str:
    """Return the option that sends the second process a signal after step 2; step 3 is finished."""
    signalling = f"{{step: 2, signal_name: {signal_name}, rank: 1}}"
    return f"--trainer.callbacks+={{class_path: support.commands.SignalAt, init_args: {signalling}}}"


def state(run_folder: Path) -> dict[str, Any]:
    checkpoint = torch.load(run_folder / "checkpoints" / "last.ckpt", weights_only=True)
    return {name: checkpoint[name] for name in KEPT}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a config and the run `whole`, on two processes without interruption."""
    folder = tmp_path_factory.mktemp("work")
    config = write_toy_config(folder / "toy.yaml")
    whole = ["--config", config, "--run", folder / "whole", "--trainer.devices", 2, *EPOCHS]
    assert run_together(run, "fit", *whole) == [0, 0]
    return folder


def test_a_signal_to_one_process_stops_both_and_the_run_goes_on_exactly(work: Path) -> None:
    own = ["--config", work / "toy.yaml", "--run", work / "own", "--trainer.devices", 2, *EPOCHS]
    # Only the first tells of the signal: Lightning kills it when another ends with an error.
    assert run_together(run, "fit", *own, stop("SIGTERM")) == [143, 0]
    assert state(work / "own")["global_step"] == 3, "amid an epoch"
    assert run_together(run, "fit", *own, "--ckpt_path", "last") == [0, 0]
    assert_identical(state(work / "own"), state(work / "whole"))


def test_an_error_on_the_first_process_ends_the_others_within_a_minute(work: Path) -> None:
    """With processes that Lightning starts: both hold the pipe, which is at its end when they are."""
    own = ["--config", "toy.yaml", "--run", "failed", "--trainer.devices", "2", *EPOCHS]
    failing = "--trainer.callbacks+={class_path: support.commands.FailAlone}"
    ended = subprocess.run(
        [sys.executable, ROOT / "train.py", "fit", *own, failing],
        cwd=work,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "RuntimeError: out of luck on the first process" in ended.stderr


def slurm_task(*arguments: str) -> int:
    """Run the command as one of two tasks on two nodes."""
    rank = os.environ.pop("LOCAL_RANK")
    os.environ |= {"SLURM_JOB_ID": "77", "SLURM_JOB_NAME": "gans", "SLURM_NODELIST": "localhost"}
    os.environ |= {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_NNODES": "2"}
    os.environ |= {"SLURM_PROCID": rank, "SLURM_NODEID": rank, "SLURM_LOCALID": "0"}
    return run(*arguments)


def submitted(folder: Path) -> list[str]:
    """Return the arguments with which docs/train.sbatch starts the program, cut down to two CPUs."""
    subprocess.run(["bash", ROOT / "docs" / "train.sbatch"], cwd=folder, check=True, env=os.environ)
    command = (folder / "srun_arguments").read_text().splitlines()
    program = command.index("train.py")
    assert command[program - 1] == "python"
    options = dict(zip(command[program + 2 :: 2], command[program + 3 :: 2], strict=True))
    assert options["--config"] == "paper/cyclegan_horse2zebra"
    assert (options["--trainer.num_nodes"], options["--trainer.devices"]) == ("2", "4")
    options |= {"--config": str(folder / "toy.yaml"), "--trainer.devices": "1"}
    return [command[program + 1], *(part for option in options.items() for part in option)]


def test_the_slurm_script_queues_again_and_goes_on_exactly(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("srun", "scontrol"):
        stand_in = work / program
        stand_in.write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {shlex.quote(str(work))}/{program}_arguments\n"
        )
        stand_in.chmod(0o755)
    monkeypatch.chdir(work)
    monkeypatch.setenv("PATH", f"{work}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    folder = Path("runs/cyclegan/slurm-77")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("{}")  # an earlier start ended before its first checkpoint
    assert run_together(slurm_task, *submitted(work), *EPOCHS, stop("SIGUSR1")) == [143, 0]
    assert (work / "scontrol_arguments").read_text().split() == ["requeue", "77"]
    assert run_together(slurm_task, *submitted(work), *EPOCHS) == [0, 0]
    assert_identical(state(folder), state(work / "whole"))
