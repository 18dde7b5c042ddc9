"""Every command in README.md, RESULTS.md and docs/, as its reader would type it."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "RESULTS.md", *sorted((ROOT / "docs").glob("*.md"))]

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (\S.*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
COMMAND = re.compile(r"(python|pip|pytest|torchrun|sbatch|gans)( |$)|(fit|validate|test|predict) --")

NOT_RUN = {
    "pip install": "changes the installation",
    "pytest": "is what runs this",
    "torchrun": "needs several machines; tests/cli/test_nodes.py starts one",
    "python -m benchmarks": "measures for minutes, and is no part of the package",
    "python train.py fit --config cyclegan --trainer.devices 8": "needs eight GPUs; the sweep has processes",
    "python train.py fit --config dcgan --data.root s3://bucket/photographs": "needs a bucket; "
    "tests/datamodules/streaming read chunks from a folder in its place",
    "python translate.py": "is a page's own program, which tests/tools/test_export.py runs",
}
"""Beginning of a command -> why no test runs it."""

ON_VOLUMES = "scans"
"""The folder in the commands of docs/volumes.md, which tests/test_volumes.py runs one after the other."""


def documented() -> list[str]:
    """Return all commands once, in the order of the pages."""
    texts = (page.read_text(encoding="utf-8").replace("\\\n", " ") for page in PAGES)
    return list(dict.fromkeys(command for text in texts for command in _commands(text)))


def run_by(prefix: str) -> list[list[str]]:
    """Return the arguments of all commands that begin with a prefix and that tests run."""
    return [
        shlex.split(command.removeprefix(prefix), comments=True)
        for command in documented()
        if is_of(prefix, command)
        and not any(is_of(other, command) for other in NOT_RUN)
        and ON_VOLUMES not in command
    ]


def started(main: Callable[[], int], *arguments: object) -> int:
    """Run the `main` of a tool with these arguments in this process; return its exit status."""
    with patch.object(sys, "argv", ["tool", *map(str, arguments)]):
        return main()


def is_of(prefix: str, command: str) -> bool:
    """Tell whether a command begins with these words."""
    return f"{command} ".startswith(f"{prefix} ") or command.startswith(f"{prefix}.")


def _commands(text: str) -> Iterator[str]:
    for language, block in FENCED.findall(text):
        if not language:
            yield from _lines(block)
    prose = FENCED.sub("", text)
    yield from _lines("\n".join(INDENTED.findall(prose)))
    yield from _lines("\n".join(" ".join(code.split()) for code in INLINE.findall(prose)))


def _lines(block: str) -> Iterator[str]:
    for line in block.splitlines():
        for part in line.split("#")[0].split("&&"):
            command = " ".join(part.split())
            if COMMAND.match(command):
                short = command.split()[0] in ("fit", "validate", "test", "predict")
                yield f"python train.py {command}" if short else command
