"""The learning rate range test, rate by rate."""

import matplotlib
import numpy as np
from ipywidgets import SelectionSlider
from numpy.typing import ArrayLike, NDArray

from helpers.plots.basic import GREEN, draw_learning_rates
from helpers.widgets.panel import Panel, control, figure

JUMP = 2  # times the loss at the previous rate


@matplotlib.rc_context({"text.parse_math": True})  # powers of ten
def learning_rates(
    rates: ArrayLike, losses: ArrayLike, chosen: float
) -> Panel:
    """Show the loss at each learning rate that was tried.

    Args:
        rates: learning rates, ascending, shape (n,).
        losses: the smoothed loss at each, shape (n,).
        chosen: the learning rate chosen, one of `rates`.

    Returns:
        A panel with the control `rate`, whose value is an index in `rates`.

    Raises:
        ValueError: rates, losses and `chosen` do not belong to one test.
    """
    rates, losses = np.asarray(rates, float), np.asarray(losses, float)
    if rates.shape != losses.shape or chosen not in rates:
        raise ValueError(
            f"There are {rates.size} rates and {losses.size} losses, and "
            f"{chosen:.1e} is chosen; give one loss for each rate that was "
            "tried, and choose one of these rates."
        )
    index = int(np.flatnonzero(rates == chosen)[0])

    drawn = figure(8, 3.6)
    ax = drawn.add_subplot()
    draw_learning_rates(ax, rates, losses, chosen)
    line = ax.axvline(chosen, color=GREEN, linestyle="--")
    (dot,) = ax.plot([chosen], [losses[index]], "o", color=GREEN)
    options = [(f"{rate:.1e}", i) for i, rate in enumerate(rates)]
    slider = control(SelectionSlider, "Learning rate", 480, options=options)
    slider.value = index

    def update() -> str:
        i = slider.value
        line.set_xdata([rates[i]] * 2)
        # A loss above the figure is shown at its upper edge.
        dot.set_data([rates[i]], [min(losses[i], ax.get_ylim()[1])])
        return f"{_trend(rates, losses, i)} {_choice(rates, losses, index, i)}"

    return Panel(
        {"rate": slider},
        drawn,
        update,
        "Run this cell to move along the rates; the figure above marks the "
        f"one chosen, {chosen:.1e}.",
    )


def _trend(rates: NDArray, losses: NDArray, i: int) -> str:
    """Say what the loss is at a rate, and whether it falls."""
    if not np.isfinite(losses[i]):
        return f"At {rates[i]:.1e} the loss is no longer a finite number."
    loss = f"At {rates[i]:.1e} the loss is {losses[i]:.3f}"
    if i == 0:
        return f"{loss}: the first rate tried."
    previous = losses[i - 1]
    if not np.isfinite(previous):
        return f"{loss}, after a rate at which it was no finite number."
    trend = "it no longer falls"
    if losses[i] > JUMP * previous:
        trend = "it jumps"
    elif losses[i] < previous:
        trend = "it falls"
    return f"{loss}, after {previous:.3f} at the previous rate: {trend}."


def _choice(rates: NDArray, losses: NDArray, chosen: int, i: int) -> str:
    """Compare a rate with the one chosen, and that with the lowest loss."""
    ratio = max(rates[i], rates[chosen]) / min(rates[i], rates[chosen])
    where = "This is the chosen rate"
    if i < chosen:
        where = f"The chosen rate is {ratio:.1f} times as high"
    elif i > chosen:
        where = f"The chosen rate is {ratio:.1f} times lower"
    lowest = int(np.nanargmin(losses))
    reason = f"The loss is lowest at {rates[lowest]:.1e}"
    if lowest == len(rates) - 1:
        reason += ", the last one tried, so the search is inconclusive"
    return f"{where}: {rates[chosen]:.1e}. {reason}."
