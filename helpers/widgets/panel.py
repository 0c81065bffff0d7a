"""What all widgets are made of: controls, a line in words, a picture.

The line says what the picture shows, for who cannot see it. What goes wrong
while a control is moved stands in it, too: a notebook would not show it.
"""

import html
import io
import re

import ipywidgets
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

VIEW = "application/vnd.jupyter.widget-view+json"
DPI = 80  # a picture is made anew whenever a control moves


def figure(width, height):
    """Return an empty figure that no notebook shows by itself.

    Args:
        width, height: in inches, of `DPI` pixels each.
    """
    made = Figure((width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(made)
    return made


class Panel:
    """A picture, the line that says what it shows, and their controls.

    As the last value of a cell it shows itself. `controls` holds the
    widgets by their names, `line` and `picture` are what follows them, and
    `box` is all three. In a page `box` has the class `workbook-` and the
    panel's name, and each control the same with its own name.
    """

    def __init__(self, name, controls, rows, drawn, update, sentence):
        """Draw for the first time; errors are raised as ever.

        Args:
            name: of the panel, one word.
            controls: {name: widget}; the picture follows their values.
            rows: lists of names, the controls that stand side by side.
            drawn: the figure, with all that `update` will change.
            update: changes the figure as the controls say, and returns
                what it shows, in plain words; code stands in backticks.
            sentence: what is read where widgets do not run.
        """
        self.controls, self.sentence = controls, sentence
        self._figure, self._update, self._busy = drawn, update, False
        self.line = ipywidgets.HTML()
        self.picture = ipywidgets.Image(format="png")
        self.picture.layout.max_width = "100%"
        self.picture.layout.align_self = "flex-start"
        side_by_side = [
            ipywidgets.HBox(
                [controls[its] for its in row],
                layout=ipywidgets.Layout(flex_flow="row wrap"),
            )
            for row in rows
        ]
        self.box = ipywidgets.VBox([*side_by_side, self.line, self.picture])
        self.box.add_class(f"workbook-{name}")
        for its, control in controls.items():
            control.add_class(f"workbook-{its}")
        self._draw()
        # Where things stand is found once: it takes longest.
        self._figure.set_layout_engine("none")
        for control in controls.values():
            if control.has_trait("value"):
                control.observe(lambda _: self.run(), names="value")

    def _ipython_display_(self):
        show(self.box, self.sentence)

    def on_click(self, name, action):
        """Let a button do something before the picture is made anew.

        Args:
            name: of the button.
            action: a function without arguments.
        """
        self.controls[name].on_click(lambda _: self.run(action))

    def run(self, action=None):
        """Do something, and make line and picture anew.

        An error in it is shown in the line, and the picture stays.

        Args:
            action: a function without arguments, or None.
        """
        if self._busy:  # an action has moved a control
            return
        self._busy = True
        try:
            if action:
                action()
            self._draw()
        except Exception as error:
            kind = type(error).__name__
            self._say(f"This did not work. {kind}: {error}", "#D55E00")
        finally:
            self._busy = False

    def _draw(self):
        words = self._update()
        png = io.BytesIO()
        # Hardly pressed: it goes no further than the browser.
        self._figure.canvas.print_png(png, pil_kwargs={"compress_level": 1})
        self.picture.value = png.getvalue()
        self._say(words, "inherit")

    def _say(self, words, colour):
        words = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(words))
        words = words.replace("\n", "<br>")
        self.line.value = (
            f'<div role="status" style="line-height: 1.5; color: {colour}">'
            f"{words}</div>"
        )


def show(box, sentence):
    """Show a widget, or a sentence where widgets do not run.

    Args:
        box: the widget.
        sentence: what pages without widgets and readers of the stored
            notebook see, in plain text.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"text/plain": sentence, VIEW: view}, raw=True)
