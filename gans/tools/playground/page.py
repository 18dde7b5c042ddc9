"""The page: an input that all models share, and for each its settings, its pictures and their Python."""

from __future__ import annotations

import html
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from gans.cli.errors import readable
from gans.tools.playground.calls import Made, program
from gans.tools.playground.pictures import Picture, read_upload
from gans.tools.playground.results import KEPT, Results, save_film, save_picture
from gans.tools.playground.settings import Amount, Another, Choice, Setting, Whole
from gans.tools.playground.ways import Way

CANVAS = 256  # pixels of a side of what is drawn
PEN = 4  # pixels: a line stays one when the drawing is brought to 64 pixels
CACHED = (60, KEPT)  # seconds: how often uploads are looked through, and how old they may become
MOST_COLUMNS = 4  # of pictures
FEW = 7  # options that are shown side by side

CSS = """
.gradio-container {max-width: 1500px !important}
.grid-wrap {min-height: 0 !important}
.grid-container {grid-template-columns: repeat(var(--grid-cols), minmax(0, 1fr)) !important}
.small img {width: 256px !important; height: auto !important; object-fit: contain !important}
.prose code {overflow-wrap: anywhere; white-space: normal}
.message {border-left: 4px solid var(--color-accent); padding: 0.2em 0.8em; margin: 0.2em 0}
.message.wrong {border-color: var(--error-border-color, red)}
"""


class Source(NamedTuple):
    """What all models of a tab are given: the component that holds it, and what says that it is new."""

    component: Any
    events: list[Any]


def build(ways: Sequence[Way], results: Results) -> gr.Blocks:
    """Return the page of what some models offer.

    What they offer of one kind stands in one tab, side by side, and is made of one input.

    Args:
        ways: of all models.
        results: where pictures get their files.
    """
    by_title: dict[str, list[Way]] = {}
    for way in ways:
        by_title.setdefault(way.title, []).append(way)
    page: gr.Blocks = gr.Blocks(title="Playground", analytics_enabled=False, delete_cache=CACHED)
    with page:
        gr.Markdown("# Playground")
        for title, alike in by_title.items():
            with gr.Tab(title):
                _tab(alike, results, page)
    return page


def _tab(ways: Sequence[Way], results: Results, page: gr.Blocks) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            source = SOURCES[ways[0].asked](results, page)
        with gr.Column(scale=3, min_width=520), gr.Row():
            for way in ways:
                with gr.Column(min_width=320):
                    _model(way, source, results)


def _model(way: Way, source: Source, results: Results) -> None:
    """Lay out one model: what can be set, what it makes, and the Python of that."""
    gr.Markdown(f"**{type(way.model).__name__}** `{way.checkpoint}`")
    with gr.Row():
        widgets = [_widget(setting) for setting in way.settings.values()]
    shown = SHOWN[way.shown]()
    message = gr.HTML(visible=False)
    code = gr.Code(
        language="python",
        label="The same from Python",
        interactive=False,
        wrap_lines=True,
        show_line_numbers=False,
    )
    gr.on(
        [*source.events, *(widget.change for widget in widgets)],
        partial(_make, way, results),
        [source.component, *widgets],
        [shown, code, message],
        concurrency_id="models",  # they share processor and random numbers: one at a time
        concurrency_limit=1,
        trigger_mode="always_last",
        api_visibility="private",
    )


def _make(way: Way, results: Results, given: Any, *chosen: Any) -> tuple[Any, str, Any]:
    """Make the pictures of one model: what is shown, its Python, and what there is to say."""
    if way.asked != "nothing" and not given:
        return None, "", _messages([])
    said: list[str] = []
    try:
        with _noted(said):
            values = {
                name: _value(setting, value)
                for (name, setting), value in zip(way.settings.items(), chosen, strict=True)
            }
            said += way.remarks(given)
            made = [(label, call.made_by(way.model)) for label, call in way.calls(given, values)]
        shown = FILES[way.shown](results.new(), given, made)
        return shown, program(way.checkpoint, made), _messages(said)
    except Exception as error:
        return None, "", _messages([_explained(error)], wrong=True)


def _value(setting: Setting, chosen: Any) -> Any:
    """Return what a widget's value means."""
    if isinstance(setting, Choice):
        return setting.options[chosen]
    if isinstance(setting, Another):
        return None if chosen is None else read_upload(chosen)
    return setting.value if chosen is None else chosen


def _widget(setting: Setting) -> Any:
    if isinstance(setting, Choice):
        names = list(setting.options)
        kind: Any = gr.Radio if len(names) <= FEW else gr.Dropdown
        shown = len(names) > 1
        return kind(names, value=names[0], label=setting.label, visible=shown, min_width=300)
    if isinstance(setting, Whole):
        return gr.Number(
            setting.value, label=setting.label, precision=0, minimum=0, maximum=setting.most, min_width=120
        )
    if isinstance(setting, Amount):
        return gr.Slider(setting.least, setting.most, setting.value, step=setting.step, label=setting.label)
    return gr.File(label=setting.label, height=130, min_width=300)


def _picture_source(results: Results, page: gr.Blocks) -> Source:
    """Lay out a file, a camera and a drawing, of which the latest counts, and show how it was read."""
    picture = gr.State(None)
    with gr.Tab("File"):
        file = gr.File(label="A picture", height=140)
    with gr.Tab("Camera"):
        camera = gr.Image(sources=["webcam"], type="filepath", label="Camera", format="png")
    with gr.Tab("Drawing"):
        drawing = gr.ImageEditor(
            type="filepath",
            image_mode="RGB",
            format="png",
            sources=(),
            transforms=(),
            layers=False,
            canvas_size=(CANVAS, CANVAS),
            fixed_canvas=True,
            placeholder="Take the pen on the left",
            brush=gr.Brush(default_size=PEN, default_color="#000000", color_mode="defaults"),
            label="Drawing",
        )
    message = gr.HTML(visible=False)
    seen = gr.Image(
        label="As it was read",
        interactive=False,
        visible=False,
        elem_classes="small",
        buttons=["download", "fullscreen"],
    )
    outputs = [picture, seen, message]
    given: list[tuple[Any, str | None]] = [(file, None), (camera, "camera.png"), (drawing, "drawing.png")]
    for widget, name in given:
        read = partial(_read, results, name)
        widget.change(read, widget, outputs, api_visibility="private", trigger_mode="always_last")
    return Source(picture, [picture.change])


def _read(results: Results, name: str | None, given: Any) -> tuple[Picture | None, Any, Any]:
    """Read what was given: the picture, a file that shows it, and what is wrong with it.

    Args:
        results: where that file goes.
        name: of a picture that comes from no file: that under which it can be saved from the page.
        given: path of the file, or what an editor returns.
    """
    path = given["composite"] if isinstance(given, dict) else given
    if path is None:
        return None, gr.Image(visible=False), _messages([])
    try:
        picture = read_upload(path)
    except Exception as error:
        return None, gr.Image(visible=False), _messages([_explained(error)], wrong=True)
    if name is not None:
        picture = picture._replace(name=name, plain=True)
    file = save_picture(results.new(), Path(picture.name).stem, picture.image)
    return picture, gr.Image(file, visible=True), _messages([])


def _caption_source(results: Results, page: gr.Blocks) -> Source:
    caption = gr.Textbox(label="A sentence", placeholder="a person with red hair", submit_btn=True)
    return Source(caption, [caption.submit])


def _no_source(results: Results, page: gr.Blocks) -> Source:
    gr.Markdown("The same seed makes the same picture on any machine.")
    return Source(gr.State(None), [gr.Button("Make").click, page.load])


SOURCES: dict[str, Callable[[Results, gr.Blocks], Source]] = {
    "picture": _picture_source,
    "caption": _caption_source,
    "nothing": _no_source,
}
"""What a way asks for -> how it is laid out."""


def _gallery() -> Any:
    return gr.Gallery(
        label="Pictures",
        columns=2,
        fit_columns=False,  # or one picture would be as wide as the page
        object_fit="contain",
        interactive=False,
        buttons=["download", "fullscreen"],
    )


def _edge() -> Any:
    return gr.ImageSlider(
        label="Interpolated | enlarged", interactive=False, buttons=["download", "fullscreen"]
    )


def _film() -> Any:
    return gr.Image(label="Film", interactive=False, elem_classes="small", buttons=["download", "fullscreen"])


SHOWN: dict[str, Callable[[], Any]] = {"gallery": _gallery, "edge": _edge, "film": _film}
"""How a way's pictures are shown -> the component."""


def _gallery_files(folder: Path, given: Any, made: list[tuple[str, Made]]) -> Any:
    files = []
    for label, each in made:
        for number, image in enumerate(each.pictures):
            caption = each.call.names[number] if each.call.names else label
            files.append((save_picture(folder, _named(given, caption), image), caption))
    return gr.Gallery(files, columns=min(max(len(files), 2), MOST_COLUMNS))


def _edge_files(folder: Path, given: Picture, made: list[tuple[str, Made]]) -> tuple[str, str]:
    ((_, each),) = made
    large = each.pictures[0]
    plain = given.image.convert(large.mode).resize(large.size, Image.Resampling.BICUBIC)
    before = save_picture(folder, _named(given, "interpolated"), plain)
    return before, save_picture(folder, _named(given, "enlarged"), large)


def _film_file(folder: Path, given: None, made: list[tuple[str, Made]]) -> str:
    ((label, each),) = made
    return save_film(folder, label, each.pictures)


FILES: dict[str, Callable[[Path, Any, list[tuple[str, Made]]], Any]] = {
    "gallery": _gallery_files,
    "edge": _edge_files,
    "film": _film_file,
}
"""How a way's pictures are shown -> what the component is given: files in a folder."""


def _named(given: Any, label: str) -> str:
    return f"{Path(given.name).stem} {label}" if isinstance(given, Picture) else label


@contextmanager
def _noted(said: list[str]) -> Iterator[None]:
    """Add warnings to what is said, such as that tiles differ from the whole picture."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module=r"gans\.text\.")  # `remarks` names what is unknown
        yield
    said += [str(one.message) for one in caught if issubclass(one.category, UserWarning)]


def _explained(error: Exception) -> str:
    """Return an error's message if it is for people; of a bug show the traceback in the terminal."""
    message = readable(error)
    if message is None:
        sys.stderr.write("".join(traceback.format_exception(error)))
        message = "Something went wrong in the program; the terminal shows what."
    return message


def _messages(said: Sequence[str], wrong: bool = False) -> Any:
    """Return the element of messages with these sentences; without any it is not seen."""
    kind = 'class="message wrong" role="alert"' if wrong else 'class="message"'
    lines = [f"<p {kind}>{html.escape(line)}</p>" for line in dict.fromkeys(said)]
    return gr.HTML("".join(lines), visible=bool(lines))
