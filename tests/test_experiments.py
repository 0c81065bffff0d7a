"""The stored experiments, and what the lessons say that they show."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import experiments, plots
from tools import experiments as command

STORED = {
    "date": "2026-01-02",
    "cores": 2,
    "command": "python3 start.py experiments 09_small",
    "runs": {
        "starter": [
            {
                "arm": arm,
                "seed": seed,
                "correct": {"validation": digits, "shifted": "0000"},
                "history": {"loss": [1.5]},
                "seconds": 2.5,
            }
            for arm, seed, digits in (
                ("a", 0, "1100"),
                ("a", 1, "1110"),
                ("b", 0, "0000"),
            )
        ]
    },
}


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    file = experiments.path("09_small")
    file.write_text(json.dumps(STORED), encoding="utf-8")


def test_runs_are_read_and_say_where_they_are_from(small, capsys):
    first, *_ = runs = experiments.load("09_small", "starter")
    assert [(run.arm, run.seed) for run in runs] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
    ]
    assert first.correct["validation"].tolist() == [True, True, False, False]
    assert experiments.mean_accuracy(runs, "a", "validation") == 0.625
    printed = capsys.readouterr().out
    assert "2026-01-02" in printed and "start.py experiments" in printed


def test_other_weights_show_the_runs_of_the_starter(small, capsys):
    assert len(experiments.load("09_small", "random")) == 3
    assert "weights: starter" in capsys.readouterr().out


def test_each_seed_is_a_dot_and_each_mean_a_line(small):
    plots.seeds(experiments.load("09_small", "starter"), of=("validation",))
    (ax,) = plt.gcf().axes
    mean_a, dots_a, mean_b, _ = ax.lines
    assert sorted(dots_a.get_xdata()) == [50, 75]
    assert mean_a.get_xdata()[0] == 62.5 and mean_b.get_xdata()[0] == 0
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]


def test_an_unknown_lesson_is_one_sentence(capsys):
    assert command.main(["05_none"]) == 1
    assert capsys.readouterr().err.startswith("05_none: the lessons with")


# --- What the lessons say -------------------------------------------------


def accuracies(lesson, arm, of):
    runs = experiments.load(lesson, "starter")
    found = {r.seed: r.correct[of].mean() for r in runs if r.arm == arm}
    assert sorted(found) == [0, 1, 2]
    return np.array([found[seed] for seed in range(3)])


def test_augmentation_helps_under_the_shift_for_every_seed():
    plain, augmented = (
        accuracies("04_augmentation", arm, "shifted")
        for arm in ("no augmentation", "all, 2 copies")
    )
    assert (augmented > plain + 0.03).all()


def test_augmentation_costs_little_on_photos_like_those_of_training():
    plain, augmented = (
        accuracies("04_augmentation", arm, "validation")
        for arm in ("no augmentation", "all, 2 copies")
    )
    assert augmented.mean() > plain.mean() - 0.02
