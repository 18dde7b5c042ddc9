"""Going on with a run: its checkpoint and its own config in place of what was typed for them.

A run goes on with the settings of its last start, and what is typed as keys is laid over them. A `--config`
typed beside `--ckpt_path` only says under which name to look for `last`: a run never takes another one's
settings by it. This module answers before torch is imported.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import yaml

from gans.cli.config_files import CONFIG_OPTIONS, find_config, given_configs, given_values, is_written_out
from gans.cli.last_run import Trained, begun_run, most_trained, others, trained_runs
from gans.cli.run_folder import CONFIG, newest_checkpoint, newest_config, run_of
from gans.cli.settings import single_settings

LAST = "last"
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
MOST_TOLD = 6


def with_own_config(arguments: list[str]) -> list[str]:
    """Return command line arguments with the checkpoint that `--ckpt_path` means, and its run's own config.

    Arguments without `--ckpt_path`, and those with a checkpoint outside of any run, keep their configs.
    `last` stays where a fit is to begin anew, in a run without checkpoints.

    Args:
        arguments: the command and its options, as typed.

    Raises:
        FileNotFoundError: if there is no such checkpoint or config.
        UsageError: if `last` may mean runs of several names.
    """
    ckpt_path = _newest_value(arguments, "--ckpt_path")
    if ckpt_path in (None, "null"):
        return arguments
    given = _newest_value(arguments, "--run")
    if ckpt_path != LAST:
        run, checkpoint, told = _of_file(str(ckpt_path), arguments)
    elif given is not None:
        run, checkpoint, told = _last_of(Path(given).expanduser(), arguments)
    else:
        run, checkpoint, told = _last_of_all(arguments)
    config = newest_config(run) if run else None
    if config is not None and "model" in _content(config):
        told += _set_aside(arguments, config)
        arguments = _without(arguments, CONFIG_OPTIONS)
        arguments[1:1] = ["--config", str(config)]
    if run is not None and checkpoint is None and given is None:
        arguments += ["--run", str(run)]
    _tell(arguments, told)
    return [*_without(arguments, ("--ckpt_path",)), "--ckpt_path", str(checkpoint or LAST)]


_Found = tuple[Path | None, Path | None, list[str]]  # run, checkpoint, and what to tell about them


def _of_file(ckpt_path: str, arguments: list[str]) -> _Found:
    """Find a checkpoint given by its file."""
    checkpoint = Path(ckpt_path).expanduser()
    if not checkpoint.is_file():
        runs, name = runs_folder(arguments), name_of_runs(arguments)
        newest = max(trained_runs(runs, name), key=lambda run: run.written, default=None)
        hint = f" The newest under {runs / (name or '')} is {newest.checkpoint}." if newest else ""
        raise FileNotFoundError(f"--ckpt_path {ckpt_path}: no such file.{hint}")
    run = run_of(checkpoint)
    return run, checkpoint, [_taken(arguments, Trained(run, checkpoint))] if run else []


def _last_of(run: Path, arguments: list[str]) -> _Found:
    """Find the newest checkpoint of the run given by `--run`."""
    newest = newest_checkpoint(run)
    if newest is not None:
        return run, newest, [_taken(arguments, Trained(run, newest))]
    if arguments[0] != "fit":
        raise FileNotFoundError(f"--ckpt_path last: there is no checkpoint in {run}.")
    return run, None, [_anew(run)] if (run / CONFIG).exists() else []


def _last_of_all(arguments: list[str]) -> _Found:
    """Find the run that was trained most; for a fit without any, one that has no checkpoint yet."""
    runs, name = runs_folder(arguments), name_of_runs(arguments)
    if trained := trained_runs(runs, name):
        chosen = most_trained(trained)
        return chosen.run, chosen.checkpoint, [_taken(arguments, chosen), others(chosen, trained)]
    begun = begun_run(runs, name)
    if arguments[0] != "fit" or begun is None:
        place = runs / (name or "")
        raise FileNotFoundError(
            f"--ckpt_path last: there is none under {place}. Give a file, --name or --run."
        )
    return begun, None, [_anew(begun)]


def _taken(arguments: list[str], taken: Trained) -> str:
    return f"{'Going on with' if arguments[0] == 'fit' else 'Taking'} {taken}."


def _anew(run: Path) -> str:
    return f"{run} was interrupted before its first checkpoint: it begins anew, with its own settings."


def runs_folder(arguments: list[str]) -> Path:
    """Return the folder of all runs: that of `--runs`, of a config, or the default."""
    given = _newest_value(arguments, "--runs") or _of_configs(arguments, "runs")
    return Path(given or _content(Path(__file__).parent / "defaults.yaml")["runs"]).expanduser()


def name_of_runs(arguments: list[str]) -> str | None:
    """Return the name under which a command's runs lie; None where neither a name nor a model is given."""
    named = _newest_value(arguments, "--name") or _of_configs(arguments, "name")
    files = [find_config(config) for config in given_configs(arguments) if not is_written_out(config)]
    if named or files:
        return str(named) if named else files[0].stem
    model = _newest_value(arguments, "--model")
    return model.rpartition(".")[2].lower() if model else None


def _set_aside(arguments: list[str], own: Path) -> list[str]:
    """Return a line about what the configs on the command line say otherwise than the run's own."""
    typed = {argument.partition("=")[0].lstrip("-").replace("init_args.", "") for argument in arguments[1:]}
    has = single_settings(_content(own))
    said = {
        key: f"{key} {has[key]} ({value} in the config)"
        for config in given_configs(arguments)
        for key, value in single_settings(_content(config)).items()
        if key in has and has[key] != value and key not in (*typed, "name", "runs")
    }
    if not said:
        return []
    more = f" and {len(said) - MOST_TOLD} more" if len(said) > MOST_TOLD else ""
    return [
        f"It keeps its own settings, not those of {', '.join(given_configs(arguments))}: "
        f"{', '.join([*said.values()][:MOST_TOLD])}{more}. Settings change by their keys, as in "
        "--trainer.max_epochs 10."
    ]


def _tell(arguments: list[str], lines: list[str]) -> None:
    """Print lines, on the first process only, and not into a config that is being printed."""
    first = all(int(os.environ.get(rank, "0")) == 0 for rank in RANKS)
    if first and not any(argument.startswith("--print_config") for argument in arguments):
        sys.stdout.write("".join(f"{line}\n" for line in lines if line))


def _content(config: Path | str) -> dict[str, Any]:
    """Return a config, given by its name or written out; what is no YAML is left to the parser."""
    written_out = isinstance(config, str) and is_written_out(config)
    try:
        content = yaml.safe_load(str(config) if written_out else find_config(str(config)).read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def _of_configs(arguments: list[str], key: str) -> Any:
    """Return the value of a top-level key in the last config that has it."""
    values = [_content(config).get(key) for config in given_configs(arguments)]
    return next((value for value in reversed(values) if value is not None), None)


def _newest_value(arguments: list[str], option: str) -> str | None:
    return next(reversed(list(given_values(arguments, (option,)))), None)


def _without(arguments: list[str], options: tuple[str, ...]) -> list[str]:
    """Return arguments without some options and their values, given as `--KEY VALUE` or `--KEY=VALUE`."""
    return [
        argument
        for previous, argument in zip(["", *arguments], arguments, strict=False)
        if previous not in options and argument.partition("=")[0] not in options
    ]
