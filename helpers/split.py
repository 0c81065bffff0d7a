"""Which of the three splits a photo belongs to, from content hashes alone."""

import bisect
import collections

SPLITS = ("train", "validation", "test")


def assign_splits(photos, fractions):
    """Assign each photo to a split: stratified by class and reproducible.

    A content hash (SHA-256) is read as a number from 0 to 1, and two
    thresholds divide these numbers: at (60, 20, 20) training lies below
    0.6, validation between 0.6 and 0.8, the test above. A photo's name, its
    folder and the machine play no part.

    If that gives a class less than a third (rounded down, and at least one)
    of the photos which it should have in a split, the thresholds are moved
    for this class, past as few photos as possible. So each class of three or
    more photos is in each split.

    When photos are added or removed, photos of other classes keep their
    split. In the class itself one more photo changes the split of two at
    most, and of none while no threshold of the class has to move. At
    (60, 20, 20) it has to in about one of 50 classes of 20 photos, and
    practically never in classes of 200.

    Args:
        photos: pairs of content hash (SHA-256 as a hex string) and name of
            the class, one for each photo. Exact copies have the same hash
            and so are assigned together. One that is in several classes
            goes by its hash alone and does not count for its classes.
        fractions: three positive numbers, the sizes of `SPLITS` relative
            to each other.

    Returns:
        {content hash: name of its split}.

    Raises:
        ValueError: a class has fewer than three different photos.
    """
    classes = collections.defaultdict(set)
    for key, class_name in photos:
        classes[key].add(class_name)
    keys = {class_name: [] for _, class_name in photos}
    splits = {}
    for key, class_names in classes.items():
        if len(class_names) == 1:
            keys[class_names.pop()].append(key)
        else:
            first, second = _thresholds(fractions)
            number = _number(key)
            splits[key] = SPLITS[(number >= first) + (number >= second)]
    for class_name, of_class in keys.items():
        if len(of_class) < len(SPLITS):
            raise ValueError(
                f"class {class_name} has {len(of_class)} different photos, "
                "and each of the three splits needs one: add photos of that "
                "class until there are 3 or more, or move its folder away."
            )
        of_class.sort()
        first, second = _cuts(of_class, fractions)
        splits |= dict.fromkeys(of_class[:first], SPLITS[0])
        splits |= dict.fromkeys(of_class[first:second], SPLITS[1])
        splits |= dict.fromkeys(of_class[second:], SPLITS[2])
    return splits


def _number(key):
    """Return a content hash as a number from 0 to 1."""
    return int(key[:15], 16) / 16**15


def _thresholds(fractions):
    """Return the two numbers from 0 to 1 between the three splits."""
    return (
        fractions[0] / sum(fractions),
        (fractions[0] + fractions[1]) / sum(fractions),
    )


def _cuts(keys, fractions):
    """Return where validation and test begin in the sorted keys of a class.

    That is where the thresholds are, or the nearest place at which each
    split has its minimum.
    """
    first, second = (
        bisect.bisect_left(keys, threshold, key=_number)
        for threshold in _thresholds(fractions)
    )
    train, validation, test = (
        max(1, int(len(keys) * fraction / sum(fractions) / 3))
        for fraction in fractions
    )
    second = min(max(second, train + validation), len(keys) - test)
    first = min(max(first, train), second - validation)
    return first, second
