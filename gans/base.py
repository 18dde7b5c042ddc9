"""What every variant shares: manual optimisation of named players, counting, logging, checkpoints."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import lightning as L
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn
from torch.optim import Optimizer

from gans.checkpoints.contents import accept, describe
from gans.checkpoints.reading import read_checkpoint
from gans.losses.adversarial import Objective
from gans.protocol import Comparison, Grid
from gans.training.arguments import check_ranges
from gans.training.averaging import NetworkAverages
from gans.training.combinations import (
    refuse_other_batches,
    refuse_other_scale,
    refuse_rates_of_nobody,
    refuse_wrong_combinations,
)
from gans.training.counting import Groups
from gans.training.finite import LossWatch, check_weights
from gans.training.lightning_internals import (
    batches_begun,
    has_trainer,
    log_at_steps_done,
    logs_now,
    one_count_for_all,
    resume_by_epochs,
)
from gans.training.schedules import Schedule, learning_rate_factor, training_length
from gans.training.turns import Gradients, Player, Turn, learning_alone, parameters_of, step_together

if TYPE_CHECKING:
    from typing_extensions import Self


class AdversarialModule(L.LightningModule):
    """Base of all variants: lets its `players` learn in `turns`, once per batch.

    A variant sets `players`, and `turns` where there is not one for each of them in their order; builds its
    networks in the constructor; and implements `produce`, one `<turn>_terms(batch, products)` per turn,
    `comparisons` and `grids`. The base makes fakes, toggles, backpropagates, averages over processes, clips,
    steps, counts one step per batch, and logs.

    With `accumulate` above 1 all turns end after that many batches, each against the others as they were
    before; with 1 a player learns against those that have already stepped in this batch, as in the papers.

    Args:
        learning_rate: of every player's Adam.
        generator_learning_rate: of the generator's, where it is to be another one.
        discriminator_learning_rate: of the discriminator's, likewise.
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
    turns: ClassVar[tuple[Turn, ...]] = ()
    batch_type: ClassVar[type] = object
    schedule_unit: ClassVar[str] = "epoch"
    objective: Objective | None = None
    facts_of_its_own: ClassVar[tuple[str, ...]] = ()
    """Arguments that a training takes from its own data, also where it starts from another one's weights."""
    takes_oblongs: ClassVar[bool] = False
    """Whether its image_size may be height and width, as of data whose images are alike and no squares."""
    first_stages: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    """Other variants whose weights a training may start from -> the arguments it takes over with them."""

    def __init__(
        self,
        learning_rate: float = 2e-4,
        generator_learning_rate: float | None = None,
        discriminator_learning_rate: float | None = None,
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
        refuse_rates_of_nobody(self.hparams, self.players)
        self.automatic_optimization = False
        self.ema = NetworkAverages()
        self._watch = LossWatch()
        self._groups = Groups()
        self._gradients = Gradients()

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: Any,
        map_location: Any = None,
        hparams_file: Any = None,
        strict: bool | None = None,
        weights_only: bool | None = True,
        **arguments: Any,
    ) -> Self:
        """Return the trained model in a checkpoint of this variant.

        Lightning's method of this name explains the arguments; `gans.load` asks for no variant.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file holds another variant, or is no whole checkpoint of this project.
        """
        if isinstance(checkpoint_path, str | Path) and "://" not in str(checkpoint_path):
            checkpoint_path = Path(checkpoint_path).expanduser()
            held = read_checkpoint(checkpoint_path)["gans"]["variant"]
            if held != cls.__name__:
                raise ValueError(
                    f"{checkpoint_path} holds a {held}, not a {cls.__name__}: use "
                    f"{held}.load_from_checkpoint, or gans.load, which loads any variant."
                )
        return super().load_from_checkpoint(
            checkpoint_path, map_location, hparams_file, strict, weights_only, **arguments
        )

    def active_players(self) -> tuple[Player, ...]:
        """Return the players of this run, in order; a variant leaves out one whose loss is switched off."""
        return self.players

    def active_turns(self) -> tuple[Turn, ...]:
        """Return the turns of this run, in order: those of which all players are active."""
        active = {player.name for player in self.active_players()}
        turns = self.turns or tuple(Turn(player.name) for player in self.players)
        return tuple(turn for turn in turns if active.issuperset(turn.who))

    def is_due(self, name: str) -> bool:
        """Tell whether the turn of this name is due in the step that is to come, or going on."""
        turn = next(turn for turn in self.active_turns() if turn.name == name)
        return turn.is_due(self.global_step, self.hparams)

    def settings_of(self, player: Player) -> dict[str, Any]:
        """Return `learning_rate`, `betas` and `weight_decay` of a player in the step that is to come.

        They are the variant's arguments. A variant overrides this to let some follow the training, as a
        function of `global_step` or `current_epoch`; the schedule's factor on the rate comes on top.
        """
        return player.settings(self.hparams)

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
        if self.keeps_averages() and not self.ema:
            self.ema.start(self, self.hparams["ema_networks"] or list(self.generator_networks()))

    def keeps_averages(self) -> bool:
        """Tell whether averages of networks are kept."""
        return bool(self.hparams["ema_decay"])

    def averaging_weight(self) -> float:
        """Return how far averages move towards the networks after the step just counted, in [0, 1].

        A variant whose averages lengthen by another rule overrides this and `keeps_averages`.
        """
        # Early on the average would mostly be the start: let it follow the weights more closely then.
        return max(1 - float(self.hparams["ema_decay"]), 9 / (9 + self.global_step))

    def generator_networks(self) -> tuple[str, ...]:
        """Return the names of the networks that make pictures."""
        players = self.active_players()
        return next((p.networks for p in players if p.name == "generator"), players[0].networks)

    def averaged(self, name: str) -> nn.Module:
        """Return a network as pictures, metrics and inference use it: its average, if there is one."""
        network: nn.Module = self.ema[name] if name in self.ema else getattr(self, name)
        return network

    def on_fit_start(self) -> None:
        """Refuse what cannot be right, by a ValueError; let a resumed run go on in the right epoch.

        From here on metrics are logged at the number of steps that are done.
        """
        refuse_wrong_combinations(self, self.trainer)
        resume_by_epochs(self.trainer)
        log_at_steps_done(self.trainer)

    def configure_optimizers(self) -> list[Optimizer]:
        """Return one optimiser per player, in the players' order."""
        # The fused kernel unscales fp16 gradients by itself, which would hide them from clipping.
        fused = self.trainer.scaler is None
        return [player.optimizer(self, fused) for player in self.active_players()]

    def on_train_start(self) -> None:
        """Find out how long the training is, which schedules go by."""
        arguments = self.hparams
        self._groups.close()
        length = training_length(self.trainer, self.schedule_unit, arguments["accumulate"])
        self._rate_factor = learning_rate_factor(
            arguments["schedule"], length, arguments["decay_share"], arguments["halve_every"]
        )

    def _set_optimizers(self) -> None:
        """Set rates and all else by the arguments, which win over those of a resumed checkpoint.

        They are a function of the place in the training: so a resumed run cannot miscount.
        """
        finished = self.current_epoch if self.schedule_unit == "epoch" else self.global_step
        for player, optimizer in zip(self.active_players(), self.trainer.optimizers, strict=True):
            player.apply(optimizer, self.settings_of(player), self._rate_factor(finished))

    def optimizers_of(self, turn: Turn) -> list[LightningOptimizer]:
        """Return the optimisers that a turn steps."""
        players = [player.name for player in self.active_players()]
        return [self._every_optimizer()[players.index(name)] for name in turn.who]

    def _parameters_of(self, turn: Turn) -> list[nn.Parameter]:
        return parameters_of(optimizer.optimizer for optimizer in self.optimizers_of(turn))

    def _every_optimizer(self) -> list[LightningOptimizer]:
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip here, where gradients are averaged over processes and no longer scaled."""
        if self.hparams["gradient_clip"]:
            nn.utils.clip_grad_norm_(parameters_of([optimizer]), self.hparams["gradient_clip"])

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed the step by (seed, batch, process), so that a resumed run repeats it; set the optimisers."""
        seed = int(os.environ.get("PL_GLOBAL_SEED", "0"))
        batches = batches_begun(self.trainer)
        torch.manual_seed((seed * 1_000_003 + batches) * 4096 + self.global_rank)
        self._set_optimizers()

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Take every turn that is due on one batch, count one step, and return the total losses."""
        batch = self.checked(batch)
        batches = self.trainer.num_training_batches
        position, group = self._groups.place(batch_idx, self.hparams["accumulate"], batches)
        count_step = one_count_for_all(self.trainer, self._every_optimizer())
        products = self.produce(batch)
        due = [turn for turn in self.active_turns() if turn.is_due(self.global_step, self.hparams)]
        if group == 1:
            losses = {turn.name: self.take_turn(turn, batch, products) for turn in due}
        else:
            losses = {turn.name: self._accumulate(turn, batch, products, 1 / group) for turn in due}
        if position == group - 1:
            for turn in due if group > 1 else []:
                self._gradients.lay(turn, self._parameters_of(turn))
                step_together(self.optimizers_of(turn), self.trainer.scaler)
            count_step()
            self._groups.close()
            self.ema.follow(self, self.averaging_weight())
        self._log_losses()
        return losses

    def take_turn(self, turn: Turn, batch: Any, products: Any) -> Tensor:
        """Let the players of a turn learn from one batch and step; return the total loss.

        A variant may take further turns in its `produce`; they count no step.
        """
        optimizers = self.optimizers_of(turn)
        for optimizer in optimizers:
            optimizer.zero_grad()
        total = self._learn(turn, batch, products)
        step_together(optimizers, self.trainer.scaler)
        return total

    def _accumulate(self, turn: Turn, batch: Any, products: Any, share: float) -> Tensor:
        """Add a share of a batch's gradients to those of the turn."""
        parameters = self._parameters_of(turn)
        self._gradients.lay(turn, parameters)
        total = self._learn(turn, batch, products, share)
        self._gradients.keep(turn, parameters)
        return total

    @contextmanager
    def learning(self, turn: Turn) -> Iterator[None]:
        """Let gradients reach the networks of a turn, and no others."""
        with learning_alone(self._parameters_of(turn), parameters_of(self.trainer.optimizers)):
            yield

    def _learn(self, turn: Turn, batch: Any, products: Any, share: float = 1.0) -> Tensor:
        with self.learning(turn):
            terms: dict[str, Tensor] = getattr(self, f"{turn.name}_terms")(batch, products)
            total = torch.stack(list(terms.values())).sum()
            self.manual_backward(total * share)
        named = {f"train/{turn.name}/{name}": value for name, value in (terms | {"total": total}).items()}
        self._watch.note(self.global_step + 1, named)
        return total.detach()

    def setup(self, stage: str) -> None:
        """Refuse a data module for another kind of model before anything is drawn or trained."""
        data = getattr(self.trainer, "datamodule", None)
        made, scale = getattr(data, "batch_type", None), getattr(data, "scale", None)
        if made is not None and stage != "predict":
            refuse_other_batches(self, self.batch_type, made)
        if scale is not None and stage != "predict":
            refuse_other_scale(self, scale)

    def checked(self, batch: Any) -> Any:
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

    def _log_losses(self) -> None:
        """Log, where it is due, the newest value of every loss: some are not there in every step."""
        if logs_now(self):
            self._watch.check()
            for name, value in self._watch.latest.items():
                self.log(name, value, prog_bar=name.endswith("/total"))
            self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self) -> None:
        """Look at the losses that came since the last look."""
        self._watch.check()

    def validation_step(self, batch: Any, batch_idx: int) -> dict[str, Comparison]:
        """Hand the images of one batch to the metrics."""
        return self.comparisons(self.checked(batch))

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Comparison]:
        """Hand the images of one batch to the metrics."""
        return self.comparisons(self.checked(batch))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note the variant and what differs between processes; refuse what is no number any more."""
        self._watch.check()
        check_weights(self)
        describe(self, checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint that is not of this variant; take this process's image histories."""
        accept(self, checkpoint)
        if has_trainer(self) and self.trainer.precision == "64-true":
            self.double()  # Lightning converts after loading, when the digits are lost
