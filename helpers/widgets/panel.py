"""What all panels share: controls, a status line and a figure.

The line describes the figure for those who cannot see it. It also shows
errors of the controls, which a notebook would hide.
"""

import base64
import html
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from helpers.plots.basic import RED

VIEW = "application/vnd.jupyter.widget-view+json"
ALT = "The figure that the line above describes."
BORDER = {"border": "1px solid"}  # in high contrast a button has no other
DPI = 80  # low, as a figure is drawn anew whenever a control moves


def control(
    kind: type[ipywidgets.DOMWidget],
    description: str,
    width: int,
    **options: Any,
) -> ipywidgets.DOMWidget:
    """Return a control of some pixels in width with its description."""
    return kind(
        description=description,
        style={"description_width": "initial"},
        layout={"width": f"{width}px", "max_width": "100%"},
        **options,
    )


def figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that no notebook shows by itself."""
    return Figure((width, height), dpi=DPI, layout="constrained")


def photo_grid(
    drawn: Figure, rows: int, columns: int, side: int
) -> tuple[list[Axes], list[AxesImage]]:
    """Return axes with frames to be coloured, and the images in them.

    They fill the empty figure `drawn`; a photo is `side` pixels wide.
    """
    axes = list(drawn.subplots(rows, columns).flat)
    blank = np.zeros((side, side, 3), "uint8")
    images = [ax.imshow(blank) for ax in axes]
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set(visible=True, linewidth=3, color="none")
    return axes, images


class Panel:
    """A figure, the line that describes it, and their controls.

    As the last value of a cell it shows itself. `controls` holds the
    widgets by name, `line` and `picture` follow them, `box` is all three.
    """

    def __init__(
        self,
        controls: Mapping[str, ipywidgets.Widget],
        drawn: Figure,
        update: Callable[[], str],
        sentence: str,
    ) -> None:
        """Draw for the first time; an error is raised as usual.

        Args:
            controls: {name: widget}; the figure follows their values.
            update: changes the figure according to the controls, and
                returns its description, with code in backticks.
            sentence: shown instead where widgets do not run.
        """
        self.controls, self.sentence = controls, sentence
        self._figure, self._update, self._busy = drawn, update, False
        self.line = ipywidgets.HTML()
        # A new value is a new element, and a screen reader hears changes
        # only inside of an old one: it owns the line, and stays.
        status = f'<div role="status" aria-owns="{self.line.model_id}"></div>'
        region = ipywidgets.HTML(status, layout={"height": "0", "margin": "0"})
        self.picture = ipywidgets.HTML()  # an `Image` has no alt text
        self.picture.layout.max_width = "100%"
        self.picture.layout.align_self = "flex-start"
        wrapped = ipywidgets.Layout(flex_flow="row wrap")
        row = ipywidgets.HBox(list(controls.values()), layout=wrapped)
        self.box = ipywidgets.VBox([row, region, self.line, self.picture])
        self._draw()
        # The layout takes longest, and is computed only once.
        self._figure.set_layout_engine("none")
        for control in controls.values():
            if control.has_trait("value"):
                control.observe(lambda _: self._run(), names="value")

    def _ipython_display_(self) -> None:
        version = {"version_major": 2, "version_minor": 0}
        view = version | {"model_id": self.box.model_id}
        display({"text/plain": self.sentence, VIEW: view}, raw=True)

    def on_click(self, name: str, action: Callable[[], None]) -> None:
        """Let a button run an action before the figure is drawn anew."""
        self.controls[name].on_click(lambda _: self._run(action))

    def _run(self, action: Callable[[], None] = lambda: None) -> None:
        """Run an action and draw; an error is shown in the line instead."""
        if self._busy:  # the action or the update has moved a control
            return
        self._busy = True
        try:
            action()
            self._draw()
        except Exception as error:
            kind = type(error).__name__
            self._show(f"This did not work. {kind}: {error}", RED)
        finally:
            self._busy = False

    def _draw(self) -> None:
        description = self._update()
        png = io.BytesIO()
        # Little compression: it only travels to the browser.
        self._figure.savefig(
            png, format="png", pil_kwargs={"compress_level": 1}
        )
        self.picture.value = (
            f'<img class="widget-image" alt="{ALT}" style="max-width: 100%" '
            'src="data:image/png;base64,'
            f'{base64.b64encode(png.getvalue()).decode()}">'
        )
        self._show(description, "inherit")

    def _show(self, message: str, colour: str) -> None:
        content = html.escape(message).replace("\n", "<br>")
        content = re.sub("`([^`]+)`", r"<code>\1</code>", content)
        self.line.value = (
            f'<div id="{self.line.model_id}" style="line-height: 1.5; '
            f'color: {colour}">{content}</div>'
        )
