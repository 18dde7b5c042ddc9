"""RUN/starts.json: when, where and with what each start of a run trained, and what its monitor said."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gans.files import written_whole

FILE = "starts.json"


@dataclass
class Start:
    """One start of a run.

    Attributes:
        began: date and time, as in ISO 8601.
        step: steps that were done before it.
        place: what it runs on, such as `on the CPU`, and the computer's name.
        versions: of the programs that decide the numbers.
        overview: what was printed before the first step: heading -> lines.
        ended: date and time of the newest word of it.
        said: what the failure monitor reported: step, sign, who, and what was seen.
    """

    began: str
    step: int = 0
    place: str = ""
    versions: str = ""
    overview: dict[str, list[str]] = field(default_factory=dict)
    ended: str = ""
    said: list[tuple[int, str, str, str]] = field(default_factory=list)


def read_starts(run: Path) -> list[Start]:
    """Return the starts of a run; none where it was trained by an earlier version, or the file is damaged."""
    try:
        told: list[dict[str, Any]] = json.loads((run / FILE).read_text(encoding="utf-8"))
        starts = [Start(**start) for start in told]
        for start in starts:
            start.said = [(int(step), str(sign), str(who), str(seen)) for step, sign, who, seen in start.said]
    except (OSError, ValueError, TypeError):
        return []
    return starts


def write_starts(run: Path, starts: list[Start]) -> None:
    """Write all starts of a run."""
    with written_whole(run / FILE) as file:
        file.write(json.dumps([asdict(start) for start in starts], indent=1).encode())
