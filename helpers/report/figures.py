"""The figures and photos of the report, as data URIs."""

import base64
import io
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from helpers import stats
from helpers.dataset import pipeline
from helpers.plots import basic, evaluation
from helpers.plots.basic import BLUE, ORANGE
from helpers.report.sentences import JSON
from helpers.surfaces import ground_truth

WIDTH = 5  # inches: at 350 pixels, the width of a phone, text is readable
SIDE = 150  # pixels, of a photo


def accuracies(rows: Mapping[str, JSON]) -> str:
    """Draw {name: accuracy}, a row with an interval each."""
    figure = _figure(0.5 * len(rows) + 0.9)
    ax = figure.subplots()
    basic.draw_accuracies(ax, {n: _accuracy(row) for n, row in rows.items()})
    ax.set(xlabel="test accuracy (%), 95% interval")
    return _svg(figure)


def learning_curve(sizes: list[JSON]) -> str:
    """Draw the accuracies by number of training photos."""
    figure = _figure(3)
    basic.draw_learning_curve(
        figure.subplots(), {s["photos"]: s["accuracies"] for s in sizes}
    )
    return _svg(figure)


def confusion(results: JSON) -> tuple[str, list[str]]:
    """Draw the confusion matrix; return lines that explain it, too."""
    matrix = np.array(results["confusion"])
    rows, columns = (i.ravel() for i in np.indices(matrix.shape))
    labels, predicted = (np.repeat(i, matrix.ravel()) for i in (rows, columns))
    figure = Figure(layout="constrained")
    notes = basic.draw_confusion(
        figure, labels, predicted, results["classes"], cell=0.5
    )
    return _svg(figure), notes


def reliability(calibration: JSON) -> tuple[str, str]:
    """Draw the reliability before and after temperature scaling."""
    before, after = (_bins(calibration[when]) for when in ("before", "after"))
    figures, lowest = [_figure(4) for _ in range(2)], []
    for figure, bins, colour in zip(
        figures, (before, after), (BLUE, ORANGE), strict=True
    ):
        lowest.append(evaluation.draw_bins(figure.subplots(), bins, colour))
    scale = min(lowest) - 3, 102  # the same in both
    for figure in figures:
        figure.axes[0].set(xlim=scale, ylim=scale)
    return _svg(figures[0]), _svg(figures[1])


def photo(path: str, shape: str) -> str:
    """Return a small copy of a photo, in the shape that the model sees."""
    return _jpeg(_pixels(path, shape))


def heatmap(path: str, shape: str, heat: NDArray) -> str:
    """Return a photo and, to its right, the heat map over it.

    Args:
        path: of the photo.
        shape: how it becomes square.
        heat: numbers of 0 or more, (rows, columns). A cross marks the
            largest.
    """
    pixels = _pixels(path, shape)
    large = ground_truth.blown_up(heat)
    overlay = Image.fromarray(evaluation.overlay(pixels, large))
    row, column = divmod(int(large.argmax()), large.shape[1])
    draw = ImageDraw.Draw(overlay)
    for sign in (-1, 1):
        ends = column - 10, row - 10 * sign, column + 10, row + 10 * sign
        draw.line(ends, fill=basic.COLOURS[5], width=5)
    return _jpeg(np.hstack([pixels, np.asarray(overlay)]))


def _figure(height: float) -> Figure:
    return Figure((WIDTH, height), layout="constrained")


def _accuracy(row: JSON) -> stats.Accuracy:
    return stats.Accuracy(row["correct"], row["n"], row["low"], row["high"])


def _bins(calibration: JSON) -> list[stats.Bin]:
    return [
        stats.Bin(b["confidence"], _accuracy(b)) for b in calibration["bins"]
    ]


def _pixels(path: str, shape: str) -> NDArray[np.uint8]:
    return pipeline.load_photo(path, shape).numpy()


def _jpeg(pixels: NDArray[np.uint8]) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((image.width, SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return _uri("image/jpeg", file)


def _svg(figure: Figure) -> str:
    file = io.BytesIO()
    # Without the date, equal results give equal files.
    figure.savefig(file, format="svg", metadata={"Date": None})
    return _uri("image/svg+xml", file)


def _uri(kind: str, file: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
