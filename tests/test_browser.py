"""The lessons run in JupyterLab in a browser, without a fault on the page.

Run only where there is a Chromium: see conftest.py.
"""

import re

import browser
import nbformat
import pytest

from helpers.dataset import corrections
from helpers.surfaces import render

# Lesson -> words of the cell with a widget -> what is moved there, and how.
WIDGETS = {
    "02_frozen_baseline": {
        "widgets.feature_maps(": [
            ("move", "Block", 1),
            ("choose", "Photo", "pits"),
        ],
        "widgets.mistakes(": [
            ("press", "Next page"),
            ("press", "Previous page"),
            ("choose", "Photo", "2"),
            ("press", "Label is wrong"),
            ("choose", "Order", "least confident first"),
            ("choose", "Label", "crack"),
            ("choose", "Predicted", "scratch"),
        ],
    },
    "03_fine_tuning": {
        "widgets.anatomy(": [("move", "Frozen up to", -2)],
        "widgets.learning_rates(": [("move", "Learning rate", -3)],
    },
    "04_augmentation": {
        "widgets.augmentation(": [
            ("choose", "Flip", "none"),
            ("move", "Rotation", -20),
            ("move", "Zoom", 2, 0),
            ("move", "Zoom", 2, 1),
            ("move", "Darkest", 4),
            ("choose", "Fill", "constant"),
            ("move", "Seed", 1),
        ],
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    kept = folder / "kept"
    with browser.jupyterlab(browser.copy_project(folder), kept) as server:
        yield server


@pytest.fixture(scope="module")
def chromium():
    with browser.sync_playwright() as playwright:
        running = browser.chromium(playwright)
        yield running
        running.close()


@pytest.fixture(scope="module")
def opened(server, chromium):
    """Opens a notebook by its name; the one opened before is closed.

    One that is still open is given again, as the last test has left it.
    """
    last = {}

    def open_lesson(name):
        if name not in last:
            close()
            last[name] = browser.Lesson(chromium, server, name)
        return last[name]

    def close():
        for lesson in last.values():
            lesson.close()
        last.clear()

    yield open_lesson
    close()


@pytest.fixture
def small(server, opened, notebook, code):
    """Opens a new notebook of the cells with these sources."""

    def make(*sources):
        made = notebook(*(code(source, None) for source in sources))
        folder = server.root / "notebooks"
        name = f"small_{len(list(folder.glob('small_*.ipynb')))}"
        nbformat.write(made, folder / f"{name}.ipynb")
        return opened(name)

    return make


@pytest.fixture
def no_notes():
    """Take away what is noted of labels, as it was before the test."""
    path = corrections.path(render.folder())
    before = path.read_bytes() if path.exists() else None
    path.unlink(missing_ok=True)
    yield
    path.unlink(missing_ok=True)
    if before:
        path.write_bytes(before)


@pytest.mark.parametrize("name", WIDGETS)
def test_a_lesson_runs_and_its_widgets_answer(opened, name, no_notes):
    lesson = opened(name)
    lesson.check()  # as stored, before anything is run
    lesson.run_all()
    for words, moves in WIDGETS[name].items():
        widget = lesson.widget(words)
        for how, *what in moves:
            with widget.answers():
                getattr(widget, how)(*what)
    lesson.check()


# From here on: small notebooks, right and broken.


def test_an_error_of_a_cell_is_found(small):
    lesson = small("1 / 0", "print(1)")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        lesson.run_all()


def test_a_dead_kernel_is_found(small):
    lesson = small("import os", "os._exit(3)", "print(1)")
    with pytest.raises(AssertionError, match="died"):
        lesson.run_all()


def test_a_fault_of_the_page_is_found(small):
    faults = {
        "setTimeout(() => { throw Error('uncaught') })": "uncaught",
        "console.error('on the console')": "on the console",
        "fetch('/no-such-page')": "404: .*no-such-page",
    }
    scripts = [f'Javascript("{script}")' for script in faults]
    lesson = small("from IPython.display import Javascript", *scripts)
    with pytest.raises(AssertionError) as found:
        lesson.run_all()
    for words in faults.values():
        assert re.search(words, str(found.value))


WIDGET = """
import io
import ipywidgets
from PIL import Image

line = ipywidgets.HTML()
picture = ipywidgets.Image()
slider = ipywidgets.IntSlider(3, 0, 9, description="shade")
colour = ipywidgets.Dropdown(options=["red", "blue"], description="colour")
light = ipywidgets.Checkbox(description="light")
reset = ipywidgets.Button(description="start again")
dull = ipywidgets.Button(description="text alone")


def draw(_=None):
    shade = 28 * slider.value
    green = 255 * light.value
    red, blue = (shade, 0) if colour.value == "red" else (0, shade)
    content = io.BytesIO()
    Image.new("RGB", (9, 9), (red, green, blue)).save(content, "PNG")
    picture.value = content.getvalue()
    line.value = f"{colour.value} of {slider.value}, light {light.value}"


def put_back(_):
    slider.value = 3


def only_say(_):
    line.value = "nothing is drawn"


for control in (slider, colour, light):
    control.observe(draw, "value")
reset.on_click(put_back)
dull.on_click(only_say)
draw()
ipywidgets.VBox([slider, colour, light, reset, dull, line, picture])
"""


@pytest.fixture
def widget(small):
    lesson = small("x = 1", WIDGET)
    lesson.run_all()
    return lesson.widget("ipywidgets.VBox")


def test_a_widget_answers_to_what_is_moved(widget):
    says = browser.expect(widget.line).to_have_text
    says("red of 3, light False")
    before = widget.picture()
    with widget.answers():
        widget.move("shade", 4)
    says("red of 7, light False")
    browser.expect(widget.readout("shade")).to_have_text("7")
    with widget.answers():
        widget.move("shade", -2)
    says("red of 5, light False")
    with widget.answers():
        widget.choose("colour", "blue")
    says("blue of 5, light False")
    with widget.answers():
        widget.tick("light")
    says("blue of 5, light True")
    with widget.answers():
        widget.press("start again")
    says("blue of 3, light True")
    assert widget.picture() != before


def test_a_widget_that_does_not_answer_is_found(widget, monkeypatch):
    monkeypatch.setattr(browser, "ANSWER", 500)
    with pytest.raises(AssertionError, match="not to have text"):
        with widget.answers():
            pass
    with pytest.raises(AssertionError, match="picture is still the same"):
        with widget.answers():
            widget.press("text alone")
