"""Lesson 05: ground truth, OOD images, figures of evaluation."""

import shutil

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from helpers import stats
from helpers.dataset import pipeline, splits
from helpers.plots import evaluation
from helpers.surfaces import ground_truth, ood, render

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("figures")


# --- Ground truth ---------------------------------------------------------


@pytest.fixture
def surfaces(tmp_path, monkeypatch):
    """Two rendered photos of each of three classes, as a split."""
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path))
    monkeypatch.setattr(render, "CLASS_NAMES", ("clean", "crack", "dent"))
    monkeypatch.setattr(render, "SETS", {"photos": 2, "remounted": 1})
    monkeypatch.setattr(render, "FRACTIONS", (1, 1, 1))
    return splits.whole_folder(render.folder(), render.CLASS_NAMES)


def with_truth(split):
    """Return the names of the photos with a mask and of those repaired."""
    indices, _ = ground_truth.masks(split)
    repaired, images = ground_truth.without_defect(split, 99)
    assert images.shape == (len(repaired), 299, 299, 3)
    names = [path.rsplit("/", 1)[1] for path in split.paths]
    return [names[i] for i in indices], [names[i] for i in repaired]


def save_noise(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([*path.name.encode()])
    pixels = rng.integers(0, 256, (80, 80, 3), "uint8")
    Image.fromarray(pixels).save(path)


DEFECTS = ["crack-000.jpg", "crack-001.jpg", "dent-000.jpg", "dent-001.jpg"]


def test_masks_are_those_of_the_defects(surfaces):
    indices, masks = ground_truth.masks(surfaces)
    assert sorted(surfaces.labels[indices]) == [1, 1, 2, 2]
    assert masks.shape == (4, 299, 299)
    for index, mask in zip(indices, masks, strict=True):
        name, number = surfaces.paths[index].rsplit("/", 1)[1][:-4].split("-")
        assert (mask == render.draw(name, int(number))[1]).all()


def test_a_part_without_its_defect_differs_only_there(surfaces):
    masks = dict(zip(*ground_truth.masks(surfaces), strict=True))
    indices, images = ground_truth.without_defect(surfaces, 3)
    assert len(indices) == len(images) == 3
    for index, image in zip(indices, images, strict=True):
        defective = pipeline.load_photo(surfaces.paths[index]).numpy()
        change = np.abs(np.int16(defective) - image)
        near = ground_truth.dilated(masks[index][None], 12)[0]
        assert not (change.max(axis=-1) > 30)[~near].any()
        assert change[near].mean() > 2


def test_own_photos_have_no_ground_truth(tmp_path, surfaces):
    for name in ("crack", "dent"):
        save_noise(tmp_path / "mine" / "photos" / name / f"{name}-000.jpg")
    own = splits.whole_folder(tmp_path / "mine" / "photos", ("crack", "dent"))
    assert with_truth(own) == ([], [])


def test_own_photos_among_the_rendered_have_no_ground_truth(
    tmp_path, surfaces
):
    own = ("IMG_1.jpg", "crack-7.jpg", "crack-002.jpg", "crack-001.png",
           "dent-001.jpg", "crack-old.jpg")  # fmt: skip
    folder = tmp_path / "surfaces" / "photos"
    for name in own:
        save_noise(folder / "crack" / name)
    split = splits.whole_folder(folder, render.CLASS_NAMES)
    assert len(split) == len(surfaces) + len(own)
    assert with_truth(split) == (DEFECTS, DEFECTS)


def test_a_copy_of_the_rendered_photos_has_no_ground_truth(tmp_path, surfaces):
    shutil.copytree(tmp_path / "surfaces", tmp_path / "surfaces-old")
    copy = splits.whole_folder(
        tmp_path / "surfaces-old" / "photos", render.CLASS_NAMES
    )
    assert with_truth(surfaces) == (DEFECTS, DEFECTS)
    assert with_truth(copy) == ([], [])


def test_a_photo_without_its_mask_has_no_ground_truth(tmp_path, surfaces):
    (tmp_path / "surfaces" / "masks" / "crack" / "crack-000.png").unlink()
    assert with_truth(surfaces) == (DEFECTS[1:], DEFECTS[1:])


def test_a_linked_photo_has_its_mask(tmp_path, surfaces):
    names = [name.upper() for name in render.CLASS_NAMES]
    (tmp_path / "mine").mkdir()
    for name in render.CLASS_NAMES:
        link = tmp_path / "mine" / name.upper()
        link.symlink_to(tmp_path / "surfaces" / "photos" / name)
    linked = splits.whole_folder(tmp_path / "mine", names)
    assert np.array_equal(
        ground_truth.masks(linked)[1], ground_truth.masks(surfaces)[1]
    )


def one_hot(row, column):
    heat = np.zeros((1, 8, 8))
    heat[0, row, column] = 1
    return heat


def test_the_pointing_game_is_hit_inside_the_mask():
    mask = np.zeros((1, 299, 299), bool)
    mask[0, 200:230, 50:80] = True
    assert ground_truth.pointing_game(one_hot(5, 1), mask).tolist() == [True]
    assert ground_truth.pointing_game(one_hot(1, 5), mask).tolist() == [False]


def test_a_dilated_mask_is_round():
    mask = np.zeros((1, 299, 299), bool)
    mask[0, 200, 50] = True
    dilated = ground_truth.dilated(mask, 15)
    assert dilated[0, 200, 65]
    assert not dilated[0, 200, 66]
    assert not dilated[0, 211, 61]
    assert mask.sum() == 1


def test_heat_inside_is_a_proportion():
    mask = np.zeros((2, 299, 299), bool)
    mask[:, :, :150] = True
    heat = np.stack([np.ones((8, 8)), np.zeros((8, 8))])
    inside = ground_truth.heat_inside(heat, mask)
    assert inside == pytest.approx([150 / 299, 0])
    inside = ground_truth.heat_inside(one_hot(3, 0), mask[:1])
    assert inside == pytest.approx([1])


def test_ood_images_differ_and_depend_only_on_the_seed():
    images, kinds = ood.ood_images()
    assert images.shape == (60, 299, 299, 3)
    assert (images == ood.ood_images()[0]).all()
    assert (images != ood.ood_images(1)[0]).any(axis=(1, 2, 3)).all()
    assert len({image.tobytes() for image in images}) == 60
    assert [kinds.count(kind) for kind in ood.KINDS] == [6] * 10


# --- Figures --------------------------------------------------------------


def test_precision_and_recall_are_not_confused():
    labels, predicted = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])
    evaluation.by_class(labels, predicted, ("a", "b", "c"))
    dots, texts = plt.gca().get_legend_handles_labels()
    shown = {
        text.partition(":")[0]: dot.lines[0].get_xdata()
        for text, dot in zip(texts, dots, strict=True)
    }
    assert shown.keys() == {"recall", "precision"}
    assert shown["recall"] == pytest.approx([100 / 3, 100])
    # Class c is never predicted.
    assert shown["precision"] == pytest.approx([100, 100 / 3])


def test_the_reliability_figure_shows_both_errors_and_the_bins():
    p, labels = np.random.default_rng(0).dirichlet([1, 1], 50), np.zeros(50)
    evaluation.reliability({"mine": p}, labels)
    error = stats.calibration_error(p, labels)
    chance = stats.calibration_error_by_chance(p)
    ax = plt.gcf().axes[0]
    assert f"error {100 * error:.1f} %" in ax.get_title()
    assert f"({100 * chance:.1f} % if" in ax.get_title()
    confidence, accuracy = ax.containers[0].lines[0].get_data()
    bins = stats.reliability_bins(p, labels)
    assert confidence == pytest.approx([100 * b.confidence for b in bins])
    assert accuracy == pytest.approx(
        [100 * b.accuracy.proportion for b in bins]
    )


def test_rejected_images_are_counted(capsys):
    test, ood_scores = np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.2, 0.8, 9])
    correct = np.array([True, True, False, True])
    scores = {"uncertainty": (test, test, ood_scores)}
    evaluation.rejection(scores, {"uncertainty": 0.5}, correct)
    lines = capsys.readouterr().out.splitlines()
    for line, count in zip(lines, ("3 of 4", "2 of 3", "2 of 3"), strict=True):
        assert count in line


def test_the_maximum_of_the_heat_is_marked():
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
