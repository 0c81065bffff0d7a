"""What the starter weights are shipped for, as the lessons' run found it.

The lessons run before these tests and leave their results in the results log.
"""

import json

import numpy as np
import pytest

from helpers import paths, stats
from helpers.network import saving
from helpers.surfaces import render

MAJORITY = 0.4  # what a linear head is ahead of the most frequent class
KNOWS = 0.25  # what the frozen base is ahead of random weights
POINTED = 0.4  # how much more often Grad-CAM hits than the centre does
SAME = 0.98  # how often the exported model is correct where the saved one was
AUGMENTED = "fine-tuned with augmentation"


@pytest.fixture(scope="module")
def outcomes():
    about, found = ("starter", str(render.folder().resolve())), {}
    for path in (paths.work() / "results").glob("[0-9]*.json"):
        entry = json.loads(path.read_text(encoding="utf-8"))
        if (entry["weights"], entry["photos"]) == about:
            for name, values in (entry["correct"] | entry["hits"]).items():
                found[name] = np.array(values)
    if not {"frozen base", "frozen, test", "pointing: centre"} <= set(found):
        pytest.fail(
            "The results log lacks the lessons; run them first, with "
            "python3 start.py test notebooks"
        )
    return found


def ahead(outcomes, first, second, least=0):
    """The second is right more often by so much, its interval above zero."""
    found = stats.paired(outcomes[first], outcomes[second])
    return found.difference >= least and found.verdict == "better"


def test_a_linear_head_knows_more_than_the_most_frequent_class(outcomes):
    assert ahead(outcomes, "majority class", "linear head", MAJORITY)


def test_the_frozen_base_knows_more_than_random_weights(outcomes):
    assert ahead(outcomes, "random base", "pretrained base", KNOWS)


def test_fine_tuning_pays(outcomes):
    assert ahead(outcomes, "frozen, test", "fine-tuned, test")


def test_augmentation_does_no_harm(outcomes):
    plain, augmented = "fine-tuned, test", f"{AUGMENTED}, test"
    assert (
        stats.paired(outcomes[plain], outcomes[augmented]).verdict != "worse"
    )


def test_augmentation_helps_where_the_camera_was_remounted(outcomes):
    plain, augmented = "fine-tuned, shifted test", f"{AUGMENTED}, shifted test"
    assert ahead(outcomes, plain, augmented)
    assert outcomes[augmented].mean() >= 0.9


def test_grad_cam_points_at_the_defect(outcomes):
    assert ahead(outcomes, "pointing: centre", "pointing: Grad-CAM", POINTED)


@pytest.mark.parametrize(
    "lesson", ["02_frozen_baseline", "03_fine_tuning", "04_augmentation"]
)
def test_what_a_lesson_saved_is_loaded(lesson):
    _, metadata = saving.load(paths.model_path(lesson))
    assert metadata.class_names == render.CLASS_NAMES


def test_what_is_shipped_is_what_lesson_04_saved(outcomes):
    same = outcomes["shipped, validation"] == outcomes[AUGMENTED]
    assert same.mean() >= SAME
