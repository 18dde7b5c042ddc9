"""What every variant shares: manual optimisation of named players, counting, logging, checkpoints."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from gans.checkpoints.contents import accept, describe
from gans.checkpoints.reading import Loadable
from gans.losses.adversarial import Objective
from gans.protocol import Comparison, Grid
from gans.training.arguments import check_ranges
from gans.training.averaging import NetworkAverages
from gans.training.combinations import (
    refuse_other_batches,
    refuse_other_scale,
    refuse_wrong_combinations,
)
from gans.training.counting import Groups, one_count_for_all, resume_by_epochs
from gans.training.finite import LossWatch, check_weights
from gans.training.schedules import Schedule, learning_rate_factor, training_length


@dataclass(frozen=True)
class Player:
    """One party of the game: the networks it trains, and how often it steps.

    Attributes:
        name: `generator` calls the method `generator_terms` and logs under `train/generator/`.
        networks: names of the module's attributes whose parameters this player's Adam moves.
        every: the player steps in every n-th step; a number, or the name of the constructor argument that
            holds it.
    """

    name: str
    networks: tuple[str, ...]
    every: int | str = 1


class AdversarialModule(Loadable):
    """Base of all variants: trains its `players` in their order, once per batch.

    A variant sets `players`, builds its networks in the constructor, and implements `produce`, one
    `<player>_terms(batch, products)` per player, `comparisons` and `grids`. The base makes fakes, toggles,
    backpropagates, averages over processes, clips, steps, counts one step per batch, and logs.

    With `accumulate` above 1 all players step together after that many batches, each against the others as
    they were before; with 1 a player steps against those that have already stepped in this batch, as in the
    papers.

    Args:
        learning_rate: of every player's Adam.
        betas: Adam's two decay rates.
        weight_decay: Adam's L2 penalty.
        schedule: how the learning rate moves: `constant`, `linear`, `cosine` or `step`.
        decay_share: share of the training, from 0 to 1, over which the rate falls at its end.
        halve_every: epochs (in some variants steps) after which `step` halves the rate.
        gradient_clip: largest L2 norm of a player's gradients; None does not clip.
        accumulate: batches whose gradients are averaged before the players step.
        ema_decay: decay of an exponential moving average of the weights, such as 0.999; 0 keeps none.
            Pictures, metrics and inference use the averaged networks where there are any.
        ema_networks: names of the networks to average; by default those of the first player called generator.

    Raises:
        ValueError: if an argument is out of range.
    """

    players: ClassVar[tuple[Player, ...]]
    batch_type: ClassVar[type] = object
    schedule_unit: ClassVar[str] = "epoch"
    objective: Objective | None = None

    def __init__(
        self,
        learning_rate: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        weight_decay: float = 0.0,
        schedule: Schedule = "constant",
        decay_share: float = 0.5,
        halve_every: int = 100_000,
        gradient_clip: float | None = None,
        accumulate: int = 1,
        ema_decay: float = 0.0,
        ema_networks: list[str] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_ranges(self.hparams)
        self.automatic_optimization = False
        self.ema = NetworkAverages()
        self._watch = LossWatch()
        self._groups = Groups()

    def active_players(self) -> tuple[Player, ...]:
        """Return the players of this run, in order; a variant leaves out one whose loss is switched off."""
        return self.players

    def loss_floors(self) -> dict[str, float]:
        """Return, by player, the smallest total loss a discriminating player can have; at it, it has won.

        A loss without floor, such as a Wasserstein critic's, is absent. A variant whose weights move the
        floor of its `objective`, or whose discriminating player has another name, overrides this.
        """
        if self.objective is None or self.objective.floor is None:
            return {}
        judging = [p.name for p in self.active_players() if p.name in ("discriminator", "critic")]
        return dict.fromkeys(judging, self.objective.floor)

    def produce(self, batch: Any) -> Any:
        """Make, before anything is toggled, what several players look at; None where nothing is shared."""
        return None

    def comparisons(self, batch: Any) -> dict[str, Comparison]:
        """Return, by name, the images that metrics compare; see `gans.protocol.Evaluated`."""
        raise NotImplementedError

    def grids(self, batch: Any) -> dict[str, Grid]:
        """Return, by name, the pictures that show the variant at work; see `gans.protocol.Evaluated`."""
        raise NotImplementedError

    def configure_model(self) -> None:
        """Make the averaged copies; called before a checkpoint is loaded and before training."""
        if self.hparams["ema_decay"] and not self.ema:
            self.ema.start(self, self.hparams["ema_networks"] or list(self.generator_networks()))

    def generator_networks(self) -> tuple[str, ...]:
        """Return the names of the networks that make pictures."""
        players = self.active_players()
        return next((p.networks for p in players if p.name == "generator"), players[0].networks)

    def averaged(self, name: str) -> nn.Module:
        """Return a network as pictures, metrics and inference use it: its average, if there is one."""
        network: nn.Module = self.ema[name] if name in self.ema else getattr(self, name)
        return network

    def on_fit_start(self) -> None:
        """Refuse what cannot be right, by a ValueError; let a resumed run go on in the right epoch."""
        refuse_wrong_combinations(self, self.trainer)
        resume_by_epochs(self.trainer)

    def configure_optimizers(self) -> list[Optimizer]:
        """Return one Adam per player, in the players' order."""
        return [self._adam(player) for player in self.active_players()]

    def on_train_start(self) -> None:
        """Take Adam's settings from the arguments, which win over those of a resumed checkpoint."""
        arguments = self.hparams
        self._groups.close()
        length = training_length(self.trainer, self.schedule_unit, arguments["accumulate"])
        self._rate_factor = learning_rate_factor(
            arguments["schedule"], length, arguments["decay_share"], arguments["halve_every"]
        )
        for optimizer in self.trainer.optimizers:
            optimizer.param_groups[0]["betas"] = tuple(arguments["betas"])
            optimizer.param_groups[0]["weight_decay"] = arguments["weight_decay"]

    def _set_learning_rates(self) -> None:
        """Set the rates as a function of the place in the training: so a resumed run cannot miscount."""
        finished = self.current_epoch if self.schedule_unit == "epoch" else self.global_step
        for optimizer in self.trainer.optimizers:
            optimizer.param_groups[0]["lr"] = self.hparams["learning_rate"] * self._rate_factor(finished)

    def _adam(self, player: Player) -> Adam:
        return Adam(
            [p for name in player.networks for p in getattr(self, name).parameters()],
            lr=self.hparams["learning_rate"],
            betas=tuple(self.hparams["betas"]),
            weight_decay=self.hparams["weight_decay"],
            # The fused kernel unscales fp16 gradients by itself, which would hide them from clipping.
            fused=self.trainer.scaler is None,
        )

    def _optimizers_in_order(self) -> list[LightningOptimizer]:
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip here, where gradients are averaged over processes and no longer scaled."""
        if self.hparams["gradient_clip"]:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, self.hparams["gradient_clip"])

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed the step by (seed, batch, process), so that a resumed run repeats it; set the rates."""
        seed = int(os.environ.get("PL_GLOBAL_SEED", "0"))
        batches = self.trainer.fit_loop.epoch_loop.batch_progress.total.ready
        torch.manual_seed((seed * 1_000_003 + batches) * 4096 + self.global_rank)
        self._set_learning_rates()

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Let every player that is due learn from one batch, count one step, and return the total losses."""
        batch = self._checked(batch)
        batches = self.trainer.num_training_batches
        position, group = self._groups.place(batch_idx, self.hparams["accumulate"], batches)
        count_step = one_count_for_all(self.trainer, self._optimizers_in_order())
        products = self.produce(batch)
        due = [
            (player, optimizer)
            for player, optimizer in zip(self.active_players(), self._optimizers_in_order(), strict=True)
            if self._is_due(player)
        ]
        last = position == group - 1
        losses = {}
        for player, optimizer in due:
            with self.toggled_optimizer(optimizer):
                losses[player.name] = self._backward(
                    player, optimizer, batch, products, first=position == 0, share=1 / group
                )
                if group == 1:
                    optimizer.step()
        if last:
            for _, optimizer in due if group > 1 else []:
                optimizer.step()
            count_step()
            self._groups.close()
            self.ema.follow(self, self.hparams["ema_decay"], self.global_step)
        self._log_losses()
        return losses

    def setup(self, stage: str) -> None:
        """Refuse a data module for another kind of model before anything is drawn or trained."""
        data = getattr(self.trainer, "datamodule", None)
        made, scale = getattr(data, "batch_type", None), getattr(data, "scale", None)
        if made is not None and stage != "predict":
            refuse_other_batches(self, self.batch_type, made)
        if scale is not None and stage != "predict":
            refuse_other_scale(self, scale)

    def _checked(self, batch: Any) -> Any:
        """Return the batch in the module's precision, which is not float32 under 64-true or bf16-true.

        Raises:
            ValueError: if the data module makes batches for another kind of model.
        """
        refuse_other_batches(self, self.batch_type, type(batch))
        if self.dtype == torch.float32:
            return batch
        return apply_to_collection(
            batch, Tensor, lambda images: images.to(self.dtype) if images.is_floating_point() else images
        )

    def _is_due(self, player: Player) -> bool:
        every = self.hparams[player.every] if isinstance(player.every, str) else player.every
        return (self.global_step + 1) % int(every) == 0

    def _backward(
        self,
        player: Player,
        optimizer: LightningOptimizer,
        batch: Any,
        products: Any,
        first: bool,
        share: float,
    ) -> Tensor:
        if first:
            optimizer.zero_grad()
        terms: dict[str, Tensor] = getattr(self, f"{player.name}_terms")(batch, products)
        total = torch.stack(list(terms.values())).sum()
        self.manual_backward(total * share)
        named = {f"train/{player.name}/{name}": value for name, value in (terms | {"total": total}).items()}
        self._watch.note(self.global_step + 1, named)
        return total.detach()

    def _log_losses(self) -> None:
        """Log, where it is due, the newest value of every loss: some are not there in every step."""
        if self.trainer._logger_connector.should_update_logs:
            self._watch.check()
            for name, value in self._watch.latest.items():
                self.log(name, value, prog_bar=name.endswith("/total"))
            self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])

    def on_validation_model_zero_grad(self) -> None:
        """Keep gradients that are being accumulated, which Lightning would drop before a validation."""
        if not self._groups.open:
            super().on_validation_model_zero_grad()

    def on_train_epoch_end(self) -> None:
        """Look at the losses that came since the last look."""
        self._watch.check()

    def validation_step(self, batch: Any, batch_idx: int) -> dict[str, Comparison]:
        """Hand the images of one batch to the metrics."""
        return self.comparisons(self._checked(batch))

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Comparison]:
        """Hand the images of one batch to the metrics."""
        return self.comparisons(self._checked(batch))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note the variant and what differs between processes; refuse what is no number any more."""
        self._watch.check()
        check_weights(self)
        describe(self, checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint that is not of this variant; take this process's image histories."""
        accept(self, checkpoint)
        if self._trainer is not None and self._trainer.precision == "64-true":
            self.double()  # Lightning converts after loading, when the digits are lost
