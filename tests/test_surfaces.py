"""The default photos and their masks; the shifted test set; OOD images."""

import dataclasses
import hashlib
import io

import numpy as np
import pytest
from clone import contents
from make_photos import noise
from PIL import Image

from helpers.dataset import corrections, pipeline, splits
from helpers.surfaces import ground_truth, ood, render, shifted, textures


def few_photos(patch, data, class_names):
    """Let a data folder have three photos of some classes."""
    patch.setenv("WORKBOOK_DATA", str(data))
    patch.setattr(render, "CLASS_NAMES", class_names)
    patch.setattr(render, "FRACTIONS", (1, 1, 1))
    patch.setattr(
        render,
        "SETS",
        {"photos": 3, "remounted": 1, "remounted-validation": 1},
    )


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Both sets, with three photos of a class instead of 160."""
    with pytest.MonkeyPatch.context() as patch:
        data = tmp_path_factory.mktemp("data")
        few_photos(patch, data, render.CLASS_NAMES)
        render.folder()
        render.shifted_folder()
        yield data


@pytest.fixture
def few(monkeypatch, tmp_path):
    """A data folder of its own, with two classes."""
    few_photos(monkeypatch, tmp_path, ("clean", "dent"))
    return tmp_path


def test_class_index_and_set_each_change_the_photo():
    photos = []
    for arguments in (
        {"class_name": "pits"},
        {"class_name": "clean"},
        {"class_name": "pits", "index": 1},
        {"class_name": "pits", "set_name": "remounted"},
    ):
        photo, defect = render.draw(**arguments)
        again, same_defect = render.draw(**arguments)
        assert photo.shape == (299, 299, 3) and photo.dtype == np.uint8
        assert defect.shape == (299, 299) and defect.dtype == bool
        assert np.array_equal(photo, again)
        assert np.array_equal(defect, same_defect)
        photos.append(photo.tobytes())
    assert len(set(photos)) == 4


def test_a_remounted_camera_sees_less_light_and_no_empty_corner():
    light = {}
    for set_name in render.SETS:
        photos = [render.draw("clean", n, set_name)[0] for n in range(8)]
        corners = np.stack(photos)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.max(-1).min() > 8
        light[set_name] = np.mean(photos)
    assert light["remounted"] < 0.7 * light["photos"]


@pytest.mark.parametrize("set_name", render.SETS)
@pytest.mark.parametrize("class_name", render.CLASS_NAMES)
def test_the_defect_is_where_the_mask_says(class_name, set_name):
    photo, defect = render.draw(class_name, 1, set_name)
    if class_name == "clean":
        assert not defect.any()
        return
    good, _ = render.draw(class_name, 1, set_name, defect=False)
    change = np.abs(photo.astype(int) - good).mean(-1)
    assert 0.001 < defect.mean() < 0.1
    # A defect shows in proportion to the light that there is.
    assert change[defect].mean() > 0.04 * good.mean()
    assert change[defect].mean() > 10 * change[~defect].mean()


def test_photos_are_the_same_in_all_versions_of_numpy():
    # Before NumPy 2.3, the last bits of `values.std()` are others here.
    values = np.arange(100_000) * 7919 % 10_007 / np.float32(10_007)
    values = values.astype("float32")
    expected = np.float32(float.fromhex("0x1.279b28p-2"))
    assert textures._deviation(values) == expected


def test_other_photos_are_another_edition():
    """Where this fails, raise `EDITION`, and correct these numbers."""
    assert render.EDITION == 4
    expected = {
        ("crack", 0, "photos"): (101.35, 589),
        ("pits", 1, "photos"): (69.45, 312),
        ("clean", 2, "photos"): (75.94, 0),
        ("dent", 3, "remounted"): (72.41, 1893),
        ("scratch", 4, "photos"): (138.59, 354),
        ("stain", 5, "remounted"): (38.16, 729),
        ("stain", 6, "remounted-validation"): (47.74, 4031),
    }
    for arguments, (light, pixels) in expected.items():
        photo, defect = render.draw(*arguments)
        # Another machine may round a few pixels in another way.
        assert photo.mean() == pytest.approx(light, abs=0.1)
        assert defect.sum() == pytest.approx(pixels, abs=5)


# --- Folders --------------------------------------------------------------


def test_the_real_folder_is_meant_to_have_960_photos():
    assert render.FRACTIONS == (60, 50, 50)
    assert render.SETS == {
        "photos": 160,
        "remounted": 50,
        "remounted-validation": 50,
    }
    for class_name in render.CLASS_NAMES:
        # The order of the photos depends on the hashes, too.
        lows = [render._hash_range(class_name, i)[0] for i in range(160)]
        counts = np.unique(lows, return_counts=True)[1]
        assert tuple(counts) == render.FRACTIONS
    photo, _ = render.draw("clean")
    file = render._jpeg(photo, 92, *render._hash_range("clean", 0))
    assert b"helpers/surfaces.py, take 3\xff" in file


@pytest.mark.parametrize("set_name", ["photos", "remounted"])
def test_a_folder_holds_photos_and_their_masks(rendered, set_name):
    folder = rendered / "surfaces" / set_name
    names = sorted(path.name for path in folder.iterdir())
    assert names == list(render.CLASS_NAMES)
    photos = [path for path in folder.rglob("*") if path.is_file()]
    assert len(photos) == 6 * render.SETS[set_name]
    for photo in photos:
        class_name, index = photo.stem.split("-")
        image, defect = render.draw(class_name, int(index), set_name)
        with Image.open(photo) as opened:
            assert opened.format == "JPEG" and opened.mode == "RGB"
            # JPEG changes every pixel a little, and colours somewhat more.
            change = np.abs(np.asarray(opened).astype(int) - image)
        assert change.mean() < 5
        mask = render.mask(str(photo))
        assert mask.is_file() == (class_name != "clean")
        if mask.is_file():
            assert folder not in mask.parents
            with Image.open(mask) as opened:
                assert opened.mode == "L"
                assert np.array_equal(np.asarray(opened), defect * 255)


def test_each_class_is_split_as_promised(rendered):
    for class_folder in (rendered / "surfaces" / "photos").iterdir():
        points = [
            int(hashlib.sha256(p.read_bytes()).hexdigest()[:15], 16) / 16**15
            for p in class_folder.iterdir()
        ]
        assert sorted(int(3 * point) for point in points) == [0, 1, 2]


def test_lost_files_are_rendered_again(few, monkeypatch, capsys):
    folder = render.folder()
    assert "rendering photos" in capsys.readouterr().out
    before = contents(folder.parent)
    (folder / "dent" / "dent-000.jpg").unlink()
    render.mask(folder / "dent" / "dent-002.jpg").unlink()
    own = folder / "dent" / "my own.jpg"
    own.write_bytes(b"mine")
    kept = folder / "clean" / "clean-000.jpg"
    Image.new("RGB", (9, 9)).save(kept, "JPEG")  # though not ours
    mine = kept.read_bytes()
    render.folder()
    assert own.read_bytes() == b"mine" and kept.read_bytes() == mine
    own.unlink()
    kept.write_bytes(before["photos/clean/clean-000.jpg"])
    assert contents(folder.parent) == before
    capsys.readouterr()
    monkeypatch.setattr(render, "draw", None)
    render.folder()
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_run_leaves_whole_files_and_goes_on(few, monkeypatch):
    draw, drawn = render.draw, []

    def stopping(*args):
        drawn.append(args)
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return draw(*args)

    with monkeypatch.context() as patch:
        patch.setattr(render, "draw", stopping)
        with pytest.raises(KeyboardInterrupt):
            render.folder()
    files = contents(few / "surfaces")
    assert len(files) > 1
    for name, content in files.items():
        assert ".part-" not in name
        if name != render.EDITION_FILE:
            Image.open(io.BytesIO(content)).load()
    assert files.items() <= contents(render.folder().parent).items()


@pytest.mark.parametrize("edition", [None, "1\n", ""])
def test_photos_of_another_version_are_refused(few, edition):
    (few / "surfaces" / "photos").mkdir(parents=True)
    if edition is not None:
        (few / "surfaces" / render.EDITION_FILE).write_text(edition)
    before = contents(few)
    for get in (render.folder, render.shifted_folder):
        with pytest.raises(ValueError, match="does not say that these"):
            get()
    assert contents(few) == before


# --- Ground truth ---------------------------------------------------------


def whole(folder):
    return splits.whole_folder(folder, render.CLASS_NAMES)


def with_truth(split):
    """Return the names of the photos with a mask; they can be repaired."""
    indices, _ = ground_truth.masks(split)
    repaired, images = ground_truth.without_defect(split, 99)
    assert np.array_equal(repaired, indices)
    assert images.shape == (len(repaired), 299, 299, 3)
    return [split.paths[i].rsplit("/", 1)[1] for i in indices]


def save_noise(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise([*path.name.encode()]).save(path)


DENTS = ["dent-000.jpg", "dent-001.jpg", "dent-002.jpg"]


def test_masks_are_those_of_the_defects(few):
    split = whole(render.folder())
    indices, masks = ground_truth.masks(split)
    assert [split.class_names[i] for i in split.labels[indices]] == 3 * [
        "dent"
    ]
    assert masks.shape == (3, 299, 299)
    for index, mask in zip(indices, masks, strict=True):
        number = int(split.paths[index].rsplit("-", 1)[1][:-4])
        assert (mask == render.draw("dent", number)[1]).all()


def test_a_part_without_its_defect_differs_only_there(few):
    split = whole(render.folder())
    masks = dict(zip(*ground_truth.masks(split), strict=True))
    indices, images = ground_truth.without_defect(split, 2)
    assert len(indices) == len(images) == 2
    for index, image in zip(indices, images, strict=True):
        defective = pipeline.load_photo(split.paths[index]).numpy()
        change = np.abs(np.int16(defective) - image)
        near = ground_truth.dilated(masks[index][None], 12)[0]
        assert not (change.max(axis=-1) > 30)[~near].any()
        assert change[near].mean() > 2


def test_own_photos_have_no_ground_truth(few):
    folder = render.folder()
    for name in render.CLASS_NAMES:
        save_noise(few / "mine" / "photos" / name / f"{name}-000.jpg")
    assert with_truth(whole(few / "mine" / "photos")) == []
    # Those among the rendered ones have none either.
    own = ("IMG_1.jpg", "dent-7.jpg", "dent-003.jpg", "dent-1.png",
           "clean-001.jpg", "dent-old.jpg")  # fmt: skip
    for name in own:
        save_noise(folder / "dent" / name)
    split = whole(folder)
    assert len(split) == 6 + len(own)
    assert with_truth(split) == DENTS


def test_ground_truth_needs_the_mask_and_follows_links(few):
    folder = render.folder()
    (few / "mine").mkdir()
    for name in render.CLASS_NAMES:
        (few / "mine" / name.upper()).symlink_to(folder / name)
    linked = splits.whole_folder(few / "mine", ("CLEAN", "DENT"))
    assert with_truth(linked) == DENTS
    render.mask(folder / "dent" / DENTS[0]).unlink()
    assert with_truth(whole(folder)) == DENTS[1:]
    copy = folder.parent.rename(few / "surfaces-old")
    assert with_truth(whole(copy / "photos")) == []


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
    mask = np.zeros((3, 299, 299), bool)
    mask[:, :, :150] = True
    heat = np.stack([np.ones((8, 8)), np.zeros((8, 8)), one_hot(3, 0)[0]])
    inside = ground_truth.heat_inside(heat, mask)
    assert inside == pytest.approx([150 / 299, 0, 1])


def test_ood_images_differ_and_depend_only_on_the_seed():
    images, kinds = ood.ood_images()
    assert images.shape == (60, 299, 299, 3)
    assert (images == ood.ood_images()[0]).all()
    assert (images != ood.ood_images(1)[0]).any(axis=(1, 2, 3)).all()
    assert len({image.tobytes() for image in images}) == 60
    assert [kinds.count(kind) for kind in ood.KINDS] == [6] * 10


# --- The shifted test set -------------------------------------------------


def make(folder):
    """Fill a folder with three photos of noise of each of two classes."""
    for i in range(6):
        path = folder / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(i).point(lambda value: 99 + value // 2).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    make(tmp_path / "mine")
    return tmp_path / "mine"


def both(folder, name="test"):
    """Return the photos of a folder and the shifted ones."""
    whole = splits.whole_folder(folder, ("a", "b"))
    test = dataclasses.replace(whole, name=name)
    return test, shifted.shifted_split(folder, test)


def test_own_photos_are_turned_and_dimmed_for_a_second_test(folder):
    test, second = both(folder)
    assert sorted(second.labels) == sorted(test.labels)
    assert not set(second.keys) & set(test.keys)
    brightness = [
        np.mean([pipeline.load_photo(path) for path in split.paths])
        for split in (test, second)
    ]
    assert brightness[1] < 0.7 * brightness[0]
    assert second.name == "shifted test"
    assert both(folder)[1].keys == second.keys


def test_photos_of_one_name_are_each_shifted(folder):
    (folder / "b" / "1.png").rename(folder / "b" / "0.png")
    (folder / "b" / "3.png").rename(folder / "b" / f"{'n' * 251}.png")
    test, second = both(folder)
    assert len(set(second.keys)) == len(second) == len(test)
    assert sorted(second.labels) == sorted(test.labels)


def test_a_corrected_label_is_that_of_the_shifted_photo(folder):
    _, before = both(folder)
    corrections.note(folder, "b/1.png", "a", "b")
    corrections.apply(folder)
    _, after = both(folder)
    assert sorted(before.labels) == [0] * 3 + [1] * 3
    assert sorted(after.labels) == [0] * 4 + [1] * 2
    assert set(before.keys) == set(after.keys)
    corrections.undo(folder)
    assert both(folder)[1].paths == before.paths


def test_a_validation_set_has_its_own_shifted_set(folder, tmp_path):
    make(tmp_path / "remounted")
    make(tmp_path / "remounted-validation")
    _, second = both(folder, "validation")
    beside = str(tmp_path / "remounted-validation")
    assert all(path.startswith(beside) for path in second.paths)
    assert second.name == "shifted validation"


def test_a_shifted_set_beside_the_photos_is_used(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    beside = tmp_path / "remounted"
    make(beside)
    test, second = both(folder)
    assert all(path.startswith(str(beside)) for path in second.paths)
    assert second.name == "shifted test"
    assert shifted.shifted_split("~/mine", test).paths == second.paths
    (beside / "b").rename(beside / "c")
    with pytest.raises(ValueError, match="a, c, not a, b"):
        both(folder)
