"""What a page holds, read as text and opened in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.browser import ask, needs_chromium
from support.told_runs import write_run

from gans.cli.report.page import page
from gans.cli.report.pictures import Album
from gans.cli.report.run import read_run
from gans.cli.report.starts import Start, write_starts

EVIL = "<script>alert(1)</script>&\"'"
ROWS: list[dict[str, Any]] = [
    {"epoch": 0, "step": 10, "train/generator/adversarial": 0.5, "train/generator/total": 2.5},
    {"epoch": 0, "step": 10, "train/discriminator/total": 1.25, "train/learning_rate": 2e-4},
    {"epoch": 0, "step": 20, "val/l1/A2B": 30, "val/l1_doing_nothing/A2B": 40, "val/images/A2B": 7},
    {"epoch": 0, "step": 20, "time/step_seconds": 0.25, "time/images_per_second": 8},
    {"epoch": 1, "step": 40, "val/l1/A2B": 20, "val/l1_doing_nothing/A2B": 40, "val/images/A2B": 7},
    {"epoch": 1, "step": 50, "train/generator/total": 1.5, "monitor/oscillation": 1},
    {"epoch": 2, "step": 60, "val/l1/A2B": 25, "val/l1_doing_nothing/A2B": 40, "val/images/A2B": 7},
]
GRIDS = [f"{name}_epoch-{epoch:04d}" for epoch in (1, 2, 3) for name in ("A2B", "B2A")]


def written(output: Path, *folders: Path) -> str:
    text = page([read_run(folder, "python train.py") for folder in folders], Album())
    output.write_text(text)
    return text


def data_of(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = write_run(tmp_path / "toy" / "first", ROWS, GRIDS)
    said = [(50, "oscillation", "generator", "a rhythm of 12 steps")]
    start = Start("2026-01-31 12:00:00", place="on the CPU, a computer", versions="gans 0", said=said)
    write_starts(folder, [start])
    return folder


def test_a_page_tells_all_of_a_run(run: Path, tmp_path: Path) -> None:
    text = written(tmp_path / "page.html", run)
    head = text[: text.index('id="data"')]
    told = ["toy/first", "CycleGAN", "on the CPU, a computer", "2026-01-31 12:00:00", "60 steps, epoch 3"]
    told += ["250 ms", "a rhythm of 12 steps", "a lower --model.learning_rate", "model.learning_rate"]
    assert [part for part in told if part not in head] == []
    row = re.search(r"<tr>(<th[^>]*><code>val/l1/A2B.*?)</tr>", head)
    assert row is not None
    cells = re.sub(r"<[^>]*>", "|", row[1]).strip("|")
    assert re.split(r"\|+", cells) == [
        *("val/l1/A2B", "lower", "30", "20", "40", "25"),
        "l1_doing_nothing 40",
    ]


def test_the_curves_of_a_metric_are_one_chart_with_floor_and_best(run: Path, tmp_path: Path) -> None:
    charts = {chart["title"]: chart for chart in data_of(written(tmp_path / "page.html", run))["charts"]}
    assert charts.keys() == {
        *("train/discriminator", "train/generator", "train/learning_rate"),
        *("time/images_per_second", "time/step_seconds", "val/l1"),
    }
    line, floor = charts["val/l1"]["lines"]
    assert (line["name"], line["best"]) == ("A2B", [40, 20.0])
    assert line["points"] == {"x": [20, 40, 60], "y": [30.0, 20.0, 25.0]}
    assert (floor["name"], floor["reference"], floor["best"]) == ("A2B: doing nothing", True, None)
    assert [(line["name"], line["strong"]) for line in charts["train/generator"]["lines"]] == [
        ("adversarial", False),
        ("total", True),
    ]


def test_several_runs_have_their_curves_over_each_other(run: Path, tmp_path: Path) -> None:
    config = {"trainer": {"max_epochs": 9}}
    other = write_run(tmp_path / "toy" / "second", ROWS[:3], GRIDS[:2], config)
    text = written(tmp_path / "page.html", run, other)
    data = data_of(text)
    charts = {chart["title"]: chart for chart in data["charts"]}
    names = [line["name"] for line in charts["val/l1/A2B"]["lines"] if not line["reference"]]
    assert names == ["toy/first", "toy/second"]
    assert [len(album) for album in data["albums"]] == [3, 1]
    settings = text[text.index('<section id="settings">') : text.index('<section id="checkpoints">')]
    assert re.findall(r"<code>(.*?)</code></th><td>(.*?)</td><td>(.*?)</td>", settings) == [
        ("trainer.max_epochs", "3", "9")
    ]


def test_texts_of_others_stay_texts(tmp_path: Path) -> None:
    rows = [
        {"epoch": 0, "step": 1, EVIL.replace(",", ""): 1.0, f"val/l1/{EVIL}": 2.0, "monitor/oscillation": 1}
    ]
    config = {"name": EVIL, "data": {"class_path": "Own", "init_args": {"root": EVIL}}}
    folder = write_run(tmp_path / EVIL.replace("/", "") / "run", rows, config=config)
    Image.new("RGB", (8, 8)).save(folder / "samples" / "<b>&_epoch-0001.png")
    write_starts(folder, [Start(EVIL, place=EVIL, said=[(1, "oscillation", EVIL, EVIL)])])
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "<i>.ckpt").write_bytes(b"damaged")
    text = written(tmp_path / "page.html", folder)
    ours = text.replace(text[text.index('id="data"') : text.index("</body>")], "")
    for tag in ("<script>alert", "<b>", "<i>"):
        assert tag not in ours
    assert "&lt;script&gt;alert(1)" in ours
    data = text[text.index('id="data"') : text.index("<script>\n/**")]
    assert data.count("<") == 1  # that of the end of the element
    assert list(data_of(text)["albums"][0][0]["pictures"]) == ["<b>&"]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"is not the folder of a run: it has no config\.yaml"):
        read_run(tmp_path, "python train.py")


@pytest.mark.parametrize("text", ["[1, 2", "7"])
def test_a_config_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (write_run(tmp_path / "run") / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"run/config\.yaml (cannot be read|holds no settings)"):
        read_run(tmp_path / "run", "python train.py")


def test_a_run_before_its_first_row_has_a_page(tmp_path: Path) -> None:
    (write_run(tmp_path / "run") / "metrics.csv").unlink()
    text = written(tmp_path / "page.html", tmp_path / "run")
    assert "No metric was measured yet." in text
    assert "None yet." in text


def test_a_damaged_record_of_starts_costs_no_page(run: Path, tmp_path: Path) -> None:
    (run / "starts.json").write_text('[{"began": 1, "other": 2}]')
    assert "reported oscillation" in written(tmp_path / "page.html", run)


def test_a_long_run_stays_under_20_megabytes(tmp_path: Path) -> None:
    names = [f"train/player/term{i}" for i in range(20)] + [f"val/m{i}" for i in range(40)]
    rows = [{"epoch": 0, "step": step, **dict.fromkeys(names, 1 / (step + 3))} for step in range(1500)]
    folder = write_run(tmp_path / "run", rows)
    pixels = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "samples" / "A2B_epoch-0000.png")
    for epoch in range(1, 120):
        (folder / "samples" / f"A2B_epoch-{epoch:04d}.png").hardlink_to(
            folder / "samples" / "A2B_epoch-0000.png"
        )
    text = written(tmp_path / "page.html", folder)
    assert 10e6 < len(text.encode()) < 20e6
    assert len(data_of(text)["albums"][0]) >= 20


# In a browser -------------------------------------------------------------------------------------------

SEEN = """
const errors = [];
document.addEventListener("securitypolicyviolation", (event) => errors.push(event.violatedDirective));
const sliders = [...document.querySelectorAll(".pane input")];
const images = [...document.querySelectorAll(".pane img")];
const pictures = () => images.map((image) => [image.alt, image.naturalWidth]);
const decoded = () => Promise.allSettled(images.map((image) => image.decode()));
const charts = [...document.querySelectorAll(".chart")];
await decoded();
const before = pictures();
sliders[0].value = 1;
sliders[0].dispatchEvent(new Event("input"));
document.querySelectorAll(".names input[type=radio]")[1].click();
await decoded();
return {
  before, after: pictures(), errors,
  hidden: images.map((image) => getComputedStyle(image).display === "none"),
  said: sliders.map((slider) => slider.getAttribute("aria-valuetext")),
  focusable: sliders.every((slider) => slider.tabIndex === 0 && slider.closest("label") !== null),
  curves: charts.map((chart) => chart.querySelectorAll(".scatterlayer .trace").length),
  legends: [...document.querySelectorAll(".legendtext")].map((text) => text.textContent),
  labels: charts.map((chart) => chart.getAttribute("aria-label")),
  ground: getComputedStyle(document.body).backgroundColor,
  ink: document.querySelector(".chart text").style.fill,
  wide: document.documentElement.scrollWidth, title: document.title,
};
"""


@needs_chromium
def test_a_browser_draws_the_curves_and_slides_through_the_pictures(run: Path, tmp_path: Path) -> None:
    written(tmp_path / "page.html", run)
    seen = ask(tmp_path / "page.html", SEEN, width=800)
    assert seen["before"] == [["samples/A2B, epoch 1, step 20", 8], ["samples/A2B, epoch 3, step 60", 8]]
    assert seen["after"] == [["samples/B2A, epoch 2, step 50", 8], ["samples/B2A, epoch 3, step 60", 8]]
    assert seen["said"] == ["epoch 2, step 50", "epoch 3, step 60"]
    assert seen["focusable"]
    assert seen["errors"] == []
    assert len(seen["curves"]) == 6
    assert all(seen["curves"])
    assert "val/l1 by step. A2B: first 30, last 25, best 20.00 at step 40" in " ".join(seen["labels"])
    assert seen["wide"] <= 800  # nothing sticks out
    dark = ask(tmp_path / "page.html", SEEN, dark=True)
    assert (seen["ground"], dark["ground"]) == ("rgb(246, 246, 244)", "rgb(20, 23, 26)")
    assert seen["ink"] != dark["ink"]


@needs_chromium
def test_several_runs_move_together_and_texts_of_others_run_nothing(run: Path, tmp_path: Path) -> None:
    evil = "<b><img src=x onerror=document.title=1>"
    rows = [{**row, f"val/{evil}/x": 2.0, f"train/{evil}/total": 1.0} for row in ROWS]
    other = write_run(tmp_path / evil / "second", rows, [GRIDS[0], GRIDS[2], f"{evil}_epoch-0001"])
    written(tmp_path / "page.html", run, other)
    seen = ask(tmp_path / "page.html", SEEN)
    assert [alt for alt, _ in seen["before"]] == [
        "samples/A2B, epoch 3, step 60",
        "samples/A2B, epoch 2, step 50",
    ]
    assert [alt for alt, _ in seen["after"]] == ["samples/B2A, epoch 2, step 50"] * 2
    assert seen["hidden"] == [False, True]  # the other run has no such picture
    assert seen["title"] == "2 runs compared"
    assert seen["errors"] == []  # nor was anything fetched
    assert f"{evil}/second" in seen["legends"]
