r"""Looks at a set of images as a training would, reads every file, and says what it finds.

    python -m gans.tools.look --data Images --data.root FOLDER
    python -m gans.tools.look --config cyclegan --data.root FOLDER --data.size 128

The arguments are those of `fit`: of a config the data alone counts. Said are numbers, sizes, depths, what is
left out and why, and images that show the same, above all those that are both trained on and held out. A
contact sheet shows batches as a network would see them.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gans.cli import errors
from gans.tools.command_line import command_line

if TYPE_CHECKING:
    from datamodules.base import BatchDataModule
    from datamodules.found import Found

SHEET = Path("contact_sheet.png")
NAMED = 8  # files that are named before the others are only counted
IN_SHEET = 16  # images of a batch


def main() -> int:
    """Run the command in `sys.argv` and return its exit status, as `gans.cli.command.main` does."""
    return errors.status_of(lambda: _run(*_parser().parse_known_args()))


def _run(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    from gans.tools.images.opening import open_images  # imports torch, which `--help` need not wait for
    from gans.tools.images.sheet import write_sheet

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        data = open_images(arguments)
    for warning in told:  # such as images without a partner
        sys.stdout.write(f"{warning.message}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged images are told below
        data.prepare_data()
        for line in report(data, options.names):
            sys.stdout.write(f"{line}\n")
        write_sheet(data, IN_SHEET, options.sheet)
    sys.stdout.write(f"{'Sheet':<12}{options.sheet}\n")


def report(data: BatchDataModule, names: int = NAMED) -> Iterator[str]:
    """Yield what there is to say of the images of a data module.

    Args:
        data: after `prepare_data`.
        names: how many files are named of each kind, before the others are only counted.
    """
    from gans.cli.overview import INDENT

    for heading, lines in _parts(data, names).items():
        for number, line in enumerate(lines):
            yield f"{'' if number else heading:<{INDENT}}{line}"


def _parts(data: BatchDataModule, names: int) -> dict[str, list[str]]:
    from gans.cli.overview import image_lines
    from gans.tools.images.inspection import left_out

    found = data.found()
    parts = {"Images": list(image_lines(found)), "Files": [], "Left out": [], "Damaged": [], "Same": []}
    for reason, paths in left_out(found).items():
        parts["Left out"].append(f"{reason}: {_named(paths, names)}")
    for each in found:
        if each.files is not None:
            for heading, lines in _of_files(each, data, names):
                parts[heading] += lines
    if any(each.files for each in found):
        parts["Damaged"] = parts["Damaged"] or ["none"]
        parts["Same"] = parts["Same"] or ["no two images show the same"]
    return parts


def _of_files(found: Found, data: Any, names: int) -> Iterator[tuple[str, list[str]]]:
    """Yield headings and lines about the files of one domain, which are read for it."""
    from gans.tools.images.inspection import counted, inspect, twins

    assert found.files is not None
    train, held_out = (listing.paths for listing in found.files)
    seen = inspect([*train, *held_out], data.reading)
    usable = [each for each in seen.values() if not each.error]
    sizes = (f"{each.size[0]} x {each.size[1]}" for each in sorted(usable, key=lambda each: each.size))
    channels = (f"{each.channels} channel{'s' if each.channels > 1 else ''}" for each in usable)
    for values in (sizes, (each.kind for each in usable), channels):
        yield "Files", [f"{found.name}: {', '.join(counted(values))}"] if usable else []
    bad = [each for each in seen.values() if each.error]
    yield "Damaged", [f"{found.name}: {each.error}" for each in bad[:names]] + _more(bad, names)
    same = (
        []
        if list(train) == list(held_out)
        else twins([seen[path] for path in train], [seen[path] for path in held_out])
    )
    yield "Same", [f"{found.name}: {_twins(group)}" for group in same[:names]] + _more(same, names)


def _twins(group: Any) -> str:
    if not group.leak:
        where = "trained on" if group.training else "held out"
        return f"{where}: {' = '.join(map(str, group.training + group.held_out))}"
    return (
        f"held out though trained on: {' = '.join(map(str, group.held_out))} = "
        f"{' = '.join(map(str, group.training))}"
    )


def _named(paths: Sequence[Path], most: int) -> str:
    return ", ".join([*map(str, paths[:most]), *_more(paths, most)])


def _more(items: Sequence[object], most: int) -> list[str]:
    return [f"and {len(items) - most} more"] if len(items) > most else []


def _parser() -> argparse.ArgumentParser:
    parser = command_line(
        "gans.tools.look",
        __doc__,
        usage="%(prog)s [--config NAME] [--data CLASS] [--data.KEY VALUE ...] [--sheet FILE] [--names N]",
    )
    parser.add_argument("--sheet", type=Path, default=SHEET, help=f"the contact sheet, by default {SHEET}")
    parser.add_argument("--names", type=int, default=NAMED, help="how many files are named of each kind")
    return parser


if __name__ == "__main__":
    sys.exit(main())
