"""The plain program in a process of its own, where nothing of ours can help it."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Sequence
from contextlib import nullcontext
from multiprocessing.connection import Connection
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.systems import SYSTEMS


class OperatorCounter(TorchDispatchMode):
    """Counts the operators that torch dispatches, and their floating point operations by torch's formulas.

    torch's own `FlopCounterMode` also asks which module they belong to, by hooks with which no gradient can
    be taken with respect to a network's input, as gradient penalties take it.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one operator and run it."""
        self.count += 1
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.flops += int(formula(*args, **kwargs, out_val=made))
        return made


class PlainProcess:
    """Trains the plain program of a system in another process, with memory and threads as torch has them.

    Args:
        system: a key of `benchmarks.systems.SYSTEMS`.
        device: where to train.
    """

    def __init__(self, system: str, device: torch.device) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, system, str(device)), daemon=True)
        spinning = os.environ.pop("GOMP_SPINCOUNT", None)  # which `gans.cli.command` sets for ours
        self._process.start()
        if spinning is not None:
            os.environ["GOMP_SPINCOUNT"] = spinning

    def step(self, batches: Sequence[Any], count: bool = False) -> dict[str, float]:
        """Train on each of the batches.

        Args:
            batches: of the system's data module.
            count: count operations instead of seconds.

        Returns:
            `plain`, seconds, and `plain_cpu`, CPU seconds; or `plain_operators` and `flops`.
        """
        self._connection.send((move_data_to_device(batches, torch.device("cpu")), count))
        answer: dict[str, float] = self._connection.recv()
        return answer

    def close(self) -> int:
        """End the process, and return its peak memory in bytes."""
        self._connection.send(None)
        memory: int = self._connection.recv()
        self._process.join()
        return memory


def serve(connection: Connection, system: str, device_name: str) -> None:
    """Answer the requests of `PlainProcess`."""
    device, program = torch.device(device_name), SYSTEMS[system].plain()
    for network in vars(program).values():
        if isinstance(network, torch.nn.Module):
            network.to(device)
    while (request := connection.recv()) is not None:
        batches, count = request
        batches = move_data_to_device(batches, device)
        counter = OperatorCounter() if count else None
        wait_for(device)
        wall, cpu = time.perf_counter(), time.process_time()
        with counter or nullcontext():
            for index, batch in enumerate(batches):
                SYSTEMS[system].step(program, batch, index)
        wait_for(device)
        seconds = {"plain": time.perf_counter() - wall, "plain_cpu": time.process_time() - cpu}
        counts = {"plain_operators": counter.count, "flops": counter.flops} if counter else {}
        connection.send(counts or seconds)
    connection.send(peak_memory(device))


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that this process has taken: of the GPU's memory, where it trains there."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked for, so that time can be taken."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
