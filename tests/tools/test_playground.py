"""What the playground offers of each variant, and that the Python it shows makes the same pictures again."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from support.latent_models import Colours
from support.playing import same, write_lively

import gans
from datamodules.files.formats.common import ImageError
from gans.tools.playground import pictures
from gans.tools.playground.__main__ import main
from gans.tools.playground.calls import Call, program, written
from gans.tools.playground.pictures import open_picture, read_upload
from gans.tools.playground.settings import Amount, Another, Choice
from gans.tools.playground.tiles import in_tiles
from gans.tools.playground.walks import film, moved
from gans.tools.playground.ways import Size, Way, ways_of

NO_PICTURES = {"TextEncoder"}
WAYS = {
    "CycleGAN": ["Translate"],
    "StarGAN": ["Translate"],
    "SRGAN": ["Enlarge"],
    "GANCLS": ["Draw a sentence"],
    "DCGAN": ["Make from seeds", "Film"],
    "Energy": ["Make from seeds"],
    "VAE": ["Reconstruct", "Make from seeds", "Film"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a checkpoint of every variant, and the pictures that the ways are given."""
    folder = tmp_path_factory.mktemp("playground")
    for name in gans.VARIANTS:
        write_lively(folder, name)
    noise = np.random.default_rng(0)
    Image.fromarray(noise.integers(0, 256, (20, 24, 3), np.uint8)).save(folder / "face.png")
    Image.fromarray(noise.integers(0, 256, (17, 16, 4), np.uint8)).save(folder / "look.png")
    return folder


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to that folder, as the Python that is shown expects."""
    monkeypatch.chdir(folder)


def ways(name: str) -> list[Way]:
    path = Path(f"{name.lower()}.ckpt")
    return ways_of(gans.load(path), path)


def given_to(way: Way) -> Any:
    return {"picture": read_upload("face.png"), "caption": "a person with red hair", "nothing": None}[
        way.asked
    ]


def first(setting: Any) -> Any:
    """Return what is chosen at first."""
    if isinstance(setting, Choice):
        return next(iter(setting.options.values()))
    return None if isinstance(setting, Another) else setting.value


def other(setting: Any) -> Any:
    """Return something else that can be chosen."""
    if isinstance(setting, Choice):
        return list(setting.options.values())[-1]
    if isinstance(setting, Another):
        return read_upload("look.png")
    return setting.most / 2 if isinstance(setting, Amount) else setting.value + 1


def settings_of(way: Way, choose: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: choose(setting) for name, setting in way.settings.items()}


def made_again(code: str) -> list[list[Image.Image]]:
    """Run what the page shows, and return the pictures of each line that makes some."""
    names: dict[str, Any] = {}
    lines = code.splitlines()
    exec("\n".join(line for line in lines if "  # " not in line), names)
    made = [eval(line.partition("  # ")[0], names) for line in lines if "  # " in line]
    return [each if isinstance(each, list) else [each] for each in made]


def shown_by(way: Way, chosen: dict[str, Any]) -> tuple[list[list[Image.Image]], str]:
    made = [(label, call.made_by(way.model)) for label, call in way.calls(given_to(way), chosen)]
    return [each.pictures for _, each in made], program(way.checkpoint, made)


def alike(a: list[list[Image.Image]], b: list[list[Image.Image]]) -> bool:
    """Tell whether lines made as many pictures each, and the same ones."""
    if [len(each) for each in a] != [len(each) for each in b]:
        return False
    return all(same(*pair) for rows in zip(a, b, strict=True) for pair in zip(*rows, strict=True))


@pytest.mark.parametrize("choose", [first, other])
@pytest.mark.parametrize("name", [name for name in gans.VARIANTS if name not in NO_PICTURES])
def test_the_python_shown_makes_the_same_pictures_again(name: str, choose: Callable[[Any], Any]) -> None:
    for way in ways(name):
        pictures, code = shown_by(way, settings_of(way, choose))
        assert alike(pictures, made_again(code)), code
        assert all(np.asarray(one).std() > 1 for each in pictures for one in each), "not grey all over"


@pytest.mark.parametrize("name", [name for name in gans.VARIANTS if name not in NO_PICTURES])
def test_every_setting_changes_pictures_or_their_number(name: str) -> None:
    """Of the style of a picture and seeds together the picture counts, so each is changed by itself."""
    for way in ways(name):
        before, _ = shown_by(way, settings_of(way, first))
        for changed, setting in way.settings.items():
            chosen = settings_of(way, first) | {changed: other(setting)}
            if _says_the_same(way, setting):
                continue
            assert not alike(before, shown_by(way, chosen)[0]), changed


def _says_the_same(way: Way, setting: Any) -> bool:
    """Whether a setting has one option, or is of tiles, which a picture of 24 pixels needs none of."""
    return isinstance(setting, Choice) and (len(setting.options) == 1 or way.title == "Enlarge")


@pytest.mark.parametrize("name", WAYS)
def test_what_is_offered_follows_from_what_a_model_can_do(name: str) -> None:
    assert [way.title for way in ways(name)] == WAYS[name]


def test_translators_show_both_directions_and_outcomes_in_a_strip() -> None:
    (way,) = ways("MUNIT")
    labels = [label for label, _ in way.calls(given_to(way), settings_of(way, first))]
    assert labels == [f"{where}, seed {seed}" for where in ("A to B", "B to A") for seed in range(4)]


class Domains:
    """Translates to one of some domains, in the look of a seed (by the truncation) or of a picture."""

    domains = ("cat", "dog")
    hparams: ClassVar[dict[str, Any]] = {"image_size": 16}

    def translate(
        self, images: Any, domain: str, seed: int = 0, reference: Any = None, truncation: float = 1.0
    ) -> Any:
        shade = 100 * (domain == "dog") + 10 * seed * truncation + (0 if reference is None else 5)
        return Image.new("L", images.size, int(shade))


def test_domains_looks_and_references_appear_by_themselves() -> None:
    (way,) = ways_of(Domains(), Path("domains.ckpt"))
    assert list(way.settings) == ["domain", "seed", "looks", "truncation", "reference", "size"]
    chosen = settings_of(way, first) | {"domain": "dog", "seed": 2, "looks": 2, "truncation": 0.5}
    made = [(label, call.made_by(way.model)) for label, call in way.calls(given_to(way), chosen)]
    assert [label for label, _ in made] == ["dog, seed 2", "dog, seed 3"]
    assert [each.pictures[0].getpixel((0, 0)) for _, each in made] == [110, 115]
    assert made[1][1].expression == 'model.translate(picture, domain="dog", seed=3, truncation=0.5)'
    chosen["reference"] = read_upload("look.png")
    ((label, call),) = way.calls(given_to(way), chosen)
    assert label == "dog, in the look of look.png"
    assert 'reference = open_picture("look.png")' in program(
        way.checkpoint, [(label, call.made_by(way.model))]
    )


class Truncated:
    """Makes samples that a truncation draws towards black."""

    hparams: ClassVar[dict[str, Any]] = {"image_size": 16}

    def sample(self, count: int, seed: int = 0, labels: Any = None, truncation: float = 1.0) -> torch.Tensor:
        return torch.full((count, 1, 16, 16), truncation)


def test_truncation_is_offered_where_a_model_has_it() -> None:
    (way,) = ways_of(Truncated(), Path("truncated.ckpt"))
    made = [
        call.made_by(way.model) for _, call in way.calls(None, settings_of(way, first) | {"truncation": 0.5})
    ]
    assert made[0].expression == "gans.to_pil(model.sample(8, seed=0, truncation=0.5))"
    assert made[0].pictures[0].getpixel((0, 0)) == 191
    assert "truncation" not in ways("DCGAN")[0].settings


class TruncatedColours(Colours):
    """Has a latent and draws it in, too."""

    hparams: ClassVar[dict[str, Any]] = {"image_size": 4}

    def decode(
        self, latents: torch.Tensor, condition: torch.Tensor | None = None, truncation: float = 1.0
    ) -> torch.Tensor:
        return super().decode(truncation * latents)

    def sample(self, count: int, seed: int = 0, labels: Any = None, truncation: float = 1.0) -> torch.Tensor:
        return self.decode(self.latents(range(seed, seed + count)), truncation=truncation)


def test_moved_latents_are_truncated_as_samples_are() -> None:
    model = TruncatedColours()
    way, _ = ways_of(model, Path("colours.ckpt"))
    chosen = settings_of(way, first) | {"truncation": 0.5, "axis 2": 2.0, "looks": 1}
    ((_, call),) = way.calls(None, chosen)
    latents = model.latents([0]) + torch.tensor([0.0, 0.0, 6.0])
    made = call.made_by(model)
    assert same(made.pictures[0], gans.to_pil(model.decode(latents, truncation=0.5))[0])
    assert made.expression == "gans.to_pil(moved(model, [0], axes={2: 2.0}, truncation=0.5))"


def test_switches_give_and_take_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    (way,) = ways("StarGAN")
    monkeypatch.setattr(way.model, "recognise", lambda images: torch.tensor([[1.0, 0.0, 1.0]]))
    face = given_to(way)
    at_first = settings_of(way, first)
    assert [label for label, _ in way.calls(face, at_first)] == ["black_hair", "blond_hair", "glasses"]
    ((way_said, call),) = way.calls(face, at_first | {"group 1": ("blond_hair", 1)})
    assert (way_said, call.arguments[1]) == ("blond_hair", ["blond_hair"])
    off = at_first | {"group 1": ("blond_hair", 1), "attribute glasses": ("glasses", 0)}
    ((label, call),) = way.calls(face, off)
    assert label == "blond_hair, no glasses"
    assert call.arguments[1].value.tolist() == [0, 1, 0]
    assert way.remarks(face) == ["The model sees: black_hair, glasses."]


def test_words_that_are_not_known_are_named_each_time() -> None:
    (way,) = ways("GANCLS")
    for _ in range(2):
        assert way.remarks("a person with purple hair") == ["Not known to the model: 'purple'."]
    assert way.remarks("a person with red hair") == []


def test_directions_found_by_the_latent_tool_become_sliders(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "latents").mkdir()
    (run / "config.yaml").write_text("")
    path = run / "checkpoints" / "last.ckpt"
    path.write_bytes(Path("vae.ckpt").read_bytes())
    np.savez(run / "latents" / "glasses.npz", direction=np.array([0.5, 0.0, -1.0], np.float32))
    np.savez(run / "latents" / "grid.npz", axes=np.array([0, 1]))
    way = next(way for way in ways_of(gans.load(path), path) if way.title == "Make from seeds")
    file = str(run / "latents" / "glasses.npz")
    setting = f"direction {file}"
    assert [name for name, each in way.settings.items() if each.label == "glasses"] == [setting]
    chosen = settings_of(way, first) | {setting: 2.0, "axis 1": -1.0, "looks": 1}
    ((_, call),) = way.calls(None, chosen)
    model = way.model
    expected = model.latents([0]) + torch.tensor([1.0, -1.0, -2.0])
    assert same(call.made_by(model).pictures[0], gans.to_pil(model.decode(expected))[0])


def test_a_file_of_several_directions_among_styles_becomes_as_many_sliders(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for folder in ("checkpoints", "latents"):
        (run / folder).mkdir(parents=True)
    (run / "config.yaml").write_text("")
    path = run / "checkpoints" / "last.ckpt"
    path.write_bytes(Path("stylegan2.ckpt").read_bytes())
    directions = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, -1.0]], np.float32)
    np.savez(run / "latents" / "sefa.npz", direction=directions, space=np.array("w"), layers=np.array([0, 3]))
    way = next(way for way in ways_of(gans.load(path), path) if way.title == "Make from seeds")
    file = str(run / "latents" / "sefa.npz")
    places = {each.label: name for name, each in way.settings.items() if file in name}
    assert places == {"sefa 0": f"direction {file}:0", "sefa 1": f"direction {file}:1"}
    chosen = settings_of(way, first) | {places["sefa 1"]: 2.0, "looks": 1, "truncation": 0.5}
    ((_, call),) = way.calls(None, chosen)
    model = way.model
    latents = model.latents([0])
    styles = model.styles(latents, truncation=0.5).clone()
    styles[:, [0, 3]] += torch.tensor([0.0, 1.0, 0.0, -2.0])
    assert same(call.made_by(model).pictures[0], gans.to_pil(model.decode_styles(styles))[0])


def test_films_return_to_their_beginning() -> None:
    model = gans.load("dcgan.ckpt")
    frames = film(model, [3, 5], frames=4)
    assert len(frames) == 8
    for frame, seed in ((0, 3), (4, 5)):
        assert same(frames[frame], gans.to_pil(moved(model, [seed]))[0])
    assert not same(frames[0], frames[-1])


@pytest.mark.parametrize(("name", "method"), [("SRResNet", "upscale"), ("CycleGAN", "translate")])
def test_large_pictures_go_in_tiles(name: str, method: str, recwarn: pytest.WarningsRecorder) -> None:
    """The tiles of a model without statistics of the picture equal the whole; of others a warning tells.

    But for single pixels that come to lie on the other side of a half, because sums have another order.
    """
    model = gans.load(f"{name.lower()}.ckpt")
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (90, 140, 3), np.uint8))
    made = in_tiles(model, method, picture, 64)
    whole = getattr(model, method)(picture)
    assert made.size == whole.size
    warned = [str(warning.message) for warning in recwarn if "Tiles differ" in str(warning.message)]
    assert bool(warned) == (name == "CycleGAN")
    if not warned:
        differences = np.abs(np.asarray(made, int) - np.asarray(whole, int))
        assert differences.max() <= 1
        assert differences.mean() < 1e-3


def test_a_picture_larger_than_a_tile_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    (way,) = ways("SRResNet")
    picture = read_upload("face.png")._replace(image=Image.new("RGB", (600, 30)))
    ((_, call),) = way.calls(picture, {"size": Size(tile=512)})
    assert call.function is in_tiles
    monkeypatch.setattr("gans.tools.playground.ways.MOST_MADE", 2 * 2 * 600 * 30 - 1)
    with pytest.raises(ValueError, match=r"face.png would become 1200 x 60 pixels"):
        list(way.calls(picture, {"size": Size()}))


def write_deep(path: Path) -> None:
    tifffile.imwrite(path, np.arange(30 * 20, dtype=np.uint16).reshape(30, 20) * 100)


def write_turned(path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(2).integers(0, 256, (30, 20, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


@pytest.mark.parametrize(
    ("name", "write", "opened_by"),
    [("scan.tif", write_deep, "open_picture"), ("turned.jpg", write_turned, "Image.open")],
)
def test_every_format_is_read_upright_and_opened_so_in_python(
    name: str, write: Callable[[Path], None], opened_by: str
) -> None:
    write(Path(name))
    given = read_upload(name).given()
    assert f" = {opened_by}(" in given.definition
    names: dict[str, Any] = {}
    exec("\n".join([*given.imports, given.definition]), names)
    model = gans.load("srresnet.ckpt")
    assert same(model.upscale(names["picture"]), model.upscale(given.value))


def test_pictures_are_brought_to_a_size() -> None:
    assert open_picture("face.png", 10).size == (12, 10)
    assert open_picture("face.png", 10, square=True).size == (10, 10)


def write_text(path: Path) -> None:
    path.write_text("no picture")


def write_large(path: Path) -> None:
    path.write_bytes(b"0" * (pictures.MOST_BYTES + 1))


def write_wide(path: Path) -> None:
    Image.new("1", (pictures.MOST_PIXELS // 4 + 1, 4)).save(path)


def write_channels(path: Path) -> None:
    np.save(path, np.zeros((9, 8, 5), np.uint8))


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("bad.png", write_text, r"^bad.png: called .png but holds no image. Rename, replace or remove it.$"),
        ("bad.doc", write_text, r"^bad.doc: unknown image suffix"),
        ("large.png", write_large, r"^large.png: the file has 20 MB, and this page takes 20 at most"),
        ("wide.png", write_wide, r"^wide.png: 4194305 x 4 pixels are more than the 17 million"),
        ("many.npy", write_channels, r"^many.npy: the image has 5 channels"),
    ],
)
def test_bad_uploads_are_refused_by_name(
    name: str, write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    write(tmp_path / name)
    with pytest.raises(ImageError, match=message):
        read_upload(tmp_path / name)


def test_values_are_written_as_python() -> None:
    value = {'a "quoted" name': [1, 2.5, None], "é": True}
    assert eval(written(value)) == value
    assert written(["é"]) == '["é"]'


def test_calls_write_what_they_do() -> None:
    call = Call("sample", (2,), {"seed": 3})
    model = gans.load("dcgan.ckpt")
    assert program(Path("dcgan.ckpt"), [("two", call.made_by(model))]).splitlines() == [
        "import gans",
        'model = gans.load("dcgan.ckpt")',
        "gans.to_pil(model.sample(2, seed=3))  # two",
    ]


def test_the_page_of_the_docs_shows_what_is_shown() -> None:
    """But for empty lines, and a face that is smaller here."""
    (way,) = ways("CycleGAN")
    _, code = shown_by(way, {"size": Size(64)})
    page = (Path(__file__).parents[2] / "docs" / "playground.md").read_text(encoding="utf-8")
    block, _ = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [line for line in block.splitlines() if line] == code.splitlines()


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ("textencoder.ckpt", "holds a TextEncoder, which makes no pictures"),
        ("gone.ckpt", "no such checkpoint"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    checkpoint: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with patch.object(sys, "argv", ["playground", checkpoint]):
        assert main() == 1
    assert message in capsys.readouterr().err


def test_without_gradio_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "gans.tools.playground.page", raising=False)
    with patch.object(sys, "argv", ["playground", "dcgan.ckpt"]):
        assert main() == 1
    assert 'pip install -e ".[playground]"' in capsys.readouterr().err
