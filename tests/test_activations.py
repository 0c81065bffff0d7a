"""Stored activations are right, shared, and never stale."""

import os
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from helpers import activations, forward, photos, store


@pytest.fixture
def part(tmp_path, monkeypatch):
    """Five noise photos as one part, and a store of their own."""
    monkeypatch.setattr(store, "WORK", tmp_path / "work")
    monkeypatch.setattr("helpers.files.WORK", tmp_path / "work")
    use(monkeypatch, "float32")
    rng = np.random.default_rng(0)
    for i in range(5):
        folder = tmp_path / "photos" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (40, 50, 3), "uint8")
        Image.fromarray(noise).save(folder / f"{i}.png")
    return photos.whole(tmp_path / "photos", ("a", "b"))


def use(monkeypatch, policy):
    """Compute as a machine does for which this policy was chosen."""
    monkeypatch.setattr(activations.precision, "chosen", lambda: policy)


def lower(scale=1 / 127.5, seed=0):
    """A small frozen part, built like the lessons build theirs."""
    keras.utils.set_random_seed(seed)
    base = keras.Sequential(
        [keras.Input((299, 299, 3)), keras.layers.Conv2D(4, 5, 50)]
    )
    inputs = keras.Input((299, 299, 3))
    scaled = keras.layers.Rescaling(scale, offset=-1)(inputs)
    return keras.Model(inputs, base(scaled))


def files(part):
    return list(store.WORK.glob("activations/*"))


def test_stored_is_what_the_model_says(part):
    model = lower()
    stored = activations.stored(model, part)
    pixels = np.stack([photos.pixels(p) for p in part.paths])
    expected = model.predict(pixels, verbose=0)
    assert stored.shape == (5, 5 + 1, 5 + 1, 4)
    assert stored.dtype == "float16"
    np.testing.assert_allclose(stored, expected, rtol=2e-3, atol=1e-4)


def test_a_second_call_reads_what_the_first_wrote(part, capsys):
    first = activations.stored(lower(), part)
    capsys.readouterr()
    again = activations.stored(lower(), part)
    assert np.array_equal(first, again)
    assert capsys.readouterr().out == ""
    assert len(files(part)) == 1


def test_freezing_changes_no_name(part):
    model = lower()
    activations.stored(model, part)
    model.trainable = False
    activations.stored(model, part)
    assert len(files(part)) == 1


@pytest.mark.parametrize("change", ["weights", "scaling"])
def test_another_model_is_asked_anew(part, change):
    first = activations.stored(lower(), part)
    if change == "weights":
        other = activations.stored(lower(seed=1), part)
    else:
        other = activations.stored(lower(scale=1 / 255), part)
    assert not np.array_equal(first, other)
    assert len(files(part)) == 2


def test_a_photo_is_computed_once(part, capsys):
    everything = np.array(activations.stored(lower(), part.take([0, 1, 2])))
    capsys.readouterr()
    other = activations.stored(lower(), part.take([2, 4, 0]))
    assert "1/1" in capsys.readouterr().out  # one photo is new
    assert np.array_equal(other[[2, 0]], everything[[0, 2]])
    whole = activations.stored(lower(), part)
    np.testing.assert_array_equal(whole[4], other[1])
    assert not np.array_equal(whole[3], whole[4])


def test_a_file_with_new_content_is_computed_anew(part, tmp_path):
    first = np.array(activations.stored(lower(), part))
    Image.new("RGB", (40, 50), "red").save(part.paths[0])
    changed = photos.whole(tmp_path / "photos", ("a", "b"))
    rows = {key: row for row, key in enumerate(part.keys)}
    stored = activations.stored(lower(), changed)
    new = [key for key in changed.keys if key not in rows]
    assert len(new) == 1
    for row, key in zip(stored, changed.keys, strict=True):
        if key in rows:
            assert np.array_equal(row, first[rows[key]])
        else:
            assert not any(np.array_equal(row, old) for old in first)


def test_a_fast_arithmetic_says_nearly_the_same(part, monkeypatch):
    model = lower()
    exact = activations.stored(model, part)
    use(monkeypatch, "mixed_bfloat16")
    fast = activations.stored(model, part)
    assert len(files(part)) == 2
    assert 0 < np.abs(fast - exact).max() < 0.03 * np.abs(exact).max()
    # New weights of the same model reach its copy, too.
    model.set_weights([2 * w for w in model.get_weights()])
    double = activations.stored(model, part)
    np.testing.assert_allclose(double, 2 * fast, rtol=2e-2, atol=1e-2)


def test_a_view_is_the_same_each_time_and_unlike_the_next(part):
    augment = keras.Sequential(
        [keras.layers.RandomFlip(), keras.layers.RandomRotation(0.5)]
    )
    first = np.array(activations.stored(lower(), part, augment, view=1))
    for file in files(part):
        file.unlink()
    again = np.array(activations.stored(lower(), part, augment, view=1))
    other = activations.stored(lower(), part, augment, view=2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, activations.stored(lower(), part))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "old"])
def test_a_damaged_file_is_made_again(part, capsys, damage):
    first = np.array(activations.stored(lower(), part))
    (file,) = files(part)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    if damage == "old":
        np.save(file, first)  # without keys and check sum
    else:
        kept = {"cut": 200, "flipped": len(content), "empty": 0}[damage]
        file.write_bytes(content[:kept])
    assert np.array_equal(first, activations.stored(lower(), part))
    assert "damaged" in capsys.readouterr().out
    assert np.array_equal(first, activations.stored(lower(), part))
    assert "damaged" not in capsys.readouterr().out


def test_rows_of_a_damaged_file_are_not_taken_over(part):
    first = np.array(activations.stored(lower(), part))
    (file,) = files(part)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)
    again = activations.stored(lower(), part.take([4, 3, 2, 1]))
    np.testing.assert_allclose(again, first[[4, 3, 2, 1]], rtol=1e-3)


def test_what_was_used_longest_ago_goes_first(part, monkeypatch):
    activations.stored(lower(), part)
    (oldest,) = files(part)
    activations.stored(lower(seed=1), part)
    (second,) = set(files(part)) - {oldest}
    os.utime(oldest, (1, 1))
    os.utime(second, (2, 2))
    activations.stored(lower(), part)  # used: no longer the oldest
    size = oldest.stat().st_size
    monkeypatch.setattr(store, "LIMIT", 2 * size)
    activations.stored(lower(seed=2), part)
    assert oldest in files(part) and second not in files(part)
    monkeypatch.setattr(store, "LIMIT", 0)
    activations.stored(lower(seed=3), part)
    assert len(files(part)) == 1  # what was just asked for stays


def test_a_clock_that_was_moved_changes_nothing(part, capsys):
    first = np.array(activations.stored(lower(), part))
    (file,) = files(part)
    for moment in (0, 2**33):  # long ago, and far ahead
        os.utime(file, (moment, moment))
        capsys.readouterr()
        again = activations.stored(lower(), part)
        assert np.array_equal(first, again)
        assert "photo/s" not in capsys.readouterr().out  # nothing computed


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_what_is_drawn_next_is_the_same_from_disk(part, monkeypatch, policy):
    use(monkeypatch, policy)
    model = lower()

    def weights_of_a_new_layer():
        keras.utils.set_random_seed(1)
        activations.stored(model, part)
        head = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        return head.get_weights()[0]

    computed, read = weights_of_a_new_layer(), weights_of_a_new_layer()
    np.testing.assert_array_equal(computed, read)


def test_one_copy_serves_all_parts_and_follows_the_weights(part, monkeypatch):
    made = []

    def copied(model, policy):
        made.append(whole(model, policy))
        return made[-1]

    whole = forward.Copy
    monkeypatch.setattr(forward, "Copy", copied)
    model = lower()
    first = np.array(activations.stored(model, part.take([0, 1])))
    activations.stored(model, part.take([2]))
    model.set_weights([0.5 * w for w in model.get_weights()])
    again = activations.stored(model, part.take([0, 1]))
    assert len(made) == 1
    assert not np.array_equal(first, again)


def test_a_dataset_gives_what_is_stored(part):
    stored = activations.stored(lower(), part)
    (x, y), (rest, _) = activations.dataset(stored, part.labels, None, 3)
    assert x.dtype == "float32" and x.shape == (3, *stored.shape[1:])
    np.testing.assert_array_equal(x, stored[:3])
    np.testing.assert_array_equal(rest, stored[3:])
    np.testing.assert_array_equal(y, part.labels[:3])
    (alone,) = activations.dataset(stored)
    np.testing.assert_array_equal(alone, stored)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_read_does_not_stay_in_memory(part):
    def resident():
        """How many kB of stored answers this process holds."""
        maps = Path("/proc/self/smaps").read_text(encoding="utf-8")
        here = re.escape(str(store.WORK))  # other tests may hold others
        found = re.findall(rf"{here}.*\n(?:.*\n)*?Rss: +(\d+) kB", maps)
        return sum(map(int, found))

    stored = activations.stored(lower(), part)
    assert resident() == 0  # computed, checked, and let go
    np.array(stored)
    assert resident() > 0
    for _ in activations.dataset(stored):
        pass
    assert resident() == 0


def test_a_seed_fixes_an_order_that_changes_from_pass_to_pass(part):
    stored = activations.stored(lower(), part)
    places = np.arange(5)

    def two_passes():
        ds = activations.dataset(stored, places, seed=3)
        return [[list(y.numpy()) for _, y in ds][0] for _ in range(2)]

    first, second = two_passes()
    assert sorted(first) == sorted(second) == places.tolist()
    assert first != second
    assert two_passes() == [first, second]


def test_an_answer_beyond_float16_is_refused(part):
    with pytest.raises(ValueError, match="too large"):
        activations.stored(lower(scale=1e6), part)
    assert files(part) == []
