"""Cached features are right, shared, and never stale."""

import functools
import os
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from make_photos import noise_folder
from PIL import Image
from sklearn import metrics

from helpers import paths, stats
from helpers.dataset import pipeline, splits
from helpers.features import extraction, storage

extract = extraction.extract
layers = keras.layers


def use(monkeypatch, policy):
    """Compute as on a machine for which this policy was chosen."""
    monkeypatch.setattr(extraction.dtypes, "fastest_dtype", lambda: policy)


def noise_split(folder, count):
    return splits.whole_folder(noise_folder(folder, count), ("a", "b"))


@pytest.fixture
def split(tmp_path, monkeypatch):
    """Five noise photos, and a cache of their own."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    use(monkeypatch, "float32")
    return noise_split(tmp_path / "photos", 5)


@pytest.fixture
def many(split, tmp_path, monkeypatch):
    """Eight photos, three in a chunk."""
    monkeypatch.setattr(extraction, "CHUNK_SIZE", 3)
    return noise_split(tmp_path / "many", 8)


def lower(scale=1 / 127.5, seed=0, append=None):
    """Frozen layers, built as the lessons build theirs."""
    keras.utils.set_random_seed(seed)
    base = keras.Sequential(
        [keras.Input((299, 299, 3)), layers.Conv2D(4, 5, 50)]
    )
    inputs = keras.Input((299, 299, 3))
    features = base(layers.Rescaling(scale, offset=-1)(inputs))
    return keras.Model(inputs, append(features) if append else features)


@functools.cache
def frozen(seed=0):
    """The same, built once and left as it is."""
    return lower(seed=seed)


def files():
    return sorted(paths.work().glob("features/*"))


def remove_files():
    for file in files():
        file.unlink()


# --- One model ------------------------------------------------------------


def test_features_are_the_output_of_the_model(split):
    model = frozen()
    features = extract(model, split)
    expected = model.predict(pipeline.load_photos(split.paths), verbose=0)
    assert features.shape == (5, 6, 6, 4) and features.dtype == "float16"
    np.testing.assert_allclose(features, expected, rtol=2e-3, atol=1e-4)


def test_a_second_call_reads_the_cache(split, capsys):
    model = lower()
    first = np.array(extract(model, split))
    assert "5/5" in capsys.readouterr().out
    model.trainable = False
    for moment in (0, 2**33):  # a clock may be wrong
        os.utime(*files(), (moment, moment))
        for again in (model, lower()):
            np.testing.assert_array_equal(extract(again, split), first)
    assert capsys.readouterr().out == "" and len(files()) == 1


def halve_weights(model):
    model.set_weights([0.5 * w for w in model.get_weights()])


def add_activation(model):
    model.layers[-1].layers[-1].activation = keras.activations.relu


@pytest.mark.parametrize("change", [halve_weights, add_activation])
def test_a_changed_model_has_other_features(split, change):
    model = lower()
    first = np.array(extract(model, split))
    change(model)
    expected = model.predict(pipeline.load_photos(split.paths), verbose=0)
    second = extract(model, split)
    np.testing.assert_allclose(second, expected, rtol=2e-3, atol=1e-3)
    assert not np.array_equal(first, second)
    assert len(files()) == 2


def test_a_changed_photo_is_computed_anew(split, tmp_path):
    first = np.array(extract(frozen(), split))
    Image.new("RGB", (40, 50), "red").save(split.paths[0])
    changed = splits.whole_folder(tmp_path / "photos", ("a", "b"))
    second = np.array(extract(frozen(), changed))
    rows = {key: row for row, key in enumerate(split.keys)}
    (new,) = set(changed.keys) - set(split.keys)
    for row, key in zip(second, changed.keys, strict=True):
        if key == new:
            assert not any(np.array_equal(row, old) for old in first)
        else:
            np.testing.assert_array_equal(row, first[rows[key]])


def test_the_order_of_the_photos_counts(split):
    first, order = np.array(extract(frozen(), split)), [4, 0, 3, 1, 2]
    second = extract(frozen(), split.take(order))
    np.testing.assert_allclose(second, first[order], rtol=1e-3)


def test_a_fast_dtype_gives_nearly_the_same(split, monkeypatch):
    exact = extract(lower(), split)[:]
    remove_files()
    use(monkeypatch, "mixed_bfloat16")
    fast = extract(lower(), split)[:]
    assert 0 < np.abs(fast - exact).max() < 0.03 * np.abs(exact).max()


def test_later_random_draws_do_not_depend_on_the_cache(split):
    model, drawn = frozen(), []
    for _ in ("computed", "cached"):
        keras.utils.set_random_seed(1)
        extract(model, split)
        drawn.append(layers.Dense(2).kernel_initializer.seed)
    assert drawn[0] == drawn[1]


def test_a_feature_beyond_float16_is_refused(split):
    with pytest.raises(ValueError, match="too large"):
        extract(lower(scale=1e6), split)
    assert files() == []


# --- Layers from outside Keras --------------------------------------------


def own_layer(factor):
    """Return an instance of the class that a changed cell would define."""
    space = {"call": lambda self, x: x * factor}
    return type("Dimmed", (layers.Layer,), space)()


@pytest.mark.parametrize("is_augmentation", [True, False])
def test_an_own_layer_without_version_is_computed_anew(
    split, capsys, is_augmentation
):
    def features(layer):
        if is_augmentation:
            return extract(frozen(), split, layer, copy=1)
        return extract(lower(append=layer), split)

    first = features(own_layer(0.5))
    output = capsys.readouterr().out
    assert output.count("Features are computed anew each time") == 1
    assert "cache_version = 1" in output and "dimmed" in output
    assert first.shape == (5, 6, 6, 4) and first.dtype == "float16"
    second = features(own_layer(0.1))
    assert "5/5" in capsys.readouterr().out
    assert np.abs(first - second).max() > 0.01
    assert files() == []


class Seeded(layers.Layer):
    """Makes its generator when it is first called."""

    cache_version = 1

    def build(self, shape):
        self.generator = keras.random.SeedGenerator()

    def call(self, x):
        shape = (keras.ops.shape(x)[0], 1, 1, 1)
        return x * keras.random.uniform(shape, seed=self.generator)


# --- Augmentation ---------------------------------------------------------


@pytest.mark.parametrize(
    "augment",
    [
        lambda: keras.Sequential(
            [layers.RandomCrop(200, 200), layers.Resizing(299, 299)]
        ),
        lambda: layers.Pipeline([layers.RandomRotation(0.5, seed=1)]),
        lambda: keras.Sequential([keras.Sequential([layers.RandomFlip()])]),
        Seeded,
    ],
    ids=["crop", "Pipeline", "nested", "own"],
)
def test_an_augmented_copy_is_the_same_each_time(split, augment):
    first = np.array(extract(frozen(), split, augment(), copy=1))
    assert len(files()) == 1
    remove_files()
    again = extract(frozen(), split, augment(), copy=1)
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(first, extract(frozen(), split))


KINDS = [  # a preprocessing layer, whether it draws random numbers
    (lambda: layers.RandomFlip("horizontal"), True),
    (lambda: layers.RandomRotation(0.5, seed=3), True),
    (lambda: layers.RandomColorJitter(brightness_factor=0.4), True),
    (lambda: layers.AugMix((0, 255)), True),
    (lambda: layers.GaussianNoise(1.0), True),
    (lambda: layers.RandomCrop(12, 12), True),
    (lambda: layers.CenterCrop(12, 12), False),
]


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_each_preprocessing_layer_is_reproducible(number, monkeypatch):
    pixels = np.random.default_rng(1).uniform(0, 255, (4, 16, 16, 3))
    batches = [(np.float32(pixels), None)] * 2
    monkeypatch.setattr(
        extraction.pipeline, "single_pass", lambda *_: iter(batches)
    )
    make, is_random = KINDS[number]
    wrap = (keras.Sequential, layers.Pipeline)[number % 2]

    def copies(copy, chunk=0):
        augment = wrap([keras.Sequential([make()]), layers.Resizing(16, 16)])
        augment(pixels[:1], training=True)
        return np.array(list(extraction._batches(None, augment, copy, chunk)))

    first = copies(1)
    assert first.shape == (2, 4, 16, 16, 3)
    np.testing.assert_array_equal(copies(1), first)
    for other in (copies(2), copies(1, chunk=1)):
        assert np.array_equal(other, first) != is_random
    assert np.array_equal(first[0], first[1]) != is_random


def test_an_augmentation_draws_from_these_seeds(split):
    # What lessons print of augmented copies depends on them.
    augment = keras.Sequential(
        [layers.RandomRotation(0.5), layers.RandomZoom(0.3)]
    )
    rotate = layers.RandomRotation(0.5, seed=2000)
    zoom = layers.RandomZoom(0.3, seed=2001)
    first = np.array(extract(frozen(), split, augment, copy=1))
    features = extract(frozen(), split, augment, copy=2)
    assert not np.array_equal(first, features)
    pixels = np.float32(pipeline.load_photos(split.paths))
    changed = zoom(rotate(pixels, training=True), training=True)
    expected = frozen().predict(changed, verbose=0)
    np.testing.assert_allclose(features, expected, rtol=2e-3, atol=1e-3)


def test_an_augmentation_goes_on_drawing_as_before(split):
    photo = np.ones((1, 9, 9, 3), "float32") * np.arange(9)[:, None]
    previews = []
    for is_extracted in (False, True):
        augment = layers.RandomRotation(0.5, seed=1)
        augment(photo, training=True)
        if is_extracted:
            extract(frozen(), split, augment, copy=1)
        previews.append(np.array(augment(photo, training=True)))
    np.testing.assert_array_equal(*previews)


def test_an_augmentation_of_another_shape_is_refused(split):
    crop = layers.RandomCrop(200, 200)
    with pytest.raises(ValueError, match=r"shape \(200, 200, 3\)") as error:
        extract(frozen(), split, crop, copy=1)
    assert "Resizing(299, 299)" in str(error.value)


def test_each_chunk_is_augmented_in_its_own_way(many):
    augment = keras.Sequential([layers.RandomRotation(0.5)])
    twice = many.take([0, 1, 2, 0, 1, 2])
    copies = np.array(extract(frozen(), twice, augment, 1))
    assert not np.array_equal(copies[:3], copies[3:])


# --- Files ----------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 200, -1])
def test_a_file_that_is_cut_off_is_computed_again(split, capsys, length):
    first = np.array(extract(frozen(), split))
    (file,) = files()
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:length])
    for is_damaged in (True, False):
        np.testing.assert_array_equal(extract(frozen(), split), first)
        assert ("is damaged" in capsys.readouterr().out) == is_damaged


def test_an_interrupted_run_goes_on_where_it_stopped(
    many, monkeypatch, capsys
):
    expected = np.array(extract(frozen(), many))
    assert "8/8" in capsys.readouterr().out  # one bar over all
    remove_files()
    real, batches = keras.Model.predict_on_batch, []

    def stopped(model, pixels):
        batches.append(len(pixels))
        if len(batches) == 8:
            raise KeyboardInterrupt
        return real(model, pixels)

    monkeypatch.setattr(extraction, "BATCH_SIZE", 1)
    monkeypatch.setattr(keras.Model, "predict_on_batch", stopped)
    with pytest.raises(KeyboardInterrupt):
        extract(frozen(), many)
    assert len(files()) == 2
    capsys.readouterr()
    np.testing.assert_array_equal(extract(frozen(), many), expected)
    assert "2/2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "index",
    [0, -1, slice(2, 7), slice(None, None, -3), [7, 0, 3, 3], []]
    + [np.array([[1, 2], [6, 0]]), np.arange(8) % 3 == 1],
    ids=str,
)
def test_chunks_are_read_as_one_array(tmp_path, index):
    whole = np.float16(np.random.default_rng(0).normal(size=(8, 2, 3)))
    files = [tmp_path / f"{i}.npy" for i in range(3)]
    for file, chunk in zip(files, np.split(whole, [3, 6]), strict=True):
        storage.save(file, chunk, "abc"[: len(chunk)])
    array = storage.ChunkedArray(files)
    assert len(array) == 8 and array.shape == whole.shape
    assert array.dtype == "float16"
    np.testing.assert_array_equal(array[index], whole[index])
    np.testing.assert_array_equal(array, whole)
    with pytest.raises(IndexError):
        array[8]
    with pytest.raises(TypeError):
        array[0] = 0


def test_lessons_get_the_same_from_chunks_as_from_one_file(many, monkeypatch):
    y = many.labels
    pooled = lower(append=layers.GlobalAveragePooling2D())

    def results():
        x = extract(pooled, many)
        keras.utils.set_random_seed(0)
        head = keras.Sequential([layers.Dense(2, "softmax")])
        head.compile("adam", "sparse_categorical_crossentropy")
        head.fit(x, y, validation_data=(x, y), verbose=0)
        batches = extraction.dataset(x, y, seed=3, batch_size=3)
        return [
            head.predict(x, verbose=0),
            *(array for batch in batches for array in batch),
            np.concatenate([x, x]),
            metrics.pairwise_distances(x, x[:2], "cosine"),
            *stats.standardised(x, x),
        ]

    chunked = results()
    monkeypatch.setattr(extraction, "CHUNK_SIZE", 8)
    whole = results()
    for first, second in zip(chunked, whole, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-3)


def resident():
    """Return the kB of mapped files of features that this process holds."""
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8")
    folder = re.escape(str(paths.work()))
    sizes = re.findall(rf"{folder}.*\n(?:.*\n)*?Rss: +(\d+) kB", maps)
    return sum(map(int, sizes))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_chunks_that_were_read_do_not_stay_in_memory(many):
    features = extract(frozen(), many)
    assert resident() == 0  # computed, checked and closed
    np.array(features)
    for _ in extraction.dataset(features, seed=0, batch_size=3):
        pass
    assert resident() == 0


def test_the_least_recently_used_files_go_first(split, monkeypatch):
    for seed in (0, 1):
        extract(frozen(seed=seed), split)
        for file in files():
            if file.stat().st_mtime > 2:
                os.utime(file, (seed + 1, seed + 1))
    oldest, second = sorted(files(), key=lambda file: file.stat().st_mtime)
    extract(frozen(), split)  # used: no longer the oldest
    being_written = oldest.with_name(".part-1-otherone-1.npy")
    being_written.write_bytes(b"half")
    monkeypatch.setattr(storage, "LIMIT", 2.5 * oldest.stat().st_size)
    extract(frozen(seed=2), split)
    assert oldest in files() and second not in files()
    monkeypatch.setattr(storage, "LIMIT", 0)
    extract(frozen(seed=3), split)
    # What was just asked for stays.
    assert len(files()) == 2 and being_written in files()


def test_features_in_use_stay_whatever_the_limit(many, monkeypatch):
    monkeypatch.setattr(storage, "LIMIT", 0)
    features = extract(frozen(), many)
    assert len(files()) == 3
    other = extract(frozen(seed=1), many)
    assert len(files()) == 6
    assert np.array(features).shape == np.array(other).shape


# --- Batches --------------------------------------------------------------


def test_a_dataset_gives_the_features_and_labels(split):
    features = extract(frozen(), split)
    (x, y), (rest, _) = extraction.dataset(features, split.labels, None, 3)
    assert x.dtype == "float32" and x.shape == (3, *features.shape[1:])
    np.testing.assert_array_equal(x, features[:3])
    np.testing.assert_array_equal(rest, features[3:])
    np.testing.assert_array_equal(y, split.labels[:3])
    (alone,) = extraction.dataset(features)
    np.testing.assert_array_equal(alone, features)


def test_a_seed_fixes_an_order_that_changes_in_each_epoch():
    def two_epochs():
        ds = extraction.dataset(np.zeros((9, 1)), np.arange(9), seed=3)
        return [[list(y.numpy()) for _, y in ds][0] for _ in range(2)]

    first, second = two_epochs()
    assert sorted(first) == sorted(second) == list(range(9))
    assert first != second
    assert two_epochs() == [first, second]
