"""What lesson 05 judges with: calibration, alarms, truth, strangers."""

import ast
import shutil

import matplotlib

matplotlib.use("Agg")

import keras
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from helpers import paths, stats
from helpers.dataset import pipeline, splits
from helpers.network import gradcam
from helpers.plots import evaluation
from helpers.surfaces import ground_truth, ood, render


@pytest.fixture(autouse=True)
def figures():
    yield
    plt.close("all")


def said(sure, n, rng):
    """Answers of a model that is `sure` of the first of two classes."""
    sure = np.full(n, sure) + rng.uniform(-0.02, 0.02, n)
    return np.stack([sure, 1 - sure], axis=1)


# --- Means ----------------------------------------------------------------


def test_a_mean_comes_with_an_interval_that_is_right():
    values = np.random.default_rng(1).normal(0.5, 2, 400)
    found = stats.mean(values)
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)
    assert str(found).endswith("n = 400)")


def test_a_mean_of_nothing_is_refused():
    with pytest.raises(ValueError, match="there are none"):
        stats.mean([])


def test_a_share_can_be_of_anything():
    words = stats.accuracy([True, False, False, False]).counted
    assert words.startswith("1 of 4: 25.0% (95 % interval ")
    assert "right" not in words


# --- Calibration ----------------------------------------------------------


def test_a_model_that_is_too_sure_has_an_error():
    rng = np.random.default_rng(0)
    labels = (rng.random(1000) > 0.7).astype(int)
    calm, bold = said(0.7, 1000, rng), said(0.95, 1000, rng)
    by_chance = stats.calibration_error_by_chance(calm)
    assert stats.calibration_error(calm, labels) < 2 * by_chance
    assert stats.calibration_error(bold, labels) == pytest.approx(
        0.25, abs=0.04
    )


def test_chance_alone_makes_an_error_and_more_photos_make_it_less():
    rng = np.random.default_rng(0)
    few, many = (
        stats.calibration_error_by_chance(said(0.7, n, rng))
        for n in (60, 2000)
    )
    assert few > 3 * many > 0


def test_heaps_are_of_one_size_and_sorted():
    p = np.random.default_rng(0).dirichlet([1, 1, 1], 105)
    heaps = stats.reliability_bins(p, np.zeros(105, int))
    assert {heap.right.n for heap in heaps} == {10, 11}
    assert [h.sure for h in heaps] == sorted(h.sure for h in heaps)
    assert sum(h.right.n for h in heaps) == 105


def test_fewer_photos_than_heaps_are_a_heap_each():
    p = np.array([[0.9, 0.1], [0.6, 0.4]])
    assert len(stats.reliability_bins(p, np.array([0, 1]))) == 2


# --- Alarms ---------------------------------------------------------------


def test_precision_is_that_of_counting_parts():
    assert stats.ppv(0.05, 0.9, 0.1) == pytest.approx(45 / 140)
    assert stats.ppv(0.05, 0.9, 0) == 1
    assert stats.ppv(0.05, 0, 0) == 0


def test_alarms_are_reported_for_rarer_and_rarer_defects(capsys):
    labels = np.array([2] * 20 + [0] * 10 + [1] * 10)
    named = np.array([2] * 18 + [0] * 2 + [1] * 16 + [2] * 4)
    stats.ppv_report(named, labels, good=2)
    lines = capsys.readouterr().out.splitlines()
    assert "16 of 20" in lines[0]  # a wrong kind of defect is an alarm, too
    assert "2 of 20" in lines[1]
    assert [line.split(" of the")[0] for line in lines[2:]] == [
        "50.0% defective: 89%",
        "5.0% defective: 30%",
        "0.5% defective: 4%",
    ]


# --- Truth ----------------------------------------------------------------


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Two photos of each of three classes, drawn into a folder, as a part."""
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path))
    monkeypatch.setattr(render, "CLASS_NAMES", ("clean", "crack", "dent"))
    monkeypatch.setattr(render, "SETS", {"photos": 2, "remounted": 1})
    monkeypatch.setattr(render, "FRACTIONS", (1, 1, 1))
    return splits.whole_folder(render.folder(), render.CLASS_NAMES)


def test_masks_are_those_of_the_defects(drawn):
    places, found = ground_truth.masks(drawn)
    assert sorted(drawn.labels[places]) == [1, 1, 2, 2]
    assert found.shape == (4, 299, 299)
    for place, mask in zip(places, found, strict=True):
        name, index = drawn.paths[place].rsplit("/", 1)[1][:-4].split("-")
        assert (mask == render.draw(name, int(index))[1]).all()


def test_a_part_without_its_defect_differs_there_alone(drawn):
    places, found = ground_truth.without_defect(drawn, 3)
    assert len(places) == len(found) == 3
    for place, picture in zip(places, found, strict=True):
        with_it = pipeline.load_photo(drawn.paths[place]).numpy()
        changed = np.abs(np.int16(with_it) - picture).max(axis=-1) > 30
        masks = dict(zip(*ground_truth.masks(drawn), strict=True))
        near = ground_truth.dilated(masks[place][None], 12)[0]
        assert not changed[~near].any()
        assert np.abs(np.int16(with_it) - picture)[near].mean() > 2


def test_photos_that_were_not_drawn_have_no_truth(tmp_path, drawn):
    rng = np.random.default_rng(0)
    for i in range(4):
        place = tmp_path / "mine" / "photos" / ("crack", "dent")[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (80, 80, 3), "uint8")
        Image.fromarray(noise).save(place / f"crack-{i:03d}.png")
    split = splits.whole_folder(
        tmp_path / "mine" / "photos", ("crack", "dent")
    )
    for places, found in (
        ground_truth.masks(split),
        ground_truth.without_defect(split, 9),
    ):
        assert len(places) == len(found) == 0
        assert found.shape[1:3] == (299, 299)


def test_own_photos_among_the_drawn_have_no_truth(tmp_path, drawn):
    place = tmp_path / "surfaces" / "photos"
    rng = np.random.default_rng(0)
    own = ("IMG_1.jpg", "crack-7.jpg", "crack-002.jpg", "crack-001.png",
           "dent-001.jpg", "crack-old.jpg")  # fmt: skip
    for name in own:
        noise = rng.integers(0, 256, (80, 80, 3), "uint8")
        Image.fromarray(noise).save(place / "crack" / name)
    split = splits.whole_folder(place, render.CLASS_NAMES)
    assert len(split) == len(drawn) + len(own)
    for places in (
        ground_truth.masks(split)[0],
        ground_truth.without_defect(split, 99)[0],
    ):
        names = [split.paths[i].rsplit("/", 1)[1] for i in places]
        assert names == [
            "crack-000.jpg", "crack-001.jpg", "dent-000.jpg", "dent-001.jpg",
        ]  # fmt: skip


def test_a_kept_copy_of_the_drawn_photos_has_no_truth(tmp_path, drawn):
    shutil.copytree(tmp_path / "surfaces", tmp_path / "surfaces-old")
    kept = splits.whole_folder(
        tmp_path / "surfaces-old" / "photos", render.CLASS_NAMES
    )
    assert len(ground_truth.masks(drawn)[0]) == 4
    assert len(ground_truth.masks(kept)[0]) == 0
    assert len(ground_truth.without_defect(kept, 9)[0]) == 0


def test_a_drawn_photo_whose_mask_is_gone_has_no_truth(tmp_path, drawn):
    (tmp_path / "surfaces" / "masks" / "crack" / "crack-000.png").unlink()
    assert len(ground_truth.masks(drawn)[0]) == 3
    assert len(ground_truth.without_defect(drawn, 9)[0]) == 3


def test_a_linked_drawn_photo_has_its_mask(tmp_path, drawn):
    for name in render.CLASS_NAMES:
        folder = tmp_path / "mine" / name.upper()
        folder.parent.mkdir(exist_ok=True)
        folder.symlink_to(tmp_path / "surfaces" / "photos" / name)
    split = splits.whole_folder(
        tmp_path / "mine", [name.upper() for name in render.CLASS_NAMES]
    )
    assert np.array_equal(
        ground_truth.masks(split)[1], ground_truth.masks(drawn)[1]
    )


def one_hot(row, column):
    heat = np.zeros((1, 8, 8))
    heat[0, row, column] = 1
    return heat


def test_a_finger_hits_what_lies_under_it():
    mask = np.zeros((1, 299, 299), bool)
    mask[0, 200:230, 50:80] = True
    assert ground_truth.pointing_game(one_hot(5, 1), mask).tolist() == [True]
    assert ground_truth.pointing_game(one_hot(1, 5), mask).tolist() == [False]


def test_a_border_lets_a_near_miss_count():
    mask = np.zeros((1, 299, 299), bool)
    mask[0, 200, 50] = True
    near = ground_truth.dilated(mask, 15)
    assert near[0, 200, 65]
    assert not near[0, 200, 66]
    assert not near[0, 211, 61]  # a circle, no square
    assert mask.sum() == 1


def test_heat_inside_is_a_share():
    mask = np.zeros((2, 299, 299), bool)
    mask[:, :, :150] = True
    even = np.ones((2, 8, 8))
    even[1] = 0
    inside = ground_truth.heat_inside(even, mask)
    assert inside == pytest.approx([150 / 299, 0])
    assert ground_truth.heat_inside(one_hot(3, 0), mask[:1]) == pytest.approx(
        [1]
    )


# --- Strangers ------------------------------------------------------------


def test_strangers_are_the_same_for_a_seed_and_all_different():
    pictures, kinds = ood.ood_images()
    again, _ = ood.ood_images()
    assert pictures.shape == (60, 299, 299, 3)
    assert (pictures == again).all()
    assert (pictures != ood.ood_images(1)[0]).any(axis=(1, 2, 3)).all()
    assert len({picture.tobytes() for picture in pictures}) == 60
    assert [kinds.count(kind) for kind in ood.KINDS] == [6] * 10


# --- Figures --------------------------------------------------------------


def test_precision_and_recall_are_where_they_belong():
    labels, named = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])
    evaluation.by_class(labels, named, ("a", "b", "c"))
    recall, precision = (
        line.lines[0].get_xdata() for line in plt.gca().containers
    )
    assert recall == pytest.approx([100 / 3, 100])
    assert precision == pytest.approx([100, 100 / 3])  # c was never named


def test_the_reliability_figure_says_both_errors():
    p = np.random.default_rng(0).dirichlet([1, 1], 50)
    evaluation.reliability({"mine": p}, np.zeros(50, int))
    error = stats.calibration_error(p, np.zeros(50, int))
    title = plt.gcf().axes[0].get_title()
    assert f"error {100 * error:.1f} points" in title
    assert f"({100 * stats.calibration_error_by_chance(p):.1f} if" in title


def test_a_gate_counts_what_it_turns_away(capsys):
    known, strange = np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.2, 0.8, 0.9])
    right = np.array([True, True, False, True])
    scores = {"doubt": (known, known, strange)}
    evaluation.rejection(scores, {"doubt": 0.5}, right)
    lines = capsys.readouterr().out.splitlines()
    assert "3 of 4" in lines[0]
    assert "2 of 3" in lines[1]
    assert "2 of 3" in lines[2]


def test_the_largest_heat_is_marked():
    image = np.zeros((299, 299, 3), "uint8")
    mask = np.zeros((299, 299), bool)
    mask[5:9, 5:9] = True
    evaluation.heatmaps(
        [image] * 2, [one_hot(1, 5)[0]] * 2, [None, mask], "ab"
    )
    for ax in plt.gcf().axes:
        (column,), (row,) = ax.lines[0].get_data()
        assert abs(row - 1.5 * 299 / 8) < 20
        assert abs(column - 5.5 * 299 / 8) < 20


def test_every_figure_of_numbers_names_its_axes():
    evaluation.by_class(np.zeros(3, int), np.zeros(3, int), ("a",))
    evaluation.reliability({"x": np.full((9, 2), 0.5)}, np.zeros(9, int))
    numbers = np.arange(5.0)
    evaluation.rejection({"x": (numbers,) * 3}, {"x": 9}, numbers == 0)
    for number in plt.get_fignums():
        for ax in plt.figure(number).axes:
            assert ax.get_xlabel()
            assert ax.get_ylabel()


# --- Grad-CAM -------------------------------------------------------------


def test_grad_cam_points_where_the_score_comes_from():
    inputs = keras.Input((4, 4, 2))
    upper = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    average = keras.layers.GlobalAveragePooling2D()
    head = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    eye, none = np.eye(2), np.zeros(2)
    head.set_weights([eye, none, eye, none])  # map 0 for class 0, 1 for 1
    answers = np.zeros((1, 4, 4, 2))
    answers[0, 1, 2, 0] = answers[0, 3, 0, 1] = 1
    for chosen, cell in ((0, (1, 2)), (1, (3, 0))):
        (heat,) = gradcam.heatmaps(upper, average, head, answers, [chosen])
        assert np.unravel_index(heat.argmax(), heat.shape) == cell
        assert (heat > 0).sum() == 1  # the other speaks not for it


def test_grad_cam_is_the_one_that_lesson_05_writes():
    path = paths.ROOT / "notebooks" / "05_judge_and_explain.ipynb"
    (source,) = (
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if "def grad_cam" in cell.source
    )
    (written,) = (
        split for split in ast.parse(source).body if hasattr(split, "args")
    )
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 8))
    upper = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    average = keras.layers.GlobalAveragePooling2D()
    hidden = keras.layers.Dense(6, activation="relu")
    last = keras.layers.Dense(3, activation="softmax")
    head = keras.Sequential([keras.Input((8,)), hidden, last])
    lesson = {"np": np, "tf": tf, "average": average}
    lesson |= {"hidden": hidden, "last": last}
    exec(ast.unparse(written), lesson)
    maps = np.random.default_rng(0).random((5, 4, 4, 8), "float32")
    classes = np.array([0, 1, 2, 0, 1])
    total = lesson["grad_cam"](tf.constant(maps), classes)
    wanted = np.maximum(total, 0)
    found = gradcam.heatmaps(upper, average, head, maps, classes)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert found.max() > 0
