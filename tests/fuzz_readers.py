"""Reads damaged image files of every format: each gives an image, or an error that names the file.

    python tests/fuzz_readers.py                        # 3000 files
    python tests/fuzz_readers.py --count 50000 --seed 7 --only tif png
    python tests/fuzz_readers.py --keep FOLDER          # and leaves there the files at fault

File number N of a seed is always the same one. Files are read in a process of their own: where one of
them ends it, or takes it too long, this program tells its number and goes on with the next one.
"""

from __future__ import annotations

import argparse
import logging
import os
import queue
import random
import resource
import subprocess
import sys
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from support.mutations import mutate
from support.sample_files import WRITERS, sample_files

from datamodules.files.readers import FORMATS, ImageError, format_of, read_header, read_image
from datamodules.files.value_range import ValueRange

SECONDS = 20  # that one file may take
MEMORY = 3 << 30  # bytes that the process may take: the largest image allowed is read with less
ADDRESSES = 40 << 30  # bytes that may be asked for: buffers of a claimed size, which are never filled
RANGES = (None, None, "p0-p100", "p1-p99", (0, 1000))
CHANNELS = (None, None, None, 1, 3, 4)


class Outcome(NamedTuple):
    """What became of one damaged file: `image`, `error`, or a fault in words."""

    number: int
    name: str
    result: str

    @property
    def fault(self) -> bool:
        """Whether this must not be."""
        return self.result not in ("image", "error")


def damaged(seed: int, number: int, files: Sequence[tuple[str, bytes]]) -> tuple[str, bytes, random.Random]:
    """Return name and content of a damaged file, and the chances with which it is read."""
    chance = random.Random(f"{seed} {number}")
    name, content = files[number % len(files)]
    return name, mutate(name, content, chance), chance


def read(path: Path, chance: random.Random) -> str:
    """Read a file in every way that training and predicting do; return what came of it."""
    value_range, channels = ValueRange.parse(chance.choice(RANGES)), chance.choice(CHANNELS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = read_header(path)
            image = read_image(path, channels, value_range)
    except ImageError as error:
        if isinstance(error.__cause__, MemoryError):
            return f"more than {ADDRESSES >> 30} GiB are asked for"
        return "error" if str(path) in str(error) else f"an error that does not name the file: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if image.dtype != np.uint8 and not -1 <= image.min() <= image.max() <= 1:  # without a copy of it
        return f"values beyond -1 and 1 or NaN, of {value_range}"
    shape = header if channels is None else (*header[:2], channels)
    return "image" if image.shape == shape else f"a header of {shape}, an image of {image.shape}"


def _most_taken() -> int:
    """Return the most memory that this program has taken, in bytes.

    Linux counts it for each program by itself; `ru_maxrss` begins with that of the program it was started by.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def child(seed: int, start: int, count: int, only: Sequence[str]) -> None:
    """Read damaged files, saying before each which one it is and after it what came of it."""
    logging.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what decoders complain about
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = _chosen(only)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(start, start + count):
            name, content, chance = damaged(seed, number, files)
            path = Path(folder) / name
            path.write_bytes(content)
            print(number, name, flush=True)
            result = " ".join(read(path, chance).split())
            taken = _most_taken()
            print(f"{taken >> 20} MiB of memory" if taken > MEMORY else result, flush=True)
            if taken > MEMORY:
                break  # the most ever taken is known only, so another process goes on


def fuzz(seed: int, count: int, only: Sequence[str] = (), seconds: float = SECONDS) -> Iterator[Outcome]:
    """Read so many damaged files in processes of their own; yield what became of each."""
    number = 0
    while number < count:
        arguments = [
            "--child",
            f"{number}",
            "--seed",
            f"{seed}",
            "--count",
            f"{count - number}",
            "--only",
            *only,
        ]
        for outcome in _of_process([sys.executable, __file__, *arguments], seconds):
            number = outcome.number + 1
            yield outcome


def _of_process(command: list[str], seconds: float) -> Iterator[Outcome]:
    """Yield the outcomes that a child tells; the last one is a fault where it ended before its time."""
    folders = os.pathsep.join(["tests", ".", os.environ.get("PYTHONPATH", "")])
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        command, cwd=root, env=os.environ | {"PYTHONPATH": folders}, stdout=subprocess.PIPE, text=True
    ) as process:
        lines = _lines(process)
        try:
            while (begun := lines.get(timeout=60 + seconds)) is not None:
                number, name = begun.split()
                try:
                    result = lines.get(timeout=seconds)
                except queue.Empty:
                    yield Outcome(int(number), name, f"it takes more than {seconds:g} seconds")
                    return
                if result is None:
                    yield Outcome(int(number), name, f"the end of the process: status {process.wait()}")
                    return
                yield Outcome(int(number), name, result)
            if process.wait():
                raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")
        finally:
            process.kill()


def _lines(process: subprocess.Popen[str]) -> queue.Queue[str | None]:
    """Return the lines of a process as they come, then None."""
    lines: queue.Queue[str | None] = queue.Queue()

    def pump() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    return lines


def _chosen(only: Sequence[str]) -> list[tuple[str, bytes]]:
    """Return the undamaged files of which the name holds one of these words; all without any."""
    files = [file for file in sample_files() if not only or any(word in file[0] for word in only)]
    if not files:
        raise SystemExit(f"--only {' '.join(only)}: no file is called so; there are {', '.join(WRITERS)}.")
    return files


def table(outcomes: Sequence[Outcome]) -> str:
    """Return how many images, errors and faults there were of each format."""
    kinds = ("image", "error", "fault")
    counts = Counter(
        (format_of(Path(outcome.name)), "fault" if outcome.fault else outcome.result) for outcome in outcomes
    )
    rows = [(kind, *(counts[kind, result] for result in kinds)) for kind in dict.fromkeys(FORMATS.values())]
    lines = [f"{'format':10}{'images':>8}{'errors':>8}{'faults':>8}"]
    lines += [f"{kind:10}{images:8}{errors:8}{faults:8}" for kind, images, errors, faults in rows]
    return "\n".join(lines)


def main() -> int:
    """Read damaged files as the command line says; the status is 1 where one was at fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=3000, help="how many damaged files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="parts of the names of undamaged files")
    parser.add_argument("--keep", type=Path, help="folder for the files at fault")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        child(options.seed, options.child, options.count, options.only)
        return 0
    outcomes = []
    for outcome in fuzz(options.seed, options.count, options.only):
        outcomes.append(outcome)
        if outcome.fault:
            print(f"{outcome.number} {outcome.name}: {outcome.result}", flush=True)
            if options.keep:
                name, content, _ = damaged(options.seed, outcome.number, _chosen(options.only))
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{options.seed}_{outcome.number}_{name}").write_bytes(content)
    print(table(outcomes))
    return int(any(outcome.fault for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
