"""What `--help` and `--list` say, made without torch: keys, parts and configs, and what they are for."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from itertools import takewhile

import yaml

import datamodules
import gans
from gans.cli.config_files import find_config, known_configs
from gans.cli.errors import program
from gans.cli.options import COMMANDS, OPTIONS
from gans.cli.sources import docstring, parameters
from gans.cli.stand_ins import shared_callbacks

OVERVIEW = """\
usage: {program} COMMAND --config NAME [--KEY VALUE ...]

commands:
{commands}
options before or instead of a command:
  --list      the models, data modules and configs there are
  --version   the version of this project and of what it stands on
  --help      this text; after a command, the keys that matter to it; --help all: every key

examples:
  {program} fit --config cyclegan --data.root my_folder
  {program} fit --config cyclegan --data.root my_folder --model.lambda_cycle 5 --trainer.devices 2
  {program} fit --ckpt_path last
  {program} test --ckpt_path runs/cyclegan/DATE/checkpoints/best.ckpt
  {program} predict --ckpt_path runs/cyclegan/DATE/checkpoints/last.ckpt --data.predict_dir photos
  {program} fit --config cyclegan --print_config

NAME is a file, or one of the configs that --list shows: {configs}, ...
The keys of a model or data module: {program} fit --model.help CycleGAN, --data.help UnpairedImages"""

MEASURED = {
    "--ckpt_path FILE": "The checkpoint to measure; `last` is that of the newest run.",
    "--data.root FOLDER": "Other images than those of the run.",
}
STARTS = {
    "fit": {
        "--config NAME": "A file, or a config that --list shows; a later one is laid over an earlier one.",
        "--data.root FOLDER": "Your own images; without it the quick starts draw faces.",
        "--data.size N": "Side of the images in the network, in pixels; HEIGHTxWIDTH for StyleGAN2.",
        "--model.KEY VALUE": "An argument of the model, see --model.help CLASS; --data.KEY likewise.",
        "--ckpt_path FILE": "Go on with a run from its checkpoint; `last` is that of the newest run.",
        "--print_config": "Show what would run, with every key, and end.",
    },
    "validate": MEASURED,
    "test": MEASURED,
    "predict": {
        "--ckpt_path FILE": "The checkpoint of the trained model; `last` is that of the newest run.",
        "--data.predict_dir FOLDER": "Images to translate.",
        "--data.predict_count N": "How many to make, for models that make pictures out of noise.",
    },
}
"""Command -> what nearly every command line of it has."""

TRAINER = {
    "devices N": "GPUs or processes.",
    "accelerator NAME": "cpu, gpu, mps or auto.",
    "precision NAME": "Such as bf16-mixed.",
}
FIT = {
    "max_epochs N": "The end of the training; the schedules of the rates end with it.",
    "max_steps N": "The end in optimiser steps of all players together.",
    "max_time DD:HH:MM:SS": "The end by the clock.",
    "limit_train_batches N": "Batches of an epoch, to try something quickly.",
}
"""Keys of Lightning's trainer that people use, for all commands and for fit alone -> what they are."""

USES = {
    "UnpairedImages": "Translate between two folders of pictures that have no partners",
    "PairedImages": "Translate pictures, learnt from pairs",
    "SharpImages": "Enlarge pictures",
    "MultiDomainImages": "Change pictures among several domains",
    "CaptionedImages": "Draw pictures from captions",
    "Images": "Make pictures out of noise, or of a code",
    "": "To be laid over another config",
}
"""Data module of a config -> what one would do with it."""

CONFIGS = """\
Configs (--config) by use. Those without a folder are quick starts on drawn faces; with --data.root FOLDER
they train the published model on your own images."""

FOLDERS = {
    "paper": "As published",
    "compare": "Side by side at equal size, by gans.tools.compare",
    "ablations": "What the parts of pix2pix are good for",
    "toys": "Modes in the plane",
}
"""Folder of configs -> what they are for; another folder stands under its own name."""


def overview() -> str:
    """Return what `--help` says before a command."""
    commands = "".join(f"  {name:<12}{what}\n" for name, what in COMMANDS.items())
    quick = ", ".join(name for name in known_configs() if "/" not in name)
    return OVERVIEW.format(program=program(), commands=commands, configs=quick)


def command_help(command: str) -> str:
    """Return what `--help` says after a command: a page for people; `--help all` is the parser's."""
    own = {f"--{option.name} VALUE": option.help for option in OPTIONS if command in option.commands}
    trainer = TRAINER | (FIT if command == "fit" else {})
    usage = f"usage: {program()} {command} " + (
        "--config NAME [--KEY VALUE ...]" if command == "fit" else "--ckpt_path FILE [--KEY VALUE ...]"
    )
    sections = {
        "what to begin with": STARTS[command],
        "of this command": own,
        "parts of a run, each with keys of its own, left out by --without PART": dict(_parts(command)),
        "of Lightning's trainer": {f"--trainer.{key}": text for key, text in trainer.items()},
        "more": {
            "--help all": "Every key.",
            "--model.help CLASS": "The arguments of a model, such as CycleGAN.",
            "--data.help CLASS": "The arguments of a data module, such as UnpairedImages.",
            "--list": "Before or instead of a command: models, data modules and configs.",
        },
    }
    blocks = [f"{title}:\n{_table(rows)}" for title, rows in sections.items()]
    return "\n\n".join([usage, COMMANDS[command], *blocks])


def listing() -> str:
    """Return what `--list` says: configs by use, then the classes."""
    by_use: dict[str, dict[str, str]] = {use: {} for use in [*USES.values(), *FOLDERS.values()]}
    for config in known_configs():
        text = find_config(config).read_text(encoding="utf-8")
        by_use.setdefault(_use(config, text), {})[config] = _first_sentence(text)
    models = {name: _told(module, name) for name, module in gans.VARIANTS.items()}
    modules = {name: _told(module, name) for name, module in datamodules.DATA_MODULES.items()}
    sections = {**by_use, "models (--model)": models, "data modules (--data)": modules}
    blocks = [f"{title}:\n{_table(rows)}" for title, rows in sections.items() if rows]
    return "\n\n".join([CONFIGS, *blocks])


def _parts(command: str) -> Iterator[tuple[str, str]]:
    for key, (module, name, commands) in shared_callbacks().items():
        if command in commands:
            keys = ", ".join(each.name for each in parameters(module, name))
            yield f"--{key}", _told(module, name) + (f" Keys: {keys}." if keys else "")


def _use(config: str, text: str) -> str:
    folder = config.rpartition("/")[0]
    if folder:
        return FOLDERS.get(folder, folder)
    data = yaml.safe_load(text).get("data", {})
    module = data.get("class_path", "") if isinstance(data, Mapping) else str(data)
    return USES.get(module, module)


def _first_sentence(text: str) -> str:
    """Return the first sentence of the comment with which a config begins, however many lines it has."""
    comment = " ".join(line.removeprefix("#").strip() for line in takewhile(_is_comment, text.splitlines()))
    first = re.split(r"(?<=\.) (?=[A-Z])", comment, maxsplit=1)[0].removeprefix("Quick start: ")
    return first[:1].upper() + first[1:]


def _is_comment(line: str) -> bool:
    return line.startswith("#")


def _told(module: str, name: str) -> str:
    """Return the first paragraph of a docstring as one line, without the marks of code."""
    return " ".join(docstring(module, name).partition("\n\n")[0].split()).replace("`", "")


def _table(rows: Mapping[str, str]) -> str:
    """Return two columns that fit the terminal, or 100 characters where there is none."""
    width = max(60, shutil.get_terminal_size((100, 24)).columns)
    first = min(30, max(map(len, rows)))
    return "\n".join(_row(name, text, first, width) for name, text in rows.items())


def _row(name: str, text: str, first: int, width: int) -> str:
    indent = " " * (first + 4)
    lines = textwrap.wrap(text, width - len(indent), break_on_hyphens=False) or [""]
    head = f"  {name:<{first}}"
    if len(name) > first:
        return "\n".join([f"  {name}", *(indent + line for line in lines)])
    return "\n".join([f"{head}  {lines[0]}".rstrip(), *(indent + line for line in lines[1:])])
