"""The playground's page, driven in Chromium as a person would: upload, click, draw, and look at what changed.

Where Gradio or Chromium is not installed these tests are skipped, and say so.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from support.file_server import serving
from support.playing import same, write_lively

import gans
from gans.tools.playground.pictures import read_upload
from gans.tools.playground.server import POLICY, served
from gans.tools.playground.ways import ways_of

pytest.importorskip("gradio", reason='Gradio is not installed: pip install -e ".[playground]"')
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed, see [dev]")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

MODELS = ("CycleGAN", "StarGAN", "SRResNet", "GANCLS", "VAE")
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A camera that films a green disc, and the permission to use it."""
SECONDS = 60  # until a page or a picture is there: the machine may be busy


class Playground(NamedTuple):
    """An open page: its address, the browser's page, and what it asked for."""

    address: str
    page: Any
    requests: list[str]

    def tab(self, name: str) -> Any:
        """Go to the tab of a kind; return what is in it."""
        self.page.get_by_role("tab", name=name, exact=True).first.click()
        return self.page.get_by_role("tabpanel").filter(visible=True).first

    def pictures(self, where: Any, kind: str = ".grid-wrap img") -> list[Image.Image]:
        """Return the pictures that are shown, once there are some."""
        where.locator(kind).first.wait_for(timeout=1000 * SECONDS)
        return [self.file(image.get_attribute("src")) for image in where.locator(kind).all()]

    def file(self, address: str) -> Image.Image:
        """Return the picture at an address of the page."""
        return Image.open(io.BytesIO(self.page.request.get(address).body()))

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds of the page, which changes in more than one step."""
        ends = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < ends, "it did not come to hold"
            self.page.wait_for_timeout(50)

    def shows(self, where: Any, expected: list[Image.Image], kind: str = ".grid-wrap img") -> None:
        """Wait until these pictures, and no others, are shown."""

        def shown() -> bool:
            pictures = self.pictures(where, kind)
            return len(pictures) == len(expected) and all(map(same, pictures, expected))

        self.until(shown)

    def after(self, where: Any, act: Callable[[], Any], code: str) -> None:
        """Do something, and wait until the Python that is shown has a part that it had not."""
        lines = where.locator(".cm-content", has_text=code)
        assert lines.count() == 0, f"{code} is shown already"
        act()
        lines.first.wait_for(timeout=1000 * SECONDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with checkpoints and pictures, good ones and bad ones."""
    folder = tmp_path_factory.mktemp("browser")
    noise = np.random.default_rng(0)
    Image.fromarray(noise.integers(0, 256, (24, 20, 3), np.uint8)).save(folder / "face.png")
    (folder / "bad.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def playground(folder: Path) -> Iterator[Playground]:
    """Serve all models and open their page, once for all tests."""
    paths = [write_lively(folder, name) for name in MODELS]
    ways = [way for path in paths for way in ways_of(gans.load(path), path)]
    with served(ways) as address, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *CAMERA])
        page = browser.new_page()
        page.set_default_timeout(1000 * SECONDS)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        page.get_by_role("tab", name="Translate").first.wait_for()
        yield Playground(address, page, requests)
        browser.close()


@pytest.fixture
def translate(playground: Playground, folder: Path) -> Any:
    """Return the tab of translators, which have been given a picture."""
    tab = playground.tab("Translate")
    playground.tab("File")
    upload(playground, tab, folder / "bad.png")
    tab.get_by_role("alert").first.wait_for()
    upload(playground, tab, folder / "face.png")
    tab.locator(".cm-content", has_text="face.png").nth(1).wait_for()
    return tab


def upload(playground: Playground, tab: Any, path: Path) -> None:
    """Give a tab a file, in place of an earlier one, of which nothing is shown any more."""
    clear, chooser = tab.get_by_label("Clear", exact=True), tab.locator("input[type=file]")
    clear.or_(chooser).first.wait_for(state="attached")
    if clear.count():
        clear.first.click()
    playground.until(lambda: tab.locator(".cm-content", has_text=".png").count() == 0)
    chooser.first.set_input_files(path)
    clear.first.wait_for()


def directions(folder: Path) -> list[Image.Image]:
    """Return the face in both directions of the CycleGAN."""
    model, face = gans.load(folder / "cyclegan.ckpt"), read_upload(folder / "face.png")
    return [model.translate(face.given(16).value, where) for where in ("A2B", "B2A")]


def with_attributes(folder: Path, switched: list[list[str]]) -> list[Image.Image]:
    """Return the face as the StarGAN makes it with these switches."""
    model, face = gans.load(folder / "stargan.ckpt"), read_upload(folder / "face.png")
    return [model.translate(face.given(16).value, each) for each in switched]


def test_a_translator_shows_both_directions_of_an_upload(
    playground: Playground, translate: Any, folder: Path
) -> None:
    by_themselves = [[name] for name in gans.load(folder / "stargan.ckpt").attributes.flat]
    playground.shows(translate, directions(folder) + with_attributes(folder, by_themselves))


def test_switches_change_the_picture(playground: Playground, translate: Any, folder: Path) -> None:
    translate.get_by_role("radio", name="blond_hair").check()
    playground.shows(translate, directions(folder) + with_attributes(folder, [["blond_hair"]]))


def test_a_bad_upload_is_a_message_and_takes_the_picture_away(
    playground: Playground, translate: Any, folder: Path
) -> None:
    upload(playground, translate, folder / "bad.png")
    message = translate.get_by_role("alert").first
    message.wait_for()
    assert message.inner_text() == "bad.png: called .png but holds no image. Rename, replace or remove it."
    translate.locator(".grid-wrap img").first.wait_for(state="hidden")
    upload(playground, translate, folder / "face.png")
    playground.until(lambda: len(playground.pictures(translate)) > 2)
    playground.until(lambda: translate.get_by_role("alert").count() == 0)


def test_a_picture_of_the_camera_is_translated(playground: Playground, translate: Any) -> None:
    playground.tab("Camera")
    translate.get_by_text("Click to Access Webcam").click()
    video = translate.get_by_test_id("webcam-video").first
    playground.until(lambda: video.evaluate("video => video.videoWidth > 0 && video.currentTime > 0"))
    shutter = translate.get_by_role("button", name="capture photo")
    playground.after(translate, shutter.click, "camera.png")

    def green() -> bool:
        (read,) = playground.pictures(translate, ".small img")
        red, green, blue = np.asarray(read.convert("RGB")).mean((0, 1))
        return bool(green > max(red, blue) + 50)

    playground.until(green)


def test_what_one_draws_is_translated_at_once(playground: Playground, translate: Any) -> None:
    playground.tab("Drawing")
    translate.get_by_role("button", name="Brush").click()
    canvas = translate.locator("canvas").first.bounding_box()
    x, y = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2
    mouse = playground.page.mouse

    def stroke() -> None:
        mouse.move(x - 40, y - 40)
        playground.page.wait_for_timeout(300)  # the tool follows the mouse before it draws
        mouse.down()
        for step in range(10):
            mouse.move(x - 40 + 8 * step, y - 40 + 8 * step)
            playground.page.wait_for_timeout(20)
        mouse.up()

    playground.after(translate, stroke, "drawing.png")
    playground.until(lambda: playground.pictures(translate, ".small img")[0].size == (256, 256))
    (read,) = playground.pictures(translate, ".small img")
    drawn = np.asarray(read.convert("L"))
    assert drawn.max() == 255
    assert 0.001 < (drawn < 128).mean() < 0.1, "black lines on white"


def test_enlarged_pictures_are_compared_by_an_edge_that_slides(playground: Playground, folder: Path) -> None:
    tab = playground.tab("Enlarge")
    upload(playground, tab, folder / "face.png")
    face = Image.open(folder / "face.png")
    enlarged = gans.load(folder / "srresnet.ckpt").upscale(face)
    playground.shows(tab, [face.resize((40, 48), Image.Resampling.BICUBIC), enlarged], ".slider-wrap img")
    edge, shown = tab.get_by_test_id("slider"), tab.locator(".slider-wrap img").last
    at_first = shown.evaluate("image => image.style.clipPath")
    handle = edge.bounding_box()
    playground.page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    playground.page.mouse.down()
    playground.page.mouse.move(handle["x"] - 100, handle["y"] + handle["height"] / 2, steps=5)
    playground.page.mouse.up()
    assert shown.evaluate("image => image.style.clipPath") != at_first


def test_a_sentence_is_drawn_and_unknown_words_are_named(playground: Playground, folder: Path) -> None:
    tab = playground.tab("Draw a sentence")
    sentence = tab.get_by_role("textbox", name="A sentence")
    sentence.fill("a person with purple hair")
    playground.after(tab, lambda: sentence.press("Enter"), "purple")
    assert "Not known to the model: 'purple'." in tab.inner_text()
    model = gans.load(folder / "gancls.ckpt")
    drawn = [model.draw("a person with purple hair", seed=seed) for seed in range(4)]
    playground.shows(tab, [gans.to_pil(each)[0] for each in drawn])


def test_seeds_and_sliders_make_other_pictures(playground: Playground, folder: Path) -> None:
    tab = playground.tab("Make from seeds")
    model = gans.load(folder / "vae.ckpt")
    playground.shows(tab, gans.to_pil(model.sample(8, seed=0)))
    tab.get_by_label("Seed").fill("5")
    made = gans.to_pil(model.sample(8, seed=5))
    playground.shows(tab, made)
    slider = tab.get_by_role("slider").first
    playground.after(tab, lambda: slider.press("End"), "3}")
    playground.until(lambda: not same(playground.pictures(tab)[0], made[0]))


def test_a_film_plays_from_seed_to_seed(playground: Playground) -> None:
    tab = playground.tab("Film")
    playground.after(tab, lambda: tab.get_by_label("Frames each way").fill("3"), "[0, 1], 3")

    def six_frames() -> bool:
        (film,) = playground.pictures(tab, ".small img")
        return (film.format, getattr(film, "n_frames", 1)) == ("GIF", 6)

    playground.until(six_frames)


def test_no_other_host_is_called_and_none_could_be(playground: Playground) -> None:
    outside = [
        one for one in playground.requests if not one.startswith((playground.address, "data:", "blob:"))
    ]
    assert outside == []
    answer = playground.page.request.get(playground.address)
    assert answer.headers["content-security-policy"] == POLICY
    with serving(b"elsewhere") as elsewhere:
        asked = "address => fetch(address, {mode: 'no-cors'}).catch(error => 'refused')"
        assert playground.page.evaluate(asked, elsewhere.address) == "refused"
        assert elsewhere.requests == []
    other_name = playground.page.request.get(playground.address, headers={"Host": "example.org"})
    assert other_name.status == 400


def test_no_file_but_those_of_the_page_is_handed_out(playground: Playground, folder: Path) -> None:
    for path in (folder / "vae.ckpt", Path(__file__)):
        answer = playground.page.request.get(f"{playground.address}gradio_api/file={path}")
        assert answer.status in (403, 404)
