"""Says what each family of pictures is worth, learned from alone.

python -m pretraining.families FOLDER [FOLDER ...] --steps 300

For each family a base starts as all runs do (`network.wake`), learns from
pictures of this family only, and is then probed on folders of photos, as
`pretraining.probe` does. So short a run ranks families by what they teach
first; it does not say what they add once the others have been learned.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pretraining import pictures, probe

if TYPE_CHECKING:
    import keras

PICTURES = 2048  # drawn for a family
DRAWN, SEEN = 128, 96  # pixels on each side of a picture, and of a view
STRONG = 0.5  # how plain marks are (see `pictures.draw`)
RATE = 1e-3
PROBES = range(3)  # seeds; the mean is printed
SIZE, PER_CLASS = 150, 50


def _named(table, *names):
    """Return the places of functions in a table, by name."""
    return [
        place
        for place, entry in enumerate(table)
        if entry.__name__.lstrip("_") in names
    ]


def families() -> dict[str, tuple[list[int], list[int]]]:
    """Return {family: (places in `GROUNDS`, places in `MARKS`)}."""
    marks, last = pictures.MARKS, len(pictures.MARKS)
    things = [i for i, mark in enumerate(marks) if "things" in mark.__module__]
    fractals = list(range(last - pictures.FRACTALS, last))
    polygons = [i for i, mark in enumerate(marks) if mark.__name__ == "mark"]
    polygons = sorted(set(polygons) - set(things) - set(fractals))
    plain = _named(pictures.GROUNDS, "smooth", "paper", "plastic", "clouds")
    anything = _named(pictures.GROUNDS, "anything")
    every = list(range(len(pictures.GROUNDS)))
    grounds = sorted(set(every) - set(anything))
    strokes = _named(
        marks, "thread", "root", "lightning", "stroke", "strokes", "crossed",
        "arc", "zigzag", "dashes", "scribble", "letters",
    )  # fmt: skip
    spots = _named(
        marks, "holes", "hole", "crumbs", "beads", "spill", "soak",
        "cup_ring", "splash",
    )  # fmt: skip
    solids = _named(marks, "sphere", "cylinder", "box")
    faults = _named(
        marks, "bubble", "bubbles", "wrinkle", "cut", "chip", "rubbed",
        "patched", "knot", "shifted",
    )  # fmt: skip
    return {
        "fractals": (plain, fractals),
        "polygons, discs, leaves": (
            plain,
            polygons + _named(marks, "disc", "leaf"),
        ),
        "strokes": (plain, strokes),
        "blobs and spots": (plain, spots),
        "balls, tubes, boxes": (plain, solids),
        "things": (plain, things),
        "grounds without marks": (grounds, [0]),
        "grounds with their faults": (grounds, faults),
        "random functions": (anything, [0]),
        "all": (every, list(range(last))),
    }


def drawn(
    grounds: Sequence[int], marks: Sequence[int], count: int, seed: int = 0
) -> tuple[npt.NDArray[np.integer], ...]:
    """Return pictures of a family as `network.Pupil` takes them.

    uint8 (count, side, side, 3), uint8 masks (count, side, side), and int32
    grounds and marks (count,).
    """
    rng = np.random.default_rng(seed)
    made = [
        pictures.draw(rng, DRAWN, STRONG, grounds, marks) for _ in range(count)
    ]
    images, masks, grounds, marks = zip(*made, strict=True)
    return (
        np.stack(images),
        np.stack(masks).astype("uint8"),
        np.array(grounds, "int32"),
        np.array(marks, "int32"),
    )


def taught(
    arrays: Sequence[npt.NDArray[np.integer]] | None, steps: int, batch: int
) -> keras.Model:
    """Return a base that has learned from these pictures, in so many steps.

    Without steps it is as every run begins.
    """
    import keras

    from pretraining import network

    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(network.precise())
    counts = len(pictures.GROUNDS), len(pictures.MARKS) - 1
    base, heads = network.build(*counts)
    pupil = network.Pupil(heads, *counts)
    pupil.show(SEEN, even=0.5)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(RATE, max(1, steps)),
        weight_decay=0.02,
        beta_2=0.99,
        global_clipnorm=10.0,
    )
    pupil.compile(optimizer, jit_compile=keras.backend.backend() == "jax")
    rng = np.random.default_rng(0)
    for _ in range(steps):
        chosen = rng.choice(len(arrays[0]), batch, replace=False)
        pupil.train_on_batch([array[chosen] for array in arrays])
    keras.config.set_dtype_policy("float32")
    copy = probe.base_with("random")
    copy.set_weights(base.get_weights())
    return copy


def worth(base: keras.Model, folders: Sequence[str]) -> list[float]:
    """Return the mean probe accuracy on each folder."""
    found = []
    for folder in folders:
        fractions = []
        for seed in PROBES:
            images, labels, test = probe.read(folder, SIZE, PER_CLASS, seed)
            features = probe.features(base, images)
            fractions.append(probe.accuracy(features, labels, test))
        found.append(np.mean(fractions))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", help="of class folders")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=16)
    args = parser.parse_args()
    names = [os.path.basename(os.path.normpath(f)) for f in args.folders]
    print(f"{'learned from':<28}" + "".join(f"{name:>12}" for name in names))

    def report(name: str, base: keras.Model) -> None:
        fractions = worth(base, args.folders)
        line = "".join(f"{share:>12.3f}" for share in fractions)
        print(f"{name:<28}{line}", flush=True)

    report("nothing", taught(None, 0, args.batch))
    for name, (grounds, marks) in families().items():
        arrays = drawn(grounds, marks, PICTURES)
        report(name, taught(arrays, args.steps, args.batch))


if __name__ == "__main__":
    main()
