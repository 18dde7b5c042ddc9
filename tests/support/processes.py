"""Functions in processes of their own: several that train together over gloo, or one that is killed.

A fork server with the heavy imports done starts a process in milliseconds, and without the threads of pytest.
There is one for each process of pytest, from the first test that needs it to the end.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import socket
import sys
import traceback
from collections.abc import Callable
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any
from unittest.mock import patch

import torch


def run_together(
    function: Callable[..., Any], *arguments: Any, count: int = 2, timeout: float = 120
) -> list[Any]:
    """Call `function(*arguments)` in `count` processes that know of each other; return what each returned.

    Raises:
        AssertionError: with the traceback of the first process that failed or did not end in time.
    """
    port = _free_port()
    environments = [
        {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "WORLD_SIZE": str(count),
            "NODE_RANK": "0",
            "LOCAL_RANK": str(rank),
        }
        for rank in range(count)
    ]
    return _run(function, arguments, environments if count > 1 else [{}], timeout)


def run_alone(function: Callable[..., Any], *arguments: Any, timeout: float = 120) -> Any:
    """Call the function in one fresh process; return its result, or its exit code if it was killed."""
    return _run(function, arguments, [{}], timeout)[0]


def _run(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    environments: list[dict[str, str]],
    timeout: float,
) -> list[Any]:
    context = fork_server()
    running = []
    for environment in environments:
        receiver, sender = context.Pipe(duplex=False)
        environment = dict(os.environ) | environment  # the fork server's is older than this test
        process = context.Process(target=_child, args=(sender, environment, function, arguments))
        process.start()
        sender.close()
        running.append((process, receiver))
    results = []
    try:
        for process, receiver in running:
            results.append(_result(process, receiver, timeout))
    finally:
        for process, _ in running:
            process.kill()
            process.join()
    return results


@cache
def fork_server() -> multiprocessing.context.ForkServerContext:
    """Return what starts processes, by a server that has imported `support.preloaded`.

    The server passes over what it does not find, and Python tells it no search path but this variable.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.preloaded"])
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):
        forkserver.ensure_running()
    return context


def _result(process: Any, receiver: Connection, timeout: float) -> Any:
    assert receiver.poll(timeout), f"a process did not end within {timeout} s"
    try:
        succeeded, value = receiver.recv()
    except EOFError:  # killed: it had no time to answer
        process.join()
        return process.exitcode
    assert succeeded, value
    return torch.load(io.BytesIO(value), weights_only=True)


def _child(
    sender: Connection, environment: dict[str, str], function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    # Its own children, such as a loader's workers, start as usual: their own fork server would take seconds.
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    try:
        assert "support.preloaded" in sys.modules, "see fork_server"
        result = io.BytesIO()  # whole, because tensors in shared memory would go with this process
        torch.save(function(*arguments), result)
        sender.send((True, result.getvalue()))
    except BaseException:
        sender.send((False, traceback.format_exc()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
