"""Stored activations are right, shared, and never stale."""

import contextlib
import gc
import io
import os
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from helpers import activations, forward, measure, photos, store


@pytest.fixture
def part(tmp_path, monkeypatch):
    """Five noise photos as one part, and a store of their own."""
    monkeypatch.setattr(store, "WORK", tmp_path / "work")
    monkeypatch.setattr("helpers.files.WORK", tmp_path / "work")
    use(monkeypatch, "float32")
    return noise(tmp_path / "photos", 5)


def noise(place, count):
    rng = np.random.default_rng(0)
    for i in range(count):
        folder = place / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (40, 50, 3), "uint8")
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return photos.whole(place, ("a", "b"))


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


OWN = """
class Own(keras.layers.Layer):
    brightest = 1

    def __init__(self, seed=None, **options):
        super().__init__(**options)
        self.dice = keras.random.SeedGenerator(seed)

    @property
    def darkest(self):
        return 0.25

    def call(self, x, training=False, more=0, *, most=2):
        # Whoever is darkened is darkened as a whole.
        shape = (keras.ops.shape(x)[0], 1, 1, 1)
        known = self.name in {"a", "b", "c", "d"}
        low, least = self.darkest, (lambda: 0)()
        dice = keras.random.uniform(shape, low, 1, seed=self.dice)
        return x * dice + least + known
"""


def own(source, line=0):
    """Return the class that a cell of a notebook makes, at some line."""
    space = {"keras": keras, "__name__": "__main__"}
    exec(compile("\n" * line + source, f"cell-{line}", "exec"), space)
    return space["Own"]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# Whoever", "# Everybody who", True),
        ("x * dice", "x / dice", False),  # the code
        ("[0], 1, 1, 1", "[0], 1, 1, 3", False),  # a constant
        ("return 0.25", "return 0.5", False),  # of a property
        ("lambda: 0", "lambda: 9", False),  # of a function inside
        ("ops.shape", "ops.zeros_like", False),  # a name
        ("more=0", "more=1", False),  # a default
        ("most=2", "most=3", False),
        ("brightest = 1", "brightest = 0.5", False),  # a value of the class
    ],
)
def test_a_layer_of_ones_own_is_known_by_its_code(part, old, new, same):
    assert old in OWN

    def view(source, line):
        augment = keras.Sequential([own(source, line)()])
        return activations._key(lower(), augment, 1, "float32")

    first = view(OWN, line=0)
    assert (view(OWN.replace(old, new), line=5) == first) == same


def test_an_edited_layer_is_asked_anew_with_the_same_dice(part):
    model = pooled()

    def view(source, line=0):
        augment = keras.Sequential([own(source, line)()])
        return np.array(activations.stored(model, part, augment, view=1))

    first = view(OWN)
    assert np.array_equal(view(OWN, line=5), first)
    assert len(files(part)) == 1
    # Other code that does the same: it is asked, and throws what it threw.
    same = view(OWN.replace("x * dice +", "dice * x +"))
    assert len(files(part)) == 2
    np.testing.assert_array_equal(same, first)
    darker = view(OWN.replace("0.25", "0.2"))
    assert len(files(part)) == 3
    assert not np.array_equal(darker, first)


def test_the_code_of_a_layer_is_the_same_in_each_process():
    kind = own(OWN)
    text = activations._own_code(kind)
    for changing in ("frozenset", " at 0x", "cell-0", "__main__"):
        assert changing not in text
    layer = kind()
    for _ in range(50):  # Python rewrites code that is often used
        layer(np.ones((1, 1, 1, 1), "float32"))
    assert activations._own_code(kind) == text != ""


def test_what_keras_makes_keeps_its_names():
    kinds = [one for one in vars(keras.layers).values() if type(one) is type]
    assert keras.layers.Conv2D in kinds and len(kinds) > 100
    assert {activations._own_code(kind) for kind in kinds} == {""}


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


def flipped(file):
    """Return the content of a file with one bit changed, and remove it."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    return content


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "old"])
def test_a_damaged_file_is_made_again(part, capsys, damage):
    first = np.array(activations.stored(lower(), part))
    (file,) = files(part)
    content = flipped(file)
    if damage == "old":
        np.save(file, first)  # without keys and check sum
    else:
        kept = {"cut": 200, "flipped": len(content), "empty": 0}[damage]
        file.write_bytes(content[:kept])
    assert np.array_equal(first, activations.stored(lower(), part))
    assert "damaged" in capsys.readouterr().out
    assert np.array_equal(first, activations.stored(lower(), part))
    assert "damaged" not in capsys.readouterr().out


def test_no_flipped_bit_of_a_header_goes_unnoticed(tmp_path):
    path, whole = tmp_path / "a.npy", np.float16([[0, 1], [2, 3]])
    with store.saved(path, whole.shape, "ab") as out:
        out[:] = whole
        del out
    content = path.read_bytes()
    damaged = 0
    for bit in range(8 * 128):  # the header
        other = bytearray(content)
        other[bit // 8] ^= 1 << bit % 8
        path.write_bytes(other)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            found = store.load(path)
        if found is None:
            damaged += 1
            assert "a.npy is damaged" in said.getvalue()
        else:  # a blank of the header, or the like
            np.testing.assert_array_equal(found[0], whole)
            assert found[0].dtype == whole.dtype
    assert damaged > 100


def test_rows_of_a_damaged_file_are_not_taken_over(part):
    first = np.array(activations.stored(lower(), part))
    (file,) = files(part)
    file.write_bytes(flipped(file))
    again = activations.stored(lower(), part.take([4, 3, 2, 1]))
    np.testing.assert_allclose(again, first[[4, 3, 2, 1]], rtol=1e-3)


def mapped(path):
    """Return the memory maps of a file that this process holds."""
    maps = [one for one in gc.get_objects() if type(one) is np.memmap]
    return [one for one in maps if str(one.filename) == str(path)]


def test_nothing_maps_a_file_that_is_renamed(part, monkeypatch):
    # Windows would refuse it.
    real, seen = os.replace, []

    def replace(path, to):
        if Path(to).suffix == ".npy":
            seen.append(mapped(path))
        real(path, to)

    monkeypatch.setattr(os, "replace", replace)
    activations.stored(lower(), part.take([0, 1]))
    activations.stored(lower(), part)  # two rows are taken over
    augment = keras.Sequential([keras.layers.RandomFlip()])
    activations.stored(lower(), part, augment, view=1)
    assert seen == [[], [], []]
    with store.saved(store.folder() / "a.npy", (2, 3), "ab") as out:
        out[:] = 0  # held for longer than it may be
    assert [len(maps) for maps in seen[3:]] == [1]


def test_what_another_process_is_writing_is_not_removed(part, monkeypatch):
    activations.stored(lower(), part)
    (old,) = files(part)
    writing = old.with_name(".part-1-otherone-1.npy")
    writing.write_bytes(old.read_bytes())
    monkeypatch.setattr(store, "LIMIT", 0)
    activations.stored(lower(seed=1), part)
    assert writing in files(part) and old not in files(part)
    assert len(files(part)) == 2


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


def resident():
    """Return the kB of stored answers that this process holds, by file."""
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8")
    here = re.escape(str(store.WORK))  # other tests may hold others
    found = re.findall(rf"{here}.*\n(?:.*\n)*?Rss: +(\d+) kB", maps)
    return [int(size) for size in found]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_read_does_not_stay_in_memory(part):
    stored = activations.stored(lower(), part)
    assert sum(resident()) == 0  # computed, checked, and let go
    np.array(stored)
    assert sum(resident()) > 0
    for _ in activations.dataset(stored):
        pass
    assert sum(resident()) == 0


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


# In pieces.


@pytest.fixture
def many(part, tmp_path, monkeypatch):
    """Eight photos, of which three go into a file."""
    monkeypatch.setattr(activations, "ROWS", 3)
    return noise(tmp_path / "many", 8)


def pooled():
    """A small frozen part that ends in features."""
    model = lower()
    average = keras.layers.GlobalAveragePooling2D()
    return keras.Model(model.input, average(model.output))


def stopped_after(monkeypatch, batches):
    """Let models fail when so many batches, of a photo each, are done."""
    whole = activations._fast

    class Stopping:
        done = 0

        def __init__(self, *given):
            self.model = whole(*given)

        def predict_on_batch(self, pixels):
            if self.done == batches:
                raise KeyboardInterrupt
            self.done += 1
            return self.model.predict_on_batch(pixels)

    monkeypatch.setattr(activations, "BATCH_SIZE", 1)
    monkeypatch.setattr(activations, "_fast", Stopping)


def test_who_was_stopped_makes_only_what_is_missing(many, monkeypatch, capsys):
    expected = np.array(activations.stored(lower(), many))
    assert "8/8" in capsys.readouterr().out  # one bar over all
    for file in files(many):
        file.unlink()
    with monkeypatch.context() as held:
        stopped_after(held, 7)
        with pytest.raises(KeyboardInterrupt):
            activations.stored(lower(), many)
    assert len(files(many)) == 2
    capsys.readouterr()
    again = activations.stored(lower(), many)
    assert "2/2" in capsys.readouterr().out
    np.testing.assert_array_equal(again, expected)
    activations.stored(lower(), many)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "index",
    [0, -1, slice(2, 7), slice(None, None, -3), [7, 0, 3, 3], []]
    + [np.array([[1, 2], [6, 0]]), np.arange(8) % 3 == 1],
    ids=str,
)
def test_pieces_are_read_as_one_array(tmp_path, index):
    whole = np.float16(np.random.default_rng(0).normal(size=(8, 2, 3)))
    paths = [tmp_path / f"{i}.npy" for i in range(3)]
    for path, piece in zip(paths, np.split(whole, [3, 6]), strict=True):
        with store.saved(path, piece.shape, "abc"[: len(piece)]) as out:
            out[:] = piece
            del out
    stored = store.Rows(paths)
    assert len(stored) == 8 and stored.shape == whole.shape
    assert stored.dtype == "float16"
    np.testing.assert_array_equal(stored[index], whole[index])
    np.testing.assert_array_equal(stored, whole)
    np.testing.assert_array_equal(list(stored), whole)
    with pytest.raises(IndexError):
        stored[8]
    with pytest.raises(TypeError):
        stored[0] = 0


def test_what_lessons_do_comes_out_the_same(many, monkeypatch):
    y = many.labels

    def done():
        x = activations.stored(pooled(), many)
        keras.utils.set_random_seed(0)
        head = keras.Sequential([keras.layers.Dense(2, "softmax")])
        head.compile("adam", "sparse_categorical_crossentropy")
        head.fit(x, y, validation_data=(x, y), verbose=0)
        stream = activations.dataset(x, y, seed=3, batch_size=3)
        return type(x), [
            head.predict(x, verbose=0),
            *(array for batch in stream for array in batch),
            np.concatenate([x, x]),
            np.float32(x[:4]),
            x[y == 1].mean(axis=0),
            metrics.pairwise_distances(x, x[:2], "cosine"),
            *measure.standardised(x, x),
        ]

    of_pieces, said = done()
    monkeypatch.setattr(activations, "ROWS", 8)
    of_one, expected = done()  # taken over: the very same rows
    assert of_pieces is store.Rows and of_one is np.memmap
    for one, other in zip(said, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_few_pieces_are_open_and_none_in_memory(many, monkeypatch):
    monkeypatch.setattr(store, "OPEN", 2)
    stored = activations.stored(lower(), many)
    assert resident() == [0, 0]
    np.array(stored)
    assert resident() == [0, 0]
    del stored
    assert resident() == []
    stored = activations.stored(lower(), many)
    for _ in activations.dataset(stored, seed=0, batch_size=3):
        pass
    assert resident() == [0, 0]


def test_a_damaged_piece_alone_is_made_again(many, capsys):
    stored = activations.stored(lower(), many)
    first, file = np.array(stored), stored.paths[1]
    del stored
    file.write_bytes(flipped(file))
    capsys.readouterr()
    again = activations.stored(lower(), many)
    np.testing.assert_array_equal(again, first)
    said = capsys.readouterr().out
    assert said.count("is damaged") == 1 and "3/3" in said


def test_photos_that_move_to_other_pieces_are_taken_over(
    many, monkeypatch, capsys
):
    first = np.array(activations.stored(lower(), many))
    old = set(files(many))
    monkeypatch.setattr(store, "LIMIT", 0)
    capsys.readouterr()
    fewer = activations.stored(lower(), many.take(range(1, 8)))
    assert capsys.readouterr().out == ""  # nothing computed
    np.testing.assert_array_equal(fewer, first[1:])
    # Room was made, but not before all was taken over.
    assert len(files(many)) == 3 and not old & set(files(many))


def test_a_part_larger_than_the_limit_stays_whole(many, monkeypatch):
    monkeypatch.setattr(store, "LIMIT", 0)
    with monkeypatch.context() as held:
        stopped_after(held, 7)
        with pytest.raises(KeyboardInterrupt):
            activations.stored(lower(), many)
    for file in files(many):
        os.utime(file, (1, 1))
    rows = activations.stored(lower(), many)
    assert len(files(many)) == 3
    # What is read here stays, too; what nobody reads goes.
    other = activations.stored(lower(seed=1), many)
    assert len(files(many)) == 6
    assert np.array(rows).shape == np.array(other).shape
    del rows
    activations.stored(lower(seed=2), many.take([0]))
    assert len(files(many)) == 4


def test_each_piece_of_a_view_has_dice_of_its_own(many):
    augment = keras.Sequential([keras.layers.RandomRotation(0.5)])
    twice = many.take([0, 1, 2, 0, 1, 2])
    view = np.array(activations.stored(lower(), twice, augment, 1))
    assert len(files(many)) == 2
    assert not np.array_equal(view[:3], view[3:])
    once = activations.stored(lower(), many.take(range(3)), augment, 1)
    np.testing.assert_array_equal(once, view[:3])
    assert len(files(many)) == 2
    for file in files(many):
        file.unlink()
    again = activations.stored(lower(), twice, augment, 1)
    np.testing.assert_array_equal(again, view)
