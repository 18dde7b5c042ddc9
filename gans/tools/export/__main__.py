"""Exports the generator of a checkpoint: ONNX, torch.export (.pt2) and the weights as safetensors.

    python -m gans.tools.export runs/cyclegan/DATE/checkpoints/last.ckpt exported
    python -m gans.tools.export CKPT horse.onnx --direction B2A

Every file is opened again and compared with the model on several sizes before it is written; a card beside
the files (Markdown) says what goes in, what comes out, and how large the differences are.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gans.cli import errors
from gans.tools.command_line import command_line
from gans.tools.export import SUFFIXES, TOLERANCE


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(_parser().parse_args()))


def _run(options: argparse.Namespace) -> None:
    formats = _formats(options)
    from gans.tools.export.card import card, sizes, title, weights_used
    from gans.tools.export.export import exported, open_subject, write
    from gans.tools.export.formats import needed

    needed(formats)
    subject = open_subject(options.checkpoint, options.direction, options.raw)
    sys.stdout.write(f"{title(subject)}; weights {weights_used(subject)}; {sizes(subject.program)}\n")
    base = _base(options.target, subject.program.name)
    files = {}
    for name in formats:
        file = files[base.with_name(base.name + SUFFIXES[name])] = exported(subject, name, options.tolerance)
        cases = ", ".join(map(str, file.differences))
        sys.stdout.write(f"{name}: differs from PyTorch by up to {file.largest:.1e}, at {cases}\n")
    page = card(subject, options.checkpoint, files, options.tolerance)
    contents = {path: file.contents for path, file in files.items()}
    contents[base.with_name(f"{base.name}.md")] = page.encode()
    write(contents)
    sys.stdout.writelines(f"{path}\n" for path in contents)


def _formats(options: argparse.Namespace) -> list[str]:
    """Return the formats, of which a file's suffix names one."""
    named = [name for name, suffix in SUFFIXES.items() if suffix == options.target.suffix]
    if named and options.formats not in (None, named):
        raise errors.UsageError(
            f"OUT {options.target} is one file, of the format {named[0]}, and --formats says "
            f"{' '.join(options.formats)}: name a folder, or leave --formats out."
        )
    if not named and options.target.is_file():
        raise errors.UsageError(
            f"OUT {options.target} is a file: name a folder, or a file that ends in "
            f"{', '.join(SUFFIXES.values())}."
        )
    return named or list(dict.fromkeys(options.formats or SUFFIXES))


def _base(target: Path, name: str) -> Path:
    """Return the path of all files without their suffixes: in the folder, or that of the file."""
    return target.with_suffix("") if target.suffix in SUFFIXES.values() else target / name


def _parser() -> argparse.ArgumentParser:
    parser = command_line("gans.tools.export", __doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="of any variant with a generator")
    parser.add_argument(
        "target",
        type=Path,
        metavar="OUT",
        help=f"folder; or a file that ends in {', '.join(SUFFIXES.values())}",
    )
    parser.add_argument("--formats", nargs="+", choices=SUFFIXES, help="into the folder; by default all")
    parser.add_argument("--direction", choices=("A2B", "B2A"), help="of CycleGAN and MUNIT; else A2B")
    parser.add_argument(
        "--raw", action="store_true", help="the networks as trained, where averages were kept"
    )
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help=f"largest difference; by default {TOLERANCE:g}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
