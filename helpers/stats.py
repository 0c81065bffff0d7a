"""How sure a figure is: intervals and paired comparisons; how long it took."""

import contextlib
import time
from dataclasses import dataclass

import numpy as np
from scipy import stats as distributions

CONFIDENCE = 0.95
DRAWS = 4000  # of a bootstrap; its ends then vary by a hundredth of its width


class Clock:
    """Times blocks by name: `with clock("one epoch"): ...`.

    `seconds` is {name: seconds of wall time}, in the order of the blocks.
    """

    def __init__(self):
        self.seconds = {}

    @contextlib.contextmanager
    def __call__(self, name):
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


@dataclass(frozen=True)
class Accuracy:
    """A share of right answers, with its interval.

    `right` of `n` answers were right; `share`, `low` and `high` lie in 0-1.
    """

    right: int
    n: int
    low: float
    high: float

    @property
    def share(self):
        return self.right / self.n

    @property
    def counted(self):
        """The same in words, for any share: it need not be right answers."""
        return f"{self.right} of {self.n}: {self._words}"

    @property
    def _words(self):
        return (
            f"{self.share:.1%} "
            f"(95 % interval {self.low:.1%} to {self.high:.1%})"
        )

    def __str__(self):
        return f"{self.right} of {self.n} photos right: {self._words}"


def accuracy(correct):
    """Return the accuracy of a list of verdicts, with Wilson's interval.

    Wilson, "Probable inference, the law of succession, and statistical
    inference" (1927): unlike the textbook interval it keeps its promise for
    few photos and for shares near 0 and 1.

    Args:
        correct: booleans of shape (n,), one a photo, True where right.

    Raises:
        ValueError: there is no photo.
    """
    correct = np.asarray(correct, bool)
    if not correct.size:
        raise ValueError("An accuracy needs photos, and there are none.")
    right = int(correct.sum())
    interval = distributions.binomtest(right, correct.size).proportion_ci(
        CONFIDENCE, method="wilson"
    )
    return Accuracy(right, correct.size, interval.low, interval.high)


@dataclass(frozen=True)
class Paired:
    """How two models differ on the same photos.

    `better` photos only the second got right, `worse` only the first, of
    `n`; `difference`, `low` and `high` are shares (second minus first,
    -1 to 1); `p` is the chance of so uneven a split if neither were better.
    """

    better: int
    worse: int
    n: int
    low: float
    high: float
    p: float

    @property
    def difference(self):
        return (self.better - self.worse) / self.n

    @property
    def verdict(self):
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "undecided"


def paired(first, second):
    """Compare two models photo by photo.

    The interval is the adjusted Wald interval for paired shares (Bonett and
    Price, 2012), the probability is McNemar's exact test.

    Args:
        first: booleans of shape (n,), True where the first model is right.
        second: the same for the second model, the same photos in the same
            order.

    Raises:
        ValueError: the two lists are of different photos, or empty.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    if first.shape != second.shape or not first.size:
        raise ValueError(
            f"A paired comparison needs the same photos twice; here are "
            f"{first.size} and {second.size} verdicts."
        )
    n = first.size
    better = int((second & ~first).sum())
    worse = int((first & ~second).sum())
    up, down = (better + 1) / (n + 2), (worse + 1) / (n + 2)
    z = distributions.norm.ppf((1 + CONFIDENCE) / 2)
    middle = up - down
    half = z * np.sqrt((up + down - middle**2) / (n + 2))
    changed = better + worse
    p = distributions.binomtest(better, changed).pvalue if changed else 1.0
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    return Paired(better, worse, n, float(low), float(high), float(p))


def compare(first_name, first, second_name, second):
    """Print the paired comparison of two models and what may be said of it.

    Args:
        first_name, second_name: what the models are called.
        first, second: as for `paired`.

    Returns:
        The `Paired` comparison.
    """
    result = paired(first, second)
    print(f"{first_name}: {accuracy(first)}")
    print(f"{second_name}: {accuracy(second)}")
    print(
        f"Of the same {result.n} photos, {result.better} only "
        f"{second_name} got right and {result.worse} only {first_name}."
    )
    says = {
        "better": f"The interval is above zero: {second_name} is better on "
        "photos like these.",
        "worse": f"The interval is below zero: {second_name} is worse on "
        "photos like these.",
        "undecided": "The interval holds zero: these photos do not show "
        "that either is better.",
    }
    print(
        f"Difference: {100 * result.difference:+.1f} points "
        f"(95 % interval {100 * result.low:+.1f} to "
        f"{100 * result.high:+.1f}; McNemar p = {result.p:.2g})."
    )
    print(says[result.verdict])
    return result


@dataclass(frozen=True)
class Mean:
    """A mean of `n` numbers, with its interval from `low` to `high`."""

    value: float
    n: int
    low: float
    high: float

    def __str__(self):
        return (
            f"{self.value:+.3f} (95 % interval {self.low:+.3f} to "
            f"{self.high:+.3f}, n = {self.n})"
        )


def mean(values, seed=0):
    """Return a mean with its interval, by drawing the numbers anew.

    Efron, "Bootstrap methods: another look at the jackknife" (1979), with
    the percentile interval. Given the difference of two models on each
    photo, it is a paired comparison.

    Args:
        values: numbers of shape (n,), one a photo.
        seed: of the draws.

    Raises:
        ValueError: there is no number.
    """
    values = np.asarray(values, float)
    if not values.size:
        raise ValueError("A mean needs photos, and there are none.")
    n, rng = values.size, np.random.default_rng(seed)
    means = [values[rng.integers(n, size=n)].mean() for _ in range(DRAWS)]
    ends = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    low, high = np.quantile(means, ends)
    return Mean(float(values.mean()), n, float(low), float(high))


def largest_difference(first, second):
    """Return the largest distance between two lists of weights.

    Args:
        first, second: lists of arrays of the same shapes, such as two
            `get_weights()` of one model.

    Returns:
        The largest |a - b| over all numbers, a float.
    """
    return float(
        max(np.abs(a - b).max() for a, b in zip(first, second, strict=True))
    )


def standardised(train, other):
    """Bring each feature to mean 0 and spread 1, as measured on `train`.

    Args:
        train: features of shape (n, d).
        other: features of shape (m, d) of other photos.

    Returns:
        Both as float32; a feature without any spread becomes 0.
    """
    mean = np.mean(train, axis=0, dtype="float64")
    spread = np.std(train, axis=0, dtype="float64")
    spread[spread == 0] = 1
    return tuple(
        ((np.asarray(x) - mean) / spread).astype("float32")
        for x in (train, other)
    )


BINS = 10
LABEL_DRAWS = 200  # of labels, to see what chance alone does


@dataclass(frozen=True)
class Bin:
    """Photos of which a model was about equally sure.

    `sure` is the mean of their largest probabilities, 0-1; `right` is a
    `Accuracy`.
    """

    sure: float
    right: Accuracy


def reliability_bins(probabilities, labels, count=BINS):
    """Sort photos by how sure a model was, and cut them into equal heaps.

    Heaps of the same size have intervals of about the same width, which
    heaps between fixed probabilities do not (Nguyen and O'Connor, 2015).

    Args:
        probabilities: what the model said, (n, classes), 0-1.
        labels: whole numbers (n,), places of the true classes.
        count: heaps; with fewer photos than that, one for each photo.

    Returns:
        A list of `Bin`, from the least sure to the surest.
    """
    sure = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == labels
    heaps = np.array_split(np.argsort(sure, kind="stable"), count)
    return [
        Bin(float(sure[heap].mean()), accuracy(right[heap]))
        for heap in heaps
        if heap.size
    ]


def calibration_error(probabilities, labels):
    """Return the expected calibration error, 0-1.

    It is how far sureness and accuracy lie apart, on the average of the
    `bins` (Guo and others, "On Calibration of Modern Neural Networks",
    2017). Chance alone makes it more than 0, see `error_by_chance`.

    Args:
        probabilities, labels: as for `bins`.
    """
    found = reliability_bins(probabilities, labels)
    apart = [abs(b.sure - b.right.share) * b.right.n for b in found]
    return sum(apart) / len(labels)


def calibration_error_by_chance(probabilities):
    """Return the error that a model would have if it were calibrated.

    Labels are drawn by lot as the probabilities say, again and again, and
    the mean of the errors is taken.

    Args:
        probabilities: as for `bins`.
    """
    rng = np.random.default_rng(0)
    up_to = np.cumsum(probabilities, axis=-1)
    up_to /= up_to[:, -1:]
    errors = []
    for _ in range(LABEL_DRAWS):
        drawn = (rng.random((len(up_to), 1)) >= up_to).sum(axis=-1)
        errors.append(calibration_error(probabilities, drawn))
    return float(np.mean(errors))


PREVALENCES = (0.5, 0.05, 0.005)  # shares of defective parts


def ppv_report(named, labels, good):
    """Print how many defects raise an alarm, and which alarms are true.

    An alarm is any answer but `good`. How many defective and good parts
    raise one is counted; which share of the alarms is true, the precision,
    follows from both by Bayes' theorem for any share of defective parts.
    Its range takes both rates at the bad ends of their intervals, and at
    the good ends.

    Args:
        named: what a model said, whole numbers (n,).
        labels: the true classes, whole numbers (n,), good ones among them
            and others.
        good: the number of the class that may pass.
    """
    defective, alarm = labels != good, named != good
    caught = accuracy(alarm[defective])
    false = accuracy(alarm[~defective])
    print(f"defects that raise an alarm {caught.counted}")
    print(f"good parts that raise one   {false.counted}")
    for rare in PREVALENCES:
        middle = ppv(rare, caught.share, false.share)
        low = ppv(rare, caught.low, false.high)
        high = ppv(rare, caught.high, false.low)
        print(
            f"{rare:.1%} defective: {middle:.0%} of the alarms are true "
            f"({low:.0%} to {high:.0%})"
        )


def ppv(rare, caught, false):
    """Return which share of the alarms is true, by Bayes' theorem.

    Args:
        rare: the share of defective parts, 0-1.
        caught: which share of these raises an alarm, 0-1.
        false: which share of the good ones does, 0-1.

    Returns:
        A share, 0-1; 0 if there is no alarm at all.
    """
    true = rare * caught
    every = true + (1 - rare) * false
    return true / every if every else 0.0
