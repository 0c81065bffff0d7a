"""The mistakes of a model, to be paged through, and wrong labels noted."""

from pathlib import Path

import ipywidgets
import numpy as np
from PIL import Image

from helpers.dataset import corrections, pipeline
from helpers.paths import shown
from helpers.plots import class_labels
from helpers.plots.basic import BLUE, RED
from helpers.text import one_line
from helpers.widgets.panel import Panel, figure

ROWS, COLUMNS = 2, 4  # of photos on a page
PAGE = ROWS * COLUMNS
SIDE = 150  # pixels, of a photo on a page
ANY, OTHER = "any class", "another class"
SUREST, LEAST_SURE = "surest first", "least sure first"


def mistakes(split, probabilities):
    """Show the wrong answers of a model, by class and by how sure it was.

    Where the same class is chosen as label and as answer, the right ones
    are shown. A wrong label is noted in a list (see `labels`); nothing in
    the folder of the photos is changed.

    Args:
        part: a `dataset.Split` of n photos.
        probabilities: what the model said, (n, number of classes), 0-1.

    Returns:
        A `panel.Panel` with the controls `labelled`, `said`, `order`,
        `back`, `on`, `photo` (its number on the page), `truth` (the class
        it is of) and `wrong` (the button that notes it).

    Raises:
        ValueError: there are not as many answers as photos and classes,
            or the notes can't be understood.
    """
    probabilities = np.asarray(probabilities)
    names = list(split.class_names)
    if probabilities.shape != (len(split), len(names)):
        raise ValueError(
            f"The answers are {probabilities.shape}, and {split.name} has "
            f"{len(split)} photos of {len(names)} classes; ask the model "
            "about this part."
        )
    folder = Path(split.paths[0]).parent.parent
    corrections.noted(folder)  # raises now what no button could mend
    browsed = _Browser(split, probabilities, folder)
    made = Panel(
        "mistakes",
        browsed.controls,
        [
            ["labelled", "said", "order"],
            ["back", "on", "photo", "truth", "wrong"],
        ],
        browsed.drawn,
        browsed.update,
        "Run this cell to page through all mistakes and to note wrong "
        "labels; the figure above shows the surest ones.",
    )
    made.on_click("back", lambda: browsed.turn(-1))
    made.on_click("on", lambda: browsed.turn(+1))
    made.on_click("wrong", browsed.note)
    return made


class _Browser:
    """Which photos are shown, and what is known of them."""

    def __init__(self, split, probabilities, folder):
        self.part, self.folder = split, folder
        self.predicted = probabilities.argmax(axis=-1)
        self.sure = probabilities.max(axis=-1)
        self.page, self.filters, self.chosen = 0, None, None
        self.pictures = {}  # place in the part -> what is shown of it
        names = list(split.class_names)
        self.short = class_labels.classes(names, 1.3, 10)  # for the figure
        wide = {"description_width": "initial"}

        def dropdown(text, options, width):
            return ipywidgets.Dropdown(
                options=options,
                description=text,
                style=wide,
                layout={"width": width},
            )

        self.controls = {
            "labelled": dropdown("Labelled", [ANY, *names], "220px"),
            "said": dropdown("Said", [OTHER, *names], "220px"),
            "order": dropdown("Order", [SUREST, LEAST_SURE], "220px"),
            "back": ipywidgets.Button(description="Previous page"),
            "on": ipywidgets.Button(description="Next page"),
            "photo": dropdown("Photo", [], "110px"),
            "truth": dropdown("is really", names, "220px"),
            "wrong": ipywidgets.Button(description="Label is wrong"),
        }
        self.drawn = figure(8.8, 5.2)
        self.cells = self.drawn.subplots(ROWS, COLUMNS).ravel()
        empty = np.zeros((SIDE, SIDE, 3), "uint8")
        self.shown = [ax.imshow(empty) for ax in self.cells]
        self.notes = [
            ax.text(4, SIDE - 8, "", color="white", backgroundcolor=BLUE)
            for ax in self.cells
        ]
        for ax in self.cells:
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set(visible=True, linewidth=3)
        self.drawn.suptitle("Label, and what the model said")

    def places(self):
        """Return the photos that fit the filters, in their order."""
        its = {
            name: self.controls[name].value for name in ("labelled", "said")
        }
        names = self.part.class_names
        fits = np.ones(len(self.part), bool)
        if its["labelled"] != ANY:
            fits &= self.part.labels == names.index(its["labelled"])
        if its["said"] != OTHER:
            fits &= self.predicted == names.index(its["said"])
        if its["labelled"] != its["said"]:
            fits &= self.predicted != self.part.labels
        found = np.flatnonzero(fits)
        way = -1 if self.controls["order"].value == SUREST else 1
        return found[np.argsort(way * self.sure[found], kind="stable")]

    def turn(self, pages):
        """Go on so many pages, and back to the first photo of that page."""
        self.page, self.chosen = self.page + pages, None

    def note(self):
        """Write down that the label of the chosen photo is wrong."""
        truth = self.controls["truth"].value
        corrections.note(self.folder, self.file(self.chosen), truth)

    def file(self, place):
        path = Path(self.part.paths[place])
        return f"{path.parent.name}/{path.name}"

    def picture(self, place):
        """Return a photo as it is shown, uint8 (SIDE, SIDE, 3)."""
        if place not in self.pictures:
            pixels = pipeline.load_photo(self.part.paths[place]).numpy()
            small = Image.fromarray(pixels).resize((SIDE, SIDE))
            self.pictures[place] = np.asarray(small)
        return self.pictures[place]

    def update(self):
        """Show the page that the controls ask for; return it in words."""
        found = self.places()
        self._follow(found)
        here = found[self.page * PAGE :][:PAGE]
        noted = corrections.noted(self.folder)
        said = []
        for number in range(PAGE):
            ax, is_there = self.cells[number], number < len(here)
            ax.set_visible(is_there)
            if not is_there:
                continue
            place = here[number]
            self.shown[number].set_data(self.picture(place))
            label, answer = self._names(place, self.short)
            sure = f"{self.sure[place]:.0%}"
            title = f"{number + 1}: {label}, said\n{answer} {sure}"
            ax.set_title(title, fontsize=10)
            ax.spines[:].set_color(RED if place == self.chosen else "none")
            truth = noted.get(self.file(place))
            note = f"noted: {self._short(truth)}" if truth else ""
            self.notes[number].set_text(note)
            self.notes[number].set_visible(bool(truth))
            label, answer = self._names(place, self.part.class_names)
            words = f"{number + 1}: {label}, said {answer} {sure}"
            said.append(one_line(words))
        if not len(here):
            return f"None of the {len(self.part)} photos of {self.part.name}."
        pages = -(-len(found) // PAGE)
        return (
            f"{len(found)} of the {len(self.part)} photos of "
            f"{self.part.name}, page {self.page + 1} of {pages}. "
            f"{'; '.join(said)}.\n{self._chosen(noted)}"
        )

    def _follow(self, found):
        """Bring page, photo and class into line with the filters."""
        its = self.controls
        filters = [its[name].value for name in ("labelled", "said", "order")]
        if filters != self.filters:
            self.filters, self.page, self.chosen = filters, 0, None
        here = found[self.page * PAGE :][:PAGE]
        if self.chosen is None:  # another page
            its["photo"].options = list(range(1, len(here) + 1))
            its["photo"].index = 0 if len(here) else None
        number = its["photo"].value
        chosen = None if number is None else here[number - 1]
        if chosen is not None and chosen != self.chosen:
            names = self.part.class_names
            its["truth"].value = self._names(chosen, names)[1]
        self.chosen = chosen
        its["back"].disabled = self.page == 0
        its["on"].disabled = (self.page + 1) * PAGE >= len(found)
        its["wrong"].disabled = chosen is None

    def _short(self, name):
        """Return the name of a class as it stands in the figure."""
        names = self.part.class_names
        return self.short[names.index(name)] if name in names else "another"

    def _names(self, place, names):
        """Return the label and the answer of a photo, as one of `names`."""
        return names[self.part.labels[place]], names[self.predicted[place]]

    def _chosen(self, noted):
        """Say which photo is chosen, and what is noted of it."""
        file = self.file(self.chosen)
        number = self.controls["photo"].value
        words = f"Photo {number} is {one_line(file)}"
        if file in noted:
            words += (
                f", noted as {one_line(noted[file])}. To take what is noted, "
                "run `from helpers.dataset import corrections; "
                "corrections.apply(FOLDER)` in a new cell, and the lesson "
                "from its top; `corrections.undo(FOLDER)` "
                "takes it back."
            )
        else:
            words += ". Is its label wrong? Choose its class, and press."
        return (
            f"{words} ({len(noted)} in {shown(corrections.path(self.folder))})"
        )
