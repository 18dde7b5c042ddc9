"""Says when a training is failing, why it thinks so, and what to try."""

from __future__ import annotations

import difflib
import math
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, TypeVar

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from gans.base import AdversarialModule
from gans.callbacks.failures.measurements import DeviceScalars, Diversity, gradient_norm
from gans.callbacks.failures.signs import (
    BLOCKS,
    DeadGradients,
    DiscriminatorWon,
    GeneratorCollapsed,
    NonFiniteGradients,
    Oscillation,
    SlowLoader,
)
from gans.callbacks.terminal import notice

SIGNS = {
    "discriminator_won": "a smaller or slower discriminator, a gradient penalty or more varied training "
    "images: the generator has nothing left to learn from it",
    "generator_collapsed": "an earlier checkpoint, a lower learning rate or a gradient penalty: the "
    "generator makes one picture whatever it is given",
    "oscillation": "a lower --model.learning_rate, a lower first beta (--model.betas) or averaged weights "
    "(--model.ema_decay 0.999): the players chase each other in a circle",
    "nonfinite_gradients": "a lower --model.learning_rate, --model.gradient_clip 1, or bf16-mixed in place "
    "of 16-mixed",
    "dead_gradients": "bf16-mixed in place of 16-mixed, non_saturating in place of minimax, and a look at "
    "what this network's loss depends on",
    "zero_learning_rate": "a schedule that ends with the training, or --model.schedule constant: the steps "
    "that are left change nothing",
    "slow_loader": "more --data.num_workers, smaller or already scaled image files, or a faster disk",
}
"""Sign -> what to try."""

ZERO_RATE = 1e-15  # a learning rate under it moves no 32-bit weight
FEWEST_IMAGES = 4  # whose diversity says something
FEWEST_LOOKS = 3  # in a row that make a state, however rarely one looks

Detector = TypeVar("Detector")
Detectors = defaultdict[str, Detector]


class FailureMonitor(Callback):
    """Watches any adversarial variant for the known ways to fail; reports each once per start of a run.

    The signs: `discriminator_won` (its total loss rests at its floor; a loss without floor, such as a
    Wasserstein critic's, cannot be judged so), `generator_collapsed` (the fakes of an evaluation are far more
    alike than the real images), `oscillation` (a player's loss swings in a steady rhythm),
    `nonfinite_gradients` (losses that are no numbers stop the run anyway), `dead_gradients` of a network,
    `zero_learning_rate` in a step, and `slow_loader`.

    A sign is printed with what was seen and what to try, and logged as `monitor/NAME` = 1. Losses are handed
    over at every step without waiting for the device; every `every_n_steps` they are read, with the gradients
    of one step of each player. The first process judges for all. With `stop_on` the processes agree, at each
    look and after each evaluation, whether to stop; the run then ends as after its last epoch.

    Attributes:
        reports: step, sign, who and what was seen, of all that was reported since the start.

    Args:
        stop_on: names of the signs that end the run.
        every_n_steps: how often to look; by default the trainer's `log_every_n_steps`.
        patience: steps that a state must last: the loss at its floor, gradients of zero, waiting for data,
            and, under a loss scaler, whose single overflows are normal, gradients that are no numbers.
        won_margin: how close to its floor a discriminator's mean loss has won. The loss of one that cannot
            tell real from fake is 0.25 to 2, by objective and variant.
        dead_norm: L2 norm under which a network's gradients count as zero.
        oscillation_window: steps in which a rhythm is looked for, of periods from 1/16 to 1/4 of it.
        oscillation_swing: least standard deviation of an oscillating loss, as a share of its mean size.
        collapse_ratio: share of the real images' diversity under which that of the fakes is a collapse.
        collapse_evaluations: how many evaluations in a row must show it.
        loader_share: share of the time, in (0, 1), that may be spent waiting for batches.

    Raises:
        ValueError: if an argument is out of range or `stop_on` names no sign.
    """

    def __init__(
        self,
        stop_on: list[str] | None = None,
        every_n_steps: int | None = None,
        patience: int = 500,
        won_margin: float = 0.01,
        dead_norm: float = 1e-8,
        oscillation_window: int = 3200,
        oscillation_swing: float = 0.3,
        collapse_ratio: float = 0.1,
        collapse_evaluations: int = 2,
        loader_share: float = 0.5,
    ) -> None:
        self._stop_on = [_known(name) for name in stop_on or []]
        self._every_n_steps = None if every_n_steps is None else _at_least(1, every_n_steps, "every_n_steps")
        self._patience = _at_least(1, patience, "patience")
        self._won_margin = won_margin
        self._dead_norm = dead_norm
        self._oscillation = (_at_least(BLOCKS, oscillation_window, "oscillation_window"), oscillation_swing)
        self._collapse = (collapse_ratio, _at_least(1, collapse_evaluations, "collapse_evaluations"))
        if not 0 < loader_share < 1:
            raise ValueError(f"failure_monitor.loader_share is {loader_share}: it lies between 0 and 1.")
        self._loader_share = loader_share
        self.reports: list[tuple[int, str, str, str]] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse a module that has no players.

        Raises:
            TypeError: if the module is no `AdversarialModule`.
        """
        if not isinstance(pl_module, AdversarialModule):
            raise TypeError(
                f"FailureMonitor watches the players of an AdversarialModule, not {type(pl_module).__name__}."
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start with a clean sheet."""
        assert isinstance(pl_module, AdversarialModule)
        self._every = self._every_n_steps or _logging_interval(trainer)
        self._looked_at = trainer.global_step
        self._players = pl_module.active_players()
        self._unmeasured = {player.name for player in self._players}
        self._losses = DeviceScalars()
        self._norms = DeviceScalars()
        self._diversities: defaultdict[str, tuple[Diversity, Diversity]]
        self.reports = []
        self._stop = False

        looks = max(FEWEST_LOOKS, math.ceil(self._patience / self._every))
        overflows = 1 if trainer.scaler is None else looks
        self._won = {
            name: DiscriminatorWon(floor, self._won_margin, self._patience)
            for name, floor in pl_module.loss_floors().items()
        }
        self._swings: Detectors[Oscillation] = defaultdict(lambda: Oscillation(*self._oscillation))
        self._dead: Detectors[DeadGradients] = defaultdict(lambda: DeadGradients(self._dead_norm, looks))
        self._nonfinite: Detectors[NonFiniteGradients] = defaultdict(lambda: NonFiniteGradients(overflows))
        self._collapses: Detectors[GeneratorCollapsed] = defaultdict(
            lambda: GeneratorCollapsed(*self._collapse)
        )
        self._loader = SlowLoader(self._loader_share, self._patience)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the start of the loader's workers out of the waiting time."""
        self._loader.pause()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note when the batch was there."""
        self._loader.arrives(time.perf_counter())

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Measure each player's gradients once between two looks: averaged, unscaled, not yet clipped."""
        player = self._players[trainer.optimizers.index(optimizer)]
        if trainer.is_global_zero and player.name in self._unmeasured:
            self._unmeasured.remove(player.name)
            for name in player.networks:
                self._norms.keep(f"{name} of the {player.name}", gradient_norm(getattr(pl_module, name)))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the losses, and look, if it is time."""
        if trainer.is_global_zero:
            for player, loss in outputs.items():
                self._losses.keep(player, loss)
        step = trainer.global_step
        due = step % self._every == 0 and step != self._looked_at
        losses, norms = (self._losses.read(), self._norms.read()) if due else ({}, {})
        # After reading, which waits for the device: else its work would count as waiting for data.
        self._loader.done(time.perf_counter())
        if due:
            self._looked_at = step
            self._unmeasured = {player.name for player in self._players}
            self._judge(trainer, losses, norms)
            self._agree_to_stop(trainer)

    def _judge(
        self, trainer: Trainer, losses: Mapping[str, list[float]], norms: Mapping[str, list[float]]
    ) -> None:
        if not trainer.is_global_zero:
            return
        for name, values in losses.items():
            if name in self._won:
                self._report(trainer, "discriminator_won", name, self._won[name].see(values))
            self._report(trainer, "oscillation", name, self._swings[name].see(values))
        for network, (norm,) in norms.items():
            self._report(trainer, "nonfinite_gradients", network, self._nonfinite[network].see(norm))
            self._report(trainer, "dead_gradients", network, self._dead[network].see(norm))
        for player, optimizer in zip(self._players, trainer.optimizers, strict=True):
            rate = max(float(group["lr"]) for group in optimizer.param_groups)
            if rate < ZERO_RATE:
                self._report(trainer, "zero_learning_rate", player.name, f"the learning rate is {rate:.3g}")
        self._report(trainer, "slow_loader", "loader", self._loader.see())

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin an evaluation, and leave it out of the waiting time."""
        if _evaluates_fit(trainer):
            self._loader.pause()
            self._diversities = defaultdict(lambda: (Diversity(), Diversity()))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Take the pictures of one batch, on the first process."""
        if _evaluates_fit(trainer) and trainer.is_global_zero:
            for name, comparison in outputs.items():
                real = comparison.truth if comparison.real is None else comparison.real
                if real is not None:
                    fakes, reals = self._diversities[name]
                    fakes.add(comparison.fake)
                    reals.add(real)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the diversity of the fakes with that of the real images."""
        if _evaluates_fit(trainer):
            for name, (fakes, reals) in self._diversities.items():
                if min(len(fakes), len(reals)) >= FEWEST_IMAGES:
                    seen = self._collapses[name].see(fakes.value(), reals.value())
                    self._report(trainer, "generator_collapsed", name, seen)
            self._agree_to_stop(trainer)

    def _agree_to_stop(self, trainer: Trainer) -> None:
        """Stop on all processes, or on none: a process left alone would wait for the others."""
        if self._stop_on and trainer.strategy.reduce_boolean_decision(self._stop, all=False):
            trainer.should_stop = True

    def _report(self, trainer: Trainer, sign: str, who: str, seen: str | None) -> None:
        if seen is None or any(sign == reported for _, reported, _, _ in self.reports):
            return
        self.reports.append((trainer.global_step, sign, who, seen))
        notice(f"warning: {sign} at step {trainer.global_step}, {who}: {seen}. Try {SIGNS[sign]}.")
        for logger in trainer.loggers:
            logger.log_metrics({f"monitor/{sign}": 1.0}, step=trainer.global_step)
        if sign in self._stop_on:
            self._stop = True
            notice(f"Training stops here, because failure_monitor.stop_on names {sign}.")


def _evaluates_fit(trainer: Trainer) -> bool:
    """Return whether this validation is part of a training, and not its sanity check."""
    return trainer.state.fn == "fit" and not trainer.sanity_checking


def _logging_interval(trainer: Any) -> int:
    return int(trainer.log_every_n_steps) or 50  # Lightning's default, where nothing is logged


def _known(sign: str) -> str:
    if sign in SIGNS:
        return sign
    near = difflib.get_close_matches(sign, SIGNS, n=1)
    suggestion = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(
        f"failure_monitor.stop_on names {sign!r}, which is no sign.{suggestion} The signs are: "
        f"{', '.join(SIGNS)}."
    )


def _at_least(least: int, value: int, name: str) -> int:
    if value < least:
        raise ValueError(f"failure_monitor.{name} is {value}: it is {least} or more.")
    return value
