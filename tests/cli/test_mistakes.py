"""What a user can get wrong: one readable message on stderr and an exit status, without a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.commands import run, write_toy_config

MOST_LINES = 2


def complain(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Run `fit` and return its exit status and message; a mistake leaves nothing behind."""
    status = run("fit", *arguments)
    message = capsys.readouterr().err
    assert "Traceback" not in message
    errors = message[message.index("error: ") :].splitlines()
    assert len(errors) <= MOST_LINES, message
    return status, "\n".join(errors)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_toy_config(Path("toy.yaml"), runs="runs")
    return Path("toy.yaml")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--config", "cyclgan"], 1, "Did you mean cyclegan?"),
        (["--model", "CycelGAN"], 2, "CycelGAN. Did you mean CycleGAN?\nKnown names: CycleGAN"),
        (["--model", "gans.cyclegan.CycelGAN"], 2, "Did you mean CycleGAN?"),
        (["--data", "UnpairedImage"], 2, "Did you mean UnpairedImages?"),
        (["--trainer.callbacks+=LearningRateMoniter"], 2, "Did you mean LearningRateMonitor?"),
        (
            ["--model.lamda_cycle", "5"],
            2,
            "CycleGAN has no argument lamda_cycle on the command line. Did you mean",
        ),
        (["--model.learning_rat=1"], 2, "Did you mean learning_rate?"),
        (
            ["--data.rot", "x"],
            2,
            "UnpairedImages has no argument rot on the command line. Did you mean root?",
        ),
        (["--sample_grid.cont", "2"], 2, "Did you mean --sample_grid.count?"),
        (["--samplegrid.count", "2"], 2, "Did you mean --sample_grid.count?"),
        (
            ["--trainer.max_epoch", "3"],
            2,
            "There is no option --trainer.max_epoch. Did you mean --trainer.max_epochs?",
        ),
        (["--seed_every", "3"], 2, "There is no option --seed_every."),
        (["--model.blocks", "many"], 2, "model.blocks is many on the command line: expected int or null."),
        (
            ["--model.objective", "hing"],
            2,
            "expected one of 'minimax', 'non_saturating', 'least_squares', 'hinge'",
        ),
        (
            ["--trainer.max_epochs", "many"],
            2,
            "trainer.max_epochs is many on the command line: expected int or null.",
        ),
        (
            ["--logger", "wandbb"],
            2,
            "logger is wandbb on the command line: expected one of 'wandb', 'tensorboard'",
        ),
        (["--trainer.max_epochs"], 2, "--trainer.max_epochs: expected one argument"),
        (["epochs"], 2, "epochs on the command line belongs to no option"),
        (["--without", "sample_grids"], 2, "Did you mean sample_grid?"),
        (["--trainer.accelerator", "gpu", "--trainer.devices", "99"], 2, "trainer: "),
        (["--trainer.gradient_clip_val", "1"], 2, "use --model.gradient_clip."),
        (["--trainer.accumulate_grad_batches", "2"], 2, "use --model.accumulate."),
        (["--data.root", "nowhere"], 1, "nowhere"),
        (["--ckpt_path", "lost.ckpt"], 1, "--ckpt_path lost.ckpt: no such file."),
        (["--ckpt_path", "last"], 1, "--ckpt_path last: there is none under runs/toy."),
        (["--model.channels_A", "1"], 1, "checkpoint, but UnpairedImages has 3-channel images"),
        (["--model.ema_decay", "2"], 1, "model.ema_decay is 2.0: it lies in [0, 1)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_on_the_command_line(
    toy: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, said: str
) -> None:
    given, message = complain(capsys, "--config", toy, *arguments)
    assert said in message
    assert given == status
    assert [path.name for path in Path().iterdir()] == ["toy.yaml"]


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        (
            "model: {class_path: CycleGAN, init_args: {lamda_cycle: 3}}",
            "no argument lamda_cycle in my.yaml. Did you mean",
        ),
        ("model: {class_path: CycleGAN, lambda_cycle: 3}", "arguments belong under init_args"),
        (
            "model: {class_path: CycelGAN}",
            "model in my.yaml names no class known here: CycelGAN. Did you mean",
        ),
        (
            "trainer: {max_epoch: 3}",
            "There is no key trainer.max_epoch in my.yaml. Did you mean trainer.max_epochs?",
        ),
        (
            "modle: {class_path: CycleGAN}",
            "There is no key modle.class_path in my.yaml. Did you mean model.class_path?",
        ),
        ("trainer: {max_epochs: many}", "trainer.max_epochs is many in my.yaml: expected int or null."),
        ("trainer: {max_epochs: 3", "my.yaml, line 1, column 24 is not YAML"),
    ],
)
def test_in_a_config(toy: Path, capsys: pytest.CaptureFixture[str], yaml: str, said: str) -> None:
    Path("my.yaml").write_text(yaml)
    status, message = complain(capsys, "--config", toy, "--config", "my.yaml")
    assert said in message
    assert status == 2


def test_nothing_to_train(capsys: pytest.CaptureFixture[str]) -> None:
    status, message = complain(capsys)
    assert "name a config with --config" in message
    assert status == 2


def test_predicting_takes_a_checkpoint(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", "--config", toy) == 2
    assert "add --ckpt_path FILE" in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["toy.yaml"]


def test_a_checkpoint_of_another_variant(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(
        {"gans": {"variant": "Pix2Pix"}, "hyper_parameters": {"_class_path": "gans.Pix2Pix"}}, "other.ckpt"
    )
    status, message = complain(capsys, "--config", toy, "--ckpt_path", "other.ckpt")
    assert message == (
        "error: other.ckpt holds a Pix2Pix, but the model is a CycleGAN. "
        "Use a config of Pix2Pix, or another checkpoint."
    )
    assert status == 1


def test_a_checkpoint_of_a_version_with_other_arguments(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(
        {
            "gans": {"variant": "CycleGAN"},
            "hyper_parameters": {"_class_path": "gans.CycleGAN", "lambda_circle": 3},
        },
        "old.ckpt",
    )
    status, message = complain(capsys, "--config", toy, "--ckpt_path", "old.ckpt")
    assert message.startswith(
        "error: old.ckpt: CycleGAN has no argument lambda_circle. Did you mean lambda_cycle?"
    )
    assert status == 2


def test_a_bug_keeps_its_traceback(toy: Path) -> None:
    with pytest.raises(KeyError, match="missing"):
        run("fit", "--config", toy, "--trainer.callbacks+=support.commands.RaiseAt")


def test_debugging_shows_the_traceback_of_a_mistake(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANS_DEBUG", "1")
    with pytest.raises(FileNotFoundError, match=r"lost\.ckpt"):
        run("fit", "--config", toy, "--ckpt_path", "lost.ckpt")
