"""The figures of the lesson on more than one machine."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from helpers.plots.basic import COLOURS

MOST = 64  # workers at the right end of `speed_up`


def course(
    runs: dict[str, tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]],
) -> None:
    """Draw the time and the memory of runs over many photos.

    Args:
        runs: {name: (photos so far (n,), seconds since the start (n,), MiB
            held by the process (n,))}.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6))
    for (name, (count, seconds, mib)), colour, style in zip(
        runs.items(), COLOURS, ("-o", "-s"), strict=False
    ):
        options = {"color": colour, "label": name, "markersize": 4}
        axes[0].plot(count, np.divide(seconds, 60), style, **options)
        axes[1].plot(count, mib, style, **options)
    axes[0].set_ylabel("time (minutes)")
    axes[1].set_ylabel("memory of the process (MiB)")
    for ax in axes:
        ax.set_xlabel("photos processed")
        ax.set_ylim(0, 1.15 * ax.get_ylim()[1])
        ax.locator_params(axis="x", nbins=5)
    axes[0].legend(loc="upper left", fontsize=9)
    figure.suptitle("Time and memory by number of photos")
    plt.show()


def speed_up(
    panels: dict[str, tuple[dict[str, Callable], dict[str, tuple]]],
) -> None:
    """Draw the speed-up of several workers over one.

    Args:
        panels: {kind of worker: (curves, measured)}, one panel each:
            `curves` {name: function from numbers of workers (n,) to
            speed-ups (n,)}, `measured` {name: (workers, speed-ups)}.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(11, 4.8), sharey=True, squeeze=False
    )
    workers = np.arange(1, MOST + 1)
    colours: dict[str, str] = {}
    handles = {}
    for ax, (kind, (curves, measured)) in zip(
        axes.flat, panels.items(), strict=True
    ):
        # In front: a line that lies on it would hide it.
        drawn = ax.plot(workers, workers, ":", color="black", zorder=3)
        handles["linear speed-up"] = drawn[0]
        for name, curve in curves.items():
            colour = colours.setdefault(name, COLOURS[len(colours)])
            drawn = ax.plot(workers, curve(workers), "--", color=colour)
            handles[f"{name}, calculated"] = drawn[0]
        for name, points in measured.items():
            drawn = ax.plot(*points, "o", color=colours[name])
            handles[f"{name}, measured"] = drawn[0]
        ax.set(title=f"Workers {kind}", xlabel="number of workers")
        ax.set(xscale="log", yscale="log")
        ticks = 2 ** np.arange(int(np.log2(MOST)) + 1)
        ax.set_xticks(ticks, [str(n) for n in ticks])
        ax.set_yticks([0.25, 0.5, *ticks], ["¼", "½", *map(str, ticks)])
        ax.minorticks_off()
    axes[0, 0].set(ylabel="speed-up over one worker")
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=3,
        fontsize=9,
    )
    figure.suptitle(
        "Speed-up with more workers: dots measured, lines calculated"
    )
    plt.show()
