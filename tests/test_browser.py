"""Lessons and widgets in JupyterLab in a browser, without an error.

They run only where there is a Chromium: see conftest.py.
"""

import contextlib

import browser
import nbformat
import numpy as np
import pytest
from nbformat import v4
from PIL import Image

from tools import _pinned

with contextlib.suppress(ImportError):  # then conftest.py runs none of them
    from axe_playwright_python.sync_playwright import Axe

# All widgets, on data as small as they take.
SETUP = """
import os
import sys
from types import SimpleNamespace

sys.path.insert(0, os.path.abspath(".."))

import keras
import numpy as np

from helpers import dataset, widgets
from helpers.network import blocks

rng = np.random.default_rng(0)
base = keras.applications.InceptionV3(
    weights=None, include_top=False, input_shape=(299, 299, 3)
)
names = ("clean", "crack", "pits")
part = dataset.whole_folder("../photos", names)
"""
# Words of the cell -> its source, and what is moved in it, and how.
WIDGETS = {
    "widgets.feature_maps(": (
        """
grids = {block.name: 8 for block in blocks.blocks(base)}
maps = {n: rng.random((3, 12, s, s), "float32") for n, s in grids.items()}
channels = {name: np.tile(np.arange(12), (3, 1)) for name in grids}
pixels = dataset.load_photos(part.paths[::10][:3])
widgets.feature_maps(blocks.FeatureMaps(pixels, names, maps, channels))
""",
        [("move", "Block", 1), ("choose", "Photo", "pits")],
    ),
    "widgets.mistakes(": (
        """
shift = np.where(np.arange(len(part)) % 2, 1, 2)
probabilities = np.full((len(part), 3), 0.1)
predicted = (part.labels + shift) % 3
places = np.arange(len(part))
probabilities[places, predicted] = np.linspace(0.6, 0.8, len(part))
widgets.mistakes(part, probabilities)
""",
        [
            ("choose", "Page", "2"),
            ("choose", "Page", "1"),
            ("choose", "Photo", "2"),
            ("press", "Label is wrong"),
            ("choose", "Order", "least confident first"),
            ("choose", "Label", "crack"),
            ("choose", "Predicted", "pits"),
        ],
    ),
    "widgets.boundary(": (
        "widgets.boundary(base)",
        [("move", "Frozen up to", 2)],
    ),
    "widgets.learning_rates(": (
        """
rates = np.geomspace(1e-6, 1e-2, 30)
losses = (np.log10(rates) + 4) ** 2 + 1
widgets.learning_rates(rates, losses, rates[12])
""",
        [("move", "Learning rate", -3)],
    ),
    "widgets.augmentation(": (
        "widgets.augmentation(part.paths[0])",
        [
            ("choose", "Flip", "none"),
            ("move", "Rotation", -20),
            ("move", "Zoom", 2, 0),
            ("move", "Zoom", 2, 1),
            ("move", "Darkest", 4),
            ("choose", "Fill", "constant"),
            ("move", "Seed", 1),
        ],
    ),
    "widgets.upload(": (
        """
def predict(pixels):
    mean = np.mean(pixels) / 255
    return np.array([[mean, (1 - mean) / 2, (1 - mean) / 2]])


classifier = SimpleNamespace(predict_on_batch=predict)
widgets.upload(classifier, names, part.paths[0])
""",
        [("upload", "Upload a photo", "mine.png")],
    ),
}


# Words of the cell -> its controls in the order of the Tab key.
CONTROLS = {
    "widgets.feature_maps(": ["Block", "Photo"],
    "widgets.mistakes(": [
        *("Label", "Predicted", "Order", "Page", "Photo", "True class"),
        "Label is wrong",
    ],
    "widgets.boundary(": ["Frozen up to"],
    "widgets.learning_rates(": ["Learning rate"],
    "widgets.augmentation(": [
        *("Flip", "Rotation", "Zoom", "Darkest", "Fill", "Seed"),
    ],
    "widgets.upload(": ["Upload a photo"],
}
# What axe-core reports about ipywidgets, and no setting changes.
OF_IPYWIDGETS = {
    "aria-input-field-name",  # a slider's handle has no name
}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    root = browser.copy_project(folder)
    rng = np.random.default_rng(0)
    for i in range(30):
        path = root / "photos" / ("clean", "crack", "pits")[i % 3] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (80, 80, 3), "uint8")
        Image.fromarray(noise // (1 + i % 3)).save(path)
    Image.new("RGB", (90, 90), "white").save(root / "mine.png")
    with browser.jupyterlab(root, folder / "kept") as server:
        yield server


@pytest.fixture
def opened(server, chromium):
    """Opens a notebook by its name."""
    lessons = []

    def open_lesson(name):
        lessons.append(browser.Lesson(chromium, server, name))
        return lessons[-1]

    yield open_lesson
    for lesson in lessons:
        lesson.close()


NAMES = [path.stem for path in _pinned.notebooks()]


@pytest.mark.parametrize(
    "name",
    [
        "02_frozen_baseline",
        *(
            pytest.param(name, marks=pytest.mark.release)
            for name in NAMES
            if name != "02_frozen_baseline"
        ),
    ],
)
def test_a_stored_lesson_opens_without_an_error(opened, name):
    opened(name).check()


@pytest.fixture(scope="module")
def panels(server, chromium):
    """A notebook with all widgets, which has run."""
    sources = [SETUP, *(source for source, _ in WIDGETS.values())]
    cells = [v4.new_code_cell(source.strip()) for source in sources]
    path = server.root / "notebooks" / "small.ipynb"
    language = {"language_info": {"name": "python"}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=language), path)
    lesson = browser.Lesson(chromium, server, "small")
    lesson.run_all()
    yield lesson
    lesson.close()


def test_widgets_follow_their_controls(panels):
    for words, (_, moves) in WIDGETS.items():
        widget = panels.widget(words)
        for how, *what in moves:
            with widget.answers():
                getattr(widget, how)(*what)
    panels.check()


@pytest.mark.parametrize("words", WIDGETS)
def test_the_tab_key_reaches_every_control_in_its_order(panels, words):
    assert panels.widget(words).tab_order() == CONTROLS[words]


def test_keys_work_the_controls(panels):
    widget = panels.widget("widgets.mistakes(")
    with widget.answers():
        widget.button("Label is wrong").press("Enter")
    with widget.answers():
        widget.dropdown("Photo").press("Space")
        # On a closed list the arrows move to another cell.
        panels.page.keyboard.press("ArrowDown")
        panels.page.keyboard.press("Enter")
    with widget.answers():
        widget.button("Label is wrong").press("Space")
    uploader = panels.widget("widgets.upload(").button("Upload a photo")
    for key in ("Enter", "Space"):
        with panels.page.expect_file_chooser():
            uploader.press(key)
    panels.check()


def test_a_status_stays_and_owns_the_new_line(panels):
    """A screen reader hears no status that is new itself."""
    widget = panels.widget("widgets.boundary(")
    status = widget.status.element_handle()
    with widget.answers():
        widget.move("Frozen up to", 1)
    assert status.evaluate("e => e.isConnected")
    text = widget.status.aria_snapshot()
    assert widget.line.inner_text()[:30] in text


def test_no_control_is_cut_off_at_200_percent(panels):
    page, size = panels.page, panels.page.viewport_size
    page.set_viewport_size({"width": 640, "height": 450})
    for words in WIDGETS:
        assert panels.widget(words).cut_off() == [], words
    wide = page.add_style_tag(
        content=".widget-dropdown { min-width: 900px !important }"
    )
    assert panels.widget("widgets.mistakes(").cut_off()
    wide.evaluate("style => style.remove()")
    page.set_viewport_size(size)


def serious(page):
    """Return what axe-core finds in the widgets."""
    where = {"include": [[".jp-OutputArea-output .jupyter-widgets"]]}
    found = Axe().run(page, context=where).response["violations"]
    return {v["id"] for v in found if v["impact"] in SERIOUS}


def test_widgets_are_accessible(panels):
    assert serious(panels.page) <= OF_IPYWIDGETS
    panels.page.evaluate("""() => {
        document.querySelector("img.widget-image").removeAttribute("alt");
    }""")
    assert "image-alt" in serious(panels.page)
