"""All widgets in JupyterLab in a browser, without an error.

Run only where there is a Chromium: see conftest.py.
"""

import browser
import nbformat
import pytest
from make_photos import noise_folder
from nbformat import v4
from PIL import Image

from helpers.paths import ROOT

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
            ("move", "Rotation", -4),
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


@pytest.fixture(scope="module")
def panels(tmp_path_factory, chromium):
    """A notebook with all widgets, which has run, and photos for them."""
    folder = tmp_path_factory.mktemp("browser")
    root = folder / "project"
    noise_folder(root / "photos", 30, ("clean", "crack", "pits"))
    Image.new("RGB", (90, 90), "white").save(root / "mine.png")
    for name in ("helpers", "data"):
        (root / name).symlink_to(ROOT / name)
    sources = [SETUP, *(source for source, _ in WIDGETS.values())]
    cells = [v4.new_code_cell(source.strip()) for source in sources]
    language = {"language_info": {"name": "python"}}
    made = v4.new_notebook(cells=cells, metadata=language)
    (root / "notebooks").mkdir()
    nbformat.write(made, root / "notebooks" / "small.ipynb")
    with browser.jupyterlab(root, folder / "kept") as server:
        page = browser.Notebook(chromium, server, "notebooks/small.ipynb")
        page.run_all()
        yield page


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
    page.set_viewport_size(size)


def test_widgets_are_accessible(panels):
    where = {"include": [[".jp-OutputArea-output .jupyter-widgets"]]}
    assert browser.serious(panels.page, where) <= OF_IPYWIDGETS
