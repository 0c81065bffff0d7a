"""All widgets in JupyterLab in a browser, without an error.

Run only where there is a Chromium: see conftest.py.
"""

import browser
import nbformat
import numpy as np
import pytest
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


@pytest.fixture
def server(tmp_path, notebook, code):
    """JupyterLab with a notebook of all widgets, and photos for them."""
    root = tmp_path / "project"
    rng = np.random.default_rng(0)
    for i in range(30):
        path = root / "photos" / ("clean", "crack", "pits")[i % 3] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (80, 80, 3), "uint8")
        Image.fromarray(noise // (1 + i % 3)).save(path)
    Image.new("RGB", (90, 90), "white").save(root / "mine.png")
    for name in ("helpers", "data"):
        (root / name).symlink_to(ROOT / name)
    sources = [SETUP, *(source for source, _ in WIDGETS.values())]
    made = notebook(*(code(source.strip(), None) for source in sources))
    (root / "notebooks").mkdir()
    nbformat.write(made, root / "notebooks" / "small.ipynb")
    with browser.jupyterlab(root, tmp_path / "kept") as server:
        yield server


def test_widgets_follow_their_controls(server, chromium):
    page = browser.Notebook(chromium, server, "notebooks/small.ipynb")
    page.run_all()
    for words, (_, moves) in WIDGETS.items():
        widget = page.widget(words)
        for how, *what in moves:
            with widget.answers():
                getattr(widget, how)(*what)
    page.check()
