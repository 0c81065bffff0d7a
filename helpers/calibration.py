"""Whether a probability means what it says."""

from dataclasses import dataclass

import numpy as np

from helpers import measure

BINS = 10
DRAWS = 200  # of labels, to see what chance alone does


@dataclass(frozen=True)
class Bin:
    """Photos of which a model was about equally sure.

    `sure` is the mean of their largest probabilities, 0-1; `right` is a
    `measure.Accuracy`.
    """

    sure: float
    right: measure.Accuracy


def bins(probabilities, labels, count=BINS):
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
        Bin(float(sure[heap].mean()), measure.accuracy(right[heap]))
        for heap in heaps
        if heap.size
    ]


def error(probabilities, labels):
    """Return the expected calibration error, 0-1.

    It is how far sureness and accuracy lie apart, on the average of the
    `bins` (Guo and others, "On Calibration of Modern Neural Networks",
    2017). Chance alone makes it more than 0, see `error_by_chance`.

    Args:
        probabilities, labels: as for `bins`.
    """
    found = bins(probabilities, labels)
    apart = [abs(b.sure - b.right.share) * b.right.n for b in found]
    return sum(apart) / len(labels)


def error_by_chance(probabilities):
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
    for _ in range(DRAWS):
        drawn = (rng.random((len(up_to), 1)) >= up_to).sum(axis=-1)
        errors.append(error(probabilities, drawn))
    return float(np.mean(errors))
