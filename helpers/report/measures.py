"""Everything that a training run has measured, as plain JSON."""

import datetime
import os
import platform
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix

from helpers import paths, stats
from helpers.dataset import scan
from helpers.dataset.splits import Split
from helpers.network import dtypes
from helpers.report import sentences
from helpers.report.sentences import JSON, LINEAR, MAJORITY
from helpers.surfaces import render

MOST = 12  # mistakes and label issues that are listed
OPTIONS = ("--labels", "--class", "--group", "--shape")


def outcomes(
    checked: scan.Folder,
    splits: Sequence[Split],
    probs_of: Mapping[str, Sequence[NDArray]],
    chosen: str,
    *,
    options: tuple[str | None, str | None, str | None, str],
    weights: str,
    seed: int,
    temperature: float,
    threshold: float,
    learning_curve: Mapping[int, Sequence[float]],
    out_of_fold: NDArray,
    formats: Mapping[str, tuple[float, float, ArrayLike]],
    seconds: Mapping[str, float],
) -> JSON:
    """Return everything that the report says, without NumPy's types.

    Args:
        checked: the folder, from `dataset.check`.
        splits: training, validation and test set, from `dataset.split`.
        probs_of: {model: [probabilities for the validation photos, for the
            test photos]}, each (n, classes), 0-1, without temperature. The
            simplest model is the first; "linear head" is one of them.
        chosen: the model that was chosen on the validation photos.
        options: labels, class pattern, group pattern and shape, as given to
            `dataset.check`.
        weights: the name of the weights that the training started from.
        seed: the random seed.
        temperature: of the chosen model; it divides the logarithms of its
            probabilities.
        threshold: a photo with a lower confidence is "none of these", 0-1.
        learning_curve: {number of training photos: accuracies of the linear
            head on the validation photos, one for each random draw}.
        out_of_fold: probabilities (n, classes) for the training photos,
            each from a linear head that was trained without the photo.
        formats: {file name: (millions of bytes, seconds for one photo,
            booleans (m,), True where the class is that of model.keras)}.
        seconds: {stage: seconds}.
    """
    train, validation, test = splits
    probs = stats.with_temperature(probs_of[chosen][1], temperature)
    predicted = probs.argmax(axis=-1)
    indices = range(len(test.class_names))
    confusion = confusion_matrix(test.labels, predicted, labels=indices)
    correct = {n: p[1].argmax(-1) == test.labels for n, p in probs_of.items()}
    counts = np.bincount(train.labels, minlength=len(train.class_names))
    majority = test.labels == counts.argmax()
    synthetic = _is_synthetic(checked.path)
    reference = majority if chosen == LINEAR else correct[LINEAR]
    result = {
        "folder": "surfaces" if synthetic else _folder_name(checked.path),
        "classes": list(train.class_names),
        "photos": {
            "training": len(train),
            "validation": len(validation),
            "test": len(test),
            "excluded": checked.excluded(),
        },
        "weights": weights,
        "chosen": chosen,
        "models": {
            name: {
                split.name: _scores(p.argmax(-1) == split.labels, split.labels)
                for split, p in zip(splits[1:], probs, strict=True)
            }
            for name, probs in probs_of.items()
        },
        "majority_class": {
            "class": train.class_names[counts.argmax()],
            **_scores(majority, test.labels),
        },
        "reference": {
            "model": MAJORITY if chosen == LINEAR else LINEAR,
            **_paired(reference, correct[chosen]),
        },
        "comparisons": _comparisons(correct, chosen),
        "by_class": _by_class(splits, predicted),
        "confusion": confusion.tolist(),
        "predictions": predicted.tolist(),
        "mistakes": _mistakes(test, probs),
        "label_issues": _label_issues(train, out_of_fold),
        "learning_curve": [
            {"photos": int(n), "accuracies": [float(a) for a in accuracies]}
            for n, accuracies in sorted(learning_curve.items())
        ],
        "folder_check": _folder_check(checked, splits),
        "calibration": {
            "temperature": float(temperature),
            "before": _calibration(probs_of[chosen][1], test.labels),
            "after": _calibration(probs, test.labels),
        },
        "threshold": _rejection(probs, test.labels, threshold),
        "formats": {
            name: {
                "megabytes": float(megabytes),
                "milliseconds": 1000 * float(time),
                "agreement": _plain(stats.accuracy(same)),
            }
            for name, (megabytes, time, same) in formats.items()
        },
        "seconds": {name: float(time) for name, time in seconds.items()},
        "seed": int(seed),
        "shape": checked.shape,
        "date": datetime.datetime.now().astimezone().isoformat(" ", "minutes"),
        "versions": {
            "Python": platform.python_version(),
            "TensorFlow": tf.__version__,
            "Keras": keras.__version__,
        },
        "machine": _machine(),
        "command": _command(None if synthetic else checked.path, options),
    }
    advised = weights in ("starter", "random") and not synthetic
    return result | {
        "verdict": sentences.verdict(result),
        "next": sentences.next_steps(result),
        "weights_advice": sentences.WEIGHTS_ADVICE if advised else None,
    }


def _plain(accuracy: stats.Accuracy) -> JSON:
    plain = {name: float(getattr(accuracy, name)) for name in ("low", "high")}
    return asdict(accuracy) | plain | {"accuracy": accuracy.proportion}


def _scores(correct: NDArray, labels: NDArray) -> JSON:
    balanced = stats.balanced_accuracy(correct, labels)
    return _plain(stats.accuracy(correct)) | {"balanced_accuracy": balanced}


def _paired(first: NDArray, second: NDArray) -> JSON:
    pair = stats.paired(first, second)
    return asdict(pair) | {
        "difference": pair.difference,
        "verdict": pair.verdict,
    }


def _comparisons(correct: Mapping[str, NDArray], chosen: str) -> list[JSON]:
    """Return each model against the chosen one: chosen minus other."""
    pairs = [
        {"model": name, **_paired(values, correct[chosen])}
        for name, values in correct.items()
        if name != chosen
    ]
    corrected = stats.holm([pair["p"] for pair in pairs]).tolist()
    return [
        pair | {"p_holm": p} for pair, p in zip(pairs, corrected, strict=True)
    ]


def _by_class(splits: Sequence[Split], predicted: NDArray) -> list[JSON]:
    """Return photos, recall and precision of each class.

    Recall or precision is None for a class without photos or predictions.
    """
    train, validation, test = splits
    correct = predicted == test.labels
    recalls = stats.recalls(correct, test.labels)
    precisions = stats.recalls(correct, predicted)
    return [
        {
            "class": name,
            "training": int((train.labels == c).sum()),
            "validation": int((validation.labels == c).sum()),
            "test": int((test.labels == c).sum()),
            "recall": _plain(recalls[c]) if c in recalls else None,
            "precision": _plain(precisions[c]) if c in precisions else None,
        }
        for c, name in enumerate(test.class_names)
    ]


def _photo(split: Split, i: int, probs: NDArray) -> JSON:
    return {
        "file": split.names[i],
        "label": split.class_names[split.labels[i]],
        "predicted": split.class_names[probs[i].argmax()],
        "confidence": float(probs[i].max()),
        "self_confidence": float(probs[i, split.labels[i]]),
    }


def _mistakes(test: Split, probs: NDArray) -> JSON:
    """Return the wrong predictions, the most confident ones first."""
    wrong = np.flatnonzero(probs.argmax(axis=-1) != test.labels)
    order = np.argsort(-probs[wrong].max(axis=-1), kind="stable")
    photos = [_photo(test, i, probs) for i in wrong[order][:MOST]]
    return {"count": len(wrong), "photos": photos}


def _label_issues(train: Split, probs: NDArray) -> JSON:
    """Return photos whose label and out-of-fold prediction differ.

    The lowest self-confidence (the probability of the label) comes first
    (Northcutt and others, "Confident Learning", 2021).
    """
    differ = np.flatnonzero(probs.argmax(axis=-1) != train.labels)
    order = np.argsort(probs[differ, train.labels[differ]], kind="stable")
    photos = [_photo(train, i, probs) for i in differ[order][:MOST]]
    return {"count": len(differ), "photos": photos}


def _folder_check(checked: scan.Folder, splits: Sequence[Split]) -> JSON:
    grouped = scan.group_problems(checked.problems)
    split_of = {key: split.name for split in splits for key in split.keys}
    apart = [
        split_of[photo.sha256] != split_of[other.sha256]
        and photo.class_name == other.class_name
        for photo, other in checked.near_duplicates
    ]
    return {
        "problems": [
            {
                "files": files,
                "problem": problem,
                "excluded": excluded,
                "advice": advice,
            }
            for (problem, excluded, advice), files in grouped.items()
        ],
        "notes": list(checked.notes),
        "ignored": dict(checked.ignored),
        "near_duplicates": {"pairs": len(apart), "in_two_splits": sum(apart)},
    }


def _calibration(probs: NDArray, labels: NDArray) -> JSON:
    return {
        "ece": float(stats.calibration_error(probs, labels)),
        "ece_by_chance": stats.calibration_error_by_chance(probs),
        "bins": [
            {"confidence": b.confidence, **_plain(b.accuracy)}
            for b in stats.reliability_bins(probs, labels)
        ],
    }


def _rejection(probs: NDArray, labels: NDArray, threshold: float) -> JSON:
    """Return what a threshold of confidence does to the test photos."""
    accepted = probs.max(axis=-1) >= threshold
    correct = (probs.argmax(axis=-1) == labels)[accepted]
    return {
        "confidence": float(threshold),
        "accepted": _plain(stats.accuracy(accepted)),
        "accuracy": _plain(stats.accuracy(correct)) if correct.size else None,
    }


def _machine() -> JSON:
    return {
        "system": f"{platform.system()}, {platform.machine()}",
        "cores": os.cpu_count(),
        "graphics_cards": len(tf.config.list_physical_devices("GPU")),
        "dtype": dtypes.fastest_dtype().removeprefix("mixed_"),
    }


def _is_synthetic(folder: Path) -> bool:
    """Return whether the photos are the project's own, as rendered."""
    folder = folder.resolve()
    is_rendered = (folder.parent / render.EDITION_FILE).is_file()
    return is_rendered and folder.name in render.SETS


def _folder_name(folder: Path) -> str:
    """Return the name of the folder, or of the ZIP file, of the photos.

    The rest of the path is private.
    """
    folder = folder.resolve()
    if folder.parent == (paths.work() / "unpacked").resolve():
        return f"{folder.name.rpartition('-')[0]}.zip"
    return folder.name


def _command(folder: Path | None, options: Iterable[str | None]) -> str:
    """Return the command that trains in the same way.

    Args:
        folder: of the photos; None for the project's own.
        options: as for `outcomes`.
    """
    words = ["python3", "start.py", "retrain"]
    if folder:
        words.append(_folder_name(folder))
    for option, value in zip(OPTIONS, options, strict=True):
        if option == "--labels" and value:
            value = Path(value).name
        if value and value != "squeeze":
            words += [option, value]
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return join(words)
