"""The default pictures: the same each time, split as promised, masked."""

import hashlib
import io

import numpy as np
import pytest
from clone import contents
from PIL import Image

from helpers import surfaces

DEFECTS = [name for name in surfaces.CLASS_NAMES if name != "clean"]


@pytest.fixture
def few(monkeypatch, tmp_path):
    """A place of its own, with three photos of a class instead of 130."""
    monkeypatch.setattr(surfaces, "DATA", tmp_path)
    monkeypatch.setattr(surfaces, "SHARES", (1, 1, 1))
    monkeypatch.setattr(surfaces, "SETS", {"photos": 3, "remounted": 1})
    return tmp_path


def test_a_photo_is_the_same_each_time_it_is_drawn():
    for set_name in surfaces.SETS:
        first, its_mask = surfaces.draw("crack", 3, set_name=set_name)
        again, again_mask = surfaces.draw("crack", 3, set_name=set_name)
        assert first.shape == (299, 299, 3) and first.dtype == np.uint8
        assert its_mask.shape == (299, 299) and its_mask.dtype == bool
        assert np.array_equal(first, again)
        assert np.array_equal(its_mask, again_mask)


def test_class_part_seed_and_set_each_change_the_photo():
    photos = [
        surfaces.draw("pits", 0)[0],
        surfaces.draw("clean", 0)[0],
        surfaces.draw("pits", 1)[0],
        surfaces.draw("pits", 0, seed=1)[0],
        surfaces.draw("pits", 0, set_name="remounted")[0],
    ]
    assert len({photo.tobytes() for photo in photos}) == len(photos)


def test_a_remounted_camera_sees_less_light_and_no_empty_corner():
    light = {}
    for set_name in surfaces.SETS:
        photos = [surfaces.draw("clean", n, 0, set_name)[0] for n in range(12)]
        corners = np.stack(photos)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.max(-1).min() > 8
        light[set_name] = np.mean(photos)
    assert light["remounted"] < 0.7 * light["photos"]


def test_a_clean_part_has_an_empty_mask():
    for index in range(3):
        assert not surfaces.draw("clean", index)[1].any()


@pytest.mark.parametrize("set_name", surfaces.SETS)
@pytest.mark.parametrize("class_name", DEFECTS)
def test_the_defect_is_where_the_mask_says(class_name, set_name):
    for index in range(2):
        bad, where = surfaces.draw(class_name, index, 0, set_name)
        good, _ = surfaces.draw(class_name, index, 0, set_name, defect=False)
        change = np.abs(bad.astype(int) - good).mean(-1)
        assert 0.001 < where.mean() < 0.1
        # A defect shows by a part of the light that there is.
        assert change[where].mean() > 0.04 * good.mean()
        assert change[where].mean() > 10 * change[~where].mean()


def test_a_folder_holds_the_classes_split_as_promised(few):
    folder = surfaces.folder()
    assert folder == few / "surfaces" / "photos"
    names = sorted(path.name for path in folder.iterdir())
    assert names == list(surfaces.CLASS_NAMES)
    for name in names:
        counts = [0, 0, 0]
        for photo in (folder / name).iterdir():
            digest = hashlib.sha256(photo.read_bytes()).hexdigest()
            point = int(digest[:15], 16) / 16**15
            counts[int(point * 3)] += 1
        assert counts == [1, 1, 1], name


def test_the_real_folder_is_meant_to_have_780_photos():
    assert surfaces.SHARES == (60, 20, 50)
    assert surfaces.SETS == {"photos": 130, "remounted": 50}


def test_a_folder_is_the_same_each_time_and_other_with_another_seed(
    few, monkeypatch
):
    first = contents(surfaces.folder().parent)
    other = surfaces.folder(seed=1)
    assert other == few / "surfaces-1" / "photos"
    assert not set(first.values()) & set(contents(other).values())
    assert contents(few / "surfaces") == first
    monkeypatch.setattr(surfaces, "DATA", few / "again")
    assert contents(surfaces.folder().parent) == first


def test_files_hold_what_draw_gives(few):
    for folder in (surfaces.folder(), surfaces.remounted()):
        photo = folder / "stain" / "stain-000.jpg"
        image, where = surfaces.draw("stain", 0, 0, folder.name)
        with Image.open(photo) as opened:
            assert opened.format == "JPEG" and opened.mode == "RGB"
            # JPEG changes every pixel a little, and colours somewhat more.
            change = np.abs(np.asarray(opened).astype(int) - image)
        assert change.mean() < 5
        with Image.open(surfaces.mask(photo)) as opened:
            assert opened.mode == "L"
            assert np.array_equal(np.asarray(opened), where * 255)


def test_only_photos_lie_in_class_folders_and_each_defect_has_a_mask(few):
    for folder in (surfaces.folder(), surfaces.remounted()):
        photos = [path for path in folder.rglob("*") if path.is_file()]
        assert len(photos) == 6 * surfaces.SETS[folder.name]
        for photo in photos:
            assert photo.suffix == ".jpg"
            if photo.parent.name == "clean":
                assert surfaces.mask(photo) is None
            else:
                assert surfaces.mask(str(photo)).is_file()
                assert folder not in surfaces.mask(photo).parents
    assert not list(few.rglob(".part-*"))


def test_lost_and_damaged_files_are_drawn_again_and_the_rest_is_kept(few):
    folder = surfaces.folder()
    before = contents(folder.parent)
    lost = folder / "dent" / "dent-000.jpg"
    empty = folder / "clean" / "clean-002.jpg"
    cut = folder / "crack" / "crack-001.jpg"
    lost.unlink()
    empty.write_bytes(b"")
    cut.write_bytes(cut.read_bytes()[:5000])
    surfaces.mask(folder / "pits" / "pits-001.jpg").unlink()
    own = folder / "dent" / "my own.jpg"
    own.write_bytes(b"mine")
    kept = folder / "stain" / "stain-000.jpg"
    Image.new("RGB", (9, 9)).save(kept, "JPEG")  # whole, though not ours
    mine = kept.read_bytes()
    surfaces.folder()
    assert own.read_bytes() == b"mine"
    assert kept.read_bytes() == mine
    own.unlink()
    kept.write_bytes(before["photos/stain/stain-000.jpg"])
    assert contents(folder.parent) == before


def test_nothing_is_drawn_or_printed_when_all_is_there(
    few, monkeypatch, capsys
):
    surfaces.folder()
    assert "drawing photos" in capsys.readouterr().out
    monkeypatch.setattr(surfaces, "draw", None)
    surfaces.folder()
    assert capsys.readouterr() == ("", "")


def test_a_stopped_run_leaves_whole_files_and_goes_on(few, monkeypatch):
    draw, drawn = surfaces.draw, []

    def stopping(*args):
        drawn.append(args)
        if len(drawn) == 10:
            raise KeyboardInterrupt
        return draw(*args)

    monkeypatch.setattr(surfaces, "draw", stopping)
    with pytest.raises(KeyboardInterrupt):
        surfaces.folder()
    monkeypatch.setattr(surfaces, "draw", draw)
    place = few / "surfaces"
    made = contents(place)
    assert 0 < len(made)
    assert made.pop(surfaces.MARK)
    for name, content in made.items():
        Image.open(io.BytesIO(content)).load()
        assert ".part-" not in name
    whole = contents(surfaces.folder().parent)
    assert made.items() <= whole.items()


@pytest.mark.parametrize("edition", [None, "1\n", ""])
def test_pictures_of_another_version_are_not_taken(few, edition):
    place = surfaces.folder().parent
    before = contents(place)
    mark = place / surfaces.MARK
    if edition is None:
        mark.unlink()
    else:
        mark.write_text(edition)
    for ask in (surfaces.folder, surfaces.remounted):
        with pytest.raises(ValueError, match="does not say that these"):
            ask()
    place.rename(few / "aside")
    assert contents(surfaces.folder().parent) == before
    assert len(contents(few / "aside")) >= len(before) - 1


def test_other_pictures_are_another_edition():
    """Where this fails, raise `EDITION`, and put these numbers right."""
    assert surfaces.EDITION == 2
    found = {
        ("crack", 0, "photos"): (101.35, 589),
        ("pits", 1, "photos"): (69.45, 312),
        ("clean", 2, "photos"): (75.94, 0),
        ("dent", 3, "remounted"): (59.10, 1893),
        ("scratch", 4, "photos"): (138.59, 354),
        ("stain", 5, "remounted"): (31.73, 729),
    }
    for (class_name, index, set_name), (light, pixels) in found.items():
        photo, where = surfaces.draw(class_name, index, 0, set_name)
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
        surfaces.draw(**({"class_name": "crack"} | wrong))


def test_a_wrong_seed_draws_no_folder(few):
    with pytest.raises(ValueError, match="give a whole number from 0 on"):
        surfaces.folder(seed=-1)
    assert not list(few.iterdir())


def test_there_is_no_mask_for_a_photo_from_elsewhere(tmp_path):
    photo = tmp_path / "roses" / "rose.jpg"
    with pytest.raises(ValueError, match="rose.jpg: there is no mask"):
        surfaces.mask(photo)


def test_of_what_is_shared_only_a_whole_set_is_used(few, monkeypatch):
    drawn = surfaces.folder().parent.rename(few / "shared")
    monkeypatch.setattr(surfaces.shared, "find", lambda name: drawn)
    assert surfaces.folder() == drawn / "photos"
    assert surfaces.remounted() == few / "surfaces" / "remounted"
    (drawn / "masks" / "dent" / "dent-001.png").unlink()
    assert surfaces.folder() == few / "surfaces" / "photos"
