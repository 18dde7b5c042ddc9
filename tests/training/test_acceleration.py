from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from support.tiny import TinyGAN, rows, trainer
from support.toys import TOYS, make_data, make_model
from torch import Tensor, nn

from gans.base import AdversarialModule
from gans.training.acceleration import Acceleration, keep_freed_memory


class Losses(Callback):
    """Keeps what every step logs, and the statistics that batch norms have gathered in the end."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.statistics: list[Tensor] = []

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        self.steps.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        norms = [m for m in pl_module.modules() if isinstance(m, nn.BatchNorm2d)]
        self.statistics = [buffer.clone() for norm in norms for buffer in norm.buffers()]


def losses(module: AdversarialModule, data: Any, folder: Path, acceleration: Acceleration) -> Losses:
    """Train two steps in float64 and return what came of them."""
    recorder = Losses()
    fit = trainer(folder, max_steps=2, max_epochs=2, limit_val_batches=0, callbacks=[acceleration, recorder])
    fit.fit(module, data)
    return recorder


def assert_same(plain: Losses, fast: Losses) -> None:
    assert len(plain.steps) == len(fast.steps) == 2
    for before, after in zip(plain.steps, fast.steps, strict=True):
        assert after == pytest.approx(before, rel=1e-10)
        assert any("total" in name for name in before)
    for expected, found in zip(plain.statistics, fast.statistics, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


PAPERS = ("CycleGAN", "Pix2Pix", "StarGAN", "DCGAN")
LATER_PAPERS = ("CUT", "SRGAN", "ESRGAN", "RealESRGAN", "StyleGAN2", "R3GAN", "StarGANv2")
REARRANGED = {"keep_memory": True, "channels_last": True}
RECOMPUTED = {"gradient_checkpointing": True}
COMPILED = {"compile": True}


def trained(name: str, folder: Path, **switches: bool) -> Losses:
    """Train a variant at toy size with some switches on, and all others off."""
    torch.manual_seed(0)
    # Small steps: Adam would make whole ones of gradients that are nothing but rounding. And no dropout,
    # whose masks are drawn in the order in which features lie in memory.
    without_dropout = {"dropout": False} if "dropout" in TOYS[name].separable else {}
    module = make_model(name, learning_rate=1e-6, **without_dropout)
    return losses(module, make_data(name), folder, Acceleration(**{"keep_memory": False, **switches}))


@functools.cache
def trained_without(name: str, folder: Path) -> Losses:
    return trained(name, folder)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return one folder for all runs, which begin with the same seed."""
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")
    return tmp_path_factory.getbasetemp()


@pytest.mark.parametrize("switches", [REARRANGED, RECOMPUTED], ids=" ".join)
@pytest.mark.parametrize("name", TOYS)
def test_switches_leave_the_losses_as_they_are(name: str, switches: dict[str, bool], folder: Path) -> None:
    assert_same(trained_without(name, folder), trained(name, folder, **switches))


@pytest.mark.parametrize(
    ("name", "switches"),
    [
        *((name, COMPILED) for name in PAPERS),
        *((name, REARRANGED | RECOMPUTED | COMPILED) for name in PAPERS + LATER_PAPERS),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_compiled_variants_have_the_same_losses(
    name: str, switches: dict[str, bool], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Graphs as for the real compiler, which would translate them for minutes: it is tested below.
    traced = functools.partialmethod(nn.Module.compile, backend="aot_eager")
    monkeypatch.setattr(nn.Module, "compile", traced)
    torch.compiler.reset()
    assert_same(trained_without(name, folder), trained(name, folder, **switches))


def test_compiling_leaves_the_losses_as_they_are_and_the_names_in_the_checkpoint(tmp_path: Path) -> None:
    recorded, modules = [], []
    for compiled in (False, True):
        torch.manual_seed(0)
        modules.append(TinyGAN())
        recorded.append(losses(modules[-1], rows(4), tmp_path, Acceleration(compile=compiled)))
    assert_same(*recorded)
    plain, fast = modules
    assert list(plain.state_dict()) == list(fast.state_dict())
    assert fast.generator._compiled_call_impl is not None
    assert plain.generator._compiled_call_impl is None


def layout(name: str, network: str, folder: Path, **arguments: Any) -> bool:
    """Say whether the weights of a network lie with the channels last when it has been trained so."""
    module = make_model(name, **arguments)
    losses(module, make_data(name), folder, Acceleration(channels_last=True))
    weights = [p for p in getattr(module, network).parameters() if p.ndim == 4 and min(p.shape) > 1]
    assert weights
    return all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


def test_channels_last_reaches_the_weights_unless_there_is_instance_norm(tmp_path: Path) -> None:
    assert layout("Pix2Pix", "generator", tmp_path)
    assert not layout("Pix2Pix", "generator", tmp_path, norm="instance")


PAGES = """
import resource, sys
from gans.training.acceleration import keep_freed_memory
import torch
if sys.argv[1] == "keep":
    assert keep_freed_memory()
torch.ones(9_000_000).sum()  # above 32 MB, where glibc always maps a block apart
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    torch.ones(9_000_000).sum()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not keep_freed_memory(), reason="the C library is not glibc")
def test_kept_memory_is_not_asked_for_again() -> None:
    def faults(mode: str) -> int:
        command = [sys.executable, "-c", PAGES, mode]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert faults("keep") < faults("return") / 4
