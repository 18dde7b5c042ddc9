"""Toy trainings that can be recorded, killed and resumed, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from support.toys import make_data, make_model
from torch import Tensor

from gans.callbacks.diversity import OutcomeDiversity
from gans.callbacks.generative_metrics import GenerativeMetrics
from gans.callbacks.sample_grid import SampleGrid
from gans.callbacks.translation_error import TranslationError
from gans.checkpoints.writing import AtomicCheckpointIO, RunCheckpoint
from gans.training.strategy import GANDDPStrategy


class Recorder(Callback):
    """Writes a digest of every batch to FOLDER/order-RANK.jsonl; kills its process after a given step."""

    def __init__(self, folder: Path, kill_after: int | None) -> None:
        self.folder, self.kill_after = folder, kill_after

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        with (self.folder / f"order-{trainer.global_rank}.jsonl").open("a") as file:
            digest = [float(part.double().sum()) for part in batch if isinstance(part, Tensor)]
            file.write(json.dumps([trainer.global_step, digest]) + "\n")
        if trainer.global_step == self.kill_after:
            trainer.strategy.barrier()
            os.kill(os.getpid(), signal.SIGKILL)


class Gradients(Callback):
    """Keeps every parameter's gradient as every step left it."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Tensor]] = []
        self._step = 0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._step = trainer.global_step

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        stepped, self._step = trainer.global_step > self._step, trainer.global_step
        if stepped:
            named = pl_module.named_parameters()
            self.steps.append({name: p.grad.clone() for name, p in named if p.grad is not None})


def fit(
    name: str,
    folder: str,
    *,
    model: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    trainer: dict[str, Any] | None = None,
    checkpoint_every: int | None = None,
    checkpoint_minutes: float = 0.0,
    first_pictures: float | None = None,
    kill_after: int | None = None,
    resume: bool = False,
) -> list[dict[str, Tensor]]:
    """Fit a toy variant into `folder`; return the gradients of every step.

    FOLDER/final.ckpt is its state at the end, FOLDER/order-RANK.jsonl tells the batches. Checkpoints are
    written after epochs, or every so many steps or minutes; pictures are drawn once, so many seconds after
    the start, or not at all.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    os.environ["PL_GLOBAL_SEED"] = "0"
    torch.manual_seed(0)
    gradients = Gradients()
    checkpoints = RunCheckpoint(every_n_train_steps=checkpoint_every, every_minutes=checkpoint_minutes)
    pictures = [] if first_pictures is None else [SampleGrid(2, 99, first_seconds=first_pictures)]
    settings: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": world,
        "strategy": GANDDPStrategy() if world > 1 else "auto",
        "use_distributed_sampler": False,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "limit_val_batches": 0,
        "max_epochs": 3,
        "plugins": [AtomicCheckpointIO()],
        "callbacks": [Recorder(Path(folder), kill_after), gradients, *pictures, checkpoints],
    } | (trainer or {})
    if settings.get("precision") == "16-mixed":
        # Lightning turns 16-mixed into bf16-mixed on a CPU unless it is given the scaler.
        del settings["precision"]
        settings["plugins"] += [
            MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=64.0))
        ]
    fitting = L.Trainer(default_root_dir=folder, **settings)
    last = f"{folder}/checkpoints/last.ckpt" if resume else None
    fitting.fit(make_model(name, **(model or {})), datamodule=make_data(name, **(data or {})), ckpt_path=last)
    fitting.save_checkpoint(f"{folder}/final.ckpt")
    return gradients.steps


def evaluate(name: str, **data: Any) -> dict[str, float]:
    """Test an untrained toy variant; return its metrics."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    torch.manual_seed(0)
    testing = L.Trainer(
        accelerator="cpu",
        devices=world,
        strategy=GANDDPStrategy() if world > 1 else "auto",
        use_distributed_sampler=False,
        logger=False,
        enable_progress_bar=False,
        callbacks=[GenerativeMetrics(), TranslationError(), OutcomeDiversity()],
    )
    testing.test(make_model(name), datamodule=make_data(name, **data), verbose=False)
    return {metric: float(value) for metric, value in testing.callback_metrics.items()}


def final(folder: Path) -> dict[str, Any]:
    """Return what must be equal at the end of two equal trainings, on every process."""
    state = torch.load(folder / "final.ckpt", weights_only=True)
    kept = {"state_dict", "optimizer_states", "lr_schedulers", "gans_histories", "global_step", "epoch"}
    return {key: value for key, value in state.items() if key in kept} | {"order": _order(folder)}


def newest_step(folder: Path) -> int:
    """Return the step of the newest checkpoint."""
    step: int = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
    return step


def _order(folder: Path) -> dict[str, dict[int, list[float]]]:
    """Return the digest of every step's batch; of a step that was done again after a kill, the later one."""
    return {
        file.name: dict(json.loads(line) for line in file.read_text().splitlines())
        for file in sorted(folder.glob("order-*.jsonl"))
    }


def assert_identical(a: Any, b: Any, path: str = "") -> None:
    """Compare nested states; tensors must be equal bit for bit."""
    if isinstance(a, Tensor):
        assert torch.equal(a, b), path
    elif isinstance(a, Mapping):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_identical(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, Sequence) and not isinstance(a, str):
        assert len(a) == len(b), path
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_identical(x, y, f"{path}.{index}")
    else:
        assert a == b, path
