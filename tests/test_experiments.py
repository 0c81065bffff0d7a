"""The stored experiments, and what the lessons say that they show."""

import json
import os
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import experiments, plots, stats, surfaces
from tools import experiments as command

STORED = {
    "date": "2026-01-02",
    "cores": 2,
    "command": "python3 start.py experiments 09_small",
    "remarks": {"imagenet": "Some of these weights are a reconstruction."},
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
        ],
        "imagenet": [
            {
                "arm": "a",
                "seed": 0,
                "correct": {"validation": "1111", "shifted": "0011"},
                "history": {"loss": [0.5]},
                "seconds": 2.5,
            }
        ],
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
    printed = capsys.readouterr().out
    assert "2026-01-02" in printed and "start.py experiments" in printed


def test_other_weights_show_the_runs_of_imagenets(small, capsys):
    assert len(experiments.load("09_small", "random")) == 1
    printed = capsys.readouterr().out
    assert "weights: imagenet" in printed and "a reconstruction" in printed


def test_runs_of_other_weights_or_photos_are_not_yours(small, tmp_path):
    photos = surfaces.folder()
    assert experiments.are_of("09_small", "starter", photos)
    assert not experiments.are_of("09_small", "random", photos)
    assert not experiments.are_of("09_small", "starter", tmp_path)


def test_each_seed_is_a_dot_and_each_mean_a_line(small):
    plots.seeds(experiments.load("09_small", "starter"), of="validation")
    (ax,) = plt.gcf().axes
    mean_a, dots_a, mean_b, _ = ax.lines
    assert sorted(dots_a.get_xdata()) == [50, 75]
    assert mean_a.get_xdata()[0] == 62.5 and mean_b.get_xdata()[0] == 0
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]


def test_an_unknown_lesson_or_arm_is_one_sentence(capsys):
    assert command.main(["05_none"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("05_none: the lessons with experiments are 02_")
    assert command.main(["--arm", "rate 7"]) == 1
    assert capsys.readouterr().err.startswith("rate 7: the arms are recipe")


def test_one_split_may_be_named_and_both_are_two_panels(small):
    runs = experiments.load("09_small", "starter")
    plots.seeds(runs, of="shifted")
    assert plt.gcf().axes[0].get_xlabel() == "shifted validation accuracy (%)"
    plots.seeds(runs, arms=["b"], of=["validation", "shifted"])
    left, right = plt.gcf().axes
    assert left.get_xlim() == right.get_xlim()
    assert [t.get_text() for t in left.get_yticklabels()] == ["b"]
    with pytest.raises(ValueError, match="no runs of c, d here; there are a"):
        plots.seeds(runs, arms=["a", "c", "d"])


# --- The command ----------------------------------------------------------


def test_real_photos_are_stored_with_their_weights(
    tmp_path, monkeypatch, capsys
):
    def retrain(argv):
        folder, _, out = argv
        assert not os.path.exists(out)
        found = {"own photos, linear head": [True, False]}
        command.results.write(
            command.retrain.NOTEBOOK.stem, "x", folder, found
        )
        return 0

    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    chosen = SimpleNamespace(name="x")
    monkeypatch.setattr(command.network_weights, "choose", lambda: chosen)
    monkeypatch.setattr(command.retrain, "main", retrain)
    assert command.main(["--photos", f"{tmp_path}/waste/"]) == 0
    (run,) = experiments.load("08_your_own_photos", "x")
    assert run.arm == "linear head"
    assert run.correct["test"].tolist() == [True, False]
    assert "the photos in waste" in capsys.readouterr().out
    monkeypatch.setattr(command.retrain, "main", lambda argv: 2)
    assert command.main(["--photos", "nowhere"]) == 2


BENCH = SimpleNamespace(weights=SimpleNamespace(name="starter"))
RATES = list(experiments.RATES)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The (arm, rate, seed) of the runs made, in which 1e-3 is best."""
    made = []

    def fine_tune(bench, name, arm, rate, seed):
        made.append((name, rate, seed))
        loss = abs(np.log10(rate / 1e-3))
        correct = {"validation": np.array([True]), "shifted": np.array([True])}
        return command._run(name, seed, correct, {"val_loss": [2, loss]}, 1.25)

    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "fine_tune", fine_tune)
    return made


def test_each_run_is_made_once(made):
    command.run_lesson(BENCH, "03_fine_tuning", RATES)
    assert [seed for *_, seed in made] == [0, 1, 2] * 4
    made.clear()
    command.run_lesson(BENCH, "03_fine_tuning", [*RATES, "new head"])
    assert made == [("new head", 1e-3, seed) for seed in range(3)]


def test_lesson_04_takes_the_runs_of_the_best_rate(made):
    command.run_lesson(BENCH, "03_fine_tuning", RATES)
    made.clear()
    arms = ["no augmentation", "flip"]
    command.run_lesson(BENCH, "04_augmentation", arms)
    assert made == [("flip", 1e-3, seed) for seed in range(3)]
    runs = experiments.load("04_augmentation", "starter")
    assert [run.arm for run in runs] == ["no augmentation"] * 3 + ["flip"] * 3


def test_an_unknown_rate_is_one_sentence(made):
    with pytest.raises(ValueError, match="no runs of 'rate 1e-4' yet"):
        command.run_lesson(BENCH, "04_augmentation", ["flip"])


# --- What is stored -------------------------------------------------------


@pytest.mark.parametrize("lesson", command.LESSONS)
def test_the_stored_runs_are_of_the_default_photos(lesson):
    stored = json.loads(experiments.path(lesson).read_text(encoding="utf-8"))
    for runs in stored["runs"].values():
        arms = [(run["arm"], run["seed"]) for run in runs]
        assert len(set(arms)) == len(arms)
        for run in runs:
            sizes = {name: len(d) for name, d in run["correct"].items()}
            assert sizes == {"validation": 300, "shifted": 300}


@pytest.mark.parametrize(
    ("arm", "of"),
    [
        ("rate 1e-4", "validation"),
        ("past mixed10", "validation"),
        ("BatchNorm trainable", "shifted"),
    ],
)
def test_fine_tuning_as_in_lesson_03_is_better_for_every_seed(arm, of):
    runs = experiments.load("03_fine_tuning", "starter")
    best, other = (
        {r.seed: r.correct[of].mean() for r in runs if r.arm == name}
        for name in ("rate 3e-3", arm)
    )
    assert sorted(best) == sorted(other) == [0, 1, 2]
    assert all(best[seed] > other[seed] + 0.05 for seed in best)


@pytest.mark.parametrize(
    ("lesson", "weights", "row", "arm", "is_ahead"),
    [
        ("03_fine_tuning", "starter", "rate 3e-3", "past mixed7", True),
        ("03_fine_tuning", "imagenet", "rate 3e-4", "past mixed7", False),
        ("04_augmentation", "starter", "no augmentation", "light", True),
        ("04_augmentation", "starter", "no augmentation", "all, 1 copy", True),
        ("04_augmentation", "starter", "no augmentation", "flip", False),
        ("04_augmentation", "starter", "no augmentation", "rotation", False),
        ("04_augmentation", "starter", "no augmentation", "zoom", False),
        (
            "04_augmentation",
            "starter",
            "no augmentation",
            "all but light",
            False,
        ),
        ("04_augmentation", "imagenet", "no augmentation", "rotation", True),
        ("04_augmentation", "imagenet", "no augmentation", "flip", False),
        ("04_augmentation", "imagenet", "no augmentation", "zoom", False),
        ("04_augmentation", "imagenet", "no augmentation", "light", False),
    ],
)
def test_the_dots_of_a_row_are_where_the_lesson_says(
    lesson, weights, row, arm, is_ahead
):
    runs = experiments.load(lesson, weights)
    first, dots = (
        [r.correct["shifted"].mean() for r in runs if r.arm == name]
        for name in (row, arm)
    )
    assert len(first) == len(dots) == 3
    assert (min(dots) > max(first)) == is_ahead


def test_augmented_copies_help_where_the_camera_was_remounted():
    runs = experiments.load("04_augmentation", "starter")
    plain, augmented = (
        {r.seed: r.correct for r in runs if r.arm == arm}
        for arm in ("no augmentation", "all, 3 copies")
    )
    assert sorted(plain) == sorted(augmented) == [0, 1, 2]
    for seed, correct in augmented.items():
        assert correct["shifted"].mean() >= 0.9
        assert correct["shifted"].mean() > plain[seed]["shifted"].mean() + 0.02
    upright = [correct["validation"].mean() for correct in augmented.values()]
    assert np.mean(upright) > 0.92


def test_on_real_photos_fine_tuning_gains_from_imagenets_weights_alone():
    right = {
        weights: {
            run.arm: run.correct["test"]
            for run in experiments.load("08_your_own_photos", weights)
        }
        for weights in ("starter", "imagenet")
    }
    for weights, gains in (("starter", False), ("imagenet", True)):
        arms = right[weights]
        pair = stats.paired(arms["linear head"], arms["fine-tuned"])
        assert (pair.low > 0) == gains
    both = [right[w]["fine-tuned"] for w in ("starter", "imagenet")]
    assert stats.paired(*both).low > 0


@pytest.mark.parametrize(
    ("weights", "best"), [("starter", "rate 3e-3"), ("imagenet", "rate 3e-4")]
)
def test_lessons_03_and_08_name_the_rate_that_is_best(weights, best):
    runs = experiments.load("03_fine_tuning", weights)
    assert experiments.best_arm(runs, experiments.RATES) == best
