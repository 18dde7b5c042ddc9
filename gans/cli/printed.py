"""Prints what would run, for `--print_config`: the settings as they are when the training begins."""

from __future__ import annotations

from typing import Any

from jsonargparse import ArgumentParser, Namespace

from gans.cli.errors import UsageError

OPTION = "--print_config"
FLAGS = {
    "comments": "with_comments",
    "skip_default": "skip_default",
    "skip_unset": "skip_unset",
    "skip_null": "skip_unset",
}
"""What may follow `--print_config=` -> the argument of the parser's `dump`."""


def without_printing(arguments: list[str]) -> tuple[list[str], dict[str, bool] | None]:
    """Return command line arguments without `--print_config`, and how to print; None if nobody asks for it.

    jsonargparse would print what was written, before the data has told the model what it is like.

    Raises:
        UsageError: an unknown flag.
    """
    others, flags = [], None
    for argument in arguments:
        option, _, given = argument.partition("=")
        if option != OPTION:
            others.append(argument)
            continue
        flags = {}
        for flag in filter(None, given.split(",")):
            if flag not in FLAGS:
                raise UsageError(f"{argument}: {flag} is unknown; {', '.join(FLAGS)} are known.")
            flags[FLAGS[flag]] = True
    return others, flags


def printed(parser: ArgumentParser, config: Namespace, flags: dict[str, bool], comments: list[str]) -> str:
    """Return a parsed config as YAML, given which as `--config` the same would run.

    Args:
        parser: of the command.
        config: what it parsed, filled in.
        flags: from `without_printing`.
        comments: said above it.
    """
    config = config.clone()
    config.pop("config", None)
    options: dict[str, Any] = {"skip_unset": False, **flags}
    head = "".join(f"# {line}\n" for comment in comments for line in comment.splitlines())
    return head + str(parser.dump(config, **options))


def absence(error: BaseException) -> str | None:
    """Return the message of what says that a folder or file is not there, or None for any other error."""
    link: BaseException | None = error
    while link is not None:  # jsonargparse wraps what constructors raise
        if isinstance(link, FileNotFoundError):
            return str(link)
        link = link.__cause__
    return None
