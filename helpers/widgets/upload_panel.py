"""Predictions for a photo that is uploaded."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from ipywidgets import FileUpload

from helpers.dataset import decoding, photo_file
from helpers.plots.deployment import draw_prediction
from helpers.text import one_line
from helpers.widgets.panel import BORDER, Panel, figure


def upload(
    classifier: keras.Model,
    class_names: Sequence[str],
    path: str | Path,
    shape: str = "squeeze",
) -> Panel:
    """Show the predictions for a photo, and for one that is uploaded.

    The photo stays in the memory of the computer that runs the notebook. For
    a file that is no photo, the line says why, and the figure stays.

    Args:
        classifier: a model from pixels of 0 to 255 to probabilities.
        shape: of the photos that the model was trained on.

    Returns:
        A panel with the control `photo`.
    """
    drawn = figure(8, 3)
    axes = drawn.subplots(1, 2)
    chooser = FileUpload(
        accept="image/*",
        description="Upload a photo",
        layout=BORDER | {"width": "220px"},
    )

    def update() -> str:
        name, content = uploaded(chooser.value)
        if name is None or content is None:
            name, content = Path(path).name, Path(path).read_bytes()
        try:
            picture = photo_file.read(content, name)
        except decoding.UnusableError as error:
            return f"{name}: {error}"
        pixels = decoding.resize(picture.pixels, shape)
        probs = np.asarray(classifier.predict_on_batch(pixels[None]))[0]
        draw_prediction(axes, pixels, probs, class_names)
        first, second = probs.argsort()[::-1][:2]
        return one_line(
            f"{name}: {class_names[first]}, {probs[first]:.0%}; next "
            f"{class_names[second]}, {probs[second]:.0%}."
        )

    return Panel(
        {"photo": chooser},
        drawn,
        update,
        "Run this cell to upload a photo of your own; the figure above "
        "shows the predictions for a validation photo.",
    )


def uploaded(value: tuple | dict) -> tuple[str | None, bytes | None]:
    """Return the name and the bytes of the last upload.

    Args:
        value: of a `FileUpload`: a tuple of dictionaries (ipywidgets 8), or
            a dictionary by names (7).

    Returns:
        (name, bytes), or (None, None) before the first upload.
    """
    if not value:
        return None, None
    if isinstance(value, dict):
        name, file = list(value.items())[-1]
    else:
        name, file = value[-1]["name"], value[-1]
    return Path(name).name, bytes(file["content"])
