"""Intervals and comparisons, against figures worked out elsewhere."""

import numpy as np
import pytest

from helpers import stats


def test_wilson_interval_of_a_known_case():
    # 81 of 263: Newcombe (1998), table 1, method 3.
    result = stats.accuracy([True] * 81 + [False] * 182)
    assert result.low == pytest.approx(0.2553, abs=5e-4)
    assert result.high == pytest.approx(0.3662, abs=5e-4)
    assert "81 of 263" in str(result)


def test_no_photo_has_no_accuracy():
    with pytest.raises(ValueError, match="there are none"):
        stats.accuracy([])


def test_only_photos_where_the_models_part_count():
    first = np.array([True] * 100 + [False] * 30 + [True] * 10)
    second = np.array([True] * 100 + [True] * 30 + [False] * 10)
    result = stats.paired(first, second)
    assert (result.better, result.worse, result.n) == (30, 10, 140)
    assert result.difference == pytest.approx(20 / 140)
    assert result.low < result.difference < result.high
    # Two-sided binomial probability of 30 or more of 40.
    assert result.p == pytest.approx(0.00222, abs=5e-5)


@pytest.mark.parametrize(
    ("better", "worse", "verdict", "says"),
    [
        (40, 5, "better", "tuned is better"),
        (5, 40, "worse", "tuned is worse"),
        (12, 10, "undecided", "do not show"),
        (0, 0, "undecided", "do not show"),
    ],
)
def test_the_sentence_follows_the_interval(
    better, worse, verdict, says, capsys
):
    first = np.array([False] * better + [True] * worse + [True] * 100)
    second = np.array([True] * better + [False] * worse + [True] * 100)
    result = stats.compare("frozen", first, "tuned", second)
    assert result.verdict == verdict
    assert says in capsys.readouterr().out


def test_other_photos_are_not_compared():
    with pytest.raises(ValueError, match="same photos"):
        stats.paired([True, False], [True])


def test_intervals_hold_the_truth_as_often_as_they_promise():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        draws = rng.random((2, 120))
        # Second model: 10 points better, on the same photos.
        result = stats.paired(draws[0] < 0.7, draws[0] < 0.8)
        held += result.low <= 0.1 <= result.high
    assert held >= 0.92 * 400


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


def test_standardised_features_are_measured_on_the_first_photos_alone():
    rng = np.random.default_rng(0)
    train = rng.normal([5, -2, 3], [2, 0.1, 0], (500, 3))
    first, second = stats.standardised(train, train[:9] + 1)
    assert first.mean(0) == pytest.approx([0, 0, 0], abs=1e-3)
    assert first.std(0) == pytest.approx([1, 1, 0], abs=1e-3)
    assert (second - first[:9])[:, 0] == pytest.approx(1 / train[:, 0].std())
