"""A variant at toy size in one precision: it trains, loses what it should, resumes, and changes devices."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import lightning as L
import torch
import yaml
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor

import gans
from benchmarks.gpu.checks import Findings
from benchmarks.gpu.draws import SameDraws
from benchmarks.gpu.toys import make_toy
from benchmarks.plain_process import peak_memory
from gans.checkpoints.writing import AtomicCheckpointIO
from gans.training.acceleration import Acceleration

STEPS = 8
FAST = Path(__file__).parents[2] / "configs" / "fast.yaml"


@dataclass(frozen=True)
class Arithmetic:
    """One way to compute.

    Attributes:
        tolerance: by how much the first losses may differ from float64, relative to their own size.
        trainer: arguments of the Trainer.
        acceleration: arguments of `Acceleration`.
    """

    tolerance: float
    trainer: dict[str, Any] = field(default_factory=dict)
    acceleration: dict[str, Any] = field(default_factory=dict)


PRESET = yaml.safe_load(FAST.read_text(encoding="utf-8"))
DOUBLE = Arithmetic(0.0, {"precision": "64-true"})
ARITHMETICS = {
    "fp32, TF32": Arithmetic(0.01, {"precision": "32-true"}, {"tf32": True}),
    "bf16-mixed": Arithmetic(0.2, {"precision": "bf16-mixed"}),
    "16-mixed": Arithmetic(0.02, {"precision": "16-mixed"}),
    "fast": Arithmetic(0.2, PRESET["trainer"], PRESET["acceleration"]),
}
"""Name -> arithmetic; the last is `--config fast`."""
COLUMNS = ("first losses", "trains", "resumes", "GPU to CPU and back", "MB")


class Steps(Callback):
    """Keeps the losses of the first step, and whether all were finite; lets it draw the same everywhere.

    Args:
        same_draws: whether to draw as `SameDraws` does.
    """

    def __init__(self, same_draws: bool = False) -> None:
        self.first: dict[str, float] = {}
        self.finite = True
        self._draws = SameDraws() if same_draws else None
        self._drawing = False

    def on_train_batch_start(self, *_: Any) -> None:
        """Begin to draw."""
        if self._draws:
            self._draws.__enter__()  # type: ignore[no-untyped-call]
            self._drawing = True

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """Read the losses."""
        self._end_draws()
        losses = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.first = self.first or losses
        self.finite &= all(isfinite(value) for value in losses.values())

    def on_exception(self, *_: Any) -> None:
        """End the draws, so that they do not reach what comes next."""
        self._end_draws()

    def _end_draws(self) -> None:
        if self._draws and self._drawing:
            self._draws.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self._drawing = False


@dataclass(frozen=True)
class Subject:
    """A variant that is checked: its name, where its pictures are, how it computes, and whether compiled."""

    name: str
    pictures: Path
    arithmetic: Arithmetic
    cpu: bool = not torch.cuda.is_available()

    def fit(self, steps: int, resume: Path | None = None, **more: Any) -> tuple[Steps, L.Trainer]:
        """Train to so many steps; more: `same_draws`, `keep` (a file for half-way), trainer arguments."""
        watch = Steps(more.pop("same_draws", False))
        keep: Path | None = more.pop("keep", None)
        torch.manual_seed(0)
        model, data = make_toy(self.name, self.pictures)
        options = {"accelerator": "cpu" if self.cpu else "gpu", **self.arithmetic.trainer, **more}
        plugins: list[Any] = [AtomicCheckpointIO()]
        if options["precision"] == "16-mixed" and options["accelerator"] == "cpu":
            # Lightning would take bf16-mixed there; the scale is one under which few steps overflow.
            del options["precision"]
            scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
            plugins.append(MixedPrecision("16-mixed", "cpu", scaler))
        trainer = L.Trainer(
            **({"devices": 1, "use_distributed_sampler": False} | QUIET | options),
            max_steps=steps,
            plugins=plugins,
            callbacks=[Acceleration(**self.arithmetic.acceleration), watch, *([Kept(keep)] if keep else [])],
        )
        trainer.fit(model, datamodule=data, ckpt_path=resume, weights_only=True)
        return watch, trainer


QUIET: dict[str, Any] = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "log_every_n_steps": 1,
    "num_sanity_val_steps": 0,
    "limit_val_batches": 0,
    "max_epochs": -1,
}


class Kept(Callback):
    """Writes a checkpoint half-way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """Write it."""
        if trainer.global_step == STEPS // 2:
            trainer.save_checkpoint(self._path)


def check_variant(name: str, arithmetic: str, pictures: Path) -> Findings:
    """Check a variant in one arithmetic; one thing that fails does not keep the others from being checked."""
    if not torch.cuda.is_available() and arithmetic == "fast":
        # Traced as for the compiler, which would translate for minutes what no GPU will run.
        traced = functools.partialmethod(torch.nn.Module.compile, backend="aot_eager")
        torch.nn.Module.compile = traced  # type: ignore
    torch.set_num_threads(1)
    subject = Subject(name, pictures, ARITHMETICS[arithmetic])
    facts, wrong = {}, []
    with tempfile.TemporaryDirectory() as folder:
        half, whole = Path(folder, "half.ckpt"), Path(folder, "whole.ckpt")
        parts: dict[str, Callable[[], tuple[str, bool]]] = {
            "first losses": lambda: first_losses(subject),
            "trains": lambda: trains(subject, half, whole),
            "resumes": lambda: resumes(subject, half, whole),
            "GPU to CPU and back": lambda: changes_devices(subject, whole),
        }
        for part, check in parts.items():
            try:
                facts[part], right = check()
            except Exception as error:  # whatever it is, the other parts are to be checked
                facts[part], right = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}", False
            wrong += [] if right else [part]
    facts["MB"] = f"{peak_memory(torch.device('cpu' if subject.cpu else 'cuda')) / 1e6:.0f}"
    return Findings(facts, tuple(wrong))


def first_losses(subject: Subject) -> tuple[str, bool]:
    """Compare the losses of the first step with those on the CPU in float64, of the same random numbers.

    Compiled networks draw within what is compiled; they are compared with the same ones not compiled.
    """
    arithmetic = subject.arithmetic
    if arithmetic.acceleration.get("compile"):
        torch._inductor.config.fallback_random = True  # draws as uncompiled
        plain = Subject(subject.name, subject.pictures, Arithmetic(0.0, arithmetic.trainer), subject.cpu)
        found, wanted = subject.fit(1)[0].first, plain.fit(1)[0].first
        beside = "uncompiled"
    else:
        exact = Subject(subject.name, subject.pictures, DOUBLE, cpu=True)
        found = subject.fit(1, same_draws=True)[0].first
        wanted = exact.fit(1, same_draws=True)[0].first
        beside = "float64"
    names = found.keys() | wanted.keys()
    largest = max(abs(found[name] - wanted[name]) / (abs(wanted[name]) + 0.01) for name in names)
    return f"{largest:.1e} from {beside}", largest <= arithmetic.tolerance


def trains(subject: Subject, half: Path, whole: Path) -> tuple[str, bool]:
    """Train without interruption: finite losses, and weights that move."""
    torch.manual_seed(0)
    model, _ = make_toy(subject.name, subject.pictures)
    before = {name: part.detach().clone() for name, part in model.named_parameters()}
    watch, trainer = subject.fit(STEPS, keep=half)
    trainer.save_checkpoint(whole)
    after = dict(trainer.lightning_module.named_parameters())
    moved = sum(not torch.equal(part, after[name].detach().cpu()) for name, part in before.items())
    finite = watch.finite and all(bool(part.isfinite().all()) for part in after.values())
    said = f"{moved} of {len(before)} tensors moved{'' if finite else ', not finite'}"
    return said, finite and moved > 0


def resumes(subject: Subject, half: Path, whole: Path) -> tuple[str, bool]:
    """Go on from half-way and compare, bit for bit, with the training that was not interrupted."""
    again = whole.with_name("again.ckpt")
    apart = difference(whole, _again(subject, again, half))
    if not apart:
        return "bit for bit", True
    noise = difference(whole, _again(subject, again))
    if not noise:
        return f"{apart:.1e} apart, though trainings repeat bit for bit", False
    exact_whole = _again(subject, whole.with_name("exact.ckpt"), deterministic="warn")
    exact = difference(exact_whole, _again(subject, again, half, deterministic="warn"))
    said = f"{apart:.1e} apart, as {noise:.1e} without interruption; deterministic: {exact:.1e}"
    return said, not exact


def _again(subject: Subject, path: Path, start: Path | None = None, **options: Any) -> Path:
    """Train to the end once more, from the start or from half-way; write a checkpoint and return its path."""
    subject.fit(STEPS, resume=start, **options)[1].save_checkpoint(path)
    return path


def difference(one: Path, other: Path) -> float:
    """Return the largest absolute difference of weights and optimisers of two checkpoints."""
    parts = ("state_dict", "optimizer_states", "gans_histories")
    states = [torch.load(path, map_location="cpu", weights_only=True) for path in (one, other)]
    pairs = zip(*(list(_tensors([state[part] for part in parts])) for state in states), strict=True)
    return max((float((a.double() - b.double()).abs().max()) for a, b in pairs if a.numel()), default=0.0)


def _tensors(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return [tensor for part in parts for tensor in _tensors(part)]


def changes_devices(subject: Subject, whole: Path) -> tuple[str, bool]:
    """Load the checkpoint on a CPU, train on there, and go on with what that wrote where it came from."""
    loaded = gans.load(whole).state_dict()
    written = torch.load(whole, map_location="cpu", weights_only=True)["state_dict"]
    same = all(torch.equal(part, loaded[name]) for name, part in written.items() if isinstance(part, Tensor))
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder, "cpu.ckpt")
        at_home = Subject(subject.name, subject.pictures, ARITHMETICS["fp32, TF32"], cpu=True)
        if subject.arithmetic.trainer["precision"] == "16-mixed":  # its scale is part of the checkpoint
            at_home = Subject(subject.name, subject.pictures, subject.arithmetic, cpu=True)
        at_home.fit(STEPS + 1, resume=whole)[1].save_checkpoint(there)
        watch, trainer = subject.fit(STEPS + 2, resume=there)
    right = same and watch.finite and trainer.global_step == STEPS + 2
    return f"{'' if same else 'other weights, '}goes on at {trainer.global_step}", right
