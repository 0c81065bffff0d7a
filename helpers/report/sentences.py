"""What the report says in words, from what was measured.

Each function takes the dictionary of `report.outcomes`, or a part of it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from helpers.dataset.scan import FEW
from helpers.dataset.tree import listed
from helpers.text import counted, one_line

JSON = dict[str, Any]  # what results.json holds, or a part of it
LINEAR, MAJORITY = "linear head", "majority class"
TITLES = {
    LINEAR: "linear head",
    MAJORITY: "majority-class baseline",
    "frozen": "frozen base",
    "augmented": "frozen base with augmentation",
    "fine-tuned": "fine-tuned model",
    "fine-tuned, augmented": "fine-tuned model with augmentation",
}
DESCRIPTIONS = {
    LINEAR: "Inception v3 stays as it was; one layer is trained on its "
    "features (logistic regression).",
    "frozen": "Inception v3 stays as it was; a head with one hidden layer is "
    "trained on its features.",
    "augmented": "Inception v3 stays as it was; a head with one hidden layer "
    "is trained on the features of the photos and of randomly changed copies "
    "of them.",
    "fine-tuned": "The upper layers of Inception v3 are trained together "
    "with the head.",
    "fine-tuned, augmented": "The upper layers of Inception v3 are trained "
    "together with the head, on the photos and on randomly changed copies of "
    "them.",
}
WEIGHTS_ADVICE = (
    "On photos of everyday things, ImageNet's weights usually do better "
    "than the weights used here: on 92 photos of ants and bees, accuracy was "
    "68 to 73% with the starter weights and 96 to 98% with ImageNet's. To "
    'use them, write network.weights.choose("imagenet") in the lesson, or '
    "type python3 start.py --weights imagenet retrain in place of python3 "
    "start.py retrain, with a new folder for the results; the first time "
    "needs a network."
)
WORST = 3  # classes that are named for their recall
SMALL_RISE = 0.01  # of an accuracy, that is worth no photos


def name(text: str) -> str:
    """Return a class name on one line; spaces around it become visible."""
    return one_line(text if text == text.strip() else f'"{text}"')


def title(model: str) -> str:
    """Return what a model is called in a sentence."""
    return TITLES.get(model, f"model {one_line(model)}")


def accuracy(value: JSON) -> str:
    """Return an accuracy with its interval, such as 90.0% (95% ...)."""
    return f"{value['accuracy']:.1%} (95% interval {interval(value)})"


def interval(value: JSON) -> str:
    """Return the interval of an accuracy, such as 80.1% to 95.0%."""
    return f"{value['low']:.1%} to {value['high']:.1%}"


def points(value: float) -> str:
    """Return a difference of accuracies in percentage points."""
    return f"{100 * value:+.1f}".replace("-", "\u2212")


def p_value(p: float) -> str:
    """Return a p-value with its sign, such as = 0.034."""
    return f"= {p:.2g}" if p >= 0.001 else "< 0.001"


def verdict(results: JSON) -> str:
    """Return whether the chosen model is better than the baseline."""
    pair = results["reference"]
    chosen, other = title(results["chosen"]), title(pair["model"])
    difference = (
        f"the difference in accuracy is {points(pair['difference'])} "
        f"percentage points (95% interval {points(pair['low'])} to "
        f"{points(pair['high'])})"
    )
    if pair["verdict"] == "undecided":
        return (
            f"The test photos do not show whether the {chosen} is better "
            f"than the {other}: {difference}, and the interval contains zero. "
            "More test photos would have to decide."
        )
    return (
        f"The {chosen} is {pair['verdict']} than the {other} on photos like "
        f"these: {difference}."
    )


def trained(results: JSON) -> str:
    """Return what was trained on what."""
    photos = results["photos"]
    return (
        "Inception v3, starting from the weights "
        f"{one_line(results['weights'])}, was retrained to recognise "
        f"{len(results['classes'])} classes. It was trained on "
        f"{counted(photos['training'], 'photo')}, chosen from several models "
        f"on {photos['validation']} others, and tested on {photos['test']} "
        "that no model had seen."
    )


def next_steps(results: JSON) -> list[str]:
    """Return what would make the model better, one sentence for each."""
    candidates = [
        _lowest_recall(results),
        _few_photos(results["by_class"]),
        learning(results),
        _labels(results["label_issues"]),
        _excluded(results["photos"]["excluded"]),
    ]
    return [sentence for sentence in candidates if sentence]


def _lowest_recall(results: JSON) -> str | None:
    scores = results["models"][results["chosen"]]["test"]
    low = [
        row
        for row in results["by_class"]
        if row["recall"]
        and row["recall"]["accuracy"] < scores["balanced_accuracy"]
    ]
    low = sorted(low, key=lambda row: row["recall"]["accuracy"])[:WORST]
    if not low:
        return None
    names = _joined(
        f"{name(row['class'])} ({row['recall']['correct']} of "
        f"{row['recall']['n']} correct)"
        for row in low
    )
    return f"Add photos of the classes with the lowest recall: {names}."


def _few_photos(by_class: Sequence[JSON]) -> str | None:
    few = [name(row["class"]) for row in by_class if row["test"] < FEW]
    if not few:
        return None
    return (
        f"Add photos of the classes with fewer than {FEW} test photos: "
        f"{listed(few)}. Their recall is uncertain."
    )


def _joined(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def learning(results: JSON) -> str | None:
    """Return whether more training photos would help."""
    if len(results["learning_curve"]) < 2:
        return None
    before, after = (
        (size["photos"], float(np.mean(size["accuracies"])))
        for size in results["learning_curve"][-2:]
    )
    rise = after[1] - before[1]
    photos = results["photos"]["validation"]
    change = (
        f"from {before[1]:.1%} with {before[0]} training photos to "
        f"{after[1]:.1%} with {after[0]}"
    )
    if rise >= max(SMALL_RISE, 2 / photos):
        return (
            f"The validation accuracy of the linear head still rose, {change}"
            ": more photos will probably help."
        )
    if rise > 0:
        return (
            f"The validation accuracy of the linear head went {change}: with "
            "so few validation photos, that does not show whether more "
            "training photos would help."
        )
    return (
        f"The validation accuracy of the linear head did not rise, {change}: "
        "more photos of the same kind will probably help little, except in "
        "classes with few."
    )


def _labels(issues: JSON) -> str | None:
    if not issues["count"]:
        return None
    return (
        "Look at the photos under \u201cLikely label errors\u201d, and "
        "correct the labels that are wrong."
    )


def _excluded(count: int) -> str | None:
    if not count:
        return None
    return (
        f"Not used: {counted(count, 'file')}. \u201cThe folder\u201d says "
        "why, and what to do."
    )


def folder(results: JSON) -> str:
    """Return what was used of the folder, and what was not."""
    photos, check = results["photos"], results["folder_check"]
    used = photos["training"] + photos["validation"] + photos["test"]
    left_out = counted(photos["excluded"], "file")
    parts = [f"{counted(used, 'photo')} used, {left_out} left out"]
    near = check["near_duplicates"]
    if near["pairs"]:
        pairs = counted(near["pairs"], "pair")
        parts.append(f"{pairs} of near-duplicates")
    if near["in_two_splits"]:
        parts.append(
            f"of these, {counted(near['in_two_splits'], 'pair')} in two "
            "splits, so accuracies may come out too high"
        )
    if check["ignored"]:
        files = counted(sum(check["ignored"].values()), "file")
        parts.append(f"{files} of the system or other programs ignored")
    return f"{'; '.join(parts)}."


def rejection(threshold: JSON) -> str:
    """Return what the threshold for "none of these" does."""
    accepted = threshold["accepted"]
    if not threshold["confidence"]:
        return "No threshold was chosen, so each photo gets a class."
    sentence = (
        f"A photo with a confidence below {threshold['confidence']:.1%} "
        "should count as \u201cnone of these\u201d. This threshold was chosen "
        f"on the validation photos. Of the test photos it accepts "
        f"{accepted['correct']} of {accepted['n']} "
        f"({accepted['accuracy']:.1%})"
    )
    if threshold["accuracy"]:
        correct = accuracy(threshold["accuracy"])
        sentence += f", and of these, {correct} are classified correctly"
    return f"{sentence}."


def alt_learning(results: JSON) -> str:
    """Describe the figure of the learning curve."""
    sizes = "; ".join(
        f"{size['photos']} photos: {np.mean(size['accuracies']):.1%}"
        for size in results["learning_curve"]
    )
    return (
        "Validation accuracy of the linear head by number of training "
        f"photos. {sizes}."
    )


def confused(results: JSON) -> list[JSON]:
    """Return the pairs of confused classes, the most frequent first."""
    matrix = np.array(results["confusion"])
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")
    rows, columns = np.unravel_index(order, matrix.shape)
    classes = results["classes"]
    return [
        {
            "label": classes[row],
            "predicted": classes[column],
            "photos": int(matrix[row, column]),
        }
        for row, column in zip(rows, columns, strict=True)
        if matrix[row, column]
    ]
