"""A photo of one's own, and what a classifier says of it."""

import tempfile
from pathlib import Path

import ipywidgets
import numpy as np

from helpers.dataset import photo_file, pipeline
from helpers.plots.deployment import draw_prediction
from helpers.text import one_line
from helpers.widgets.panel import Panel, figure


def upload(classifier, class_names, path):
    """Show what a classifier says of a photo, and of one that is uploaded.

    The photo stays on the computer that runs the notebook, and on its disk
    only while it is read. A file that is no photo is answered with a
    sentence, and the picture stays.

    Args:
        classifier: a model from pixels of 0 to 255 to probabilities.
        class_names: the names of the classes.
        path: of the photo to begin with.

    Returns:
        A `panel.Panel` with the control `photo`.
    """
    drawn = figure(8, 3)
    axes = drawn.subplots(1, 2)
    chooser = ipywidgets.FileUpload(
        accept="image/*",
        multiple=False,
        description="Upload a photo",
        layout={"width": "220px"},
    )

    def update():
        name, content = uploaded(chooser.value)
        if content is None:
            name, content = Path(path).name, Path(path).read_bytes()
        try:
            pixels = read(name, content)
        except ValueError as error:
            return str(error)
        said = np.asarray(classifier.predict_on_batch(pixels[None]))[0]
        draw_prediction(axes, pixels, said, class_names)
        first, second = said.argsort()[::-1][:2]
        return one_line(
            f"{name}: {class_names[first]}, {said[first]:.0%}; next "
            f"{class_names[second]}, {said[second]:.0%}."
        )

    return Panel(
        "upload",
        {"photo": chooser},
        [["photo"]],
        drawn,
        update,
        "Run this cell to upload a photo of your own; the figure above "
        "shows the answer for one of the test photos.",
    )


def uploaded(value):
    """Return the name and the bytes of what was uploaded last.

    Args:
        value: of a `FileUpload`: a tuple of dictionaries (ipywidgets 8), or
            a dictionary by names (7).

    Returns:
        (name, bytes), or (None, None) if there is nothing yet.
    """
    if not value:
        return None, None
    if isinstance(value, dict):
        name, last = list(value.items())[-1]
        return Path(name).name, bytes(last["content"])
    return Path(value[-1]["name"]).name, bytes(value[-1]["content"])


def read(name, content):
    """Return the pixels of a photo that came as bytes.

    Args:
        name: of its file.
        content: its bytes.

    Returns:
        uint8 (299, 299, 3), 0-255.

    Raises:
        ValueError: it is no photo, or none that is read here.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_bytes(content)
        photo, problems = photo_file.look(file)
        if not photo:
            what = problems[0]
            raise ValueError(f"{name}: {what.problem}. {what.advice}")
        return pipeline.load_photo(str(file)).numpy()
