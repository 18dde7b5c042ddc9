"""The LightningCLI behind the commands: parses, builds data, model and trainer, and runs."""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentError
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import yaml
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import SIGTERMException

import datamodules
import gans
from gans.callbacks.generative_metrics import default_monitor
from gans.callbacks.last_validation import LastValidation
from gans.callbacks.terminal import notice
from gans.checkpoints.contents import take_weights
from gans.checkpoints.reading import read_checkpoint
from gans.checkpoints.writing import AtomicCheckpointIO
from gans.cli import interrupts
from gans.cli.changes import compare_starts
from gans.cli.config_files import given_configs
from gans.cli.devices import end_other_processes, refuse_options_of_one_player, strategy_for
from gans.cli.errors import INTERRUPTED, TERMINATED, UsageError, program
from gans.cli.facts import FACTS, hand_over_facts, refuse_oblongs
from gans.cli.going_on import LAST
from gans.cli.loggers import finish_dashboards
from gans.cli.monitors import CheckMonitors
from gans.cli.open_run import OpenRun, recorded
from gans.cli.options import OPTIONS
from gans.cli.overview import RunOverview
from gans.cli.own_images import settings_of
from gans.cli.printed import absence, printed, without_printing
from gans.cli.quiet import quieten
from gans.cli.resume import (
    architecture_arguments,
    initial_checkpoint,
    refuse_weights_alone,
    stored_arguments,
    with_stored_arguments,
)
from gans.cli.run_folder import RunPlan
from gans.cli.settings import shared_defaults
from gans.cli.shared import SHARED_CALLBACKS, choose_callbacks
from gans.cli.summary import RunSummary
from gans.cli.usage import explain


def run() -> None:
    """Run the command in `sys.argv`.

    Raises:
        UsageError: if the command line or a config makes no sense.
        SystemExit: with the exit status of an interruption.
    """
    quieten()
    try:
        Application()
    finally:
        finish_dashboards()


class Application(LightningCLI):
    """One command: `fit`, `validate`, `test` or `predict` with any variant and any data module.

    Beside Lightning's own keys there are the run's (`--name`, `--runs`, `--run`, `--output`, `--logger`), one
    group of keys per shared callback, and `--without`.
    """

    def __init__(self) -> None:
        # Importing them makes their short names known: `--model CycleGAN`.
        for module in {**gans.VARIANTS, **datamodules.DATA_MODULES}.values():
            import_module(module)
        options = {"allow_abbrev": False, "exit_on_error": False}
        super().__init__(
            LightningModule,
            LightningDataModule,
            save_config_callback=None,
            parser_kwargs={**options, **{command: dict(options) for command in self.subcommands()}},
            subclass_mode_model=True,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the command being run and the arguments that have one right value here.

        Building the parsers of the other commands would take a third of a second.
        """
        command = sys.argv[1]
        fixed = {"validate": {"verbose"}, "test": {"verbose"}, "predict": {"return_predictions"}}
        return {command: LightningCLI.subcommands()[command] | fixed.get(command, set())}

    # Parsing ------------------------------------------------------------------------------------------------

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the keys of runs and of shared callbacks."""
        for option in OPTIONS:
            parser.add_argument(f"--{option.name}", type=option.kind, help=option.help)
        for key, (callback, _) in SHARED_CALLBACKS.items():
            parser.add_lightning_class_args(callback, key)
        parser.set_defaults(shared_defaults())

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and note what the user wrote, as opposed to defaults.

        Raises:
            UsageError: with a readable message.
        """
        command = sys.argv[1]
        self.settings = settings_of(sys.argv[1:])
        arguments, self.printing = without_printing(self.settings.arguments)
        try:
            self.config = parser.parse_args(arguments)
            self.written: Namespace = parser.parse_args(arguments, defaults=False)[command]
        except ArgumentError as error:
            message = explain(str(error), self._subcommand_parsers.get(command), sys.argv[1:])
            raise UsageError(message) from error
        begins = command == "fit" and self.config[command].ckpt_path is None
        if begins and self.printing is None and str(self.settings):
            notice(str(self.settings))

    def _parse_ckpt_path(self) -> None:
        """Decide where to write and what to start from; LightningCLI calls this when it has parsed."""
        self.command: str = self.config.subcommand
        config = self.config[self.command]
        config.name = config.name or name_of_run(config)
        runs_of_name = Path(config.runs, config.name)
        run = _path(config.run or config.trainer.default_root_dir)
        goes_on = config.ckpt_path is not None
        # `last` is a file by now, but for a run that begins anew: see `gans.cli.going_on`.
        checkpoint = _path(config.ckpt_path) if config.ckpt_path != LAST else None
        config.ckpt_path = None if checkpoint is None else str(checkpoint)
        # A repeated command goes on from its own checkpoint as soon as there is one.
        starts_from = config.init_from if checkpoint is None else None
        self.init_from = initial_checkpoint(starts_from, self.command) if starts_from else None
        self.plan = RunPlan(self.command, runs_of_name, run, checkpoint, _path(config.output), goes_on)
        self.plan.check(inputs=_path(_arguments(config, "data").get("predict_dir")))
        self.chosen = set(_arguments(self.written, "model"))
        if named_on_command_line("data", sys.argv):  # a config's facts are those of the data it was made with
            self.chosen -= set(FACTS) - named_on_command_line("model", sys.argv)
        if checkpoint is not None:
            remarks = self._take_over(stored_arguments(checkpoint), checkpoint)
            if self.command == "fit":
                refuse_weights_alone(checkpoint)
            for remark in [] if self.plan.origin else remarks:  # of a run all changes are told below
                notice(remark)
        elif self.init_from is not None:
            self._take_over(architecture_arguments(self.init_from, _variant(config)), self.init_from)
        elif self.command == "predict":
            raise UsageError(
                "predict takes a trained model: add --ckpt_path FILE, or --ckpt_path last for that of the "
                f"newest run under {runs_of_name}."
            )
        if self.command != "predict":
            record = recorded(self._parser(self.command), self.config[self.command])
            for line in compare_starts(self.plan, record, _listed(config.change)):
                notice(line)

    def _take_over(self, stored: dict[str, Any], checkpoint: Path) -> list[str]:
        """Let the arguments stored in a checkpoint win over configs and defaults; return remarks."""
        named = named_on_command_line("model", sys.argv)
        model, remarks = with_stored_arguments(
            self.config[self.command].model, stored, self.chosen, named, checkpoint
        )
        self.chosen |= set(stored)
        try:
            self.config = self.parser.parse_object({self.command: {"model": model}}, self.config)
        except ArgumentError as error:
            raise UsageError(f"{checkpoint}: {explain(str(error), None, [])}") from error
        return remarks

    # Building -----------------------------------------------------------------------------------------------

    def before_instantiate_classes(self) -> None:
        """Fill in what follows from other keys: the data's seed, and what the best checkpoint is best in."""
        config = self.config[self.command]
        if "seed" in _arguments(config, "data") and "seed" not in _arguments(self.written, "data"):
            _arguments(config, "data")["seed"] = int(config.seed_everything)
        default = default_monitor(config.metrics.features, config.metrics.kernel)
        best = config.best_checkpoint
        # A run that goes on, or a printed config, has the default written out: nobody chose it there either.
        self.monitors_by_default = ["best_checkpoint"] if best.monitor in (None, default) else []
        best.monitor = best.monitor or default

    def instantiate_classes(self) -> None:
        """Build the data module, hand its facts to the model, and build model, callbacks and trainer."""
        config = self.config[self.command]
        try:
            self.datamodule = self._open_data(config)
        except Exception as error:
            if self.printing is None or (absent := absence(error)) is None:
                raise
            self._print_config(
                [f"The data cannot be opened, so what it tells the model is left as written: {absent}"]
            )
        # A folder to predict need not be like the images that the config would train on.
        own_folder = self.command == "predict" and _arguments(config, "data").get("predict_dir") is not None
        refuse_oblongs(_variant(config), self.datamodule)
        hand_over_facts(self.datamodule, _arguments(config, "model"), self.chosen, must_agree=not own_folder)
        if self.printing is not None:
            self._print_config([])
        rest = self.config.clone()
        rest[self.command].pop("data")
        self.config_init = self.parser.instantiate(rest)
        self.model = self.config_init[self.command].model
        if self.init_from is not None:
            for line in take_weights(self.model, read_checkpoint(self.init_from)):
                notice(f"From {self.init_from}: {line}")
        self.trainer = self.instantiate_trainer()
        interrupts.before_the_end(lambda: end_other_processes(self.trainer, patience=0))

    def _dump_config(self) -> None:
        """Note the hyper-parameters of model and data; LightningCLI would dump, and check, all settings."""
        config = self.config[self.command]
        asked = Namespace(**{key: config[key] for key in ("model", "data")})  # type: ignore[no-untyped-call]
        text = self._parser(self.command).dump(
            asked, format="yaml", skip_validation=True, skip_link_targets=False, skip_unset=False
        )
        self.config_dump = yaml.safe_load(text)

    def _open_data(self, config: Namespace) -> LightningDataModule:
        """Build the data module; what is only printed fetches nothing."""
        asked = config.data
        if self.printing is not None and _arguments(config, "data").get("download"):
            asked = asked.clone()
            asked.init_args.download = False
        data = self._parser(self.command).instantiate(
            Namespace(data=asked),  # type: ignore[no-untyped-call]
            instantiate_groups=False,
        )
        opened: LightningDataModule = data.data
        return opened

    def _print_config(self, comments: list[str]) -> NoReturn:
        """Print what would run, and end."""
        said = [str(self.settings)] if str(self.settings) else []
        parser, config = self._parser(self.command), self.config[self.command]
        sys.stdout.write(printed(parser, config, self.printing or {}, said + comments))
        raise SystemExit(0)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Build the trainer, with the shared callbacks and the strategy that the devices need.

        Raises:
            UsageError: if Lightning refuses its options.
        """
        built = self.config_init[self.command]
        refuse_options_of_one_player(built.trainer)
        options = {**built.trainer, **kwargs, "default_root_dir": None}  # until the run is opened
        logs = self.command != "predict" and options["logger"] is not False
        own_logger = options["logger"] not in (None, True, False)
        table_only = own_logger or options["fast_dev_run"] or self.command == "validate"
        opening = OpenRun(
            self.plan,
            ("csv" if table_only else built.logger) if logs else None,
            self._parser(self.command),
            self.config[self.command],
        )
        without = [built.without] if isinstance(built.without, str) else built.without
        shared = choose_callbacks(built, self.command, without, options)
        about = [RunOverview(), CheckMonitors(built, self.monitors_by_default), LastValidation()]
        options["callbacks"] = [opening, *about, *shared, RunSummary(program())]
        options["logger"] = options["logger"] if own_logger else False
        options["strategy"] = strategy_for(options, self.command)
        options["plugins"] = [*_listed(options["plugins"]), AtomicCheckpointIO()]
        try:
            return Trainer(**options)
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise UsageError(f"trainer: {error}") from error

    # Running ------------------------------------------------------------------------------------------------

    def _run_subcommand(self, subcommand: str) -> None:
        """Run, and end with the exit status of the signal if one stopped the run."""
        try:
            super()._run_subcommand(subcommand)
        except SIGTERMException as stopped:
            by_keyboard = self.config_init[self.command].save_on_interrupt.stopped_by == signal.SIGINT
            status = INTERRUPTED if by_keyboard else TERMINATED
            # Lightning kills the first process, at its last work, when another ends with an error.
            raise SystemExit(status if self.trainer.is_global_zero else 0) from stopped
        except BaseException:
            end_other_processes(self.trainer)
            raise

    def validate(self, **arguments: Any) -> None:
        """Validate; `RunSummary` prints the metrics."""
        self.trainer.validate(**arguments, verbose=False)

    def test(self, **arguments: Any) -> None:
        """Test; `RunSummary` prints the metrics."""
        self.trainer.test(**arguments, verbose=False)

    def predict(self, **arguments: Any) -> None:
        """Predict; `WritePredictions` writes the pictures."""
        self.trainer.predict(**arguments, return_predictions=False)


def name_of_run(config: Namespace) -> str:
    """Return the name of the first config on the command line, or of the model's class without a config."""
    for given in given_configs(sys.argv[1:]):
        if Path(given).is_file():
            return Path(given).stem
    return str(config.model.class_path).rpartition(".")[2].lower()


def named_on_command_line(key: str, arguments: list[str]) -> set[str]:
    """Return the names in options such as `--model.blocks 4` and `--model.init_args.blocks=4`."""
    options = [argument.partition("=")[0] for argument in arguments if argument.startswith(f"--{key}.")]
    return {
        option.removeprefix(f"--{key}.").removeprefix("init_args.").partition(".")[0] for option in options
    }


def _variant(config: Namespace) -> Any:
    """Return the class of the model."""
    module, _, name = config.model.class_path.rpartition(".")
    return getattr(import_module(module), name)


def _arguments(config: Namespace, key: str) -> dict[str, Any]:
    """Return the arguments of the class at `key`, to be read and changed in place."""
    arguments = config.get(f"{key}.init_args")
    return {} if arguments is None else vars(arguments)


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
