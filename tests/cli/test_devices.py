from __future__ import annotations

import subprocess
import time
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.accelerators import CUDAAccelerator

from gans.cli.devices import end_other_processes, strategy_for
from gans.cli.errors import UsageError
from gans.training.strategy import GANDDPStrategy


def options(**given: Any) -> dict[str, Any]:
    return {"accelerator": "auto", "strategy": "auto", "devices": "auto", "num_nodes": 1} | given


@pytest.mark.parametrize(
    "given",
    [
        {"devices": 2},
        {"devices": "2"},
        {"devices": [0, 1]},
        {"devices": "0,1"},
        {"devices": 1, "num_nodes": 2},
    ],
    ids=str,
)
def test_several_processes_get_a_strategy_that_trains_players(given: dict[str, Any]) -> None:
    assert isinstance(strategy_for(options(**given), "fit"), GANDDPStrategy)


@pytest.mark.parametrize(
    "given",
    [{"devices": 1}, {"devices": "1"}, {"devices": [1]}, {"devices": "0,"}, {"accelerator": "cpu"}],
    ids=str,
)
def test_one_process_stays_alone(given: dict[str, Any]) -> None:
    assert strategy_for(options(**given), "fit") == "auto"


@pytest.mark.parametrize(("gpus", "several"), [(0, False), (1, False), (4, True)])
@pytest.mark.parametrize("devices", ["auto", -1, "-1"])
def test_all_gpus_are_counted(
    gpus: int, several: bool, devices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CUDAAccelerator, "auto_device_count", lambda: gpus)
    assert isinstance(strategy_for(options(devices=devices), "fit"), GANDDPStrategy) is several


def test_a_strategy_that_was_chosen_stays() -> None:
    assert strategy_for(options(strategy="fsdp", devices=2), "fit") == "fsdp"


def test_plain_ddp_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="one backward pass"):
        strategy_for(options(strategy="ddp"), "fit")
    assert strategy_for(options(strategy="ddp"), "test") == "ddp"


def test_processes_started_from_outside_that_would_work_alone_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match=r"2 processes were started from outside.*--trainer\.devices"):
        strategy_for(options(accelerator="cpu"), "fit")
    assert isinstance(strategy_for(options(accelerator="cpu", devices=2), "fit"), GANDDPStrategy)


def test_a_failed_process_ends_those_it_has_started() -> None:
    """One that ends by itself has the time to; one that does not is killed."""
    processes = [subprocess.Popen(["sleep", seconds]) for seconds in ("60", "0.2")]
    trainer = SimpleNamespace(strategy=SimpleNamespace(launcher=SimpleNamespace(procs=processes)))
    start = time.monotonic()
    end_other_processes(trainer, patience=1.0)
    assert [process.wait() for process in processes] == [-9, 0]
    assert time.monotonic() - start < 5


def test_a_single_process_has_no_others() -> None:
    end_other_processes(SimpleNamespace(strategy=SimpleNamespace(launcher=None)))
