"""The search for a learning rate, to be read rate by rate."""

import ipywidgets
import matplotlib
import numpy as np

from helpers.plots.basic import BLUE, GREEN, ORANGE
from helpers.widgets.panel import Panel, figure

JUMPS = 2  # times the loss at the rate before


@matplotlib.rc_context({"text.parse_math": True})  # powers of ten
def learning_rates(rates, losses, chosen):
    """Show the loss at each learning rate tried, one after the other.

    Args:
        rates: learning rates, ascending, shape (n,).
        losses: the loss before the step at each, shape (n,).
        chosen: the learning rate taken, one of `rates`.

    Returns:
        A `panel.Panel` with the control `rate`, whose value is a place in
        `rates`.

    Raises:
        ValueError: rates and losses do not belong together, or `chosen`
            was not tried, or no loss is a number.
    """
    rates, losses = np.asarray(rates, float), np.asarray(losses, float)
    if rates.shape != losses.shape or rates.ndim != 1 or not len(rates):
        raise ValueError(
            f"There are {rates.size} rates and {losses.size} losses; give "
            "one loss for each rate that was tried."
        )
    if not (np.diff(rates) > 0).all():
        raise ValueError("The rates do not rise; give them in their order.")
    if not np.isfinite(losses).any():
        raise ValueError(
            f"None of the {len(losses)} losses is a number; look at the "
            "pixels and labels that went in."
        )
    places = np.flatnonzero(rates == chosen)
    if not len(places):
        raise ValueError(
            f"The rate {chosen:.1e} is none of the {len(rates)} tried; "
            "choose one of them."
        )
    taken = int(places[0])

    drawn = figure(8, 3.6)
    ax = drawn.add_subplot()
    ax.plot(rates, losses, color=BLUE)
    ax.axvline(chosen, color=ORANGE, linewidth=2)
    here = ax.axvline(chosen, color=GREEN, linestyle="--")
    (dot,) = ax.plot([chosen], [losses[taken]], "o", color=GREEN)
    low, high = np.nanmin(losses), np.nanmax(losses)
    top = min(high, 4 * losses[np.isfinite(losses)][0])
    ax.set_ylim(0.9 * low, top)
    for rate, text, at in ((chosen, " taken", 0.95), (chosen, " here", 0.85)):
        ax.annotate(text, (rate, at), xycoords=("data", "axes fraction"))
    label = ax.texts[1]
    ax.set(
        xscale="log",
        title="The same photos at rising learning rates",
        xlabel="learning rate",
        ylabel="loss before the step",
    )

    slider = ipywidgets.SelectionSlider(
        options=[(f"{rate:.1e}", i) for i, rate in enumerate(rates)],
        value=taken,
        description="Learning rate",
        style={"description_width": "initial"},
        layout={"width": "480px"},
    )

    def update():
        i = slider.value
        here.set_xdata([rates[i]] * 2)
        # A loss above the figure is shown at its upper edge.
        dot.set_data([rates[i]], [min(losses[i], top)])
        label.xy = rates[i], 0.85
        label.set_position(label.xy)
        return f"{_at(rates, losses, i)} {_rule(rates, losses, taken, i)}"

    sentence = (
        "Run this cell to move along the rates; the figure above marks the "
        f"one taken, {chosen:.1e}."
    )
    return Panel(
        "learning-rates", {"rate": slider}, [["rate"]], drawn, update, sentence
    )


def _at(rates, losses, i):
    """Say what the loss is at a rate, and whether it falls."""
    if not np.isfinite(losses[i]):
        return f"At {rates[i]:.1e} the loss is no number any more."
    words = f"At {rates[i]:.1e} the loss is {losses[i]:.3f}"
    if i == 0:
        return f"{words}: the first rate tried."
    before = losses[i - 1]
    if not np.isfinite(before):
        return f"{words}, after a rate at which it was no number."
    words += f", after {before:.3f} at the rate before: "
    if losses[i] > JUMPS * before:
        return words + "it jumps."
    if losses[i] < before:
        return words + "it falls."
    return words + "it falls no more."


def _rule(rates, losses, taken, i):
    """Say which rate is taken, and where the slider stands to it."""
    times = max(rates[i], rates[taken]) / min(rates[i], rates[taken])
    where = "This is the rate that is taken"
    if i < taken:
        where = f"The rate that is taken is {times:.1f} times as high"
    elif i > taken:
        where = f"The rate that is taken is {times:.1f} times lower"
    where += f": {rates[taken]:.1e}, "
    if not losses[taken] <= np.nanmin(losses):
        return where + "which is not where the loss is lowest."
    if taken == len(rates) - 1:
        return (
            where + "the last one tried. The loss still falls there, so the "
            "search has no answer."
        )
    return where + f"where the loss is lowest ({losses[taken]:.3f})."
