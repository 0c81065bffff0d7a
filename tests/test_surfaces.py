"""The default pictures: the same each time, split as promised, masked."""

import hashlib
import io

import numpy as np
import pytest
from clone import contents
from PIL import Image

from helpers.surfaces import render

DEFECTS = [name for name in render.CLASS_NAMES if name != "clean"]


@pytest.fixture
def few(monkeypatch, tmp_path):
    """A place of its own, with three photos of a class instead of 130."""
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path))
    monkeypatch.setattr(render, "FRACTIONS", (1, 1, 1))
    monkeypatch.setattr(render, "SETS", {"photos": 3, "remounted": 1})
    return tmp_path


def test_a_photo_is_the_same_each_time_it_is_drawn():
    for set_name in render.SETS:
        first, its_mask = render.draw("crack", 3, set_name=set_name)
        again, again_mask = render.draw("crack", 3, set_name=set_name)
        assert first.shape == (299, 299, 3) and first.dtype == np.uint8
        assert its_mask.shape == (299, 299) and its_mask.dtype == bool
        assert np.array_equal(first, again)
        assert np.array_equal(its_mask, again_mask)


def test_class_part_seed_and_set_each_change_the_photo():
    photos = [
        render.draw("pits", 0)[0],
        render.draw("clean", 0)[0],
        render.draw("pits", 1)[0],
        render.draw("pits", 0, seed=1)[0],
        render.draw("pits", 0, set_name="remounted")[0],
    ]
    assert len({photo.tobytes() for photo in photos}) == len(photos)


def test_a_remounted_camera_sees_less_light_and_no_empty_corner():
    light = {}
    for set_name in render.SETS:
        photos = [render.draw("clean", n, 0, set_name)[0] for n in range(12)]
        corners = np.stack(photos)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.max(-1).min() > 8
        light[set_name] = np.mean(photos)
    assert light["remounted"] < 0.7 * light["photos"]


def test_a_clean_part_has_an_empty_mask():
    for index in range(3):
        assert not render.draw("clean", index)[1].any()


@pytest.mark.parametrize("set_name", render.SETS)
@pytest.mark.parametrize("class_name", DEFECTS)
def test_the_defect_is_where_the_mask_says(class_name, set_name):
    for index in range(2):
        bad, where = render.draw(class_name, index, 0, set_name)
        good, _ = render.draw(class_name, index, 0, set_name, defect=False)
        change = np.abs(bad.astype(int) - good).mean(-1)
        assert 0.001 < where.mean() < 0.1
        # A defect shows by a part of the light that there is.
        assert change[where].mean() > 0.04 * good.mean()
        assert change[where].mean() > 10 * change[~where].mean()


def test_a_folder_holds_the_classes_split_as_promised(few):
    folder = render.folder()
    assert folder == few / "surfaces" / "photos"
    names = sorted(path.name for path in folder.iterdir())
    assert names == list(render.CLASS_NAMES)
    for name in names:
        counts = [0, 0, 0]
        for photo in (folder / name).iterdir():
            digest = hashlib.sha256(photo.read_bytes()).hexdigest()
            point = int(digest[:15], 16) / 16**15
            counts[int(point * 3)] += 1
        assert counts == [1, 1, 1], name


def test_the_real_folder_is_meant_to_have_780_photos():
    assert render.FRACTIONS == (60, 20, 50)
    assert render.SETS == {"photos": 130, "remounted": 50}


def test_a_folder_is_the_same_each_time_and_other_with_another_seed(
    few, monkeypatch
):
    first = contents(render.folder().parent)
    other = render.folder(seed=1)
    assert other == few / "surfaces-1" / "photos"
    assert not set(first.values()) & set(contents(other).values())
    assert contents(few / "surfaces") == first
    monkeypatch.setenv("WORKBOOK_DATA", str(few / "again"))
    assert contents(render.folder().parent) == first


def test_files_hold_what_draw_gives(few):
    for folder in (render.folder(), render.shifted_folder()):
        photo = folder / "stain" / "stain-000.jpg"
        image, where = render.draw("stain", 0, 0, folder.name)
        with Image.open(photo) as opened:
            assert opened.format == "JPEG" and opened.mode == "RGB"
            # JPEG changes every pixel a little, and colours somewhat more.
            change = np.abs(np.asarray(opened).astype(int) - image)
        assert change.mean() < 5
        with Image.open(render.mask(photo)) as opened:
            assert opened.mode == "L"
            assert np.array_equal(np.asarray(opened), where * 255)


def test_only_photos_lie_in_class_folders_and_each_defect_has_a_mask(few):
    for folder in (render.folder(), render.shifted_folder()):
        photos = [path for path in folder.rglob("*") if path.is_file()]
        assert len(photos) == 6 * render.SETS[folder.name]
        for photo in photos:
            assert photo.suffix == ".jpg"
            if photo.parent.name == "clean":
                assert render.mask(photo) is None
            else:
                assert render.mask(str(photo)).is_file()
                assert folder not in render.mask(photo).parents
    assert not list(few.rglob(".part-*"))


def test_lost_and_damaged_files_are_drawn_again_and_the_rest_is_kept(few):
    folder = render.folder()
    before = contents(folder.parent)
    lost = folder / "dent" / "dent-000.jpg"
    empty = folder / "clean" / "clean-002.jpg"
    cut = folder / "crack" / "crack-001.jpg"
    lost.unlink()
    empty.write_bytes(b"")
    cut.write_bytes(cut.read_bytes()[:5000])
    render.mask(folder / "pits" / "pits-001.jpg").unlink()
    own = folder / "dent" / "my own.jpg"
    own.write_bytes(b"mine")
    kept = folder / "stain" / "stain-000.jpg"
    Image.new("RGB", (9, 9)).save(kept, "JPEG")  # whole, though not ours
    mine = kept.read_bytes()
    render.folder()
    assert own.read_bytes() == b"mine"
    assert kept.read_bytes() == mine
    own.unlink()
    kept.write_bytes(before["photos/stain/stain-000.jpg"])
    assert contents(folder.parent) == before


def test_nothing_is_drawn_or_printed_when_all_is_there(
    few, monkeypatch, capsys
):
    render.folder()
    assert "drawing photos" in capsys.readouterr().out
    monkeypatch.setattr(render, "draw", None)
    render.folder()
    assert capsys.readouterr() == ("", "")


def test_a_stopped_run_leaves_whole_files_and_goes_on(few, monkeypatch):
    draw, drawn = render.draw, []

    def stopping(*args):
        drawn.append(args)
        if len(drawn) == 10:
            raise KeyboardInterrupt
        return draw(*args)

    monkeypatch.setattr(render, "draw", stopping)
    with pytest.raises(KeyboardInterrupt):
        render.folder()
    monkeypatch.setattr(render, "draw", draw)
    place = few / "surfaces"
    made = contents(place)
    assert 0 < len(made)
    assert made.pop(render.MARK)
    for name, content in made.items():
        Image.open(io.BytesIO(content)).load()
        assert ".part-" not in name
    whole = contents(render.folder().parent)
    assert made.items() <= whole.items()


@pytest.mark.parametrize("edition", [None, "1\n", ""])
def test_pictures_of_another_version_are_not_taken(few, edition):
    place = render.folder().parent
    before = contents(place)
    mark = place / render.MARK
    if edition is None:
        mark.unlink()
    else:
        mark.write_text(edition)
    for ask in (render.folder, render.shifted_folder):
        with pytest.raises(ValueError, match="does not say that these"):
            ask()
    place.rename(few / "aside")
    assert contents(render.folder().parent) == before
    assert len(contents(few / "aside")) >= len(before) - 1


def test_other_pictures_are_another_edition():
    """Where this fails, raise `EDITION`, and put these numbers right."""
    assert render.EDITION == 2
    found = {
        ("crack", 0, "photos"): (101.35, 589),
        ("pits", 1, "photos"): (69.45, 312),
        ("clean", 2, "photos"): (75.94, 0),
        ("dent", 3, "remounted"): (59.10, 1893),
        ("scratch", 4, "photos"): (138.59, 354),
        ("stain", 5, "remounted"): (31.73, 729),
    }
    for (class_name, index, set_name), (light, pixels) in found.items():
        photo, where = render.draw(class_name, index, 0, set_name)
        # Another machine may round a few pixels otherwise.
        assert photo.mean() == pytest.approx(light, abs=0.1)
        assert where.sum() == pytest.approx(pixels, abs=5)


@pytest.mark.parametrize(
    "wrong, named",
    [
        ({"class_name": "rust"}, "'rust' is no class"),
        ({"set_name": "masks"}, "'masks' is no set"),
        ({"index": -1}, "index is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "0"}, "seed is '0'"),
    ],
)
def test_what_cannot_be_drawn_is_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        render.draw(**({"class_name": "crack"} | wrong))


def test_a_wrong_seed_draws_no_folder(few):
    with pytest.raises(ValueError, match="give a whole number from 0 on"):
        render.folder(seed=-1)
    assert not list(few.iterdir())


def test_there_is_no_mask_for_a_photo_from_elsewhere(tmp_path):
    photo = tmp_path / "roses" / "rose.jpg"
    with pytest.raises(ValueError, match="rose.jpg: there is no mask"):
        render.mask(photo)


def test_of_what_is_shared_only_a_whole_set_is_used(few, monkeypatch):
    drawn = render.folder().parent.rename(few / "shared")
    monkeypatch.setattr(render.shared, "find", lambda name: drawn)
    assert render.folder() == drawn / "photos"
    assert render.shifted_folder() == few / "surfaces" / "remounted"
    (drawn / "masks" / "dent" / "dent-001.png").unlink()
    assert render.folder() == few / "surfaces" / "photos"
