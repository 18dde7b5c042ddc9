from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch
from PIL import Image
from support.checkpoints import checkpoint_of
from support.toys import make_model
from torch import Tensor

import gans
from gans.base import AdversarialModule
from gans.tools.export.__main__ import main
from gans.tools.export.formats import FORMATS, Subject
from gans.tools.export.variants import BOTH_WAYS, ONE_WAY, REFUSED, program_of

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
CLOSE = 1e-4


def export(*arguments: object) -> int:
    with patch.object(sys, "argv", ["export", *map(str, arguments)]):
        return main()


def lively(model: AdversarialModule) -> AdversarialModule:
    """Fill a variant with large random numbers, so that each input and each weight shows in the output."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
        for name, value in model.named_buffers():
            if name.endswith(("running_mean", "mean")):
                value.copy_(torch.randn_like(value))
            elif name.endswith("running_var"):
                value.copy_(torch.rand_like(value) + 0.5)
            elif name.endswith("covariance"):
                root = torch.randn_like(value)
                value.copy_(root @ root.T)
    return model


def stored(folder: Path, name: str, **arguments: Any) -> Path:
    """Write a checkpoint of a variant at toy size."""
    path = folder / f"{name}.ckpt"
    model = make_model(name, **arguments)
    model.configure_model()  # makes the averages, which get other weights than the networks
    torch.save(checkpoint_of(lively(model)), path)
    return path


def images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(7)) * 2 - 1


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


def run_onnx(path: Path, *inputs: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(path)
    names = [one.name for one in session.get_inputs()]
    feed = {name: given.numpy() for name, given in zip(names, inputs, strict=True)}
    return torch.from_numpy(session.run(None, feed)[0])


def assert_close(made: Tensor, wanted: Tensor) -> None:
    assert made.shape == wanted.shape
    assert wanted.std() > 0.05, "nothing could be told apart"
    assert float((made - wanted).abs().max()) < CLOSE


# A variant of two directions, in all formats ----------------------------------------------------------------


@pytest.fixture(scope="module")
def cyclegan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("cyclegan"), "CycleGAN", ema_decay=0.9)


@pytest.fixture(scope="module")
def folder(cyclegan: Path) -> Path:
    """Return the folder that a CycleGAN with averages was exported to."""
    target = cyclegan.parent / "exported"
    assert export(cyclegan, target) == 0
    return target


def test_all_formats_and_a_card_are_written(folder: Path) -> None:
    names = ["generator_A2B.md", "generator_A2B.onnx", "generator_A2B.pt2", "generator_A2B.safetensors"]
    assert sorted(path.name for path in folder.iterdir()) == names


def test_onnx_and_torch_compute_what_translate_does_in_any_size(cyclegan: Path, folder: Path) -> None:
    model = gans.load(cyclegan)
    run_pt2 = torch.export.load(folder / "generator_A2B.pt2").module()
    for size in [(1, 3, 16, 16), (4, 3, 21, 30), (2, 3, 9, 40)]:
        given = images(*size)
        wanted = model.translate(given)
        assert_close(run_onnx(folder / "generator_A2B.onnx", given), wanted)
        assert_close(run_pt2(given).detach(), wanted)


def test_the_axes_of_onnx_have_names(folder: Path) -> None:
    (given,) = onnxruntime.InferenceSession(folder / "generator_A2B.onnx").get_inputs()
    assert (given.name, given.shape) == ("images", ["batch", 3, "height", "width"])


def test_weights_are_the_averaged_ones_or_the_raw_ones(cyclegan: Path, folder: Path) -> None:
    model = gans.load(cyclegan)
    assert export(cyclegan, folder.parent / "raw.safetensors", "--raw") == 0
    for path, network in {
        folder / "generator_A2B.safetensors": model.ema["generator_A2B"],
        folder.parent / "raw.safetensors": model.generator_A2B,
    }.items():
        weights = safetensors.torch.load_file(path)
        own = network.state_dict()
        assert list(weights) == sorted(f"generator_A2B.{name}" for name in own)
        assert all(weights[f"generator_A2B.{name}"].equal(value) for name, value in own.items())
    assert "weights averaged over the training (ema_decay 0.9)" in card(folder)
    assert "weights as trained" in (folder.parent / "raw.md").read_text()


def card(folder: Path, name: str = "generator_A2B") -> str:
    return (folder / f"{name}.md").read_text(encoding="utf-8")


def test_the_card_says_what_goes_in_and_what_comes_out(folder: Path) -> None:
    text = card(folder)
    assert "`images`, float32 (batch, 3, height, width): images of domain A, in [-1, 1]" in text
    assert "any height and width from 8 pixels" in text
    assert "multiples of 4 are padded" in text
    assert f"torch {torch.__version__.partition('+')[0]}" in text
    assert "ONNX opset 18" in text


def test_the_card_has_the_digests_of_the_files_and_the_differences(folder: Path) -> None:
    text = card(folder)
    for path in folder.glob("generator_A2B.[!m]*"):
        assert f"| {path.name} | {path.stat().st_size} | `{sha256(path.read_bytes()).hexdigest()}` |" in text
    assert "| batch x height x width | onnx | torch | safetensors |" in text
    rows = re.findall(r"^\| (\d) x (\d+) x (\d+) \| (\S+) \| (\S+) \| (\S+) \|$", text, re.MULTILINE)
    assert len({row[:3] for row in rows}) == 3, "several sizes"
    assert len({row[0] for row in rows}) == 3, "and batches"
    assert all(0 <= float(value) < CLOSE for row in rows for value in row[3:])
    assert any(float(row[3]) > 0 for row in rows), "onnxruntime has other kernels"


def test_the_example_of_the_page_translates_a_file_without_torch(
    cyclegan: Path, folder: Path, tmp_path: Path
) -> None:
    (example,) = re.findall(
        r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(example.splitlines()) <= 16
    pixels = np.random.default_rng(0).integers(0, 256, (21, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    (tmp_path / "run.py").write_text("import sys\nsys.modules['torch'] = None\n" + example, encoding="utf-8")
    command = [sys.executable, "run.py", str(folder / "generator_A2B.onnx"), "in.png", "out.png"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with Image.open(tmp_path / "out.png") as made:
        levels = torch.from_numpy(np.asarray(made).copy()).movedim(-1, 0)
    given = torch.from_numpy(pixels).movedim(-1, 0) / 127.5 - 1
    wanted = ((gans.load(cyclegan).translate(given) + 1) * 127.5).round()
    assert float((levels - wanted).abs().max()) <= 1
    assert float(levels.float().std()) > 5


# The other variants -----------------------------------------------------------------------------------------


def test_every_variant_is_exported_or_refused_with_a_reason() -> None:
    assert sorted([*BOTH_WAYS, *ONE_WAY, *REFUSED]) == sorted(gans.VARIANTS)


def test_stargan_takes_images_and_labels_in_onnx(tmp_path: Path) -> None:
    checkpoint = stored(tmp_path, "StarGAN")
    assert export(checkpoint, tmp_path / "star.onnx") == 0
    given, labels = images(3, 3, 13, 22), torch.tensor([[1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
    wanted = gans.load(checkpoint).translate(given, labels)
    assert_close(run_onnx(tmp_path / "star.onnx", given, labels), wanted)
    said = "`labels`, float32 (batch, 3): 1 where the result is to have the attribute, else 0: black_hair"
    assert said in card(tmp_path, "star")


def test_dcgan_takes_noise_and_classes_in_onnx(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = stored(tmp_path, "DCGAN", classes=3)
    assert export(checkpoint, tmp_path / "out", "--formats", "onnx") == 0
    given, labels = noise(4, 3), torch.tensor([0, 1, 2, 1])
    wanted = gans.load(checkpoint).decode(given, labels)
    assert_close(run_onnx(tmp_path / "out" / "generator.onnx", given, labels), wanted)
    assert "`labels`, int64 (batch,): classes, 0 to 2" in card(tmp_path / "out", "generator")
    assert "any batch; always 16 x 16 pixels" in capsys.readouterr().out


OTHERS: dict[str, tuple[dict[str, Any], tuple[str, ...], list[Tensor], Callable[..., Tensor]]] = {
    "Pix2Pix": (
        {"image_size": 16, "dropout_at_test": False},
        (),
        [images(3, 3, 37, 21)],
        lambda model, given: model.translate(given),
    ),
    "MUNIT": (
        {},
        ("--direction", "B2A"),
        [images(2, 3, 19, 30), noise(2, 3)],
        lambda model, given, style: model.translate(given, "B2A", style),
    ),
    "StarGANv2": (
        {},
        (),
        [images(3, 3, 19, 30), noise(3, 3), torch.tensor([0, 1, 1])],
        lambda model, given, latents, domains: model.translate(
            given,
            [model.domains[number] for number in domains],
            style=model.styles_of_noise(latents, domains),
        ),
    ),
    "GAN": ({}, (), [noise(4, 3)], lambda model, given: model.decode(given)),
    "WGANGP": (
        {"classes": 2},
        (),
        [noise(4, 3), torch.tensor([0, 1, 1, 0])],
        lambda model, given, labels: model.decode(given, labels),
    ),
    "StyleGAN2": (
        {"classes": 2},
        (),
        [noise(4, 3), torch.tensor([0, 1, 1, 0])],
        lambda model, given, labels: model.decode(given, labels),
    ),
    "R3GAN": (
        {"classes": 2},
        (),
        [10 * noise(4, 3), torch.tensor([0, 1, 1, 0])],  # as far as beyond the range of images
        lambda model, given, labels: model.decode(given, labels),
    ),
    "VAE": ({}, (), [noise(4, 3)], lambda model, given: model.decode(given)),
    "AutoEncoder": ({}, (), [noise(4, 3)], lambda model, given: model.decode(model.from_noise(given))),
    "GANCLS": (
        {},
        (),
        [noise(4, 3), noise(4, 8) / 2],
        lambda model, given, embeddings: model.decode(given, embeddings),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_variants_compute_in_torch_what_they_do_themselves(name: str, tmp_path: Path) -> None:
    arguments, options, inputs, own = OTHERS[name]
    checkpoint = stored(tmp_path, name, **arguments)
    assert export(checkpoint, tmp_path / "out.pt2", *options) == 0
    run = torch.export.load(tmp_path / "out.pt2").module()
    assert_close(run(*inputs).detach(), own(gans.load(checkpoint), *inputs))


def test_a_high_pass_takes_masks_in_onnx(tmp_path: Path) -> None:
    checkpoint = stored(tmp_path, "StarGANv2", image_size=32, high_pass=4.0)
    assert export(checkpoint, tmp_path / "out.onnx") == 0
    given, latents, domains = images(2, 3, 33, 40), noise(2, 3), torch.tensor([0, 1])
    for masks in (torch.zeros(2, 2, 33, 40), torch.rand(2, 2, 33, 40)):
        own = gans.load(checkpoint)
        style = own.styles_of_noise(latents, domains)
        wanted = own.translate(given, own.domains, style=style, masks=masks)
        assert_close(run_onnx(tmp_path / "out.onnx", given, latents, domains, masks), wanted)


def test_pix2pix_is_exported_without_its_noise(tmp_path: Path) -> None:
    checkpoint = stored(tmp_path, "Pix2Pix")
    assert export(checkpoint, tmp_path / "out", "--formats", "safetensors") == 0
    assert "Dropout is off" in card(tmp_path / "out", "generator")
    assert "normalised by its own statistics" in card(tmp_path / "out", "generator")


# Nothing wrong is written -----------------------------------------------------------------------------------


def halved(subject: Subject) -> bytes:
    weights = {name: value / 2 for name, value in subject.weights.items()}
    return safetensors.torch.save(weights)


def test_a_file_that_computes_something_else_is_not_written(
    cyclegan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(FORMATS, "safetensors", FORMATS["safetensors"]._replace(write=halved))
    assert export(cyclegan, tmp_path / "out", "--formats", "safetensors") == 1
    error = capsys.readouterr().err
    assert "computes something else than the model: at 1 x 16 x 16 they differ" in error
    assert "tolerance of 0.001" in error
    assert not list(tmp_path.iterdir())


def test_numbers_that_are_none_are_not_within_the_tolerance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = checkpoint_of(make_model("GAN"))
    checkpoint["state_dict"]["generator.stages.0.bias"][0] = torch.nan
    torch.save(checkpoint, tmp_path / "nan.ckpt")
    assert export(tmp_path / "nan.ckpt", tmp_path / "out.safetensors") == 1
    assert "differ by up to nan" in capsys.readouterr().err


def test_where_one_file_cannot_be_written_none_is_left(
    cyclegan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "generator_A2B.md").mkdir()
    assert export(cyclegan, tmp_path, "--formats", "safetensors") == 1
    assert "generator_A2B.md" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["generator_A2B.md"]


# Errors of people -------------------------------------------------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], status: int, *arguments: object) -> str:
    assert export(*arguments) == status
    return capsys.readouterr().err


def test_a_missing_checkpoint_and_a_strangers_file_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "none.ckpt: there is no such checkpoint" in refused(capsys, 1, tmp_path / "none.ckpt", tmp_path)
    torch.save({"state_dict": {}}, tmp_path / "their.ckpt")
    assert "was not written by this project" in refused(capsys, 1, tmp_path / "their.ckpt", tmp_path)


@pytest.mark.parametrize(("name", "reason"), [("Energy", "Langevin"), ("TextEncoder", "vocabulary")])
def test_variants_that_make_no_images_in_one_pass_are_refused(
    name: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused(capsys, 1, stored(tmp_path, name), tmp_path / "out")
    assert f"{name}.ckpt holds a model of {name}, which is not exported" in error
    assert reason in error
    assert not (tmp_path / "out").exists()


def test_a_direction_is_for_variants_that_have_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused(capsys, 2, stored(tmp_path, "GAN"), tmp_path / "out", "--direction", "B2A")
    assert "--direction B2A: GAN translates no domain" in error


def test_out_is_a_folder_or_a_file_of_a_format(
    cyclegan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert ".onnx, .pt2, .safetensors" in refused(capsys, 2, cyclegan, tmp_path / "file")
    error = refused(capsys, 2, cyclegan, tmp_path / "a.onnx", "--formats", "torch")
    assert "of the format onnx, and --formats says torch" in error


def test_a_missing_package_is_named_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    error = refused(capsys, 1, tmp_path / "none.ckpt", tmp_path)
    assert "onnxscript is missing: pip install 'gans[export]'" in error


def test_examples_are_the_same_every_time() -> None:
    program = program_of(make_model("CycleGAN"))
    first, second = (program.example(program.cases()[1]) for _ in range(2))
    assert first[0].equal(second[0])
