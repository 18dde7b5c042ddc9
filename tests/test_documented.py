"""What the pages tell people to type after a training is run here, on toy runs that all tests share."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest
from support.commands import run, write_toy_config
from support.documented import NOT_RUN, documented, is_of, run_by, started
from support.folders import write_images
from support.latent_models import Faces
from support.official import save
from support.parity import official_state

from gans.tools import attribute_classifier, compare, look, pack, pairs, report, sub_images, table
from gans.tools.export.__main__ import main as export
from gans.tools.interpolate import main as interpolate
from gans.tools.latents.__main__ import main as latents
from gans.tools.latents.decoder import Decoder
from gans.tools.looks import main as looks
from gans.tools.official.__main__ import main as official
from gans.tools.playground.__main__ import main as playground
from gans.tools.upscale import main as upscale

VARIANTS = {
    "cyclegan": "CycleGAN",
    "stargan_v2": "StarGANv2",
    "text_encoder": "TextEncoder",
    "gan_cls": "GANCLS",
    "vae": "VAE",
}
"""Name of a toy run -> its variant."""
SMALL_DATA = ("--data.size=16", "--data.faces_count=8", "--data.test_count=4")
ONE_STEP = (
    "--trainer.max_epochs=1",
    "--trainer.limit_train_batches=1",
    "--trainer.limit_val_batches=1",
    "--trainer.check_val_every_n_epoch=1",
    "--trainer.accelerator=cpu",
)
FACES = "data: {class_path: Images, init_args: {size: 32, faces_count: 200, test_count: 40}}"
CLASSIFIER = "runs/attributes.ckpt"

ANSWERED = ("python train.py", "python train.py --list", "python train.py fit --model.help CycleGAN", "gans")
"""Commands that print what there is; `gans` is the same program."""
KINDS = (
    "python train.py fit",
    "python train.py validate",
    "python train.py test",
    "python train.py predict",
    "python -m gans.tools.attribute_classifier",
    "python -m gans.tools.compare",
    "python -m gans.tools.export",
    "python -m gans.tools.interpolate",
    "python -m gans.tools.latents",
    "python -m gans.tools.look",
    "python -m gans.tools.looks",
    "python -m gans.tools.official",
    "python -m gans.tools.pack",
    "python -m gans.tools.pairs",
    "python -m gans.tools.playground",
    "python -m gans.tools.report",
    "python -m gans.tools.sub_images",
    "python -m gans.tools.table",
    "python -m gans.tools.upscale",
)
"""Beginnings of commands, all of which are run here or in test_readme.py."""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a toy run of each of `VARIANTS`, a classifier and two pictures."""
    folder = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as there:
        there.chdir(folder)
        for name, variant in VARIANTS.items():
            config = write_toy_config(folder / f"{name}.yaml", variant, runs="runs", without=["metrics"])
            assert run("fit", "--config", config) == 0
        captioned = ("--config", "gan_cls.yaml", "--out", CLASSIFIER, "--epochs", 1)
        assert started(attribute_classifier.main, *captioned) == 0
        assert started(official, checkpoint("cyclegan"), "checkpoints/horse2zebra_pretrained") == 0
        assert started(official, "checkpoints/horse2zebra_pretrained", "horse2zebra.ckpt") == 0
        for config in folder.glob("*.yaml"):
            config.rename(config.with_suffix(".toy"))  # from here on names mean the configs that are shipped
        write_images(folder / "my_pictures", 2, (20, 18))
        write_images(folder / "photos", 2, (20, 18))
        for name in ("RRDB_PSNR_x4", "RRDB_ESRGAN_x4", "RealESRGAN_x4plus"):
            save(official_state("rrdbnet_x4"), folder / f"{name}.pth")
        assert started(official, "RRDB_ESRGAN_x4.pth", "esrgan.ckpt") == 0
        assert started(interpolate, "RRDB_PSNR_x4.pth", "esrgan.ckpt", "between.ckpt") == 0
    return folder


@pytest.fixture(autouse=True)
def there(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to the folder of the toy runs."""
    monkeypatch.chdir(user)


def checkpoint(name: str) -> Path:
    """Return the last checkpoint of a toy run."""
    (path,) = Path("runs", name).glob("*/checkpoints/last.ckpt")
    return path


def filled(arguments: Sequence[str], name: str) -> list[str]:
    """Return what is typed with a toy run in place of RUN, DATE, CKPT and other words in capitals."""
    path = checkpoint(name)
    words = {"CKPT": path, "IN": path, "ENCODER": checkpoint("text_encoder"), "FILE": CLASSIFIER}
    run_folder = path.parents[1]
    words |= {"OUT": "out", "COMMAND": "truncate", "RUN": run_folder, "FOLDER": "photos"}
    return [
        str(words.get(word, word)).replace("RUN/", f"{run_folder}/").replace("DATE", run_folder.name)
        for word in arguments
    ]


def test_every_command_is_of_a_kind_that_is_run() -> None:
    commands = documented()
    assert len(commands) > 50
    known = (*KINDS, *NOT_RUN)
    left = [command for command in commands if command not in ANSWERED]
    assert [command for command in left if not any(is_of(kind, command) for kind in known)] == []
    fits = [command for command in left if is_of("python train.py fit", command)]
    assert [command for command in fits if "--config " not in command and "--ckpt_path " not in command] == []


def test_no_kind_and_no_exemption_is_left_over() -> None:
    for kind in (*KINDS, *ANSWERED, *NOT_RUN):
        assert any(is_of(kind, command) for command in documented()), kind


@pytest.mark.parametrize("command", ANSWERED)
def test_commands_that_print_are_answered(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command.removeprefix("python train.py").removeprefix("gans").split()) == 0
    assert "CycleGAN" in capsys.readouterr().out


GOING_ON = [arguments for arguments in run_by("python train.py fit") if "--ckpt_path" in arguments]


@pytest.mark.parametrize("arguments", GOING_ON, ids=" ".join)
def test_runs_go_on(arguments: list[str]) -> None:
    before = checkpoint("cyclegan").stat().st_mtime_ns
    epochs = 2 + GOING_ON.index(arguments)
    assert run("fit", *filled(arguments, "cyclegan"), f"--trainer.max_epochs={epochs}") == 0
    assert checkpoint("cyclegan").stat().st_mtime_ns > before


@pytest.mark.parametrize("arguments", run_by("python train.py predict"), ids=" ".join)
def test_pictures_are_translated(arguments: list[str]) -> None:
    own = "--data.predict_dir" in arguments
    small = [] if own else [*SMALL_DATA, "--output=translated_faces"]
    assert run("predict", *arguments, *small) == 0
    if own:
        assert sorted(path.name for path in Path("translated").iterdir()) == ["0.jpg", "1.jpg"]
    else:
        assert len(list(Path("translated_faces").rglob("*.png"))) == 4


@pytest.mark.parametrize("arguments", run_by("python train.py validate"), ids=" ".join)
def test_untrained_models_are_measured(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("validate", *arguments, *SMALL_DATA, "--logger=csv") == 0
    assert "kid_lite0" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", run_by("python train.py test"), ids=" ".join)
def test_drawings_are_judged_by_a_classifier(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("test", *filled(arguments, "gan_cls")) == 0
    assert "text_match" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.attribute_classifier"), ids=" ".join)
def test_classifiers_are_trained(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A toy config in a file of the config's name makes it quick."""
    monkeypatch.chdir(tmp_path)
    name = arguments[arguments.index("--config") + 1]
    write_toy_config(tmp_path / name, {"stargan": "StarGAN", "gan_cls": "GANCLS"}[name])
    assert started(attribute_classifier.main, *arguments) == 0
    assert Path(arguments[arguments.index("--out") + 1]).is_file()


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.report"), ids=" ".join)
def test_pages_are_written(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert started(report.main, *filled(arguments, "cyclegan")) == 0
    assert Path(capsys.readouterr().out.strip()).read_text().endswith("</html>\n")


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.look"), ids=" ".join)
def test_images_are_looked_at(arguments: list[str], tmp_path: Path) -> None:
    for place in ("", "trainA", "trainB"):
        write_images(tmp_path / place, 3, (20, 18))
    given = [str({"FOLDER": tmp_path, "FILE": tmp_path / "sheet.png"}.get(word, word)) for word in arguments]
    assert started(look.main, *given, "--data.size=16") == 0
    assert Path("contact_sheet.png").exists()


def test_pairs_are_joined_and_split(tmp_path: Path) -> None:
    """In the order of the page, since the second takes what the first has made."""
    for place in ("A", "B"):
        write_images(tmp_path / place, 3, (20, 18))
    places = {"FOLDER_A": "A", "FOLDER_B": "B", "FOLDER": "joined"}
    for arguments, output in zip(run_by("python -m gans.tools.pairs"), ("joined", "back"), strict=True):
        given = [str(tmp_path / places[word]) if word in places else word for word in arguments]
        assert started(pairs.main, *given[:-1], tmp_path / output) == 0
    assert len(list((tmp_path / "back" / "B").iterdir())) == 3


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.export"), ids=" ".join)
def test_generators_are_exported(arguments: list[str], tmp_path: Path) -> None:
    given = filled(arguments, "cyclegan")
    assert started(export, given[0], tmp_path / given[1], *given[2:]) == 0
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.official"), ids=" ".join)
def test_checkpoints_are_turned_into_the_authors_and_back(arguments: list[str], tmp_path: Path) -> None:
    source, target, *options = filled(arguments, "cyclegan")
    assert started(official, source, tmp_path / target, *options) == 0
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.interpolate"), ids=" ".join)
def test_weights_are_mixed(arguments: list[str], tmp_path: Path) -> None:
    words = {"A": "RRDB_PSNR_x4.pth", "B": "RRDB_ESRGAN_x4.pth"}
    first, second, target, *options = (words.get(word, word) for word in arguments)
    assert started(interpolate, first, second, tmp_path / target, *options) == 0
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.upscale"), ids=" ".join)
def test_a_folder_is_enlarged(arguments: list[str], tmp_path: Path) -> None:
    weights, images, target, *options = filled(arguments, "cyclegan")
    given = (weights, images, tmp_path / target, *options, "--trainer.accelerator=cpu")
    assert started(lambda: upscale(lambda predict: run(*predict)), *given) == 0
    assert len(list((tmp_path / target).iterdir())) == 2


ELSEWHERE = {"mix", "w", "PICTURE", "PROJECTED"}
"""Words of commands among styles, and of pictures, which tests/tools/test_latents.py runs."""
WALKS = [arguments for arguments in run_by("python -m gans.tools.latents") if not ELSEWHERE & {*arguments}]


@pytest.mark.parametrize("arguments", WALKS, ids=" ".join)
def test_latents_are_walked_through(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of concepts an untrained model shows none: one that draws faces stands in for it."""
    small = []
    if "--concept" in arguments:
        monkeypatch.setattr("gans.tools.latents.decoder.open_decoder", lambda *_: Decoder(Faces()))
        Path("faces.yaml").write_text(FACES)
        small = ["--samples=200", "--config=faces.yaml"]
    assert started(latents, *filled(arguments, "vae"), f"--output={tmp_path / 'walk'}", *small) == 0
    assert list(tmp_path.glob("walk*.png"))


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.looks"), ids=" ".join)
def test_ways_from_look_to_look_are_drawn(arguments: list[str], tmp_path: Path) -> None:
    given = ["my_pictures" if word == "FOLDER" else word for word in filled(arguments, "stargan_v2")]
    assert started(looks, *given, f"--output={tmp_path / 'way'}", "--frames=2") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["way.gif", "way.png"]


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.playground"), ids=" ".join)
def test_the_playground_opens(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is pressed as soon as it is there; the page is used in tests/tools."""
    pytest.importorskip("gradio")
    monkeypatch.setattr("gans.tools.playground.__main__.Event", Mock(side_effect=KeyboardInterrupt))
    assert started(playground, *filled(arguments, "cyclegan"), "--no-browser") == 130
    assert re.search(
        r"^The playground is at http://127\.0\.0\.1:\d+/$", capsys.readouterr().out, re.MULTILINE
    )


class FirstFit:
    """Runs the first `fit` of a tool, one step of it; the further ones are copies of its run."""

    def __init__(self) -> None:
        self.first: Path | None = None

    def __call__(self, arguments: Sequence[str]) -> int:
        """Return the exit status of `fit`."""
        folder = Path(arguments[arguments.index("--run") + 1])
        if self.first is None:
            self.first = folder
            return run(*arguments)
        shutil.copytree(self.first, folder, dirs_exist_ok=True)
        return 0


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.sub_images"), ids=" ".join)
def test_pictures_are_cut(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder, output = map(Path, arguments[:2])
    write_images(folder, 2, (20, 18))
    assert started(sub_images.main, *arguments) == 0
    assert len(list(output.glob("*.png"))) >= 2


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.pack"), ids=" ".join)
def test_folders_are_packed(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder, output = map(Path, arguments[:2])
    for name in ("cat", "dog"):
        write_images(folder / name, 2, (20, 18))
    assert started(pack.main, *arguments) == 0
    assert len(list(output.rglob("*.bin"))) == 2


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.table"), ids=" ".join)
def test_tables_are_made(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    points = "toys/base_ring" in arguments
    small = ["--data.count=16", "--logger=csv"] if points else [*SMALL_DATA, "--model.generator_width=2"]
    assert started(lambda: table.main(FirstFit()), *arguments, *ONE_STEP, *small) == 0
    assert list(Path("runs").rglob("table.md"))


@pytest.mark.parametrize("arguments", run_by("python -m gans.tools.compare"), ids=" ".join)
def test_variants_are_compared(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare, "LEAST_SECONDS", 0.01)
    small = ["--model.width=2", *SMALL_DATA, "--seeds", "0", *ONE_STEP]
    assert started(lambda: compare.main(FirstFit()), *arguments, *small) == 0
    assert list(Path("runs").rglob("pictures.png"))
