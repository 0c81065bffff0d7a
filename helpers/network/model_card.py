"""A model card: what a saved classifier is, and what it is not for.

After Mitchell and others, "Model Cards for Model Reporting" (2019).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from helpers import downloads, results, stats
from helpers.dataset import splits
from helpers.network.metadata import Metadata, read_metadata
from helpers.paths import atomic
from helpers.text import markdown, markdown_code

WARNING = """\
- A photo of something else: it may still be predicted as one of the
  classes, perhaps with high confidence.
- Photos from another camera, another camera position or other light
  than those it was trained on: see the accuracies above, and watch for
  drift.
- Decisions on which a person's safety or rights depend, unless a person
  checks every prediction."""


def write_model_card(
    path: Path,
    all_splits: Sequence[splits.Split],
    weights_name: str,
    folder: str | Path,
    evaluations: Iterable[str],
    correct: npt.ArrayLike,
    agreement: Mapping[str, npt.NDArray],
) -> Path:
    """Write the card of a saved classifier beside it; return its path.

    Its accuracies come from the results log: those of the model itself
    first, then those of other models on the same photos.

    Args:
        path: the `.keras` file.
        all_splits: the splits that it was trained and tested with.
        weights_name: the weights that the base started from.
        folder: the folder of photos.
        evaluations: the names of its own results in the log.
        correct: booleans (n,), True where it predicts the class of a test
            photo correctly.
        agreement: {name of a format: booleans (n,), True where it predicts
            the same class as the original}.
    """
    others: dict[str, Any] = dict(results.rows(weights_name, folder))
    own = {name: others.pop(name) for name in evaluations}
    formats = {
        name: f"{int(same.sum())} of {len(same)} photos get the same class "
        "as from the original"
        for name, same in agreement.items()
    }
    train, test = all_splits[0], all_splits[-1]
    majority = test.labels == np.bincount(train.labels).argmax()
    metadata = read_metadata(path)
    # The rest of the path is private.
    photos = "/".join(Path(folder).resolve().parts[-2:])
    sections = [
        f"# Model card: {markdown(path.name)}",
        "Predicts the class of a photo: one of "
        f"{', '.join(map(markdown, metadata.class_names))}.",
        f"Inception v3, started from the weights {markdown_code(weights_name)}"
        f", trained on the photos of {markdown_code(photos)}. It "
        "takes RGB pixels of 0 to 255 and scales them itself; the names of "
        "its classes are inside. Long photos are made square by "
        f"{markdown_code(metadata.shape)}.",
        _use(metadata),
        "## Photos",
        _table(all_splits, correct),
        "The content of a photo decides its split, unless the folder has "
        "splits of its own. Test photos are used only for the measurements "
        "below.",
        "## Measured",
        _list(own),
        "Balanced accuracy (the mean of the recalls): "
        f"{stats.balanced_accuracy(correct, test.labels):.1%}. The "
        "majority-class baseline, which always predicts the most frequent "
        f"class of the training set: {stats.accuracy(majority)}.",
        "In other formats:",
        _list(formats),
        "Other results, for comparison. Those named *test* or *own photos* "
        "are of test photos, the others of validation photos; *shifted* "
        "ones are as if from a remounted camera.",
        _list(others),
        "## Not for",
        WARNING,
        "## File",
        f"Made with TensorFlow {tf.__version__} and Keras "
        f"{keras.__version__}. SHA-256 of {markdown_code(path.name)}:\n\n"
        f"    {downloads.digest(path)}",
    ]
    card = path.with_suffix(".md")
    with atomic(card) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    return card


def _use(metadata: Metadata) -> str:
    """Return how probabilities are calibrated and photos rejected."""
    calibrated = "Its probabilities are used as they are (temperature 1)."
    if metadata.temperature != 1:
        calibrated = (
            "To calibrate its probabilities, divide their logarithms by the "
            f"temperature {metadata.temperature:.2f}."
        )
    rejected = "No photo is rejected (threshold 0)."
    if metadata.threshold:
        rejected = (
            "A photo whose confidence is then below the threshold "
            f"{metadata.threshold:.2f} is *none of these*."
        )
    return f"{calibrated} {rejected}"


def _table(all_splits: Sequence[splits.Split], correct: npt.ArrayLike) -> str:
    """Return the photos of each class in each split, and the recall."""
    recalls = stats.recalls(correct, all_splits[-1].labels)
    columns = ["class", *(split.name for split in all_splits), "recall"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for label, name in enumerate(all_splits[0].class_names):
        counts = [str((split.labels == label).sum()) for split in all_splits]
        recall = recalls[label].counted if label in recalls else "no photo"
        lines.append(f"| {' | '.join([markdown(name), *counts, recall])} |")
    return "\n".join(lines)


def _list(rows: Mapping[str, Any]) -> str:
    lines = [f"- {markdown(name)}: {row}" for name, row in rows.items()]
    return "\n".join(lines) or "- nothing yet"
