"""The rules of place: what a folder may import is below it, and nothing imports itself by a detour."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import gans

ROOT = Path(__file__).parents[1]

FLOORS = (
    "datamodules",  # names alone
    "datamodules.arguments",
    "datamodules.progress",
    "datamodules.disk",
    "datamodules.files",
    "datamodules.fingerprint",
    "datamodules.slices",
    "datamodules.listing",
    "datamodules.tables",
    "datamodules.imresize",
    "datamodules.transforms",
    "datamodules.image_sets",
    "datamodules.found",
    "datamodules.loading",
    "datamodules.degradations",
    "datamodules.image_store",
    "datamodules.reading",
    "datamodules.streaming",
    "datamodules.prediction",
    "datamodules.public_sets",
    "datamodules.faces",
    "datamodules.base",
    "datamodules.images",
    "datamodules.unpaired",
    "datamodules.paired",
    "datamodules.sharp",
    "datamodules.multi_domain",
    "datamodules.captioned",
    "datamodules.points",
    "gans",  # names alone; `load` finds the rest when it is called
    "gans.files",
    "gans.networks",
    "gans.losses",
    "gans.text",
    "gans.protocol",
    "gans.inference",
    "gans.pictures",
    "gans.training",
    "gans.checkpoints",
    "gans.sampling",
    "gans.metrics",
    "gans.base",
    "gans.families",
    "variants",
    "gans.callbacks",
    "gans.cli",
    "gans.tools",
    "gans.__main__",
)
"""Folders, and modules that lie in none, from the ground upwards."""

ALONE = ("gans.networks", "gans.losses")
"""Folders that use nothing of the project but each other: they could be taken elsewhere as they are."""

BETWEEN_VARIANTS = {("gans.vae", "gans.autoencoder"), ("gans.gan_cls", "gans.text_encoder")}
"""A VAE is an auto-encoder; GAN-CLS holds a text encoder."""

NAMED = {
    ("gans.callbacks.text_match", "gans.text_encoder"),
    ("gans.tools.official.places", "gans.cut"),
    ("gans.tools.official.places", "gans.stargan"),
}
"""Callbacks and tools that know a variant by name: all others know the base's protocol."""


def imported() -> Iterator[tuple[str, str, bool]]:
    """Yield who imports which module of the project, and whether at once, not when a function is called."""
    for path in [*ROOT.glob("gans/**/*.py"), *ROOT.glob("datamodules/**/*.py")]:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            modules: list[str] = []
            if isinstance(node, ast.ImportFrom):
                modules = [_module(f"{node.module}.{alias.name}") for alias in node.names]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            for module in modules:
                if module.split(".")[0] in ("gans", "datamodules") and module != name:
                    yield name, module, node in tree.body


def _module(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    return name if path.is_dir() or path.with_suffix(".py").is_file() else name.rpartition(".")[0]


def floor_of(module: str) -> str:
    if module in gans.VARIANTS.values():
        return "variants"
    return ".".join(module.split(".")[:2])


def test_every_folder_is_on_a_floor() -> None:
    assert {floor_of(name) for name, _, _ in imported()} - set(FLOORS) == set()


def test_nothing_imports_upwards() -> None:
    upwards = [
        (name, module)
        for name, module, _ in imported()
        if FLOORS.index(floor_of(name)) < FLOORS.index(floor_of(module)) and name != "gans"
    ]
    assert upwards == []


def test_the_data_know_nothing_of_the_models() -> None:
    assert [pair for pair in imported() if pair[0].startswith("data") and pair[1].startswith("gans")] == []


def test_networks_and_losses_stand_alone() -> None:
    outside = [
        (name, module)
        for name, module, _ in imported()
        if floor_of(name) in ALONE and floor_of(module) not in ALONE
    ]
    assert outside == []


def test_variants_are_known_by_name_only_where_it_is_said() -> None:
    knowing = {
        (name, module)
        for name, module, _ in imported()
        if module in gans.VARIANTS.values() and name != "gans"
    }
    assert knowing == BETWEEN_VARIANTS | NAMED


def test_no_module_imports_itself_by_a_detour() -> None:
    at_once: dict[str, set[str]] = {}
    for name, module, top in imported():
        if top:
            at_once.setdefault(name, set()).add(module)
    TopologicalSorter(at_once).prepare()  # raises CycleError, which names the circle


def test_the_top_of_gans_holds_papers_and_what_they_share() -> None:
    others = {path.stem for path in (ROOT / "gans").glob("*.py")} - {
        name.removeprefix("gans.") for name in gans.VARIANTS.values()
    }
    assert others == {"__init__", "__main__", "base", "files", "inference", "protocol"}


@pytest.mark.parametrize("paper", sorted(set(gans.VARIANTS.values())))
def test_a_paper_uses_what_it_builds_on_by_public_names(paper: str) -> None:
    path = ROOT.joinpath(*paper.split(".")).with_suffix(".py")
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    own |= {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
    assert {node.attr for node in attributes if not node.attr.startswith("__")} - own == set()
