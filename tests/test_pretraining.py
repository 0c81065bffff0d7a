"""The starter weights: how pictures are drawn, shipped and read again."""

import keras
import numpy as np
import pytest

from helpers.network import starter
from pretraining import network, pictures, ship, targets, train


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


def test_where_a_view_is_covered_the_other_picture_is_asked_for():
    masks, covered = np.zeros((2, 2, 160, 160), "float32")
    masks[:, 53:85, 21:53] = 1  # one place of mixed8, wholly
    covered[0, 53:85, 21:53] = 1
    pixels = np.zeros((2, 160, 160, 3), "float32")
    labels = np.array([4, 5], "int32"), np.array([7, 8], "int32")
    asked = targets.wanted(pixels, masks, covered, *labels)["mixed8"]
    ground, mark = (np.asarray(asked[key]) for key in ("ground", "mark"))
    assert ground[0].tolist() == [[4, 4, 4], [5, 4, 4], [4, 4, 4]]
    assert (ground[1] == 5).all()
    assert mark.tolist() == [[[0, 0, 0], [8, 0, 0], [0, 0, 0]]] * 2


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
