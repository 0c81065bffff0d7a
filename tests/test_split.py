"""Each class is in each split, and a photo keeps its split where it can."""

import collections
import hashlib

import numpy as np
import pytest

from helpers.dataset.splits import SPLITS, assign_splits
from helpers.surfaces import render

FRACTIONS = (60, 20, 20)


def drawn(rng, **counts):
    """Random pairs of hash and class: so many of each class."""
    return [
        (rng.bytes(32).hex(), class_name)
        for class_name, count in counts.items()
        for _ in range(count)
    ]


def at(number, copy=0):
    """A hash that lies at a number from 0 to 1, to 4 digits."""
    return f"{int(number * 2**32):08x}{copy:056x}"


def sizes(photos, splits):
    """{class: how many of its photos are in each split}."""
    counts = collections.Counter((name, splits[key]) for key, name in photos)
    return {
        name: [counts[name, split] for split in SPLITS] for _, name in photos
    }


def test_no_folder_of_six_classes_with_twenty_photos_is_refused():
    rng = np.random.default_rng(0)
    total = np.zeros(3)
    for _ in range(400):
        photos = drawn(rng, **dict.fromkeys("abcdef", 20))
        splits = assign_splits(photos, FRACTIONS)
        assert len(splits) == len(photos)
        for train, validation, test in sizes(photos, splits).values():
            assert train >= 4 and validation >= 1 and test >= 1
            total += (train, validation, test)
    assert np.allclose(total / total.sum(), (0.6, 0.2, 0.2), atol=0.01)


@pytest.mark.parametrize("count", [3, 4, 5, 19, 100])
@pytest.mark.parametrize("fractions", [FRACTIONS, (98, 1, 1), (1, 1, 98)])
def test_three_photos_of_a_class_are_enough(count, fractions):
    photos = drawn(np.random.default_rng(1), few=count, many=200)
    counts = sizes(photos, assign_splits(photos, fractions))
    assert min(counts["few"]) >= 1


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_of_fewer_than_three_photos_is_named(count):
    photos = drawn(np.random.default_rng(2), few=count, many=20)
    with pytest.raises(ValueError, match=f"class few has {count} ") as error:
        assign_splits(photos, FRACTIONS)
    assert "\n" not in str(error.value)


def test_copies_do_not_make_three_photos_of_two():
    photos = [(at(0.1), "a"), (at(0.1), "a"), (at(0.7), "a")]
    with pytest.raises(ValueError, match="class a has 2 different"):
        assign_splits(photos, FRACTIONS)


def test_a_photo_in_two_classes_is_in_one_split():
    rng = np.random.default_rng(3)
    for _ in range(100):
        photos = drawn(rng, a=20, b=3)
        both = rng.bytes(32).hex()
        photos += [(both, "a"), (both, "b")]
        splits = assign_splits(photos, FRACTIONS)
        thresholds = np.searchsorted([0.6, 0.8], int(both[:8], 16) / 2**32)
        assert splits[both] == SPLITS[thresholds]


def test_hashes_alone_decide_where_each_split_has_enough():
    numbers = np.linspace(0.01, 0.99, 50)
    splits = assign_splits([(at(n), "a") for n in numbers], FRACTIONS)
    for number in numbers:
        expected = SPLITS[np.searchsorted([0.6, 0.8], number)]
        assert splits[at(number)] == expected


def test_the_nearest_photos_fill_up_a_split_without_enough():
    numbers = (0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.59, 0.61, 0.62, 0.63)
    splits = assign_splits([(at(n), "a") for n in numbers], FRACTIONS)
    # Ten photos, so at least 2, 1 and 1 in training, validation and test.
    assert [splits[at(n)] for n in numbers] == (
        ["train"] * 7 + ["validation"] * 2 + ["test"]
    )
    splits = assign_splits([(at(n / 2), "a") for n in numbers], FRACTIONS)
    assert [splits[at(n / 2)] for n in numbers] == (
        ["train"] * 8 + ["validation", "test"]
    )


def test_one_of_four_expected_photos_is_a_third_rounded_down():
    numbers = [*np.linspace(0.01, 0.59, 12), *np.linspace(0.61, 0.79, 7)]
    keys = [at(n) for n in [*numbers, 0.9]]
    splits = assign_splits([(key, "a") for key in keys], FRACTIONS)
    assert list(splits.values()).count("test") == 1
    assert list(splits.values()).count("validation") == 7


def changed(before, after):
    """How many photos are in another split than before."""
    return sum(after[key] != split for key, split in before.items())


def test_one_more_photo_moves_two_of_its_class_at_most():
    rng = np.random.default_rng(4)
    for _ in range(2000):
        photos = drawn(rng, a=rng.integers(3, 60), b=rng.integers(3, 60))
        fractions = rng.integers(1, 100, 3)
        added = drawn(rng, a=1)
        before = assign_splits(photos, fractions)
        after = assign_splits(photos + added, fractions)
        assert changed(before, after) <= 2
        for key, class_name in photos:
            assert class_name == "a" or after[key] == before[key]


def test_hardly_a_photo_changes_its_split_when_many_come():
    rng = np.random.default_rng(5)
    moved = {20: 0, 60: 0, 200: 0}
    for count in moved:
        for _ in range(300):
            photos, added = drawn(rng, a=count), drawn(rng, a=100)
            before = assign_splits(photos, FRACTIONS)
            moved[count] += changed(
                before, assign_splits(photos + added, FRACTIONS)
            )
    assert 0 < moved[20] < 300 * 20 * 0.005
    assert moved[60] < 300 * 60 * 0.001
    assert moved[200] == 0


def test_as_many_classes_are_corrected_as_the_docs_say():
    rng = np.random.default_rng(6)
    corrected = {20: 0, 200: 0}
    for count in corrected:
        for _ in range(1000):
            photos = drawn(rng, a=count)
            splits = assign_splits(photos, FRACTIONS)
            corrected[count] += any(
                split
                != SPLITS[np.searchsorted([0.6, 0.8], int(k[:8], 16) / 2**32)]
                for k, split in splits.items()
            )
    assert 0.01 < corrected[20] / 1000 < 0.03
    assert corrected[200] == 0


def test_the_order_of_the_photos_plays_no_part():
    rng = np.random.default_rng(7)
    photos = drawn(rng, a=20, b=5, c=3)
    expected = assign_splits(photos, FRACTIONS)
    rng.shuffle(photos)
    assert (
        assign_splits([tuple(pair) for pair in photos], FRACTIONS) == expected
    )


def test_the_default_photos_are_split_by_their_hashes_alone():
    photos = [
        (hashlib.sha256(path.read_bytes()).hexdigest(), path.parent.name)
        for path in sorted(render.folder().glob("*/*.jpg"))
    ]
    splits = assign_splits(photos, render.FRACTIONS)
    for key, _ in photos:
        point = int(key[:15], 16) / 16**15 * sum(render.FRACTIONS)
        assert splits[key] == SPLITS[np.searchsorted([60, 80], point)]
    for counts in sizes(photos, splits).values():
        assert tuple(counts) == render.FRACTIONS
