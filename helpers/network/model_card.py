"""A model card: what a saved classifier is, and what it is not for.

After Mitchell and others, "Model Cards for Model Reporting" (2019).
"""

from pathlib import Path

import keras
import tensorflow as tf

from helpers import downloads, results
from helpers.paths import atomic
from helpers.text import markdown, markdown_code

WARNING = """\
- It always names one of its classes, whatever it is shown: a photo of
  something else gets an answer, too, and may get it with great confidence.
- Photos from another camera, another place of the camera or other light
  than those it learned from: see the accuracies above, and watch for drift.
- Nothing on which a person's safety or rights depend, unless a person
  looks at every answer."""


def write_model_card(
    path, parts, weights_name, folder, evaluations, agreement
):
    """Write the card of a saved classifier beside it; return where.

    What was measured comes from the journal: the model's own results first,
    then those of other models on the same photos.

    Args:
        path: the `.keras` file.
        parts: the list of `dataset.Split` that it was made and tested with.
        weights_name: which weights the base started from.
        folder: the folder of photos.
        results: the names of its own results in the journal.
        agreement: {name of a format: booleans (n,), True where it names
            the same class as the original}.

    Returns:
        The `pathlib.Path` of a Markdown file.
    """
    others = results.rows(weights_name, folder)
    own = {name: others.pop(name) for name in evaluations}
    same = {
        name: f"{int(sum(alike))} of {len(alike)} test photos get the same "
        "class as from the original"
        for name, alike in agreement.items()
    }
    sections = [
        f"# Model card: {markdown(path.name)}",
        "Names the class of a photo: one of "
        f"{', '.join(map(markdown, parts[0].class_names))}.",
        f"Inception v3, started from the weights {markdown_code(weights_name)}"
        f", trained on the photos of {markdown_code(_last_two(folder))}. It "
        "takes RGB pixels of 0 to 255 and scales them itself; the names of "
        "its classes are inside.",
        "## Photos",
        _table(parts),
        "The content of a photo decides its part. Test photos are kept for "
        "the measurements below.",
        "## Measured",
        _list(own),
        "In other formats:",
        _list(same),
        "Other models on the same photos, for comparison (*remounted*: on "
        "photos of a camera that was mounted otherwise):",
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


def _last_two(folder):
    """Return the end of a path: the rest says where somebody keeps it."""
    return "/".join(Path(folder).resolve().parts[-2:])


def _table(parts):
    """Return how many photos of each class each part has, as Markdown."""
    lines = [
        "| class | " + " | ".join(split.name for split in parts) + " |",
        "|---" * (len(parts) + 1) + "|",
    ]
    for place, name in enumerate(parts[0].class_names):
        counts = [str(int((split.labels == place).sum())) for split in parts]
        lines.append(f"| {markdown(name)} | " + " | ".join(counts) + " |")
    return "\n".join(lines)


def _list(rows):
    lines = [f"- {markdown(name)}: {row}" for name, row in rows.items()]
    return "\n".join(lines) or "- nothing yet"
