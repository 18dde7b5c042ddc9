"""The tables of a page. What a run says of itself is escaped: names of runs and files come from people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from gans.callbacks.duration import in_words
from gans.cli.report.history import History, best_of, parts_of, reference_to
from gans.cli.report.run import ToldRun
from gans.cli.report.settings import class_name, compared, differences
from gans.metrics.reading import COUNTS, better, place

NONE = "\N{EN DASH}"  # where there is no value
STEP_SECONDS, IMAGES_PER_SECOND = "time/step_seconds", "time/images_per_second"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table of cells that are HTML already; it scrolls by itself where it is too wide."""
    cells = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    top = f"<thead><tr>{cells}</tr></thead>" if any(head) else ""
    return f'<div class="wide" tabindex="0"><table class="{kind}">{top}<tbody>{body}</tbody></table></div>'


def label_of(runs: Sequence[ToldRun], number: int) -> str:
    """Return the name of a run with its colour."""
    return f'<span class="chip c{number % 8}"></span>{escape(runs[number].name)}'


def gist(runs: Sequence[ToldRun]) -> str:
    """Return in a line what a run is and how far it has come, or which runs are compared."""
    if len(runs) > 1:
        return " &ensp; ".join(label_of(runs, i) for i in range(len(runs)))
    [run] = runs
    place = run.starts[-1].place
    parts = [class_name(run.config, "model"), _done(run), place, f"since {run.starts[0].began}"]
    return " &middot; ".join(escape(part) for part in parts if part)


def facts(runs: Sequence[ToldRun]) -> str:
    """Return what runs where and since when: a column for each run."""
    told: dict[str, Callable[[ToldRun], str]] = {
        "Variant": lambda run: class_name(run.config, "model"),
        "Data": lambda run: class_name(run.config, "data"),
        **{name: _overview(name) for name in ("Images", "Model", "Training")},
        "Runs": lambda run: run.starts[-1].place,
        "Since": _since,
        "Newest word": lambda run: run.starts[-1].ended,
        "Done": _done,
        "A step": _step_time,
        "Images a second": lambda run: _last(run.history, IMAGES_PER_SECOND, "{:.4g}"),
        "Failure monitor": _monitor,
        "Programs": lambda run: run.starts[-1].versions,
        "Folder": lambda run: str(run.folder.absolute()),
    }
    rows = [[name, *(escape(tell(run)) for run in runs)] for name, tell in told.items()]
    head = ["", *(label_of(runs, i) for i in range(len(runs)))] if len(runs) > 1 else [""]
    return table(head, ([c.replace("\n", "<br>") for c in row] for row in rows if any(row[1:])), "facts")


def _overview(name: str) -> Callable[[ToldRun], str]:
    return lambda run: "\n".join(run.starts[-1].overview.get(name, []))


def _since(run: ToldRun) -> str:
    first, *later = (start.began for start in run.starts)
    return first + (f", begun {len(later) + 1} times, last {later[-1]}" if later else "")


def _done(run: ToldRun) -> str:
    epoch = f", epoch {run.history.last_epoch}" if run.history.last_epoch else ""
    return f"{number(run.history.last_step)} steps{epoch}"


def _monitor(run: ToldRun) -> str:
    names = ", ".join(dict.fromkeys(sign.name for sign in run.signs))
    return f"reported {names}" if names else "has seen no sign of failure"


def _step_time(run: ToldRun) -> str:
    curve = run.history.curves.get(STEP_SECONDS)
    if curve is None:
        return ""
    seconds = curve.values[-1]
    return in_words(seconds) if seconds >= 2 else f"{1000 * seconds:.3g} ms"


def _last(history: History, name: str, form: str) -> str:
    curve = history.curves.get(name)
    return form.format(curve.values[-1]) if curve else ""


def metrics(runs: Sequence[ToldRun]) -> str:
    """Return first, best and last of each metric, beside what it is read beside; of several runs the best."""
    names = {name for run in runs for name in run.history.curves if _is_metric(name)}
    references = {name: reference_to(name, names) for name in names}
    shown = sorted(
        (name for name, beside in references.items() if beside is None),
        key=lambda name: (place(parts_of(name)[1]), parts_of(name)[2] == "", name),
    )
    beside = {name: sorted(o for o, compared in references.items() if compared == name) for name in shown}
    if not shown:
        return "<p>No metric was measured yet.</p>"
    if len(runs) > 1:
        head = ["metric", "better", *(label_of(runs, i) for i in range(len(runs)))]
        return table(head, (_compared_row(name, runs) for name in shown), "numbers")
    head = ["metric", "better", "first", "best", "at step", "last", "read beside"]
    return table(head, (_row(name, runs[0].history, beside[name]) for name in shown), "numbers")


def _is_metric(name: str) -> bool:
    stage, metric, _ = parts_of(name)
    return stage == "val" and metric not in COUNTS


def _row(name: str, history: History, beside: Sequence[str]) -> list[str]:
    curve, best = history.curves[name], best_of(name, history.curves[name])
    others = (f"{escape(parts_of(o)[1])} {value(history.curves[o].values[-1])}" for o in beside)
    return [
        f"<code>{escape(name)}</code>",
        better(parts_of(name)[1]),
        value(curve.values[0]),
        f"<strong>{value(best[1])}</strong>" if best else NONE,
        number(best[0]) if best else NONE,
        value(curve.values[-1]),
        "<br>".join(others),
    ]


def _compared_row(name: str, runs: Sequence[ToldRun]) -> list[str]:
    """Return the best value of each run, or the last where nothing is better; the best of all is strong."""
    curves = [run.history.curves.get(name) for run in runs]
    bests = [None if curve is None else best_of(name, curve) for curve in curves]
    direction = better(parts_of(name)[1])
    badness: Callable[[float], float] = {"lower": lambda v: v, "higher": lambda v: -v}.get(
        direction, lambda v: abs(v - 1)
    )
    winner = min((badness(best[1]) for best in bests if best), default=None)
    cells = []
    for curve, best in zip(curves, bests, strict=True):
        if curve is None:
            cells.append(NONE)
        elif best is None:
            cells.append(value(curve.values[-1]))
        else:
            text = f"{value(best[1])} <small>at {number(best[0])}</small>"
            cells.append(f"<strong>{text}</strong>" if badness(best[1]) == winner else text)
    return [f"<code>{escape(name)}</code>", direction, *cells]


def signs(runs: Sequence[ToldRun]) -> str:
    """Return what the failure monitors said."""
    rows = [
        [
            label_of(runs, i) if len(runs) > 1 else f"step {number(sign.step)}",
            *([f"step {number(sign.step)}"] if len(runs) > 1 else []),
            f"<code>{escape(sign.name)}</code>",
            escape(sign.seen) or NONE,
            escape(sign.remedy) or NONE,
        ]
        for i, run in enumerate(runs)
        for sign in run.signs
    ]
    head = ["when", "sign", "what was seen", "what to try"]
    return table(["run", *head] if len(runs) > 1 else head, rows, "signs")


def settings(runs: Sequence[ToldRun]) -> str:
    """Return the settings of one run that are not the defaults, or those in which several runs differ."""
    if len(runs) > 1:
        head = ["setting", *(label_of(runs, i) for i in range(len(runs)))]
        rows = [[key, *values] for key, values in compared(run.config for run in runs).items()]
        none = "<p>All settings are the same.</p>"
    else:
        head = ["setting", "here", "by default"]
        rows = [[key, now, default] for key, (now, default) in differences(runs[0].config).items()]
        none = "<p>All settings are the defaults.</p>"
    cells = [[f"<code>{escape(key)}</code>", *map(setting, values)] for key, *values in rows]
    return table(head, cells, "numbers") if cells else none


def checkpoints(run: ToldRun) -> str:
    """Return the checkpoints of a run, and the commands that use them."""
    rows = [
        [
            f"<code>{escape(checkpoint.path.name)}</code>",
            "damaged" if checkpoint.steps is None else f"{number(checkpoint.steps)} steps",
            f"{checkpoint.megabytes:.3g} MB",
            checkpoint.written.strftime("%Y-%m-%d %H:%M"),
        ]
        for checkpoint in run.checkpoints
    ]
    files = table(["file", "after", "size", "written"], rows, "numbers") if rows else "<p>None yet.</p>"
    commands = "".join(
        f'<dt>{escape(name)}</dt><dd><pre tabindex="0">{escape(command)}</pre></dd>'
        for name, command in run.commands.items()
    )
    return files + (f"<dl>{commands}</dl>" if commands else "")


def value(measured: float) -> str:
    """Return a value of a metric in four digits."""
    return f"{measured:.4g}"


def number(count: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def setting(given: Any) -> str:
    """Return the value of a setting."""
    return NONE if given is None else escape(str(given))
