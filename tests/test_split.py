"""Each class is in each split, and a photo keeps its split where it can."""

import collections
import hashlib

import numpy as np
import pytest
from make_photos import FRACTIONS

from helpers.dataset.splits import SPLITS, assign_splits
from helpers.surfaces import render


def random_photos(rng, **counts):
    """Random pairs of hash and class: so many of each class."""
    return [
        (rng.bytes(32).hex(), class_name)
        for class_name, count in counts.items()
        for _ in range(count)
    ]


def at(number):
    """A hash that lies at a number from 0 to 1, to 4 digits."""
    return f"{int(number * 2**32):08x}{0:056x}"


def by_hash(key):
    """The split of a photo where no threshold is moved."""
    number = int(key[:15], 16) / 16**15
    return SPLITS[np.searchsorted([0.6, 0.8], number)]


def sizes_of(photos, splits):
    """{class: how many of its photos are in each split}."""
    counts = collections.Counter((name, splits[key]) for key, name in photos)
    return {
        name: [counts[name, split] for split in SPLITS] for _, name in photos
    }


def test_no_folder_of_six_classes_with_twenty_photos_is_refused():
    rng = np.random.default_rng(0)
    total = np.zeros(3)
    for _ in range(200):
        photos = random_photos(rng, **dict.fromkeys("abcdef", 20))
        splits = assign_splits(photos, FRACTIONS)
        assert len(splits) == len(photos)
        counts = np.array(list(sizes_of(photos, splits).values()))
        assert (counts >= (4, 1, 1)).all()
        total += counts.sum(axis=0)
    assert np.allclose(total / total.sum(), (0.6, 0.2, 0.2), atol=0.01)


@pytest.mark.parametrize("count", [3, 4, 5, 19, 100])
@pytest.mark.parametrize("fractions", [FRACTIONS, (98, 1, 1), (1, 1, 98)])
def test_three_photos_of_a_class_are_enough(count, fractions):
    photos = random_photos(np.random.default_rng(1), few=count, many=200)
    counts = sizes_of(photos, assign_splits(photos, fractions))
    assert min(counts["few"]) >= 1


@pytest.mark.parametrize("numbers", [(0.1,), (0.1, 0.7), (0.1, 0.1, 0.7)])
def test_a_class_of_fewer_than_three_different_photos_is_named(numbers):
    photos = random_photos(np.random.default_rng(2), many=20)
    photos += [(at(number), "few") for number in numbers]
    count = len(set(numbers))
    with pytest.raises(ValueError, match=f"class few has {count} ") as error:
        assign_splits(photos, FRACTIONS)
    assert "\n" not in str(error.value)


def test_a_photo_in_two_classes_is_in_one_split_by_its_hash():
    rng = np.random.default_rng(3)
    for _ in range(50):
        photos = random_photos(rng, a=20, b=3)
        both = rng.bytes(32).hex()
        photos += [(both, "a"), (both, "b")]
        assert assign_splits(photos, FRACTIONS)[both] == by_hash(both)


def test_a_class_whose_photos_all_lie_in_others_too_is_refused():
    photos = random_photos(np.random.default_rng(8), a=20, b=2)
    photos += [(key, "b") for key, name in photos if name == "a"]
    with pytest.raises(ValueError, match="class a has 0 different"):
        assign_splits(photos, FRACTIONS)


def test_hashes_alone_decide_where_each_split_has_enough():
    keys = [at(number) for number in np.linspace(0.01, 0.99, 50)]
    splits = assign_splits([(key, "a") for key in keys], FRACTIONS)
    assert splits == {key: by_hash(key) for key in keys}


TEN = (0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.59, 0.61, 0.62, 0.63)


@pytest.mark.parametrize(
    ("numbers", "counts"),
    [
        # Ten photos: at least 2, 1 and 1 in training, validation and test.
        (TEN, (7, 2, 1)),
        ([number / 2 for number in TEN], (8, 1, 1)),
        # One of four expected photos is a third, rounded down.
        ([*np.linspace(0.01, 0.59, 12), *np.linspace(0.61, 0.79, 7), 0.9],
         (12, 7, 1)),
    ],
)  # fmt: skip
def test_the_nearest_photos_fill_up_a_split_without_enough(numbers, counts):
    splits = assign_splits([(at(n), "a") for n in numbers], FRACTIONS)
    assert [splits[at(n)] for n in numbers] == list(np.repeat(SPLITS, counts))


def changed(before, after):
    """How many photos are in another split than before."""
    return sum(after[key] != split for key, split in before.items())


def test_one_more_photo_moves_two_of_its_class_at_most():
    rng = np.random.default_rng(4)
    for _ in range(600):
        counts = {name: rng.integers(3, 60) for name in "ab"}
        photos = random_photos(rng, **counts)
        fractions = rng.integers(1, 100, 3)
        before = assign_splits(photos, fractions)
        after = assign_splits(photos + random_photos(rng, a=1), fractions)
        assert changed(before, after) <= 2
        others = {key: before[key] for key, name in photos if name == "b"}
        assert changed(others, after) == 0


def test_hardly_a_photo_changes_its_split_when_many_come():
    rng = np.random.default_rng(5)
    moved = {20: 0, 60: 0, 200: 0}
    for count in moved:
        for _ in range(200):
            photos = random_photos(rng, a=count)
            before = assign_splits(photos, FRACTIONS)
            added = random_photos(rng, a=100)
            after = assign_splits(photos + added, FRACTIONS)
            moved[count] += changed(before, after)
    assert 0 < moved[20] < 200 * 20 * 0.005
    assert moved[60] < 200 * 60 * 0.001
    assert moved[200] == 0


@pytest.mark.parametrize(
    ("count", "times", "low", "high"),
    [(20, 1000, 0.01, 0.03), (200, 200, 0, 0)],
)
def test_as_many_classes_are_corrected_as_the_docs_say(
    count, times, low, high
):
    rng = np.random.default_rng(6)
    corrected = 0
    for _ in range(times):
        splits = assign_splits(random_photos(rng, a=count), FRACTIONS)
        corrected += splits != {key: by_hash(key) for key in splits}
    assert low <= corrected / times <= high


def in_groups(rng, classes, sizes):
    """Random photos, each group in some of the classes; {hash: group}."""
    photos, groups = [], {}
    for number, size in enumerate(sizes):
        for key, _ in random_photos(rng, a=size):
            photos.append((key, rng.choice(list(classes[number]))))
            groups[key] = f"group {number}"
    return photos, groups


@pytest.mark.parametrize("classes", ["a", "ab"])
def test_photos_of_a_group_stay_together_and_fill_each_split(classes):
    rng = np.random.default_rng(9)
    total = np.zeros(3)
    for _ in range(300):
        sizes = rng.integers(2, 30, rng.integers(6, 40))
        photos, groups = in_groups(rng, [classes] * len(sizes), sizes)
        photos += random_photos(rng, b=20)
        splits = assign_splits(photos, FRACTIONS, groups)
        assert splits.keys() == {key for key, _ in photos}
        places = {(group, splits[key]) for key, group in groups.items()}
        assert len(places) == len(sizes)
        counts = sizes_of(photos, splits)
        assert min(map(min, counts.values())) >= 1
        total += counts["a"]
    assert np.allclose(total / total.sum(), (0.6, 0.2, 0.2), atol=0.05)


def test_a_group_keeps_its_split_unless_its_smallest_hash_changes():
    rng = np.random.default_rng(10)
    photos, groups = in_groups(rng, "a" * 40, [5] * 40)
    before = assign_splits(photos, FRACTIONS, groups)
    first = min(groups)
    for key in set(groups) - {first}:
        if groups[key] == groups[first]:
            photos.remove((key, "a"))
    photos.append(("f" * 64, "a"))
    groups["f" * 64] = groups[first]
    after = assign_splits(photos, FRACTIONS, groups)
    del after["f" * 64]
    assert after.items() <= before.items()


def test_groups_of_one_photo_change_nothing():
    photos = random_photos(np.random.default_rng(11), a=50, b=9)
    alone = {key: f"only {key}" for key, _ in photos}
    expected = assign_splits(photos, FRACTIONS)
    assert assign_splits(photos, FRACTIONS, alone) == expected


def test_a_class_in_fewer_groups_than_splits_is_named():
    photos, groups = in_groups(np.random.default_rng(0), "aa", (5, 5))
    with pytest.raises(ValueError, match="class a has 10 photos in 2 groups"):
        assign_splits(photos, FRACTIONS, groups)


def test_the_order_of_the_photos_plays_no_part():
    photos = random_photos(np.random.default_rng(7), a=20, b=5, c=3)
    expected = assign_splits(photos, FRACTIONS)
    assert assign_splits(photos[::-1], FRACTIONS) == expected


def test_the_default_photos_are_split_by_their_hashes_alone():
    photos = [
        (hashlib.sha256(path.read_bytes()).hexdigest(), path.parent.name)
        for path in sorted(render.folder().glob("*/*.jpg"))
    ]
    splits = assign_splits(photos, render.FRACTIONS)
    thresholds = np.cumsum(render.FRACTIONS)[:2] / sum(render.FRACTIONS)
    for key, split in splits.items():
        number = int(key[:15], 16) / 16**15
        assert split == SPLITS[np.searchsorted(thresholds, number)]
    for counts in sizes_of(photos, splits).values():
        assert tuple(counts) == render.FRACTIONS
