"""The mistakes of a model, page by page, to list wrong labels."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ipywidgets import Button, Dropdown
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from helpers.dataset import corrections, pipeline
from helpers.dataset.splits import Split
from helpers.paths import shown
from helpers.plots import class_labels
from helpers.plots.basic import BLUE, RED
from helpers.text import one_line
from helpers.widgets.panel import BORDER, Panel, control, figure, photo_grid

ROWS, COLUMNS = 2, 4  # of photos on a page
PAGE = ROWS * COLUMNS
SIDE = 150  # pixels, of a photo on a page
ANY, OTHER = "any class", "another class"
MOST, LEAST = "most confident first", "least confident first"


def mistakes(split: Split, probabilities: ArrayLike) -> Panel:
    """Show the wrong predictions by class and by confidence.

    If the same class is chosen as label and as prediction, the correct
    ones are shown. Wrong labels are written to a list (see
    `dataset.corrections`); the folder of the photos does not change.

    Args:
        probabilities: predictions, (n, number of classes), 0-1.

    Returns:
        A panel with the controls `label`, `predicted`, `order`, `page`,
        `photo` (its number on the page), `truth` (its true class) and
        `correct` (the button that adds it to the list).

    Raises:
        ValueError: the shape of the probabilities is another one, or the
            list of corrections is damaged.
    """
    probabilities = np.asarray(probabilities)
    classes = len(split.class_names)
    if probabilities.shape != (len(split), classes):
        raise ValueError(
            f"The shape of the predictions is {probabilities.shape}, and "
            f"{split.name} has {len(split)} photos of {classes} classes; "
            "predict the photos of this split."
        )
    mistakes = _Mistakes(split, probabilities)
    panel = Panel(
        mistakes.controls,
        mistakes.figure,
        mistakes.update,
        "Run this cell to page through all mistakes and to list wrong "
        "labels; the figure above shows the most confident ones.",
    )
    panel.on_click("correct", mistakes.correct)
    return panel


class _Mistakes:
    """The page that is shown, and the photo chosen on it."""

    def __init__(self, split: Split, probabilities: NDArray) -> None:
        self.split = split
        self.folder = split.folder or Path(split.paths[0]).parent.parent
        self.predicted = probabilities.argmax(axis=-1)
        self.confidence = probabilities.max(axis=-1)
        self.indices: list[int] = []  # of all photos that pass the filters
        self.page: list[int] = []
        self.chosen: int | None = None
        self.pixels = functools.cache(self._pixels)
        names = list(split.class_names)
        self.labels = class_labels.classes(names, 1.1, 10)
        dropdown = functools.partial(control, Dropdown)
        self.controls = {
            "label": dropdown("Label", 220, options=[ANY, *names]),
            "predicted": dropdown("Predicted", 220, options=[OTHER, *names]),
            "order": dropdown("Order", 220, options=[MOST, LEAST]),
            "page": dropdown("Page", 110, options=[1]),
            "photo": dropdown("Photo", 110, options=[]),
            "truth": dropdown("True class", 220, options=names),
            "correct": Button(description="Label is wrong", layout=BORDER),
        }
        self.figure = figure(8.8, 5.2)
        self.axes, self.images = photo_grid(self.figure, ROWS, COLUMNS, SIDE)
        self.tags = [
            ax.text(4, SIDE - 8, "", color="white", backgroundcolor=BLUE)
            for ax in self.axes
        ]
        self.figure.suptitle("True class and predicted class")

    def update(self) -> str:
        """Show the page according to the controls; return its description."""
        self._follow()
        listed = corrections.noted(self.folder)
        for i, ax in enumerate(self.axes):
            ax.set_visible(i < len(self.page))
        for i, index in enumerate(self.page):
            self.images[i].set_data(self.pixels(index))
            title = self._title(i, self.labels, "\n")
            self.axes[i].set_title(title, fontsize=10)
            colour = RED if index == self.chosen else "none"
            self.axes[i].spines[:].set_color(colour)
            truth = listed.get(self.split.names[index])
            self.tags[i].set_text(f"listed: {self._short(truth)}")
            self.tags[i].set_visible(truth is not None)
        photos = f"the {len(self.split)} photos of {self.split.name}"
        if self.chosen is None:
            return f"None of {photos}."
        names = self.split.class_names
        titles = [
            one_line(self._title(i, names, " ")) for i in range(len(self.page))
        ]
        page = self.controls["page"]
        return (
            f"{len(self.indices)} of {photos}, page {page.value} of "
            f"{len(page.options)}. {'; '.join(titles)}.\n"
            f"{self._choice(self.chosen, listed)}"
        )

    def correct(self) -> None:
        """List the chosen photo with its true class."""
        if self.chosen is not None:
            truth = self.controls["truth"].value
            file = self.split.names[self.chosen]
            label = self.split.class_names[self.split.labels[self.chosen]]
            corrections.note(self.folder, file, truth, label)

    def _follow(self) -> None:
        """Adapt page, photo and true class to the controls before them."""
        page, photo = self.controls["page"], self.controls["photo"]
        indices = self._filtered()
        if indices != self.indices:
            self.indices = indices
            page.options = range(1, max(1, -(-len(indices) // PAGE)) + 1)
            page.index = 0
        photos = indices[(page.value - 1) * PAGE :][:PAGE]
        if photos != self.page:
            self.page = photos
            photo.options = range(1, len(photos) + 1)
            photo.index = 0 if photos else None
        chosen = photos[photo.value - 1] if photos else None
        if chosen is not None and chosen != self.chosen:
            predicted = self.split.class_names[self.predicted[chosen]]
            self.controls["truth"].value = predicted
        self.chosen = chosen
        self.controls["correct"].disabled = chosen is None

    def _filtered(self) -> list[int]:
        """Return the indices that pass the filters, in their order."""
        names = self.split.class_names
        label = self.controls["label"].value
        predicted = self.controls["predicted"].value
        fits = np.ones(len(self.split), bool)
        if label != ANY:
            fits &= self.split.labels == names.index(label)
        if predicted != OTHER:
            fits &= self.predicted == names.index(predicted)
        if label != predicted:
            fits &= self.predicted != self.split.labels
        indices = np.flatnonzero(fits)
        sign = -1 if self.controls["order"].value == MOST else 1
        order = np.argsort(sign * self.confidence[indices], kind="stable")
        return indices[order].tolist()

    def _pixels(self, index: int) -> NDArray[np.uint8]:
        """Return a photo as it is shown, uint8 (SIDE, SIDE, 3)."""
        path = self.split.paths[index]
        pixels = pipeline.load_photo(path, self.split.shape).numpy()
        return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE)))

    def _title(self, i: int, names: Sequence[str], between: str) -> str:
        """Return number, true class, prediction and confidence."""
        index = self.page[i]
        label = names[self.split.labels[index]]
        predicted = names[self.predicted[index]]
        confidence = f"{self.confidence[index]:.0%}"
        return f"{i + 1}: {label}, predicted{between}{predicted} {confidence}"

    def _short(self, name: str | None) -> str:
        """Return a class name as in the figure."""
        names = self.split.class_names
        return self.labels[names.index(name)] if name in names else "another"

    def _choice(self, index: int, listed: dict[str, str]) -> str:
        """Say which photo is chosen, and what the list has about it."""
        file = self.split.names[index]
        photo = f"Photo {self.controls['photo'].value} is {one_line(file)}"
        if file in listed:
            photo += (
                f", listed as {one_line(listed[file])}. To apply the list, "
                "run `dataset.corrections.apply(FOLDER)` in a new cell, and "
                "the lesson from its top; `dataset.corrections.undo(FOLDER)` "
                "reverts this."
            )
        else:
            photo += ". Is its label wrong? Choose its class, and press."
        path = shown(corrections.path(self.folder))
        return f"{photo} ({len(listed)} in {path})"
