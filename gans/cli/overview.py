"""What is to be trained on what, said in one block before the first step, and how long it will take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from datamodules.found import Found
from datamodules.reading import Reading
from datamodules.slices import OF_SLICES
from gans.base import AdversarialModule
from gans.callbacks.duration import RunClock, accumulated, batches_left, callbacks_of, in_words, seconds_left
from gans.callbacks.generative_metrics import GenerativeMetrics
from gans.callbacks.terminal import notice
from gans.metrics.enough import images_wanted

INDENT = 12
"""Characters of the names before the lines, here and in the summary at the end."""


@runtime_checkable
class TellsWhatItFound(Protocol):
    """A data module that tells of its images once it is set up."""

    def found(self) -> list[Found]:
        """Return what was found, domain by domain."""
        ...


class RunOverview(Callback):
    """Prints a block before the first step of a fit, and after the first steps how long the rest takes."""

    def __init__(self) -> None:
        self._clock = RunClock()
        self._told = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the block."""
        self._clock.restart()
        self._told = False
        if trainer.is_global_zero:
            notice("\n".join(overview(trainer, pl_module)))

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Print, once, how long the rest takes."""
        if self._told:
            return
        self._clock.count()
        if not self._clock.is_steady:
            return
        self._told = True
        left, seconds = batches_left(trainer), seconds_left(trainer, self._clock)
        if left and seconds is not None:
            steps = _number(math.ceil(left / accumulated(trainer)))
            aside = "" if trainer.limit_val_batches == 0 else ", validations and pictures not counted"
            notice(f"{'Time':<{INDENT}}about {in_words(seconds)} for the {steps} steps that are left{aside}")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        self._clock.pause()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the clock run again."""
        self._clock.go_on()


def overview(trainer: Trainer, module: LightningModule) -> Iterator[str]:
    """Yield the lines of the block."""
    for name, lines in overview_parts(trainer, module).items():
        for number, line in enumerate(lines):
            yield f"{'' if number else name:<{INDENT}}{line}"


def overview_parts(trainer: Trainer, module: LightningModule) -> dict[str, list[str]]:
    """Return lines about images, model, training, what the metrics lack, and the run's folder."""
    data = getattr(trainer, "datamodule", None)
    found = data.found() if isinstance(data, TellsWhatItFound) else []
    return {
        "Images": [*image_lines(found), *memory_lines(data)],
        "Model": [model_line(module)],
        "Training": list(training_lines(trainer, getattr(data, "batch_size", None))),
        "Metrics": list(metric_lines(trainer, found)),
        "Run": [str(trainer.default_root_dir)],
    }


def image_lines(found: Sequence[Found]) -> Iterator[str]:
    """Yield a line for each domain, and one more for what was left out of it."""
    for domain in found:
        kind = [_sizes(domain), _count(domain.channels, "channel"), domain.depth]
        numbers = f"{_number(domain.training)} to train on, {_number(domain.held_out)} held out"
        yield f"{domain.name}: {numbers}; {', '.join(filter(None, kind))}; {domain.where}"
        for unit in ("file", "slice"):
            told = {reason: count for reason, count in domain.left_out.items() if _unit_of(reason) == unit}
            if told:
                reasons = "; ".join(
                    f"{_number(count)} {reason.removeprefix(OF_SLICES)}" for reason, count in told.items()
                )
                yield f"{domain.name}: left out {_count(sum(told.values()), unit)}: {reasons}"


def _unit_of(reason: str) -> str:
    """Return what is left out for a reason: files, or slices of volumes."""
    return "slice" if reason.startswith(OF_SLICES) else "file"


def memory_lines(data: object) -> Iterator[str]:
    """Yield what does not fit into the memory for decoded images."""
    reading = getattr(data, "reading", None)
    beyond = reading.budget.beyond if isinstance(reading, Reading) else 0
    if beyond:
        yield (
            f"{beyond / 1e9:.1f} GB of decoded images are more than data.store_gigabytes (on disk) and "
            "data.cache_gigabytes (in memory) have room for, and are decoded each time"
        )


def model_line(module: LightningModule) -> str:
    """Return the kind of a model and its number of parameters, player by player."""
    players = module.active_players() if isinstance(module, AdversarialModule) else ()
    networks = {player.name: [getattr(module, name) for name in player.networks] for player in players}
    sizes = {name: _parameters(parts) for name, parts in networks.items()}
    total = _parameters([part for parts in networks.values() for part in parts] or [module])
    shares = ", ".join(f"{name} {rounded(size)}" for name, size in sizes.items()) if len(sizes) > 1 else ""
    return f"{type(module).__name__}, {rounded(total)} parameters" + (f": {shares}" if shares else "")


def training_lines(trainer: Trainer, batch_size: int | None) -> Iterator[str]:
    """Yield how long the training is and where it runs, and what of it is done already."""
    group = accumulated(trainer)
    per_epoch = trainer.num_training_batches
    by_epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
    limits = [trainer.max_steps] if trainer.max_steps > 0 else []
    length = "epochs without end"
    if math.isfinite(per_epoch):
        steps = math.ceil(per_epoch / group)
        limits += [steps * by_epochs] if by_epochs else []
        length = f"{_count(by_epochs, 'epoch') if by_epochs else 'epochs'} of {_count(steps, 'step')}"
    total = f", {_number(min(limits))} steps in all" if limits else ", until it is stopped"
    images = f"; {_count(batch_size * group * trainer.world_size, 'image')} a step" if batch_size else ""
    yield f"{length}{total}{images}; {place_of(trainer)}"
    if trainer.global_step:
        done = f"goes on after {_count(trainer.global_step, 'step')}, in epoch {trainer.current_epoch + 1}"
        yield f"{done}; {_number(min(limits) - trainer.global_step)} are left" if limits else done


def metric_lines(trainer: Trainer, found: Sequence[Found]) -> Iterator[str]:
    """Yield what metrics want more images than are held out."""
    held_out = min((domain.held_out for domain in found), default=0)
    metrics = [
        name for part in callbacks_of(trainer) if isinstance(part, GenerativeMetrics) for name in part.names
    ]
    lacking = {name: wanted for name in metrics if (wanted := images_wanted(name)) > held_out}
    if found and trainer.limit_val_batches != 0 and lacking:
        wants = ", ".join(f"{name} ({_number(wanted)})" for name, wanted in lacking.items())
        yield f"{_count(held_out, 'held-out image')} {'is' if held_out == 1 else 'are'} few for {wants}"
        yield "(in brackets what each wants): compare with runs on as many images only; see docs/metrics.md"


def rounded(count: int) -> str:
    """Return a number as one says it: `512`, `886 thousand`, `1.2 million`."""
    for unit, name in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand")):
        if count >= unit:
            share = count / unit
            return f"{share:.1f} {name}" if share < 9.95 and unit > 10**3 else f"{share:.0f} {name}"
    return str(count)


def _parameters(networks: Sequence[nn.Module]) -> int:
    return sum(parameter.numel() for parameter in nn.ModuleList(networks).parameters())


def place_of(trainer: Trainer) -> str:
    """Return what a training runs on, such as `on the CPU`."""
    device = trainer.strategy.root_device
    kind = "the CPU" if device.type == "cpu" else f"a {device.type} device"
    if device.type == "cuda":
        kind = f"an {torch.cuda.get_device_name(device)}"
    return f"on {kind}" if trainer.world_size == 1 else f"in {trainer.world_size} processes, each on {kind}"


def _sizes(domain: Found) -> str:
    if domain.sizes is None:
        return ""
    least, most = (f"{width} x {height}" for width, height in domain.sizes)
    return least if least == most else f"{least} to {most}"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _count(count: int, unit: str) -> str:
    return f"{_number(count)} {unit}" if count == 1 else f"{_number(count)} {unit}s"
