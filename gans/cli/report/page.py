"""Puts the page together: one file that needs no server and is allowed no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from gans.cli.report import tables
from gans.cli.report.charts import Chart, charts_of
from gans.cli.report.history import parts_of
from gans.cli.report.pictures import Album
from gans.cli.report.run import ToldRun

ROOM = 12_000_000
"""Characters for pictures; the chart library has five million, and the curves never more than two."""

GROUPS = {
    "metrics": "Metrics",
    "losses": "Losses",
    "rates": "Learning rate",
    "speed": "Speed",
    "others": "Others",
}
HERE = Path(__file__).parent


def page(runs: Sequence[ToldRun], album: Album) -> str:
    """Return the HTML of a page about one run, or about several side by side.

    Args:
        runs: at least one.
        album: keeps what it encoded, for the next page of the same runs.
    """
    charts = charts_of(runs)
    data = {
        "charts": charts,
        "runs": [run.name for run in runs],
        "signs": [[sign.step, sign.name] for run in runs for sign in run.signs] if len(runs) == 1 else [],
        "albums": [_album(run, album, ROOM // len(runs)) for run in runs],
    }
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs compared"
    return Template(_part("page.html")).substitute(
        title=escape(title),
        gist=tables.gist(runs),
        written=datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
        style=_part("page.css"),
        sections="\n".join(_sections(runs, charts)),
        data=_in_script(data),
        library=get_plotlyjs(),
        script=_part("page.js"),
    )


def _sections(runs: Sequence[ToldRun], charts: Sequence[Chart]) -> list[str]:
    found = []
    if any(run.signs for run in runs):
        found.append(_section("monitor", "Signs of failure", tables.signs(runs)))
    if any(run.moments for run in runs):
        found.append(_section("pictures", "Pictures", '<div id="panes"></div>'))
    for group, title in GROUPS.items():
        above = tables.metrics(runs) if group == "metrics" else ""
        places = _chart_places(group, charts, several=len(runs) > 1)
        if above or places:
            found.append(_section(group, title, above + places))
    found.append(_section("about", "Run" if len(runs) == 1 else "Runs", tables.facts(runs)))
    title = "Settings other than the defaults" if len(runs) == 1 else "Settings that differ"
    found.append(_section("settings", title, tables.settings(runs) + "".join(map(_all_settings, runs))))
    named = [(f"<h3>{escape(run.name)}</h3>" if len(runs) > 1 else "", run) for run in runs]
    files = "".join(name + tables.checkpoints(run) for name, run in named)
    found.append(_section("checkpoints", "Checkpoints", files))
    return found


def _section(name: str, title: str, content: str) -> str:
    return f'<section id="{name}"><h2>{title}</h2>{content}</section>'


def _chart_places(group: str, charts: Sequence[Chart], several: bool) -> str:
    """Return empty places that the script draws the charts of a group in.

    Of several runs the terms of losses have a chart each: there, all but the totals are folded away.
    """
    open_places: list[str] = []
    folded: list[str] = []
    for i, chart in enumerate(charts):
        if chart["group"] == group:
            aside = f" <small>{chart['better']} is better</small>" if chart["better"] else ""
            if chart["better"] == "near 1":
                aside = " <small>best near 1</small>"
            place = (
                f"<figure><figcaption><code>{escape(chart['title'])}</code>{aside}</figcaption>"
                f'<div class="chart" data-chart="{i}" role="img"></div></figure>'
            )
            term = parts_of(chart["title"])[2]
            (folded if several and group == "losses" and term != "total" else open_places).append(place)
    if not open_places and not folded:
        return ""
    switches = (
        '<p class="switches">'
        '<label><input type="checkbox" class="logarithmic"> logarithmic</label>'
        + (
            '<label>smooth <input type="range" class="smooth" min="0" max="95" step="5" value="0"></label>'
            if group == "losses"
            else ""
        )
        + "</p>"
    )
    more = f"<details><summary>Single terms</summary>{_grid(folded)}</details>" if folded else ""
    return switches + _grid(open_places) + more


def _grid(places: Sequence[str]) -> str:
    return f'<div class="charts">{"".join(places)}</div>' if places else ""


def _all_settings(run: ToldRun) -> str:
    return (
        f"<details><summary>All settings of {escape(run.name)}</summary>"
        f'<pre tabindex="0">{escape(run.config_text)}</pre></details>'
    )


def _album(run: ToldRun, album: Album, room: int) -> list[dict[str, Any]]:
    return [
        {"label": moment.label, "step": moment.step, "pictures": pictures}
        for moment, pictures in album.choose(run.moments, room)
        if pictures
    ]


def _in_script(data: Any) -> str:
    """Return data as JSON that ends no script element, whatever texts are in it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _part(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
