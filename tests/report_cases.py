"""A training run with results that can be computed by hand."""

from types import SimpleNamespace

import numpy as np
from make_photos import noise, put, saved

from helpers import dataset, report
from helpers.dataset import scan
from helpers.dataset.photo_file import Problem

COUNTS = {"train": (2, 4), "validation": (2, 2), "test": (4, 6)}
# Probabilities of the label, for the test photos of bent and of good. The
# fine-tuned model has one mistake, the linear head four.
TEST = {
    "linear head": ([0.9, 0.1, 0.1, 0.1], [0.9] * 5 + [0.1]),
    "frozen": ([0.2, 0.1, 0.9, 0.9], [0.9] * 6),
    "fine-tuned": ([0.2, 0.9, 0.9, 0.9], [0.9] * 6),
}
OUT_OF_FOLD = ([0.9, 0.2], [0.9, 0.9, 0.1, 0.9])
OPTIONS = (None, None, None, "squeeze")


def folder(tmp_path):
    """A folder with splits of its own, and a file that can't be read."""
    seed = 0
    for split, counts in COUNTS.items():
        for class_name, count in zip(("bent", "good"), counts, strict=True):
            photos = {}
            for i in range(count):
                seed += 1
                photos[f"{i}.jpg"] = saved(noise(seed, (120, 90)), "JPEG")
            put(tmp_path / "parts" / split / class_name, photos)
    put(tmp_path / "parts/train/good", {"broken.jpg": b"", ".DS_Store": b"x"})
    return tmp_path / "parts"


def two_classes(split, of_label):
    """Probabilities (n, 2), given that of the label for each class."""
    left = [list(values) for values in of_label]
    p = np.array([left[label].pop(0) for label in split.labels])
    probs = np.stack([p, 1 - p], axis=1)
    return np.where(split.labels[:, None] == 0, probs, probs[:, ::-1])


def case(tmp_path):
    """A finished run: `outcomes`, `splits`, and what they were made of.

    That is `given`, the arguments of `report.outcomes`.
    """
    checked = dataset.check(folder(tmp_path))
    splits = dataset.split(checked, (60, 20, 20))
    train, validation, test = splits
    given = {
        "checked": checked,
        "splits": splits,
        "probs_of": {
            name: [
                two_classes(validation, ([0.9] * 2, [0.9] * 2)),
                two_classes(test, values),
            ]
            for name, values in TEST.items()
        },
        "chosen": "fine-tuned",
        "options": OPTIONS,
        "weights": "starter",
        "seed": 7,
        "temperature": 2.0,
        "threshold": 0.7,
        "learning_curve": {3: [0.25, 0.25], 6: [0.75]},
        "out_of_fold": two_classes(train, OUT_OF_FOLD),
        "formats": {"model.keras": (95.5, 0.0625, np.ones(4, bool))},
        "seconds": {"the head": 1.25},
    }
    return SimpleNamespace(
        outcomes=report.outcomes(**given), splits=splits, given=given
    )


def many_classes(names, folder, count=2):
    """Outcomes and splits of classes with any sorted names.

    Each has `count` photos of noise in each split.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(names)), count)
    photos = {
        f"{i}.jpg": saved(noise(i, (150, 150)), "JPEG")
        for i in range(len(labels))
    }
    put(folder, photos)
    paths = [str(folder / name) for name in photos]
    splits = [
        dataset.Split(n, names, paths, labels, paths, "squeeze", folder)
        for n in ("train", "validation", "test")
    ]
    problems = tuple(
        Problem(f"{name}/x.jpg", "damaged", "Copy it again.", True)
        for name in names
    )
    checked = scan.Folder(folder, names, (), problems, ())
    probs = rng.dirichlet(np.ones(len(names)), len(labels))
    outcomes = report.outcomes(
        checked,
        splits,
        {"linear head": [probs, probs]},
        "linear head",
        options=OPTIONS,
        weights="imagenet",
        seed=0,
        temperature=1.0,
        threshold=0.0,
        learning_curve={1: [0.5], 2: [0.5]},
        out_of_fold=probs,
        formats={},
        seconds={},
    )
    return outcomes, splits
