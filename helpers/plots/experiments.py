"""The figure of a stored experiment."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np

from helpers.experiments import Run
from helpers.plots import basic
from helpers.plots.basic import BLUE, ORANGE

NAMES = {"validation": "validation", "shifted": "shifted validation"}


def seeds(
    runs: Sequence[Run],
    arms: Sequence[str] | None = None,
    of: str | Sequence[str] = "validation",
    title: str = "Three seeds of each",
) -> None:
    """Show the accuracy of each run: a row for each arm, a dot a seed.

    A vertical line marks the mean of an arm.

    Args:
        arms: those to show, from top to bottom; all of them by default, in
            the order of the runs.
        of: "validation" or "shifted", or a list of both for two panels.

    Raises:
        ValueError: an arm has no runs.
    """
    splits = [of] if isinstance(of, str) else list(of)
    made = dict.fromkeys(run.arm for run in runs)
    arms = list(made) if arms is None else arms
    missing = [arm for arm in arms if arm not in made]
    if missing:
        raise ValueError(
            f"There are no runs of {', '.join(missing)} here; there are "
            f"{', '.join(made)}."
        )
    figure, axes = plt.subplots(
        1,
        len(splits),
        figsize=(4 + 3.5 * len(splits), 0.42 * len(arms) + 1.6),
        sharex=True,  # so that distances can be compared
        sharey=True,
        squeeze=False,
    )
    means: dict[str, list[str]] = {arm: [] for arm in arms}
    for ax, split in zip(axes[0], splits, strict=True):
        for row, arm in enumerate(arms):
            values = [
                100 * run.correct[split].mean()
                for run in runs
                if run.arm == arm
            ]
            mean = np.mean(values)
            means[arm].append(f"{mean:.1f}%")
            ax.plot([mean] * 2, [row - 0.3, row + 0.3], color=ORANGE, lw=3)
            ax.plot(values, [row] * len(values), "o", color=BLUE, alpha=0.7)
        ax.set_xlabel(f"{NAMES[split]} accuracy (%)")
    axes[0, 0].set_yticks(range(len(arms)), arms)
    axes[0, 0].set_ylabel("arm")
    axes[0, 0].invert_yaxis()
    figure.suptitle(title)
    sets = " and ".join(NAMES[split] for split in splits)
    listed = {arm: " and ".join(values) for arm, values in means.items()}
    basic.show(
        figure,
        f"{title}. Dots: the accuracy of each run, by arm. Means, {sets}: "
        f"{basic.listed(listed)}.",
    )
