"""What a check is, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Findings(NamedTuple):
    """What a check found.

    Attributes:
        facts: in words or numbers, under the columns of its table.
        wrong: the columns in which something is not as it should be.
    """

    facts: dict[str, str]
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One thing to be checked or measured, in a process of its own.

    Attributes:
        table: name of the table that it is a row of.
        name: of the row.
        function: what is called there, of a module's top level.
        arguments: of it.
        seconds: after which it is ended.
        alone: whether nothing else may run beside it, as its times would tell of that too.
    """

    table: str
    name: str
    function: Callable[..., Findings]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 60.0
    alone: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a check.

    Attributes:
        table: that of the check.
        name: likewise.
        status: `passed`, `wrong` (something is not as it should be), `failed` (an error, or too slow), or
            `not reached`, as no time was left.
        seconds: that it took.
        facts: see `Findings`.
        wrong: likewise.
        error: the end of the traceback, or of what the process said.
    """

    table: str
    name: str
    status: str
    seconds: float = 0.0
    facts: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    error: str = ""
