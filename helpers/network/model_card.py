"""A model card: what a saved classifier is, and what it is not for."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from helpers import downloads, results, stats
from helpers.dataset import splits
from helpers.network.metadata import read_metadata
from helpers.paths import atomic
from helpers.text import markdown, markdown_code

TEMPLATE = "model_card.md.j2"


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
    recalls = stats.recalls(correct, test.labels)
    classes = [
        (
            name,
            [int((split.labels == label).sum()) for split in all_splits],
            recalls[label].counted if label in recalls else "no photo",
        )
        for label, name in enumerate(train.class_names)
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"markdown": markdown, "code": markdown_code}
    content = environment.get_template(TEMPLATE).render(
        path=path,
        metadata=read_metadata(path),
        weights=weights_name,
        # The rest of the path is private.
        photos="/".join(Path(folder).resolve().parts[-2:]),
        splits=all_splits,
        classes=classes,
        own=own,
        balanced=stats.balanced_accuracy(correct, test.labels),
        majority=stats.accuracy(majority),
        formats=formats,
        others=others,
        tensorflow=tf.__version__,
        keras=keras.__version__,
        digest=downloads.digest(path),
    )
    card = path.with_suffix(".md")
    with atomic(card) as temporary:
        temporary.write_text(content, encoding="utf-8")
    return card
