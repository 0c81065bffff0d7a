"""Stored experiments: more training runs than a lesson has time for.

`python3 start.py experiments` makes them, on the default photos, and writes
one JSON file for each lesson to data/experiments. Those of lesson 08 are of a
folder of real photos.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from helpers import colab, paths, surfaces

FOLDER = paths.ROOT / "data" / "experiments"
# Those that lesson 03 compares.
RATES = {f"rate {r}": float(r) for r in ("1e-4", "3e-4", "1e-3", "3e-3")}


@dataclass(frozen=True)
class Run:
    """One training run.

    Args:
        correct: {"validation", "shifted" or "test": booleans (n,), True
            where the prediction is correct}.
        history: {"loss", "val_loss", …: one number for each epoch}.
    """

    arm: str
    seed: int
    correct: dict[str, npt.NDArray[np.bool_]]
    history: dict[str, list[float]]
    seconds: float


def path(lesson: str) -> Path:
    """Return where the runs of a lesson are stored."""
    return FOLDER / f"{lesson}.json"


def load(lesson: str, weights_name: str) -> list[Run]:
    """Return the stored runs of a lesson, and print where they are from.

    Args:
        weights_name: the weights that you use. If there are no runs for
            them, those for ImageNet's weights are returned.
    """
    stored = _read(lesson)
    name = weights_name if weights_name in stored["runs"] else "imagenet"
    print(
        f"Stored runs of {stored['date']} on "
        f"{stored.get('photos', 'the default photos')}, "
        f"{stored['cores']} processor cores, weights: {name}."
    )
    if name in stored.get("remarks", {}):
        print(stored["remarks"][name])
    if not colab.is_here():  # which has no start.py
        print(f"This command makes them again: {stored['command']}")
    return [as_run(entry) for entry in stored["runs"][name]]


def are_of(lesson: str, weights_name: str, folder: str | Path) -> bool:
    """Return whether a lesson has stored runs of these weights and photos."""
    is_default = Path(folder).resolve() == surfaces.folder().resolve()
    return is_default and weights_name in _read(lesson)["runs"]


def _read(lesson: str) -> dict[str, Any]:
    return json.loads(path(lesson).read_text(encoding="utf-8"))


def as_run(entry: dict[str, Any]) -> Run:
    """Return a run as it is stored as a `Run`."""
    correct = {
        name: np.array([c == "1" for c in digits])
        for name, digits in entry["correct"].items()
    }
    return Run(**entry | {"correct": correct})


def best_arm(runs: Sequence[Run], arms: Iterable[str]) -> str:
    """Return the arm whose validation loss is lowest at the end.

    Args:
        arms: those to choose from; the loss is the mean over their seeds.

    Raises:
        ValueError: an arm has no runs.
    """
    losses = {
        arm: [r.history["val_loss"][-1] for r in runs if r.arm == arm]
        for arm in arms
    }
    for arm, finals in losses.items():
        if not finals:
            raise ValueError(f"There are no runs of {arm!r} yet: make them.")
    return min(losses, key=lambda arm: float(np.mean(losses[arm])))
