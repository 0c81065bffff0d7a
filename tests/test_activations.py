"""Stored activations are right, shared, and never stale."""

import keras
import numpy as np
import pytest
from PIL import Image

from helpers import activations, photos


@pytest.fixture
def part(tmp_path, monkeypatch):
    """Five noise photos as one part, and a store of their own."""
    monkeypatch.setattr(activations, "WORK", tmp_path / "work")
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
    return list(activations.WORK.glob("activations/*"))


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


@pytest.mark.parametrize("change", ["weights", "scaling", "photos"])
def test_anything_else_is_stored_anew(part, change):
    first = activations.stored(lower(), part)
    if change == "weights":
        other = activations.stored(lower(seed=1), part)
    elif change == "scaling":
        other = activations.stored(lower(scale=1 / 255), part)
    else:
        turned = photos.Part(
            part.name,
            part.class_names,
            part.paths[::-1],
            part.labels[::-1],
            part.keys[::-1],
        )
        other = activations.stored(lower(), turned)
    assert not np.array_equal(first, other)
    assert len(files(part)) == 2


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


def test_a_damaged_file_is_made_again(part, capsys):
    first = np.array(activations.stored(lower(), part))
    (file,) = files(part)
    file.write_bytes(file.read_bytes()[:200])
    assert np.array_equal(first, activations.stored(lower(), part))
    assert "damaged" in capsys.readouterr().out


def test_an_answer_beyond_float16_is_refused(part):
    with pytest.raises(ValueError, match="too large"):
        activations.stored(lower(scale=1e6), part)
    assert files(part) == []
