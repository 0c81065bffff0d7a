"""Confidence intervals, paired comparisons, calibration and timing."""

import contextlib
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

CONFIDENCE = 0.95
RESAMPLES = 4000  # moves the ends by about a hundredth of the width
BINS = 10
LABEL_DRAWS = 200
FRACTIONS, DRAWS = (0.25, 0.5, 0.75, 1), 3  # of a learning curve
FOLDS = 5
PREVALENCES = (0.5, 0.05, 0.005)
TEMPERATURES = (0.5, 5.0)  # the range in which one is searched
SMALLEST = 1e-12  # a probability of 0 has no logarithm
MAX_THRESHOLD = 0.99


class Clock:
    """Times blocks by name: `with clock("one epoch"): ...`.

    `seconds` is {name: seconds of wall time}, in the order of the blocks.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


@dataclass(frozen=True)
class Accuracy:
    """`correct` of `n` photos, with the interval `low` to `high` (0-1)."""

    correct: int
    n: int
    low: float
    high: float

    @property
    def proportion(self) -> float:
        return self.correct / self.n

    @property
    def counted(self) -> str:
        """The text for a proportion of anything but correct predictions."""
        return f"{self.correct} of {self.n}: {self._percent}"

    @property
    def _percent(self) -> str:
        return (
            f"{self.proportion:.1%} "
            f"(95% interval {self.low:.1%} to {self.high:.1%})"
        )

    def __str__(self) -> str:
        return f"{self.correct} of {self.n} photos correct: {self._percent}"


def accuracy(correct: ArrayLike) -> Accuracy:
    """Return the proportion of True values with Wilson's score interval.

    Unlike the normal approximation, it keeps its coverage for few photos
    and for proportions near 0 and 1 (Wilson, 1927).

    Args:
        correct: booleans of shape (n,), one per photo.

    Raises:
        ValueError: there is no photo.
    """
    correct = np.asarray(correct, bool)
    if not correct.size:
        raise ValueError("An accuracy needs photos, and there are none.")
    count = int(correct.sum())
    interval = stats.binomtest(count, correct.size).proportion_ci(
        CONFIDENCE, method="wilson"
    )
    return Accuracy(count, correct.size, interval.low, interval.high)


@dataclass(frozen=True)
class Paired:
    """The difference of two models on the same `n` photos.

    Only the second model classified `better` photos correctly, only the
    first `worse`. `difference`, `low` and `high` are accuracies, second
    minus first (-1 to 1); `p` is that of McNemar's exact test.
    """

    better: int
    worse: int
    n: int
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        return (self.better - self.worse) / self.n

    @property
    def verdict(self) -> str:
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "undecided"

    def __str__(self) -> str:
        interval = f"{100 * self.low:+.1f} to {100 * self.high:+.1f}"
        return (
            f"{100 * self.difference:+.1f} percentage points "
            f"(95% interval {interval}; McNemar p = {self.p:.2g})"
        )


def paired(first: ArrayLike, second: ArrayLike) -> Paired:
    """Compare two models photo by photo.

    The interval is the adjusted Wald interval for paired proportions
    (Bonett and Price, 2012).

    Args:
        first, second: booleans of shape (n,), True where the model is
            correct, for the same photos in the same order.

    Raises:
        ValueError: the numbers of photos differ or are zero.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    if first.shape != second.shape or not first.size:
        raise ValueError(
            "A paired comparison needs two results for the same photos; "
            f"here are {first.size} and {second.size}."
        )
    n = first.size
    better = int((second & ~first).sum())
    worse = int((first & ~second).sum())
    gain, loss = (better + 1) / (n + 2), (worse + 1) / (n + 2)
    center = gain - loss
    z = stats.norm.ppf((1 + CONFIDENCE) / 2)
    half = z * np.sqrt((gain + loss - center**2) / (n + 2))
    low, high = max(-1.0, center - half), min(1.0, center + half)
    changed = better + worse
    p = stats.binomtest(better, changed).pvalue if changed else 1.0
    return Paired(better, worse, n, float(low), float(high), float(p))


def holm(ps: ArrayLike) -> NDArray[np.float64]:
    """Return p-values corrected for their number, in the order given.

    Unlike Bonferroni's, Holm's step-down correction multiplies only the
    smallest by the number of tests, the next by one less, and so on (Holm,
    1979).

    Args:
        ps: numbers of 0 to 1, shape (n,).
    """
    values = np.asarray(ps, float)
    order = np.argsort(values)
    factors = np.arange(values.size, 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.maximum.accumulate(values[order] * factors)
    return np.minimum(corrected, 1)


def recalls(correct: ArrayLike, labels: ArrayLike) -> dict[int, Accuracy]:
    """Return the recall of each class: the accuracy on its own photos.

    Args:
        correct: booleans of shape (n,), True where the prediction is correct.
        labels: integers (n,), the indices of the true classes.

    Returns:
        {index of a class: accuracy}, without classes that have no photo.

    Raises:
        ValueError: the numbers of photos differ.
    """
    correct, labels = np.asarray(correct, bool), np.asarray(labels)
    if correct.shape != labels.shape:
        raise ValueError(
            "A recall needs a label for each prediction; here are "
            f"{correct.size} predictions and {labels.size} labels."
        )
    return {int(c): accuracy(correct[labels == c]) for c in np.unique(labels)}


def balanced_accuracy(correct: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of the `recalls`, 0-1.

    A small class counts as much as a large one (Brodersen and others, 2010).
    """
    values = [r.proportion for r in recalls(correct, labels).values()]
    return float(np.mean(values))


def compare(
    first_name: str,
    first: ArrayLike,
    second_name: str,
    second: ArrayLike,
    labels: ArrayLike | None = None,
) -> Paired:
    """Print and return the paired comparison of two models.

    Args:
        first, second: as for `paired`.
        labels: integers (n,), the indices of the true classes, for the
            balanced accuracies.
    """
    result = paired(first, second)
    for name, correct in ((first_name, first), (second_name, second)):
        print(f"{name}: {accuracy(correct)}")
        if labels is not None:
            balanced = balanced_accuracy(correct, labels)
            print(f"  balanced accuracy {balanced:.1%}")
    print(
        f"Of the same {result.n} photos, only {second_name} classified "
        f"{result.better} correctly, and only {first_name} {result.worse}."
    )
    print(f"Difference: {result}.")
    if result.verdict == "undecided":
        print(
            "The interval contains zero: these photos do not show that "
            "either model is better."
        )
    else:
        side = "above" if result.verdict == "better" else "below"
        print(
            f"The interval is {side} zero: {second_name} is "
            f"{result.verdict} on photos like these."
        )
    return result


@dataclass(frozen=True)
class Mean:
    """A mean of `n` numbers, with its interval from `low` to `high`."""

    value: float
    n: int
    low: float
    high: float

    def __str__(self) -> str:
        interval = f"{self.low:+.3f} to {self.high:+.3f}"
        return f"{self.value:+.3f} (95% interval {interval}, n = {self.n})"


def mean(values: ArrayLike) -> Mean:
    """Return a mean with its bootstrap percentile interval.

    Given the difference of two models on each photo, this is a paired
    comparison.

    Args:
        values: numbers of shape (n,), one per photo.

    Raises:
        ValueError: there are fewer than two numbers.
    """
    values = np.asarray(values, float)
    if values.size < 2:
        raise ValueError(
            "A mean with an interval needs two or more photos; the number of "
            f"photos here is {values.size}."
        )
    interval = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=100,
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    return Mean(values.mean(), values.size, interval.low, interval.high)


def largest_difference(
    first: Sequence[NDArray], second: Sequence[NDArray]
) -> float:
    """Return the largest absolute difference of two lists of weights.

    Args:
        first, second: lists of arrays of the same shapes, such as two
            `get_weights()` of one model.
    """
    return float(
        max(np.abs(a - b).max() for a, b in zip(first, second, strict=True))
    )


def standardised(train: NDArray, other: NDArray) -> list[NDArray[np.float32]]:
    """Scale features to mean 0 and standard deviation 1 on `train`.

    Args:
        train: features of shape (n, d).
        other: features of shape (m, d) of other photos.

    Returns:
        Both; a feature that is constant on `train` is only shifted.
    """
    # A second to import, which not every lesson needs.
    from sklearn.preprocessing import StandardScaler

    arrays = [np.asarray(x, "float64") for x in (train, other)]
    scaler = StandardScaler().fit(arrays[0])
    return [scaler.transform(x).astype("float32") for x in arrays]


def learning_curve(
    classifier: Any,
    train: tuple[NDArray, NDArray],
    validation: tuple[NDArray, NDArray],
    seed: int,
) -> dict[int, list[float]]:
    """Return how accurate a classifier is if it learns from fewer photos.

    Every class keeps its proportion, and at least one photo.

    Args:
        classifier: of scikit-learn; copies of it are fitted.
        train: features (n, d) and labels (n,).
        validation: the same of the photos to measure on.

    Returns:
        {number of training photos: accuracies, 0-1}, for the `FRACTIONS` of
        the training photos, one for each of `DRAWS` random draws; for all
        photos there is one.
    """
    from sklearn.base import clone  # a second, which not every lesson needs

    x, labels = train
    rng = np.random.default_rng(seed)
    curve = {}
    for fraction in FRACTIONS:
        scores = []
        for _ in range(DRAWS if fraction < 1 else 1):
            order = rng.permutation(len(labels))
            chosen = []
            for label in np.unique(labels):
                photos = order[labels[order] == label]
                chosen.extend(photos[: max(1, round(fraction * len(photos)))])
            fitted = clone(classifier).fit(x[chosen], labels[chosen])
            scores.append(float(fitted.score(*validation)))
        curve[len(chosen)] = scores
    return curve


def out_of_fold(
    classifier: Any, x: NDArray, labels: NDArray
) -> NDArray[np.float64]:
    """Return probabilities by classifiers that were fitted without a photo.

    This is cross-validation with `FOLDS` folds, or fewer for a class with
    fewer photos.

    Args:
        classifier: of scikit-learn; copies of it are fitted.
        x: features (n, d).
        labels: integers (n,), each class at least once.

    Returns:
        (n, number of classes), 0-1; for the only photo of a class, 1 for
        its label.
    """
    from sklearn.model_selection import cross_val_predict

    counts = np.bincount(labels)
    alone = counts[labels] == 1
    probs = np.eye(len(counts))[labels]
    if alone.all():
        return probs
    folds = max(2, min(FOLDS, counts[counts > 1].min()))
    with warnings.catch_warnings(action="ignore"):  # of classes with one
        predicted = cross_val_predict(
            classifier, x, labels, cv=folds, method="predict_proba"
        )
    return np.where(alone[:, None], probs, predicted)


@dataclass(frozen=True)
class Bin:
    """Photos of similar confidence: its mean (0-1) and their accuracy."""

    confidence: float
    accuracy: Accuracy


def reliability_bins(probabilities: NDArray, labels: NDArray) -> list[Bin]:
    """Divide photos into bins of equal size, in ascending confidence.

    Bins of equal size have intervals of about the same width, unlike bins
    of equal range (Nguyen and O'Connor, 2015).

    Args:
        probabilities: predictions, (n, classes), 0-1.
        labels: integers (n,), the indices of the true classes.

    Returns:
        `BINS` bins; of fewer photos, each is a bin.
    """
    confidence = probabilities.max(axis=-1)
    correct = probabilities.argmax(axis=-1) == labels
    order = np.argsort(confidence, kind="stable")
    return [
        Bin(float(confidence[photos].mean()), accuracy(correct[photos]))
        for photos in np.array_split(order, min(BINS, len(order)))
    ]


def calibration_error(probabilities: NDArray, labels: NDArray) -> float:
    """Return the expected calibration error (ECE), 0-1.

    This is the mean distance of confidence and accuracy in the bins (Guo
    and others, 2017). Even a calibrated model has an error above 0, see
    `calibration_error_by_chance`.
    """
    gaps = [
        abs(b.confidence - b.accuracy.proportion) * b.accuracy.n
        for b in reliability_bins(probabilities, labels)
    ]
    return sum(gaps) / len(labels)


def calibration_error_by_chance(probabilities: NDArray) -> float:
    """Return the expected calibration error of a calibrated model.

    It is the mean error for random labels drawn from the probabilities.
    """
    rng = np.random.default_rng(0)
    cumulative = np.cumsum(probabilities, axis=-1)
    cumulative /= cumulative[:, -1:]
    errors = []
    for _ in range(LABEL_DRAWS):
        draws = rng.random((len(cumulative), 1))
        labels = (draws >= cumulative).sum(axis=-1)
        errors.append(calibration_error(probabilities, labels))
    return float(np.mean(errors))


def with_temperature(probs: NDArray, temperature: float) -> NDArray:
    """Return probabilities at a temperature (Guo and others, 2017).

    Their logarithms are divided by it. Above 1 it lowers the confidence; the
    predicted classes stay the same.

    Args:
        probs: predictions, (n, classes), 0-1.
        temperature: above 0.
    """
    logs = np.log(np.maximum(probs, SMALLEST))
    return special.softmax(logs / temperature, axis=-1)


def fit_temperature(probs: NDArray, labels: NDArray) -> float:
    """Return the temperature with the lowest mean log loss, or 1.

    It is 1.0, which changes nothing, unless temperatures fitted to four
    fifths of the photos lower the loss of the last fifth: the whole interval
    of the change must be below zero. Lesson 05 explains this rule. It is 1.0
    as well if the lowest loss is at an end of `TEMPERATURES`, for then there
    are too few errors to fit it.

    Args:
        probs: predictions for validation photos, (n, classes), 0-1.
        labels: integers (n,), the indices of the true classes.

    Returns:
        1.0, or a number in `TEMPERATURES`.
    """

    from sklearn.model_selection import KFold

    def losses(temperature: float, part: NDArray) -> NDArray:
        scaled = with_temperature(probs[part], temperature)
        true = scaled[np.arange(len(part)), labels[part]]
        return -np.log(np.maximum(true, SMALLEST))

    def fitted(part: NDArray) -> float:
        return optimize.minimize_scalar(
            lambda temperature: losses(temperature, part).mean(),
            bounds=TEMPERATURES,
        ).x

    everything = np.arange(len(labels))
    if len(labels) < FOLDS:
        return 1.0
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    change = [
        losses(fitted(fit), judge) - losses(1, judge)
        for fit, judge in folds.split(everything)
    ]
    best = fitted(everything)
    at_end = np.isclose(best, TEMPERATURES, rtol=0, atol=0.01).any()
    helps = mean(np.concatenate(change)).high < 0
    return float(best) if helps and not at_end else 1.0


def rejection_threshold(
    probs: NDArray, labels: NDArray, keep: float = 0.95
) -> float:
    """Return the confidence below which a photo is "none of these".

    At least the proportion `keep` of the correctly predicted photos have
    this confidence or more.

    Args:
        probs: predictions for validation photos, (n, classes), 0-1, at the
            temperature that is used later.
        labels: integers (n,), the indices of the true classes.
        keep: 0-1.

    Returns:
        A number of 0 to `MAX_THRESHOLD`: above that, the rounding in another
        format would decide. 0 if no photo is predicted correctly.
    """
    confidence = probs.max(axis=-1)
    trusted = confidence[probs.argmax(axis=-1) == labels]
    if not trusted.size:
        return 0.0
    lowest = np.quantile(trusted, 1 - keep, method="lower")
    return float(min(lowest, MAX_THRESHOLD))


def ppv_report(predicted: NDArray, labels: NDArray, good: int) -> None:
    """Print the alert rates and the positive predictive value (PPV).

    An alert is any prediction but `good`. The range of the PPV combines
    the unfavourable and the favourable ends of the intervals of both rates.

    Args:
        predicted: indices of the predicted classes, (n,).
        labels: indices of the true classes, (n,).
        good: index of the class without a defect.
    """
    defective, alert = labels != good, predicted != good
    detected = accuracy(alert[defective])
    false = accuracy(alert[~defective])
    print(f"defective parts with an alert {detected.counted}")
    print(f"good parts with an alert      {false.counted}")
    for prevalence in PREVALENCES:
        middle = ppv(prevalence, detected.proportion, false.proportion)
        low = ppv(prevalence, detected.low, false.high)
        high = ppv(prevalence, detected.high, false.low)
        print(
            f"{prevalence:.1%} defective: {middle:.0%} of the alerts are "
            f"true ({low:.0%} to {high:.0%})"
        )


def ppv(
    prevalence: float, sensitivity: float, false_positive_rate: float
) -> float:
    """Return the positive predictive value by Bayes' theorem.

    Args:
        prevalence: the proportion of defective parts, 0-1.
        sensitivity: the proportion of these with an alert, 0-1.
        false_positive_rate: the proportion of good parts with one, 0-1.

    Returns:
        The proportion of true alerts, 0-1; 0 if there is no alert at all.
    """
    true = prevalence * sensitivity
    alerts = true + (1 - prevalence) * false_positive_rate
    return true / alerts if alerts else 0.0
