"""Writes the results, and the page that shows them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from numpy.typing import NDArray

from helpers import paths, text
from helpers.dataset.splits import Split
from helpers.dataset.tree import listed
from helpers.report import figures, sentences
from helpers.report.sentences import JSON, LINEAR

TEMPLATE = "report.html.j2"
MOST_MAPS = 12  # heat maps on the page
MOST_CONFUSED = 10  # pairs of classes in the table


def write(
    out: str | Path,
    outcomes: JSON,
    splits: Sequence[Split],
    heat: tuple[Sequence[int], NDArray],
) -> Path:
    """Write results.json and report.html; return the path of the latter.

    The page is one file that needs no network and no JavaScript.

    Args:
        out: the folder of the results.
        outcomes: from `report.outcomes`.
        splits: training, validation and test set, for small copies of the
            photos.
        heat: indices of test photos, (k,), and the heat map of each for the
            predicted class, (k, rows, columns), not negative.

    Raises:
        helpers.paths.WriteError: a file can't be written.
    """
    out = Path(out)
    with paths.atomic(out / "results.json") as temporary:
        content = json.dumps(outcomes, indent=1, allow_nan=False)
        temporary.write_text(content, encoding="utf-8")
    page = _render(outcomes, splits, heat)
    with paths.atomic(out / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return out / "report.html"


def _render(
    outcomes: JSON, splits: Sequence[Split], heat: tuple[Sequence[int], Any]
) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "counted": text.counted,
        "interval": sentences.interval,
        "listed": listed,
        "p_value": sentences.p_value,
        "percent": "{:.1%}".format,
        "points": sentences.points,
        "title": sentences.title,
    }
    train, _, test = splits
    chosen = outcomes["chosen"]
    models = {name: m["test"] for name, m in outcomes["models"].items()}
    compared = {
        sentences.MAJORITY: outcomes["majority_class"],
        LINEAR: models[LINEAR],
        chosen: models[chosen],
    }
    matrix, notes = figures.confusion(outcomes)
    return environment.get_template(TEMPLATE).render(
        r=outcomes,
        words=sentences,
        compared=compared,
        pairs={pair["model"]: pair for pair in outcomes["comparisons"]},
        confused=sentences.confused(outcomes)[:MOST_CONFUSED],
        accuracies=figures.accuracies(compared),
        learning_curve=figures.learning_curve(outcomes["learning_curve"]),
        confusion=matrix,
        confusion_notes=notes,
        reliability=figures.reliability(outcomes["calibration"]),
        mistakes=_photos(outcomes["mistakes"], test),
        label_issues=_photos(outcomes["label_issues"], train),
        maps=_maps(outcomes, test, heat),
    )


def _finalize(value: Any) -> Any:
    """Return text without characters that would change what is around it."""
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return text.one_line(value) if is_text else value


def _photos(listing: JSON, split: Split) -> list[JSON]:
    """Return the photos of a list, each with a small copy as `uri`."""
    path_of = dict(zip(split.names, split.paths, strict=True))
    return [
        entry | {"uri": figures.photo(path_of[entry["file"]], split.shape)}
        for entry in listing["photos"]
    ]


def _maps(
    outcomes: JSON, test: Split, heat: tuple[Sequence[int], Any]
) -> list[JSON]:
    """Return name, label, prediction and heat map of each photo."""
    shown = list(zip(*heat, strict=True))[:MOST_MAPS]
    return [
        {
            "file": test.names[i],
            "label": test.class_names[test.labels[i]],
            "predicted": test.class_names[outcomes["predictions"][i]],
            "uri": figures.heatmap(test.paths[i], test.shape, values),
        }
        for i, values in shown
    ]
