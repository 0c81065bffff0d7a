"""Intervals, comparisons and calibration, against known results."""

import re

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from helpers import stats


def test_wilson_interval_of_a_known_case():
    # 81 of 263: Newcombe (1998), table 1, method 3.
    result = stats.accuracy([True] * 81 + [False] * 182)
    assert result.low == pytest.approx(0.2553, abs=5e-4)
    assert result.high == pytest.approx(0.3662, abs=5e-4)
    assert str(result).startswith("81 of 263 photos correct: 30.8% (95%")
    assert result.counted.startswith("81 of 263: 30.8% (95%")


@pytest.mark.parametrize(
    ("statistic", "args", "message"),
    [
        (stats.accuracy, [[]], "there are none"),
        (stats.mean, [[0.5]], "two or more photos"),
        (stats.paired, [[True, False], [True]], "same photos"),
        (stats.paired, [[], []], "same photos"),
    ],
)
def test_too_few_or_other_photos_are_refused(statistic, args, message):
    with pytest.raises(ValueError, match=message):
        statistic(*args)


def correct_for(better, worse):
    """Return what two models get right; 100 photos are easy for both."""
    first = np.repeat([False, True, True], [better, worse, 100])
    return first, np.repeat([True, False, True], [better, worse, 100])


def test_only_photos_on_which_the_models_differ_count():
    result = stats.paired(*correct_for(30, 10))
    assert (result.better, result.worse, result.n) == (30, 10, 140)
    assert result.difference == pytest.approx(20 / 140)
    assert result.low < result.difference < result.high
    # Two-sided binomial probability of 30 or more of 40.
    assert result.p == pytest.approx(0.00222, abs=5e-5)
    assert str(result).startswith("+14.3 percentage points (95% interval +")
    assert str(result).endswith("McNemar p = 0.0022)")


@pytest.mark.parametrize(
    ("better", "worse", "verdict", "sentence"),
    [
        (40, 5, "better", "above zero: tuned is better"),
        (5, 40, "worse", "below zero: tuned is worse"),
        (12, 10, "undecided", "do not show"),
        (0, 0, "undecided", "do not show"),
    ],
)
def test_the_sentence_follows_the_interval(
    better, worse, verdict, sentence, capsys
):
    first, second = correct_for(better, worse)
    result = stats.compare("frozen", first, "tuned", second)
    assert result.verdict == verdict
    printed = capsys.readouterr().out
    assert sentence in printed
    assert f"only tuned classified {better} correctly" in printed


def test_holm_corrects_p_values_in_their_order():
    # Holm's procedure by hand: 4 * 0.01, 3 * 0.02, 2 * 0.03, then 0.06
    # again, since 0.04 may not fall below it.
    corrected = stats.holm([0.03, 0.01, 0.04, 0.02])
    assert corrected == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert stats.holm([0.7, 0.6]) == pytest.approx([1, 1])
    assert stats.holm([0.03]) == pytest.approx([0.03])


def test_a_small_class_counts_as_much_as_a_large_one(capsys):
    labels = np.repeat([0, 1, 3], [90, 6, 4])
    majority = labels == 0
    model = np.repeat([True, False, True], [90, 6, 4])
    predictions = np.where(model, labels, 0)

    recalls = stats.recalls(model, labels)
    balanced = stats.balanced_accuracy(model, labels)

    assert {c: (r.correct, r.n) for c, r in recalls.items()} == {
        0: (90, 90),
        1: (0, 6),
        3: (4, 4),
    }
    assert balanced == metrics.balanced_accuracy_score(labels, predictions)
    stats.compare("majority", majority, "model", model, labels)
    printed = capsys.readouterr().out
    assert re.findall("balanced accuracy (.*)", printed) == ["33.3%", "66.7%"]


def test_a_recall_needs_the_labels_of_the_same_photos():
    with pytest.raises(ValueError, match="2 predictions and 3 labels"):
        stats.recalls([True, True], [0, 2, 1])


def test_intervals_have_the_coverage_they_promise():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        draws = rng.random(120)
        # The second model is better by 10 points, on the same photos.
        result = stats.paired(draws < 0.7, draws < 0.8)
        covered += result.low <= 0.1 <= result.high
    assert covered >= 0.92 * 400


def test_a_mean_has_the_interval_of_its_standard_error():
    values = np.random.default_rng(1).normal(0.5, 2, 400)
    result = stats.mean(values)
    half = 1.96 * values.std() / 20
    assert result.value == pytest.approx(values.mean())
    assert result.low == pytest.approx(values.mean() - half, abs=0.03)
    assert result.high == pytest.approx(values.mean() + half, abs=0.03)
    assert str(result).endswith("n = 400)")


def test_the_clock_keeps_the_last_time_of_each_block():
    clock = stats.Clock()
    for name in ("one", "two", "one"):
        with clock(name):
            pass
    assert list(clock.seconds) == ["one", "two"]
    assert all(s >= 0 for s in clock.seconds.values())


def test_the_largest_difference_of_two_lists_of_weights():
    first = [np.zeros((2, 2)), np.ones(3)]
    second = [np.full((2, 2), 0.5), np.array([1.0, -1.0, 1.0])]
    assert stats.largest_difference(first, second) == 2
    assert stats.largest_difference(first, first) == 0
    with pytest.raises(ValueError):
        stats.largest_difference(first, second[:1])


def test_features_are_standardised_by_the_training_set_alone():
    rng = np.random.default_rng(0)
    train = rng.normal([5, -2, 3], [2, 0.1, 0], (500, 3))
    first, second = stats.standardised(train, train[:9] + 1)
    assert first.dtype == second.dtype == "float32"
    assert first.mean(0) == pytest.approx([0, 0, 0], abs=1e-3)
    assert first.std(0) == pytest.approx([1, 1, 0], abs=1e-3)
    assert (second - first[:9])[:, 0] == pytest.approx(1 / train[:, 0].std())


# --- Calibration ----------------------------------------------------------


def confident(confidence, n, rng):
    """Return about this confidence in the first of two classes."""
    first = confidence + rng.uniform(-0.02, 0.02, n)
    return np.stack([first, 1 - first], axis=1)


def test_an_overconfident_model_has_a_calibration_error():
    rng = np.random.default_rng(0)
    labels = (rng.random(1000) > 0.7).astype(int)
    calibrated, over = confident(0.7, 1000, rng), confident(0.95, 1000, rng)
    chance = stats.calibration_error_by_chance(calibrated)
    assert stats.calibration_error(calibrated, labels) < 2 * chance
    assert stats.calibration_error(over, labels) == pytest.approx(
        0.25, abs=0.04
    )


def test_the_calibration_error_by_chance_falls_with_more_photos():
    rng = np.random.default_rng(0)
    few, many = (
        stats.calibration_error_by_chance(confident(0.7, n, rng))
        for n in (60, 2000)
    )
    assert few > 3 * many > 0


@pytest.mark.parametrize(("n", "sizes"), [(105, {10, 11}), (2, {1})])
def test_bins_have_equal_sizes_and_ascending_confidence(n, sizes):
    p = np.random.default_rng(0).dirichlet([1, 1, 1], n)
    bins = stats.reliability_bins(p, np.zeros(n, int))
    assert {b.accuracy.n for b in bins} == sizes
    assert sum(b.accuracy.n for b in bins) == n
    assert [b.confidence for b in bins] == sorted(b.confidence for b in bins)


@pytest.mark.parametrize("temperature", [0.8, 1.0, 2.5])
def test_the_temperature_of_a_model_is_found(temperature):
    rng = np.random.default_rng(0)
    calibrated = rng.dirichlet([0.6, 0.6, 0.6], 20000)
    labels = (calibrated.cumsum(axis=-1) < rng.random((20000, 1))).sum(axis=-1)
    logits = np.log(np.maximum(calibrated, 1e-9)) * temperature
    probs = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    fitted = stats.fit_temperature(probs, labels)
    assert fitted == pytest.approx(temperature, rel=0.04)
    scaled = stats.with_temperature(probs, temperature)
    np.testing.assert_allclose(scaled, calibrated, atol=1e-4)
    np.testing.assert_array_equal(scaled.argmax(-1), probs.argmax(-1))


@pytest.mark.parametrize("labels", [[0] * 30, [1] * 30])
def test_without_both_hits_and_errors_no_temperature_is_fitted(labels):
    probs = np.tile([0.9, 0.1], (30, 1))
    assert stats.fit_temperature(probs, np.array(labels)) == 1.0


def test_a_temperature_that_few_photos_suggest_is_not_used():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([1, 1, 1], 60)
    labels = (probs.cumsum(axis=-1) < rng.random((60, 1))).sum(axis=-1)
    assert stats.fit_temperature(probs, labels) == 1.0
    assert stats.fit_temperature(probs[:3], labels[:3]) == 1.0


def test_a_probability_of_zero_has_a_temperature():
    probs = stats.with_temperature(np.array([[1.0, 0.0]], "float32"), 2.0)
    assert np.isfinite(probs).all() and probs[0, 0] > 0.99


def test_the_threshold_keeps_the_correctly_predicted_photos():
    first = np.linspace(0.51, 0.9, 40)
    probs = np.stack([first, 1 - first], axis=1)
    labels = np.zeros(40, int)
    labels[:20] = 1  # the less confident half is wrong
    threshold = stats.rejection_threshold(probs, labels, keep=0.9)
    assert (first[20:] >= threshold).sum() == 19
    assert stats.rejection_threshold(probs, labels, keep=1) == first[20]
    assert stats.rejection_threshold(probs, labels) <= first[21]


def test_a_threshold_leaves_room_for_rounding():
    sure = np.tile([1.0, 0.0], (9, 1))
    assert stats.rejection_threshold(sure, np.zeros(9, int)) == 0.99
    assert stats.rejection_threshold(sure, np.ones(9, int)) == 0


# --- Positive predictive value --------------------------------------------


def test_the_ppv_is_that_of_counting_parts():
    assert stats.ppv(0.05, 0.9, 0.1) == pytest.approx(45 / 140)
    assert stats.ppv(0.05, 0.9, 0) == 1
    assert stats.ppv(0.05, 0, 0) == 0


def test_the_ppv_is_reported_for_rarer_and_rarer_defects(capsys):
    labels = np.repeat([2, 0, 1], [20, 10, 10])
    predicted = np.repeat([2, 0, 1, 2], [18, 2, 16, 4])
    stats.ppv_report(predicted, labels, good=2)
    lines = capsys.readouterr().out.splitlines()
    assert "16 of 20" in lines[0]  # the wrong defect is an alert, too
    assert "2 of 20" in lines[1]
    assert [line.split(" of the")[0] for line in lines[2:]] == [
        "50.0% defective: 89%",
        "5.0% defective: 30%",
        "0.5% defective: 4%",
    ]


class Counts:
    """A classifier that notes how many photos of each class it learns from."""

    def __init__(self):
        self.seen = []

    def get_params(self, deep=True):
        return {}

    def fit(self, x, labels):
        self.fitted = np.bincount(labels)
        return self

    def score(self, x, labels):
        return float(self.fitted[0] / 100)


def test_a_learning_curve_keeps_the_proportions_of_the_classes():
    labels = np.repeat([0, 1], [80, 2])
    photos = np.zeros((82, 1)), labels
    curve = stats.learning_curve(Counts(), photos, photos, 0)
    assert curve == {21: [0.2] * 3, 41: [0.4] * 3, 62: [0.6] * 3, 82: [0.8]}


def test_more_photos_help_where_there_is_something_to_learn():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    x = rng.standard_normal((200, 30)) + 0.4 * labels[:, None]
    curve = stats.learning_curve(
        LogisticRegression(),
        (x[:100], labels[:100]),
        (x[100:], labels[100:]),
        0,
    )
    first, *_, last = curve.values()
    assert len(curve) == 4
    assert np.mean(last) > np.mean(first)


def test_out_of_fold_predictions_do_not_know_the_label():
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    x = rng.standard_normal((100, 500))  # so many that all can be memorised
    probs = stats.out_of_fold(LogisticRegression(), x, labels)
    assert probs.shape == (100, 2)
    assert 0.3 < (probs.argmax(axis=-1) == labels).mean() < 0.7
    x[:, 0] += 20 * labels
    probs = stats.out_of_fold(LogisticRegression(), x, labels)
    assert (probs.argmax(axis=-1) == labels).mean() > 0.9


@pytest.mark.parametrize("labels", [[0, 0, 0, 1, 1, 2], [0, 1, 2]])
@pytest.mark.filterwarnings("error")
def test_the_only_photo_of_a_class_keeps_its_label(labels):
    labels = np.array(labels)
    x = np.random.default_rng(0).standard_normal((len(labels), 3))
    probs = stats.out_of_fold(LogisticRegression(), x, labels)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert probs[-1].tolist() == [0, 0, 1]
