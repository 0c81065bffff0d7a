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

from helpers import paths, stats
from helpers.dataset import pipeline, splits
from helpers.features import extraction, storage
from helpers.network import fused


@pytest.fixture
def split(tmp_path, monkeypatch):
    """Five noise photos as one part, and a store of their own."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    use(monkeypatch, "float32")
    return noise(tmp_path / "photos", 5)


def noise(place, count):
    rng = np.random.default_rng(0)
    for i in range(count):
        folder = place / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (40, 50, 3), "uint8")
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return splits.whole_folder(place, ("a", "b"))


def use(monkeypatch, policy):
    """Compute as a machine does for which this policy was chosen."""
    monkeypatch.setattr(extraction.dtypes, "fastest_dtype", lambda: policy)


def lower(scale=1 / 127.5, seed=0):
    """A small frozen part, built like the lessons build theirs."""
    keras.utils.set_random_seed(seed)
    base = keras.Sequential(
        [keras.Input((299, 299, 3)), keras.layers.Conv2D(4, 5, 50)]
    )
    inputs = keras.Input((299, 299, 3))
    scaled = keras.layers.Rescaling(scale, offset=-1)(inputs)
    return keras.Model(inputs, base(scaled))


def files(split):
    return list(paths.work().glob("activations/*"))


def test_stored_is_what_the_model_says(split):
    model = lower()
    stored = extraction.extract(model, split)
    pixels = np.stack([pipeline.load_photo(p) for p in split.paths])
    expected = model.predict(pixels, verbose=0)
    assert stored.shape == (5, 5 + 1, 5 + 1, 4)
    assert stored.dtype == "float16"
    np.testing.assert_allclose(stored, expected, rtol=2e-3, atol=1e-4)


def test_a_second_call_reads_what_the_first_wrote(split, capsys):
    first = extraction.extract(lower(), split)
    capsys.readouterr()
    again = extraction.extract(lower(), split)
    assert np.array_equal(first, again)
    assert capsys.readouterr().out == ""
    assert len(files(split)) == 1


def test_freezing_changes_no_name(split):
    model = lower()
    extraction.extract(model, split)
    model.trainable = False
    extraction.extract(model, split)
    assert len(files(split)) == 1


class Dimmed(keras.layers.Layer):
    """A learner's layer, made without `get_config`."""

    factor = 0.5

    def call(self, x):
        return x * self.factor


def changed_layer(factor, version=None):
    """Return an instance of the class that a changed cell would define."""
    space = {"factor": factor}
    if version:
        space["cache_version"] = version
    kind = type("Dimmed", (keras.layers.Layer,), space)
    kind.call = Dimmed.call
    return kind()


@pytest.mark.parametrize("inside", ["augment", "model"])
def test_an_own_layer_without_version_is_computed_anew(split, capsys, inside):
    def features(layer):
        if inside == "augment":
            return extraction.extract(lower(), split, layer, view=1)
        model = lower()
        return extraction.extract(
            keras.Model(model.input, layer(model.output)), split
        )

    first = features(changed_layer(0.5))
    said = capsys.readouterr().out
    assert said.count("Features are computed anew each time") == 1
    assert "cache_version = 1" in said and "dimmed" in said
    assert first.shape == (5, 6, 6, 4) and first.dtype == "float16"
    assert files(split) == []
    second = features(changed_layer(0.1))
    assert "5/5" in capsys.readouterr().out
    assert np.abs(first - second).max() > 0.01


def test_an_own_layer_with_a_version_is_cached_until_it_changes(split, capsys):
    def features(factor, version):
        layer = changed_layer(factor, version)
        return np.array(extraction.extract(lower(), split, layer, view=1))

    first = features(0.5, 1)
    capsys.readouterr()
    np.testing.assert_array_equal(features(0.5, 1), first)
    assert capsys.readouterr().out == "" and len(files(split)) == 1
    assert not np.array_equal(features(0.1, 2), first)
    assert len(files(split)) == 2


def test_an_own_layer_that_draws_without_a_seed_is_not_cached(split, capsys):
    class Noisy(keras.layers.Layer):
        cache_version = 1

        def call(self, x):
            return x + np.random.default_rng().normal(size=x.shape) * 9

    extraction.extract(lower(), split, keras.Sequential([Noisy()]), view=1)
    assert "different pixels from the same seeds" in capsys.readouterr().out
    assert files(split) == []


def test_an_own_layer_with_seed_generators_is_reproducible(split, capsys):
    class Late(keras.layers.Layer):
        """Makes its generator when it is first called."""

        cache_version = 1

        def build(self, shape):
            self.generator = keras.random.SeedGenerator()

        def call(self, x):
            shape = (keras.ops.shape(x)[0], 1, 1, 1)
            return x * keras.random.uniform(shape, seed=self.generator)

    first = np.array(extraction.extract(lower(), split, Late(), view=1))
    for file in files(split):
        file.unlink()
    again = extraction.extract(lower(), split, Late(), view=1)
    np.testing.assert_array_equal(again, first)
    assert "anew" not in capsys.readouterr().out


def test_the_connections_of_a_model_are_never_mixed_up(split):
    def model(swapped):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((299, 299, 3))
        x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        pair = [keras.layers.Conv2D(2, 5, 50)(x) for _ in "ab"]
        return keras.Model(
            inputs, keras.layers.Subtract()(pair[::-1] if swapped else pair)
        )

    first = np.array(extraction.extract(model(False), split))
    second = np.array(extraction.extract(model(True), split))
    np.testing.assert_array_equal(second, -first)
    assert np.abs(first).max() > 0.1


def test_a_model_that_is_changed_in_place_is_computed_anew(split):
    inputs = keras.Input((299, 299, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    layer = keras.layers.Conv2D(2, 5, 50)
    model = keras.Model(inputs, layer(x))
    first = np.array(extraction.extract(model, split))
    layer.activation = keras.activations.relu
    np.testing.assert_array_equal(
        extraction.extract(model, split), np.maximum(first, 0)
    )


def adapted_normalization():
    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(2).uniform(0, 255, (2, 4, 4, 3)))
    return layer


def random_stack(rng, depth=0):
    """Return a random stack of preprocessing layers; says if it is random."""
    layers = keras.layers
    kinds = [
        lambda: (layers.RandomFlip("horizontal"), True),
        lambda: (layers.RandomRotation(0.5, seed=3), True),
        lambda: (layers.RandomZoom((-0.3, 0.3)), True),
        lambda: (layers.RandomTranslation(0.3, 0.3), True),
        lambda: (layers.RandomBrightness(0.4), True),
        lambda: (layers.RandomContrast(0.6), True),
        lambda: (layers.RandomColorJitter(brightness_factor=0.4), True),
        lambda: (layers.RandomErasing(1.0), True),
        lambda: (layers.AugMix((0, 255)), True),
        lambda: (layers.GaussianNoise(1.0), True),
        lambda: (layers.RandomCrop(12, 12), True),
        lambda: (layers.CenterCrop(12, 12), False),
        lambda: (layers.Resizing(20, 20), False),
        lambda: (layers.Rescaling(0.9), False),
        lambda: (adapted_normalization(), False),
    ]
    stack, drawn = [], False
    for _ in range(rng.integers(1, 4)):
        if depth < 2 and rng.random() < 0.3:
            layer, its = random_stack(rng, depth + 1)
        else:
            layer, its = kinds[rng.integers(len(kinds))]()
        stack.append(layer)
        drawn = drawn or its
    if depth == 0:
        stack.append(keras.layers.Resizing(16, 16))
    as_pipeline = rng.random() < 0.5
    made = keras.layers.Pipeline if as_pipeline else keras.Sequential
    return made(stack), drawn


# Together they hold each kind of layer, bare, nested and in a pipeline.
@pytest.mark.parametrize("seed", [1, 2, 3, 9, 22])
def test_any_stack_of_preprocessing_layers_is_reproducible(seed, monkeypatch):
    pixels = np.random.default_rng(1).uniform(0, 255, (4, 16, 16, 3))
    batches = [(np.float32(pixels), None)] * 2
    monkeypatch.setattr(
        extraction.pipeline, "single_pass", lambda *_: iter(batches)
    )

    def copy(view, number=0):
        augment, drawn = random_stack(np.random.default_rng(seed))
        with extraction._restored(augment):
            augment(pixels[:1], training=True)
            out = list(extraction._batches(None, augment, view, number))
        assert np.shape(out) == (2, 4, 16, 16, 3)
        return np.array(out), drawn

    first, drawn = copy(1)
    np.testing.assert_array_equal(copy(1)[0], first)
    for other, _ in (copy(2), copy(1, number=1)):
        assert np.array_equal(other, first) != drawn
    assert np.array_equal(first[0], first[1]) != drawn


@pytest.mark.parametrize(
    "augment",
    [
        lambda its: keras.Sequential(
            [its.RandomCrop(200, 200), its.Resizing(299, 299)]
        ),
        lambda its: keras.Sequential(
            [keras.Sequential([its.RandomRotation(0.5)])]
        ),
        lambda its: its.Rescaling(0.5),
    ],
    ids=["RandomCrop", "nested", "fixed"],
)
def test_any_augmentation_is_cached_and_the_same_in_each_run(split, augment):
    def features():
        made = augment(keras.layers)
        return np.array(extraction.extract(lower(), split, made, view=1))

    first = features()
    assert len(files(split)) == 1
    files(split)[0].unlink()
    np.testing.assert_array_equal(features(), first)
    assert not np.array_equal(first, extraction.extract(lower(), split))


def test_a_flat_stack_draws_from_these_seeds(split):
    # What lessons print of augmented copies depends on them.
    augment = keras.Sequential(
        [keras.layers.RandomRotation(0.5), keras.layers.RandomZoom(0.3)]
    )
    turn = keras.layers.RandomRotation(0.5, seed=2000)
    zoom = keras.layers.RandomZoom(0.3, seed=2001)
    found = extraction.extract(lower(), split, augment, view=2)
    pixels = np.float32([pipeline.load_photo(p) for p in split.paths])
    changed = zoom(turn(pixels, training=True), training=True)
    wanted = lower().predict(changed, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=1e-3)


def test_an_augmentation_goes_on_drawing_as_if_nothing_had_been(split):
    def preview(store_between):
        augment = keras.layers.RandomRotation(0.5, seed=1)
        photo = np.ones((1, 9, 9, 3), "float32") * np.arange(9)[:, None]
        augment(photo, training=True)
        if store_between:
            extraction.extract(lower(), split, augment, view=1)
        return np.array(augment(photo, training=True))

    np.testing.assert_array_equal(preview(True), preview(False))


def test_an_augmentation_of_another_shape_is_refused(split):
    crop = keras.layers.RandomCrop(200, 200)
    with pytest.raises(ValueError, match=r"shape \(200, 200, 3\)") as error:
        extraction.extract(lower(), split, crop, view=1)
    assert "Resizing(299, 299)" in str(error.value)


@pytest.mark.parametrize("change", ["weights", "scaling"])
def test_another_model_is_asked_anew(split, change):
    first = extraction.extract(lower(), split)
    if change == "weights":
        other = extraction.extract(lower(seed=1), split)
    else:
        other = extraction.extract(lower(scale=1 / 255), split)
    assert not np.array_equal(first, other)
    assert len(files(split)) == 2


def test_a_photo_is_computed_once(split, capsys):
    everything = np.array(extraction.extract(lower(), split.take([0, 1, 2])))
    capsys.readouterr()
    other = extraction.extract(lower(), split.take([2, 4, 0]))
    assert "1/1" in capsys.readouterr().out  # one photo is new
    assert np.array_equal(other[[2, 0]], everything[[0, 2]])
    whole = extraction.extract(lower(), split)
    np.testing.assert_array_equal(whole[4], other[1])
    assert not np.array_equal(whole[3], whole[4])


def test_a_file_with_new_content_is_computed_anew(split, tmp_path):
    first = np.array(extraction.extract(lower(), split))
    Image.new("RGB", (40, 50), "red").save(split.paths[0])
    changed = splits.whole_folder(tmp_path / "photos", ("a", "b"))
    rows = {key: row for row, key in enumerate(split.keys)}
    stored = extraction.extract(lower(), changed)
    new = [key for key in changed.keys if key not in rows]
    assert len(new) == 1
    for row, key in zip(stored, changed.keys, strict=True):
        if key in rows:
            assert np.array_equal(row, first[rows[key]])
        else:
            assert not any(np.array_equal(row, old) for old in first)


def test_a_fast_arithmetic_says_nearly_the_same(split, monkeypatch):
    model = lower()
    exact = extraction.extract(model, split)
    use(monkeypatch, "mixed_bfloat16")
    fast = extraction.extract(model, split)
    assert len(files(split)) == 2
    assert 0 < np.abs(fast - exact).max() < 0.03 * np.abs(exact).max()
    # New weights of the same model reach its copy, too.
    model.set_weights([2 * w for w in model.get_weights()])
    double = extraction.extract(model, split)
    np.testing.assert_allclose(double, 2 * fast, rtol=2e-2, atol=1e-2)


def test_a_view_is_the_same_each_time_and_unlike_the_next(split):
    augment = keras.Sequential(
        [keras.layers.RandomFlip(), keras.layers.RandomRotation(0.5)]
    )
    first = np.array(extraction.extract(lower(), split, augment, view=1))
    for file in files(split):
        file.unlink()
    again = np.array(extraction.extract(lower(), split, augment, view=1))
    other = extraction.extract(lower(), split, augment, view=2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, extraction.extract(lower(), split))


def flipped(file):
    """Return the content of a file with one bit changed, and remove it."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    return content


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "old"])
def test_a_damaged_file_is_made_again(split, capsys, damage):
    first = np.array(extraction.extract(lower(), split))
    (file,) = files(split)
    content = flipped(file)
    if damage == "old":
        np.save(file, first)  # without keys and check sum
    else:
        kept = {"cut": 200, "flipped": len(content), "empty": 0}[damage]
        file.write_bytes(content[:kept])
    assert np.array_equal(first, extraction.extract(lower(), split))
    assert "damaged" in capsys.readouterr().out
    assert np.array_equal(first, extraction.extract(lower(), split))
    assert "damaged" not in capsys.readouterr().out


def test_no_flipped_bit_of_a_header_goes_unnoticed(tmp_path):
    path, whole = tmp_path / "a.npy", np.float16([[0, 1], [2, 3]])
    with storage.create(path, whole.shape, "ab") as out:
        out[:] = whole
        del out
    content = path.read_bytes()
    damaged = 0
    for bit in range(8 * 128):  # the header
        other = bytearray(content)
        other[bit // 8] ^= 1 << bit % 8
        path.write_bytes(other)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            found = storage.load(path)
        if found is None:
            damaged += 1
            assert "a.npy is damaged" in said.getvalue()
        else:  # a blank of the header, or the like
            np.testing.assert_array_equal(found[0], whole)
            assert found[0].dtype == whole.dtype
    assert damaged > 100


def test_rows_of_a_damaged_file_are_not_taken_over(split):
    first = np.array(extraction.extract(lower(), split))
    (file,) = files(split)
    file.write_bytes(flipped(file))
    again = extraction.extract(lower(), split.take([4, 3, 2, 1]))
    np.testing.assert_allclose(again, first[[4, 3, 2, 1]], rtol=1e-3)


def mapped(path):
    """Return the memory maps of a file that this process holds."""
    maps = [one for one in gc.get_objects() if type(one) is np.memmap]
    return [one for one in maps if str(one.filename) == str(path)]


def test_nothing_maps_a_file_that_is_renamed(split, monkeypatch):
    # Windows would refuse it.
    real, seen = os.replace, []

    def replace(path, to):
        if Path(to).suffix == ".npy":
            seen.append(mapped(path))
        real(path, to)

    monkeypatch.setattr(os, "replace", replace)
    extraction.extract(lower(), split.take([0, 1]))
    extraction.extract(lower(), split)  # two rows are taken over
    augment = keras.Sequential([keras.layers.RandomFlip()])
    extraction.extract(lower(), split, augment, view=1)
    assert seen == [[], [], []]
    with storage.create(storage.folder() / "a.npy", (2, 3), "ab") as out:
        out[:] = 0  # held for longer than it may be
    assert [len(maps) for maps in seen[3:]] == [1]


def test_what_another_process_is_writing_is_not_removed(split, monkeypatch):
    extraction.extract(lower(), split)
    (old,) = files(split)
    writing = old.with_name(".part-1-otherone-1.npy")
    writing.write_bytes(old.read_bytes())
    monkeypatch.setattr(storage, "LIMIT", 0)
    extraction.extract(lower(seed=1), split)
    assert writing in files(split) and old not in files(split)
    assert len(files(split)) == 2


def test_what_was_used_longest_ago_goes_first(split, monkeypatch):
    extraction.extract(lower(), split)
    (oldest,) = files(split)
    extraction.extract(lower(seed=1), split)
    (second,) = set(files(split)) - {oldest}
    os.utime(oldest, (1, 1))
    os.utime(second, (2, 2))
    extraction.extract(lower(), split)  # used: no longer the oldest
    size = oldest.stat().st_size
    monkeypatch.setattr(storage, "LIMIT", 2 * size)
    extraction.extract(lower(seed=2), split)
    assert oldest in files(split) and second not in files(split)
    monkeypatch.setattr(storage, "LIMIT", 0)
    extraction.extract(lower(seed=3), split)
    assert len(files(split)) == 1  # what was just asked for stays


def test_a_clock_that_was_moved_changes_nothing(split, capsys):
    first = np.array(extraction.extract(lower(), split))
    (file,) = files(split)
    for moment in (0, 2**33):  # long ago, and far ahead
        os.utime(file, (moment, moment))
        capsys.readouterr()
        again = extraction.extract(lower(), split)
        assert np.array_equal(first, again)
        assert "photo/s" not in capsys.readouterr().out  # nothing computed


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_what_is_drawn_next_is_the_same_from_disk(split, monkeypatch, policy):
    use(monkeypatch, policy)
    model = lower()

    def weights_of_a_new_layer():
        keras.utils.set_random_seed(1)
        extraction.extract(model, split)
        head = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        return head.get_weights()[0]

    computed, read = weights_of_a_new_layer(), weights_of_a_new_layer()
    np.testing.assert_array_equal(computed, read)


def test_one_copy_serves_all_parts_and_follows_the_weights(split, monkeypatch):
    made = []

    def copied(model, policy):
        made.append(whole(model, policy))
        return made[-1]

    whole = fused.FusedModel
    monkeypatch.setattr(fused, "FusedModel", copied)
    model = lower()
    first = np.array(extraction.extract(model, split.take([0, 1])))
    extraction.extract(model, split.take([2]))
    model.set_weights([0.5 * w for w in model.get_weights()])
    again = extraction.extract(model, split.take([0, 1]))
    assert len(made) == 1
    assert not np.array_equal(first, again)


def test_a_dataset_gives_what_is_stored(split):
    stored = extraction.extract(lower(), split)
    (x, y), (rest, _) = extraction.dataset(stored, split.labels, None, 3)
    assert x.dtype == "float32" and x.shape == (3, *stored.shape[1:])
    np.testing.assert_array_equal(x, stored[:3])
    np.testing.assert_array_equal(rest, stored[3:])
    np.testing.assert_array_equal(y, split.labels[:3])
    (alone,) = extraction.dataset(stored)
    np.testing.assert_array_equal(alone, stored)


def resident():
    """Return the kB of stored answers that this process holds, by file."""
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8")
    here = re.escape(str(paths.work()))  # other tests may hold others
    found = re.findall(rf"{here}.*\n(?:.*\n)*?Rss: +(\d+) kB", maps)
    return [int(size) for size in found]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_was_read_does_not_stay_in_memory(split):
    stored = extraction.extract(lower(), split)
    assert sum(resident()) == 0  # computed, checked, and let go
    np.array(stored)
    assert sum(resident()) > 0
    for _ in extraction.dataset(stored):
        pass
    assert sum(resident()) == 0


def test_a_seed_fixes_an_order_that_changes_from_pass_to_pass(split):
    stored = extraction.extract(lower(), split)
    places = np.arange(5)

    def two_passes():
        ds = extraction.dataset(stored, places, seed=3)
        return [[list(y.numpy()) for _, y in ds][0] for _ in range(2)]

    first, second = two_passes()
    assert sorted(first) == sorted(second) == places.tolist()
    assert first != second
    assert two_passes() == [first, second]


def test_an_answer_beyond_float16_is_refused(split):
    with pytest.raises(ValueError, match="too large"):
        extraction.extract(lower(scale=1e6), split)
    assert files(split) == []


# In pieces.


@pytest.fixture
def many(split, tmp_path, monkeypatch):
    """Eight photos, of which three go into a file."""
    monkeypatch.setattr(extraction, "CHUNK_SIZE", 3)
    return noise(tmp_path / "many", 8)


def pooled():
    """A small frozen part that ends in features."""
    model = lower()
    average = keras.layers.GlobalAveragePooling2D()
    return keras.Model(model.input, average(model.output))


def stopped_after(monkeypatch, batches):
    """Let models fail when so many batches, of a photo each, are done."""
    whole = extraction._fast

    class Stopping:
        done = 0

        def __init__(self, *given):
            self.model = whole(*given)

        def predict_on_batch(self, pixels):
            if self.done == batches:
                raise KeyboardInterrupt
            self.done += 1
            return self.model.predict_on_batch(pixels)

    monkeypatch.setattr(extraction, "BATCH_SIZE", 1)
    monkeypatch.setattr(extraction, "_fast", Stopping)


def test_who_was_stopped_makes_only_what_is_missing(many, monkeypatch, capsys):
    expected = np.array(extraction.extract(lower(), many))
    assert "8/8" in capsys.readouterr().out  # one bar over all
    for file in files(many):
        file.unlink()
    with monkeypatch.context() as held:
        stopped_after(held, 7)
        with pytest.raises(KeyboardInterrupt):
            extraction.extract(lower(), many)
    assert len(files(many)) == 2
    capsys.readouterr()
    again = extraction.extract(lower(), many)
    assert "2/2" in capsys.readouterr().out
    np.testing.assert_array_equal(again, expected)
    extraction.extract(lower(), many)
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
        with storage.create(path, piece.shape, "abc"[: len(piece)]) as out:
            out[:] = piece
            del out
    stored = storage.ChunkedArray(paths)
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
        x = extraction.extract(pooled(), many)
        keras.utils.set_random_seed(0)
        head = keras.Sequential([keras.layers.Dense(2, "softmax")])
        head.compile("adam", "sparse_categorical_crossentropy")
        head.fit(x, y, validation_data=(x, y), verbose=0)
        stream = extraction.dataset(x, y, seed=3, batch_size=3)
        return type(x), [
            head.predict(x, verbose=0),
            *(array for batch in stream for array in batch),
            np.concatenate([x, x]),
            np.float32(x[:4]),
            x[y == 1].mean(axis=0),
            metrics.pairwise_distances(x, x[:2], "cosine"),
            *stats.standardised(x, x),
        ]

    of_pieces, said = done()
    monkeypatch.setattr(extraction, "CHUNK_SIZE", 8)
    of_one, expected = done()  # taken over: the very same rows
    assert of_pieces is storage.ChunkedArray and of_one is np.memmap
    for one, other in zip(said, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_few_pieces_are_open_and_none_in_memory(many, monkeypatch):
    monkeypatch.setattr(storage, "OPEN", 2)
    stored = extraction.extract(lower(), many)
    assert resident() == [0, 0]
    np.array(stored)
    assert resident() == [0, 0]
    del stored
    assert resident() == []
    stored = extraction.extract(lower(), many)
    for _ in extraction.dataset(stored, seed=0, batch_size=3):
        pass
    assert resident() == [0, 0]


def test_a_damaged_piece_alone_is_made_again(many, capsys):
    stored = extraction.extract(lower(), many)
    first, file = np.array(stored), stored.paths[1]
    del stored
    file.write_bytes(flipped(file))
    capsys.readouterr()
    again = extraction.extract(lower(), many)
    np.testing.assert_array_equal(again, first)
    said = capsys.readouterr().out
    assert said.count("is damaged") == 1 and "3/3" in said


def test_photos_that_move_to_other_pieces_are_taken_over(
    many, monkeypatch, capsys
):
    first = np.array(extraction.extract(lower(), many))
    old = set(files(many))
    monkeypatch.setattr(storage, "LIMIT", 0)
    capsys.readouterr()
    fewer = extraction.extract(lower(), many.take(range(1, 8)))
    assert capsys.readouterr().out == ""  # nothing computed
    np.testing.assert_array_equal(fewer, first[1:])
    # Room was made, but not before all was taken over.
    assert len(files(many)) == 3 and not old & set(files(many))


def test_a_part_larger_than_the_limit_stays_whole(many, monkeypatch):
    monkeypatch.setattr(storage, "LIMIT", 0)
    with monkeypatch.context() as held:
        stopped_after(held, 7)
        with pytest.raises(KeyboardInterrupt):
            extraction.extract(lower(), many)
    for file in files(many):
        os.utime(file, (1, 1))
    rows = extraction.extract(lower(), many)
    assert len(files(many)) == 3
    # What is read here stays, too; what nobody reads goes.
    other = extraction.extract(lower(seed=1), many)
    assert len(files(many)) == 6
    assert np.array(rows).shape == np.array(other).shape
    del rows
    extraction.extract(lower(seed=2), many.take([0]))
    assert len(files(many)) == 4


def test_each_piece_of_a_view_has_dice_of_its_own(many):
    augment = keras.Sequential([keras.layers.RandomRotation(0.5)])
    twice = many.take([0, 1, 2, 0, 1, 2])
    view = np.array(extraction.extract(lower(), twice, augment, 1))
    assert len(files(many)) == 2
    assert not np.array_equal(view[:3], view[3:])
    once = extraction.extract(lower(), many.take(range(3)), augment, 1)
    np.testing.assert_array_equal(once, view[:3])
    assert len(files(many)) == 2
    for file in files(many):
        file.unlink()
    again = extraction.extract(lower(), twice, augment, 1)
    np.testing.assert_array_equal(again, view)
