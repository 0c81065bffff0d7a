"""The figures of the lesson on more than one machine."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from helpers.plots import basic, diagrams
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
    ends = {
        name: f"{np.max(count):,} photos, {np.max(seconds) / 60:.1f} minutes, "
        f"at most {np.max(mib):,.0f} MiB"
        for name, (count, seconds, mib) in runs.items()
    }
    basic.show(
        figure,
        "Lines: time and memory by the number of photos. At the end: "
        f"{basic.listed(ends)}.",
    )


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
        ax.set(title=f"Workers: {kind}", xlabel="number of workers")
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
    last = {
        f"{name}, {kind}": f"{np.ravel(ups)[-1]:.2g} with "
        f"{np.ravel(number)[-1]} workers"
        for kind, (_, measured) in panels.items()
        for name, (number, ups) in measured.items()
    }
    basic.show(
        figure,
        "Speed-up over one worker by the number of workers: lines calculated, "
        f"dots measured. Last dots: {basic.listed(last) or 'none'}.",
    )


def ring_all_reduce(workers: int = 4) -> None:
    """Draw the two phases in which workers in a ring sum their gradients.

    Args:
        workers: 2 to 6. Each cuts its gradients into as many pieces.
    """
    figure, axes = plt.subplots(1, 3, figsize=(11, 4.3))
    steps = f"{workers - 1} step{'s' if workers > 2 else ''}"
    # Which pieces each worker has the sum of, after each phase.
    phases = {
        "Start: each has its own gradients": lambda worker, piece: False,
        f"Reduce-scatter, {steps}:\npass a piece on, add it": (
            lambda worker, piece: piece == (worker + 1) % workers
        ),
        f"All-gather, {steps}:\npass the sums on, keep them": (
            lambda worker, piece: True
        ),
    }
    angles = np.pi / 2 - 2 * np.pi * np.arange(workers) / workers
    centers = np.column_stack([np.cos(angles), np.sin(angles)])
    for ax, (title, is_sum) in zip(axes, phases.items(), strict=True):
        ax.set(xlim=(-1.6, 1.6), ylim=(-1.4, 1.5), aspect="equal")
        ax.set_title(title, fontsize=11)
        ax.axis("off")
        for worker, (x, y) in enumerate(centers):
            ax.text(x, y + 0.15, f"worker {worker}", ha="center", fontsize=9)
            for piece in range(workers):
                summed = is_sum(worker, piece)
                place = x + 0.19 * (piece - (workers - 1) / 2), y
                colour = COLOURS[piece] if summed else "white"
                sign = "Σ" if summed else ""
                diagrams.box(ax, place, (0.19, 0.22), colour, sign)
            start, end = centers[worker], centers[(worker + 1) % workers]
            away = 0.35 * (end - start)
            if "Start" not in title:
                diagrams.arrow(ax, start + away, end - away)
    figure.suptitle(f"Ring all-reduce: the gradients in {workers} pieces")
    basic.show(
        figure,
        f"Ring all-reduce in three diagrams of {workers} workers. At first "
        "each has its own gradients; after the reduce-scatter each has the "
        "sum of one piece; after the all-gather each has all sums.",
    )
