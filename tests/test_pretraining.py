"""The starter weights: how pictures are drawn, shipped and read again."""

import keras
import numpy as np
import pytest

from helpers.network import starter
from pretraining import network, pictures, ship, targets, train, views


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


def test_every_mark_but_none_can_be_seen():
    def drawn(mark):
        rng = np.random.default_rng(5)
        ground = pictures.GROUNDS.index(pictures._leather)
        scene = pictures._scene(rng, 96, ground)
        scene["power"] = 1.0
        mark(rng, 96, scene)
        return pictures._photograph(np.random.default_rng(6), 96, scene)

    plain = drawn(pictures._nothing).astype(int)
    for mark in pictures.MARKS[2:]:  # the first two are none
        change = np.abs(plain - drawn(mark).astype(int)).max(-1)
        assert (change > 8).mean() > 0.001, mark


def test_a_batch_holds_what_artists_have_drawn(tmp_path, monkeypatch):
    entry = (1.0, 64, 96, 2, 0.5, 0.5, 1e-3)
    monkeypatch.setattr(train, "PLAN", (entry,))
    monkeypatch.setattr(train, "SHARD", 8)
    folder = train.folder_of(tmp_path, entry)
    train.draw_ahead(tmp_path, 1, 0, 2)  # one of two
    first = (folder / "0000.npz").read_bytes()
    train.draw_ahead(tmp_path, 1, 0, 1)
    assert sorted(p.name for p in folder.iterdir()) == ["0000.npz", "0001.npz"]
    assert (folder / "0000.npz").read_bytes() == first
    assert (folder / "0001.npz").read_bytes() != first
    source = train.Pictures(tmp_path, entry, 12, seed=0)
    images, masks, grounds, marks = source.ready.get(timeout=60)
    source.stopped = True
    assert images.shape == (12, 96, 96, 3) and images.dtype == np.uint8
    assert masks.shape == (12, 96, 96) and set(np.unique(masks)) <= {0, 1}
    assert grounds.max() < len(pictures.GROUNDS)
    # A picture without a mark has none anywhere, one with a mark has.
    assert ((masks.sum((1, 2)) > 0) == (marks > 0)).all()


def asked(size, rows=slice(0), columns=slice(0), value=100, covered=None):
    """Return the targets of two even pictures with marks in a rectangle.

    The first has ground 4 and mark 7, the second ground 5 and mark 8.
    """
    masks = np.zeros((2, size, size), "float32")
    masks[:, rows, columns] = 1
    pixels = np.full((2, size, size, 3), value, "float32")
    if covered is None:
        covered = np.zeros((2, size, size), "float32")
    labels = np.array([4, 5], "int32"), np.array([7, 8], "int32")
    wanted = targets.wanted(pixels, masks, covered, *labels)
    return {
        name: {
            key: [np.asarray(v) for v in value]
            if key == "histograms"
            else np.asarray(value)
            for key, value in its.items()
        }
        for name, its in wanted.items()
    }


def test_a_head_is_asked_at_each_place_it_has():
    base, model = network.build(2, 3)
    for size in (128, 160, 299):
        shapes = model.compute_output_shape((1, size, size, 3))
        for name, its in asked(size).items():
            assert shapes[name][1:3] == its["mark"].shape[1:3]
            assert shapes[name][3] == 2 + 3 + sum(targets.HISTOGRAMS)


def test_a_mark_is_asked_for_where_it_lies():
    # The places of mixed8 are 32 pixels apart, the first from pixel 21 on.
    its = asked(160, slice(53, 85), slice(21, 53))["mixed8"]
    assert its["mark"][0].tolist() == [[0, 0, 0], [7, 0, 0], [0, 0, 0]]
    assert (its["ground"][0] == 4).all() and (its["ground"][1] == 5).all()
    # The one marked place counts as much as the eight others together.
    worth = its["mark_worth"][0]
    assert worth[1, 0] == pytest.approx(worth.sum() / 2)
    its = asked(160, slice(60, 62), slice(30, 33))["mixed8"]
    assert (its["mark"] == 0).all()  # too little of it to tell
    assert its["mark_worth"][0, 1, 0] == 0


def test_where_a_view_is_covered_the_other_picture_is_asked_for():
    covered = np.zeros((2, 160, 160), "float32")
    covered[0, 53:85, 21:53] = 1  # one place of mixed8, wholly
    covered[0, 85:117, 21:35] = 1  # less than half of the one below it
    its = asked(160, slice(53, 85), slice(21, 53), covered=covered)["mixed8"]
    assert its["mark"][:, 1, 0].tolist() == [8, 8]
    assert its["ground"][0].tolist() == [[4, 4, 4], [5, 4, 4], [4, 4, 4]]
    assert its["ground_worth"][0, 1:, 0].tolist() == [1, 0]
    assert its["ground_worth"][1].min() == 1


def test_histograms_say_what_the_pixels_are():
    dark, bright = asked(160, value=10), asked(160, value=250)
    for name in targets.TAPS:
        for one, bins in zip(
            dark[name]["histograms"], targets.HISTOGRAMS, strict=True
        ):
            assert one.shape[-1] == bins
            np.testing.assert_allclose(one.sum(-1), 1, rtol=1e-5)
        assert (dark[name]["histograms"][0][..., 0] == 1).all()
        assert (bright[name]["histograms"][0][..., -1] == 1).all()


def test_a_view_turns_a_picture_and_its_mask_alike():
    images = np.zeros((8, 96, 96, 3), "uint8")
    masks = np.zeros((8, 96, 96), "uint8")
    images[:, 30:60, 40:50], masks[:, 30:60, 40:50] = 255, 1
    seed = keras.random.SeedGenerator(1)
    pixels, turned = views.view(images, masks, 64, 0.0, seed)
    pixels, turned = np.asarray(pixels), np.asarray(turned)
    assert pixels.shape == (8, 64, 64, 3) and turned.shape == (8, 64, 64)
    assert pixels.min() >= 0 and pixels.max() <= 255
    seen = 0
    for one, mask in zip(pixels.mean(-1), turned, strict=True):
        if (mask > 0.99).any() and (mask < 0.01).any():
            seen += 1
            inside, outside = one[mask > 0.99], one[mask < 0.01]
            # Colours may be mixed, so the mark may come out darker.
            assert np.ptp(inside) < 40 and np.ptp(outside) < 40
            assert abs(inside.mean() - outside.mean()) > 10
    assert seen > 4
    areas = turned.sum((1, 2))
    assert np.ptp(areas[areas > 0]) > 50  # nearer and farther


def test_what_covers_a_view_is_the_view_before():
    pixels = np.stack(
        [np.full((64, 64, 3), value, "float32") for value in (40, 120, 200)]
    )
    seed = keras.random.SeedGenerator(3)
    fractions = []
    for _ in range(6):
        found, covered = views.cover(pixels, seed)
        found, covered = np.asarray(found).mean(-1), np.asarray(covered)
        for n in range(3):
            for mask, its in ((covered[n] > 0, n - 1), (covered[n] == 0, n)):
                if mask.sum() > 400:
                    wanted = pixels[its].mean()
                    assert abs(np.median(found[n][mask]) - wanted) < 8
            fractions.append(covered[n].mean())
    assert min(fractions) < 0.05 and 0.1 < max(fractions) < 0.9


def test_views_of_one_picture_belong_together():
    _, heads = network.build(2, 3)
    pupil = network.Pupil(heads, 2, 3)
    signs = np.eye(6, dtype="float32")
    alike = np.concatenate([signs, signs])
    strange = np.concatenate([signs, np.roll(signs, 1, 0)])
    assert pupil._whole(alike, note=True) < pupil._whole(strange, note=False)
    assert float(pupil.notes["belong"].result()) == 1


@pytest.mark.release
def test_a_pupil_learns_a_few_pictures():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    drawn = [pictures.draw(rng, 96, 1.0) for _ in range(4)]
    images, masks, grounds, marks = (
        np.stack(a) for a in zip(*drawn, strict=True)
    )
    grounds, marks = (a.astype("int32") for a in (grounds, marks))
    sizes = len(pictures.GROUNDS), len(pictures.MARKS) - 1
    _, heads = network.build(*sizes)
    pupil = network.Pupil(heads, *sizes)
    pupil.show(80, 0.5)
    pupil.compile(keras.optimizers.AdamW(1e-3), jit_compile=False)
    batch = [images, masks.astype("uint8"), grounds, marks]
    said = []
    for _ in range(8):
        pupil.reset_metrics()
        said.append(pupil.train_on_batch(batch, return_dict=True))
    assert all(np.isfinite(one["loss"]) for one in said)
    # A head of zeros holds all bins for equally likely.
    even = np.log(targets.HISTOGRAMS).sum()
    assert said[0]["histograms"] == pytest.approx(even, rel=1e-3)
    assert said[-1]["histograms"] < said[0]["histograms"] - 0.05


def test_a_trained_base_is_shipped_within_half_a_step(
    base, tmp_path, monkeypatch, capsys
):
    files = [str(tmp_path / name) for name in ("checkpoint.npz", "s.npz")]
    train.save(tmp_path / "checkpoint.npz", base)
    monkeypatch.setattr("sys.argv", ["ship", *files])
    ship.main()
    assert len(capsys.readouterr().out.strip()) == 64  # its SHA-256
    read = starter.read(tmp_path / "s.npz")
    for array, wanted in zip(read, base.get_weights(), strict=True):
        step = np.abs(wanted).max((0, 1, 2)) / 127 if wanted.ndim == 4 else 0
        assert (np.abs(array - wanted) <= step / 2 + 1e-7).all()


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    path = tmp_path / "starter.npz"
    kernel = np.ones((3, 3, 4, 8))
    digest = ship.write([{"kernel": kernel, "beta": np.ones(8)}], path)
    monkeypatch.setattr(starter, "FILE", path)
    monkeypatch.setattr(starter, "SHA256", digest)
    starter.read(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # which NumPy would not notice
    for damaged in (content, content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"starter\.npz: .* damaged"):
            starter.read(path)
    with pytest.raises(ValueError, match=r"gone\.npz: missing"):
        starter.read(tmp_path / "gone.npz")


def test_the_shipped_file_fits_inception_v3():
    arrays = starter.read()
    assert len(arrays) == 94 * 4
    assert arrays[0].shape == (3, 3, 3, 32)
    assert sum(a.size for a in arrays) == 21_802_784
    assert all(np.isfinite(a).all() for a in arrays)
