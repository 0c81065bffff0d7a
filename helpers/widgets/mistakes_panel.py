"""The mistakes of a model, page by page, to note wrong labels."""

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
from helpers.widgets.panel import Panel, control, figure

ROWS, COLUMNS = 2, 4  # of photos on a page
PAGE = ROWS * COLUMNS
SIDE = 150  # pixels, of a photo on a page
ANY, OTHER = "any class", "another class"
MOST, LEAST = "most confident first", "least confident first"


def mistakes(split: Split, probabilities: ArrayLike) -> Panel:
    """Show the wrong predictions by class and by confidence.

    If the same class is chosen as label and as prediction, the correct
    ones are shown. Wrong labels are noted in a list (see
    `dataset.corrections`); the folder of the photos does not change.

    Args:
        split: n photos.
        probabilities: predictions, (n, number of classes), 0-1.

    Returns:
        A panel with the controls `label`, `predicted`, `order`,
        `previous`, `next`, `photo` (its number on the page), `truth` (its
        true class) and `note` (the button that notes it).

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
    pages = _Pages(split, probabilities)
    panel = Panel(
        pages.controls,
        [
            ["label", "predicted", "order"],
            ["previous", "next", "photo", "truth", "note"],
        ],
        pages.figure,
        pages.update,
        "Run this cell to page through all mistakes and to note wrong "
        "labels; the figure above shows the most confident ones.",
    )
    panel.on_click("previous", lambda: pages.turn(-1))
    panel.on_click("next", lambda: pages.turn(+1))
    panel.on_click("note", pages.note)
    return panel


class _Pages:
    """The photos shown, and the notes on them."""

    def __init__(self, split: Split, probabilities: NDArray) -> None:
        self.split = split
        self.folder = split.folder or Path(split.paths[0]).parent.parent
        self.predicted = probabilities.argmax(axis=-1)
        self.confidence = probabilities.max(axis=-1)
        self.page = 0
        self.filters: list[str] = []
        self.chosen: int | None = None  # index in the split
        self.pixels = functools.cache(self._pixels)
        names = list(split.class_names)
        self.labels = class_labels.classes(names, 1.1, 10)
        dropdown = functools.partial(control, Dropdown)
        self.controls = {
            "label": dropdown("Label", 220, options=[ANY, *names]),
            "predicted": dropdown("Predicted", 220, options=[OTHER, *names]),
            "order": dropdown("Order", 220, options=[MOST, LEAST]),
            "previous": Button(description="Previous page"),
            "next": Button(description="Next page"),
            "photo": dropdown("Photo", 110, options=[]),
            "truth": dropdown("True class", 220, options=names),
            "note": Button(description="Label is wrong"),
        }
        self.figure = figure(8.8, 5.2)
        self.axes = self.figure.subplots(ROWS, COLUMNS).ravel()
        blank = np.zeros((SIDE, SIDE, 3), "uint8")
        self.images = [ax.imshow(blank) for ax in self.axes]
        self.notes = [
            ax.text(4, SIDE - 8, "", color="white", backgroundcolor=BLUE)
            for ax in self.axes
        ]
        for ax in self.axes:
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set(visible=True, linewidth=3)
        self.figure.suptitle("True class and predicted class")

    def filtered(self) -> NDArray[np.intp]:
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
        return indices[order]

    def turn(self, pages: int) -> None:
        """Go on by some pages, to the first photo there."""
        self.page, self.chosen = self.page + pages, None

    def note(self) -> None:
        """Note that the label of the chosen photo is wrong."""
        truth = self.controls["truth"].value
        if self.chosen is not None:
            file = self.split.names[self.chosen]
            label = self.split.class_names[self.split.labels[self.chosen]]
            corrections.note(self.folder, file, truth, label)

    def update(self) -> str:
        """Show the page according to the controls; return its description."""
        indices = self.filtered()
        self._follow(indices)
        page = indices[self.page * PAGE :][:PAGE]
        noted = corrections.noted(self.folder)
        for i, ax in enumerate(self.axes):
            ax.set_visible(i < len(page))
        for i, index in enumerate(page):
            self.images[i].set_data(self.pixels(index))
            title = self._title(i, index, self.labels, "\n")
            self.axes[i].set_title(title, fontsize=10)
            colour = RED if index == self.chosen else "none"
            self.axes[i].spines[:].set_color(colour)
            truth = noted.get(self.split.names[index])
            self.notes[i].set_text(f"noted: {self._short(truth)}")
            self.notes[i].set_visible(truth is not None)
        split = f"the {len(self.split)} photos of {self.split.name}"
        if self.chosen is None:
            return f"None of {split}."
        names = self.split.class_names
        titles = [
            one_line(self._title(i, index, names, " "))
            for i, index in enumerate(page)
        ]
        pages = -(-len(indices) // PAGE)
        return (
            f"{len(indices)} of {split}, page {self.page + 1} of {pages}. "
            f"{'; '.join(titles)}.\n{self._choice(self.chosen, noted)}"
        )

    def _follow(self, indices: NDArray[np.intp]) -> None:
        """Adapt page, photo and true class to the filters."""
        controls = self.controls
        filters = [controls[n].value for n in ("label", "predicted", "order")]
        if filters != self.filters:
            self.filters, self.page, self.chosen = filters, 0, None
        page = indices[self.page * PAGE :][:PAGE]
        if self.chosen is None:  # another page
            controls["photo"].options = list(range(1, len(page) + 1))
            controls["photo"].index = 0 if len(page) else None
        number = controls["photo"].value
        chosen = None if number is None else page[number - 1]
        if chosen is not None and chosen != self.chosen:
            predicted = self.split.class_names[self.predicted[chosen]]
            controls["truth"].value = predicted
        self.chosen = chosen
        controls["previous"].disabled = self.page == 0
        controls["next"].disabled = (self.page + 1) * PAGE >= len(indices)
        controls["note"].disabled = chosen is None

    def _pixels(self, index: int) -> NDArray[np.uint8]:
        """Return a photo as it is shown, uint8 (SIDE, SIDE, 3)."""
        pixels = pipeline.load_photo(self.split.paths[index]).numpy()
        return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE)))

    def _title(
        self, i: int, index: int, names: Sequence[str], between: str
    ) -> str:
        """Return number, true class, prediction and confidence."""
        label = names[self.split.labels[index]]
        predicted = names[self.predicted[index]]
        confidence = f"{self.confidence[index]:.0%}"
        return f"{i + 1}: {label}, predicted{between}{predicted} {confidence}"

    def _short(self, name: str | None) -> str:
        """Return a class name as in the figure."""
        names = self.split.class_names
        return self.labels[names.index(name)] if name in names else "another"

    def _choice(self, index: int, noted: dict[str, str]) -> str:
        """Say which photo is chosen, and the note on it."""
        file = self.split.names[index]
        photo = f"Photo {self.controls['photo'].value} is {one_line(file)}"
        if file in noted:
            photo += (
                f", noted as {one_line(noted[file])}. To apply the notes, run "
                "`dataset.corrections.apply(FOLDER)` in a new cell, and the "
                "lesson from its top; `dataset.corrections.undo(FOLDER)` "
                "reverts this."
            )
        else:
            photo += ". Is its label wrong? Choose its class, and press."
        path = shown(corrections.path(self.folder))
        return f"{photo} ({len(noted)} in {path})"
