"""Composes drawn faces from options and rasterises them, in as many processes as there are cores.

This file is also the program that those processes run, `python -m datamodules.faces.drawing`. They are no
`multiprocessing` workers on purpose: spawned ones import the caller's main module again, which fails in a
script without a main guard; forked ones inherit torch's locks without its threads; and threads do not help
because the rasteriser holds Python's global lock.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from datamodules.progress import progress_bar

if TYPE_CHECKING:
    from dicebear import Style

# A process takes a second to start and a face some milliseconds: each must have so many to draw.
FACES_PER_PROCESS = 200

Options = dict[str, Any]


class Drawing(NamedTuple):
    """A drawn face: pixels (size, size, 3) of uint8 on white, and what is to be seen in it.

    The attributes are what the style chose, such as hairVariant: long07, hairColor: #0e0e0e, and None for a
    component that is not there (glassesVariant: None).
    """

    pixels: npt.NDArray[np.uint8]
    attributes: dict[str, str | None]


@cache
def style_definition(name: str) -> dict[str, Any]:
    """Return the definition of a style (components, colours, licence) from the package dicebear-styles."""
    text = files("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8")
    definition: dict[str, Any] = json.loads(text)
    return definition


@cache
def _style(name: str) -> Style:
    from dicebear import Style  # here, as it takes half a second that images of one's own need not pay

    return Style(style_definition(name))


def draw(style: str, size: int, options: Options) -> Drawing:
    """Draw one face of size x size pixels.

    Args:
        style: name of a style, such as adventurer.
        size: height and width in pixels.
        options: options of the style; the same options always give the same face. `seed` chooses whatever the
            others leave open, each property by itself, so that changing one option leaves the others as
            they are.
    """
    import resvg_py
    from dicebear import Avatar

    avatar = Avatar(_style(style), options).to_json()
    # The styles have no text, so system fonts could only make drawings differ between machines.
    png = resvg_py.svg_to_bytes(svg_string=avatar["svg"], width=size, height=size, skip_system_fonts=True)
    face = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    page = Image.new("RGBA", face.size, "white")
    page.alpha_composite(face)
    return Drawing(np.asarray(page.convert("RGB")), _attributes(style, avatar["options"]))


def _attributes(style: str, resolved: dict[str, Any]) -> dict[str, str | None]:
    """Keep which variant and which colour was chosen, leave out geometry."""
    variants = {f"{name}Variant": None for name in style_definition(style)["components"]}
    variants |= {name: value for name, value in resolved.items() if name in variants}
    colours = {name: value[0] for name, value in resolved.items() if name.endswith("Color") and value}
    return variants | colours


def draw_all(style: str, size: int, faces: Sequence[Options], what: str) -> list[Drawing]:
    """Draw many faces on all cores, with a progress bar.

    Args:
        style: name of a style.
        size: height and width in pixels.
        faces: the options of each face.
        what: is drawn, said beside the bar.

    Returns:
        The faces in the order of their options.

    Raises:
        RuntimeError: a drawing process ended early; its own message is on standard error.
    """
    workers = min(_cores(), len(faces) // FACES_PER_PROCESS + 1)
    with progress_bar(f"Drawing {what}", len(faces)) as advance:
        if workers == 1:
            return list(_counted((draw(style, size, options) for options in faces), advance))
        shares = [faces[worker::workers] for worker in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            parts = list(
                pool.map(lambda share: list(_counted(_elsewhere(style, size, share), advance)), shares)
            )
    return [parts[index % workers][index // workers] for index in range(len(faces))]


def _cores() -> int:
    """Number of cores this process may use, which a container or scheduler may have limited."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _counted(drawings: Iterable[Drawing], advance: Callable[[], None]) -> Iterator[Drawing]:
    for drawing in drawings:
        advance()
        yield drawing


def _elsewhere(style: str, size: int, faces: Sequence[Options]) -> Iterator[Drawing]:
    """Draw in another process: JSON goes in, each face comes back as a line of JSON and its pixels."""
    program = [sys.executable, "-m", "datamodules.faces.drawing"]
    home = Path(__file__).parents[1]  # from here the module is found whether or not the project is installed
    # In a session of its own Ctrl-C does not reach it: it ends without a word when its pipe is closed.
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=home, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError), process.stdin as job:  # that it is gone is seen below
            job.write(json.dumps({"style": style, "size": size, "faces": faces}).encode())
        for _ in faces:
            attributes = process.stdout.readline()
            pixels = process.stdout.read(size * size * 3)
            if len(pixels) < size * size * 3:
                raise RuntimeError(f"A process drawing faces ended early with status {process.wait()}.")
            yield Drawing(np.frombuffer(pixels, np.uint8).reshape(size, size, 3), json.loads(attributes))


def _serve(job: BinaryIO, answers: BinaryIO) -> None:
    """Do what `_elsewhere` asks for."""
    task = json.load(job)
    for options in task["faces"]:
        drawing = draw(task["style"], task["size"], options)
        answers.write(json.dumps(drawing.attributes).encode() + b"\n" + drawing.pixels.tobytes())


if __name__ == "__main__":
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer)
        sys.stdout.flush()
    except (
        BrokenPipeError,
        json.JSONDecodeError,
    ):  # who asked is gone, or was amid asking
        os._exit(1)  # since Python would try to write what is left at its end, and say that it failed
