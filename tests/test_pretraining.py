"""The starter weights: how pictures are drawn, shipped and read again."""

import keras
import numpy as np
import pytest

from helpers import starter
from pretraining import (
    network,
    pictures,
    recalibrate,
    ship,
    targets,
    things,
    train,
)


def test_a_picture_is_the_same_for_the_same_random_numbers():
    first, where, *labels = pictures.draw(np.random.default_rng(3), 64, 0.5)
    again, there, *more = pictures.draw(np.random.default_rng(3), 64, 0.5)
    other, *_ = pictures.draw(np.random.default_rng(4), 64, 0.5)
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8
    assert where.shape == (64, 64) and where.dtype == bool
    assert labels == more
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(where, there)
    assert not np.array_equal(first, other)


def test_a_mark_is_where_it_is_said_to_be():
    rng = np.random.default_rng(5)
    scene = pictures._scene(rng, 96, pictures.GROUNDS.index(pictures._paper))
    scene["power"] = 1.0
    before = {name: scene[name].copy() for name in ("tone", "height", "paint")}
    plain = pictures._photograph(np.random.default_rng(6), 96, scene)
    assert not pictures._where(before, scene).any()
    pictures._hole(rng, 96, scene)
    where = pictures._where(before, scene)
    marked = pictures._photograph(np.random.default_rng(6), 96, scene)
    change = np.abs(plain.astype(int) - marked).max(-1)
    assert 0 < where.mean() < 0.2
    assert change[where].mean() > 10 * change[~where].mean()


@pytest.mark.parametrize("mark", range(len(pictures.MARKS)))
def test_every_mark_but_none_can_be_seen(mark):
    def drawn(mark):
        rng = np.random.default_rng(5)
        ground = pictures.GROUNDS.index(pictures._leather)
        scene = pictures._scene(rng, 96, ground)
        scene["power"] = 1.0
        mark(rng, 96, scene)
        return pictures._photograph(np.random.default_rng(6), 96, scene)

    change = np.abs(
        drawn(pictures._nothing).astype(int)
        - drawn(pictures.MARKS[mark]).astype(int)
    )
    if pictures.MARKS[mark] is pictures._nothing:
        assert change.max() == 0
    else:
        assert (change.max(-1) > 8).mean() > 0.001


@pytest.mark.parametrize("form", things.FORMS)
@pytest.mark.parametrize("material", things.MATERIALS)
def test_a_thing_lies_where_its_form_does(form, material):
    scene = pictures._scene(np.random.default_rng(8), 96, 0)
    plain = (scene["tone"][..., None] * scene["paint"]).copy()
    inside = form(np.random.default_rng(9), 96)[0]
    things.thing(form, material)(np.random.default_rng(9), 96, scene)
    marked = scene["tone"][..., None] * scene["paint"]
    assert 0.02 < (inside > 0.5).mean() < 0.9
    assert np.isfinite(marked).all() and marked.min() >= 0
    change = np.abs(marked - plain).max(-1)
    assert change[inside > 0.9].mean() > 0.03
    # Its shadow falls near it, and only darkens.
    assert (marked <= plain + 1e-5)[inside == 0].all()


def test_a_mirror_shows_harder_lights_than_board():
    def contrast(material):
        x = np.linspace(-0.7, 0.7, 96, dtype="float32")[None].repeat(96, 0)
        skin = [
            material(np.random.default_rng(n), 96, x, x.T, 9 * x, 9 * x.T)[0]
            for n in range(8)
        ]
        return np.mean([s.mean(-1).std() / s.mean() for s in skin])

    assert contrast(things._metal) > 2 * contrast(things._cardboard)


def test_fractals_are_drawn_more_often_than_they_are_shown():
    rare = [mark for mark, worth in enumerate(train.WORTH[1]) if worth < 1]
    marks = [pictures.MARKS[mark + 1] for mark in rare]
    assert len(rare) == pictures.FRACTALS
    assert {mark.__qualname__ for mark in marks} == {"_fractal.<locals>.mark"}
    plain = set(pictures.MARKS) - set(marks)
    assert "_fractal.<locals>.mark" not in {m.__qualname__ for m in plain}


def test_the_plan_ends_on_pictures_as_they_are():
    entry, rate = train.stage(1.0)
    assert entry is train.PLAN[-1] and entry[5] == 0
    assert rate == pytest.approx(entry[6])
    assert train.stage(0.0)[0] is train.PLAN[0]


def asked(size, rows=slice(0), columns=slice(0), value=100):
    """Return the targets of one even picture with mark 7 in a rectangle."""
    masks = np.zeros((1, size, size), bool)
    masks[0, rows, columns] = True
    pixels = np.full((1, size, size, 3), value, "float32")
    wanted = targets.wanted(pixels, masks, np.array([4]), np.array([7]))
    return dict(zip(targets.TAPS, wanted, strict=True))


def test_a_head_is_asked_at_each_place_it_has():
    base, model = network.build(2, 3)
    for size in (128, 160, 299):
        shapes = model.compute_output_shape((1, size, size, 3))
        wanted = asked(size).values()
        assert [s[1:3] for s in shapes] == [w.shape[1:3] for w in wanted]


def test_a_mark_is_asked_for_where_it_lies():
    # The places of mixed8 are 32 pixels apart, the first from pixel 21 on.
    wanted = asked(160, slice(53, 85), slice(21, 53))["mixed8"][0]
    assert wanted[..., 1].tolist() == [[0, 0, 0], [7, 0, 0], [0, 0, 0]]
    assert (wanted[..., 0] == 4).all()
    # The one marked place counts as much as the eight others together.
    assert wanted[1, 0, 2] == pytest.approx(wanted[..., 2].sum() / 2)


def test_too_little_of_a_mark_is_not_asked_for():
    wanted = asked(160, slice(60, 62), slice(30, 33))["mixed8"][0]
    assert (wanted[..., 1] == 0).all()
    assert wanted[1, 0, 2] == 0 and (wanted[..., 2] > 0).sum() == 8


def test_histograms_say_what_the_pixels_are():
    dark, bright = asked(160, value=10), asked(160, value=250)
    for name in targets.TAPS:
        one, other = dark[name][..., 3:], bright[name][..., 3:]
        assert one.shape[-1] == sum(targets.HISTOGRAMS)
        np.testing.assert_allclose(one.sum(-1), len(targets.HISTOGRAMS))
        assert (one[..., 0] == 1).all()  # the darkest colour
        assert (other[..., targets.COLOURS - 1] == 1).all()  # the brightest


def layers():
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.1, (3, 3, 4, 8)).astype("float32")
    kernel[..., 2] = 0
    ones = np.ones(8, "float32")
    return [
        {"kernel": kernel},
        {
            "moving_variance": ones * 3,
            "beta": ones,
            "moving_mean": ones * 2,
        },
    ]


def test_what_is_shipped_comes_back_in_order_within_half_a_step(tmp_path):
    path = tmp_path / "starter.npz"
    ship.write(layers(), path)
    kernel, beta, mean, variance = starter.read(path)
    wanted = layers()[0]["kernel"]
    step = np.abs(wanted).max((0, 1, 2)) / 127
    assert kernel.dtype == np.float32
    assert (np.abs(kernel - wanted) <= step / 2 + 1e-7).all()
    assert (beta[0], mean[0], variance[0]) == (1, 2, 3)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "starter.npz"
    digest = ship.write(layers(), path)
    starter.read(path, digest)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"starter\.npz: damaged"):
        starter.read(path, digest)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"starter\.npz: damaged"):
        starter.read(path)
    with pytest.raises(ValueError, match=r"gone\.npz: can't be read"):
        starter.read(tmp_path / "gone.npz")


def test_the_shipped_file_fits_inception_v3():
    arrays = starter.read()
    assert len(arrays) == 94 * 4
    assert arrays[0].shape == (3, 3, 3, 32)
    assert sum(a.size for a in arrays) == 21_802_784
    assert all(np.isfinite(a).all() for a in arrays)


def test_thresholds_are_drawn_down_in_late_blocks_only():
    base, _ = network.build(2, 3)
    late = {id(v) for v in network.late_thresholds(base)}
    norms = [
        (number, layer)
        for number, layer in enumerate(base.layers)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    border = base.layers.index(base.get_layer("mixed5"))
    assert late == {id(n.beta) for number, n in norms if number > border}
    assert 0 < len(late) < len(norms)


def test_sharpened_features_are_silent_at_most_places():
    keras.utils.set_random_seed(0)
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(107, 107, 3)
    )
    rng = np.random.default_rng(0)
    batches = [rng.normal(0, 0.5, (8, 107, 107, 3)).astype("float32")]
    recalibrate.recalibrate(base, batches)
    blocks = [base.get_layer(name).output for name in ("mixed9", "mixed10")]
    model = keras.Model(base.input, blocks)
    before = model.predict_on_batch(batches[0])
    recalibrate.sharpen(base, batches, silent=0.8)
    after = model.predict_on_batch(batches[0])

    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] == 0).mean() < 0.6
    assert (after[1] == 0).mean((0, 1, 2)).min() >= 0.75
    # All that a threshold does is to take away from what was said.
    assert (before[1] - after[1]).min() > -1e-5
