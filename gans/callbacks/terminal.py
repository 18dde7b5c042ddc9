"""Text for the person at the terminal, said once, by the first process."""

from __future__ import annotations

from lightning.fabric.utilities.rank_zero import rank_zero_only
from rich import get_console
from rich.console import RenderableType


def is_first_process() -> bool:
    """Tell whether this is the first of all processes, also before Lightning has connected them."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


def notice(message: RenderableType) -> None:
    """Print a text, or one of rich's tables; lines are not wrapped, so that commands can be copied."""
    if is_first_process():
        get_console().print(message, soft_wrap=True, markup=False, highlight=False)
