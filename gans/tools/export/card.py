"""What goes with exported files, so that they can be used without this project: a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from gans.tools.export.export import Exported
from gans.tools.export.formats import FORMATS, OPSET, OUTPUT, Subject
from gans.tools.export.program import Axis, Program


def card(subject: Subject, checkpoint: Path, files: Mapping[Path, Exported], tolerance: float) -> str:
    """Return the card of exported files.

    Args:
        subject: what was exported.
        checkpoint: of what.
        files: by path.
        tolerance: that the differences were held to.
    """
    program = subject.program
    lines = [
        f"# {title(subject)}",
        "",
        f"Exported from `{checkpoint.name}`; weights {weights_used(subject)}.",
        "",
        *(f"- Input `{one.name}`, {one.type} {_shape(one.shape)}: {one.meaning}." for one in program.inputs),
        f"- Output, `{OUTPUT}` in ONNX, float32 {_shape(program.output)}: {program.meaning}.",
        f"- Sizes: {sizes(program)}.",
        *(f"- {note}" for note in program.notes),
        "",
        *_differences(files, tolerance),
        "",
        *_files(files),
        "",
        f"Made with {', '.join(_versions(files))}.",
    ]
    return "".join(f"{line}\n" for line in lines)


def title(subject: Subject) -> str:
    """Return the variant and its networks."""
    return f"{type(subject.model).__name__}: {', '.join(subject.program.networks)}"


def weights_used(subject: Subject) -> str:
    """Return which weights they are."""
    if any(name in subject.model.ema for name in subject.program.networks):
        decay = subject.model.hparams["ema_decay"]  # 0 where averages lengthen by a variant's own rule
        return f"averaged over the training{f' (ema_decay {decay:g})' if decay else ''}"
    return "as trained, without averaging"


def sizes(program: Program) -> str:
    """Return what is free in the inputs, and the rule that heights and widths follow."""
    size = program.sizes
    if not program.takes_any_size:
        width, height = program.output[:1:-1]
        return f"any batch; always {width} x {height} pixels"
    rule = f"any batch, any height and width from {size.smallest} pixels, trained at {size.training}"
    if size.multiple == 1:
        return rule
    return f"{rule}; sides that are no multiples of {size.multiple} are padded inside and cropped back"


def _shape(axes: tuple[Axis, ...]) -> str:
    return f"({', '.join(map(str, axes))}{',' if len(axes) == 1 else ''})"


def _differences(files: Mapping[Path, Exported], tolerance: float) -> list[str]:
    """Return a table of the differences by case and format."""
    found = list(files.values())
    rows = [
        [str(case), *(f"{file.differences[case]:.1e}" for file in found)] for case in found[0].differences
    ]
    return [
        "Largest absolute difference from PyTorch on random inputs, in the units of the output (tolerance "
        f"{tolerance:g}):",
        "",
        *_table(["batch x height x width", *(file.format for file in found)], rows),
    ]


def _files(files: Mapping[Path, Exported]) -> list[str]:
    rows = [[path.name, f"{len(file.contents)}", f"`{file.digest}`"] for path, file in files.items()]
    return _table(["file", "bytes", "SHA-256"], rows)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _versions(files: Mapping[Path, Exported]) -> list[str]:
    packages = [package for file in files.values() for package in FORMATS[file.format].packages]
    versions = [f"{name} {metadata.version(name)}" for name in ("torch", *packages)]
    onnx = any(file.format == "onnx" for file in files.values())
    return [*versions, *([f"ONNX opset {OPSET}"] if onnx else [])]
