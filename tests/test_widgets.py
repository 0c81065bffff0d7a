"""Moving a control changes the picture and what is said of it."""

import html
import io
import re

import keras
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbformat import v4
from PIL import Image

from helpers import widgets
from helpers.dataset import corrections, scan, splits
from helpers.network import blocks
from helpers.surfaces import render
from helpers.widgets import augmentation_panel, panel
from tools import _outputs


def said(made):
    """Return the line of a panel as it is read."""
    return html.unescape(re.sub("<[^>]+>", " ", made.line.value))


def after(made, name, value):
    """Move a control; return the line, which must be new, as the picture."""
    before = said(made), made.picture.value
    made.controls[name].value = value
    assert said(made) != before[0]
    assert made.picture.value != before[1]
    return said(made)


def pressed(made, name):
    """Press a button; return the line."""
    made.controls[name].click()
    return said(made)


def size(made):
    """Return the size of the picture in pixels."""
    return Image.open(io.BytesIO(made.picture.value)).size


@pytest.fixture(scope="module")
def base():
    return keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(299, 299, 3)
    )


@pytest.fixture
def split(tmp_path, monkeypatch):
    """Twenty photos, ten each of a and b, each of one colour."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    for i in range(20):
        place = tmp_path / "mine" / "ab"[i // 10]
        place.mkdir(parents=True, exist_ok=True)
        colour = (12 * i, 250 - 12 * i, 90)
        Image.new("RGB", (80, 80), colour).save(place / f"{i:02}.png")
    return splits.whole_folder(tmp_path / "mine", ("a", "b"))


@pytest.fixture
def answers():
    """The chances of b: all are said to be a, the first ones surest."""
    chance = np.linspace(0.02, 0.4, 20)
    return np.stack([1 - chance, chance], axis=1)


# What all have in common.


def counting(update, **controls):
    drawn = panel.figure(2, 1)
    ax = drawn.add_subplot()
    made = panel.Panel(
        "small", controls, [list(controls)], drawn, lambda: update(ax), "Run."
    )
    return made


def test_a_panel_shows_itself_and_a_sentence_beside(monkeypatch):
    slider = panel.ipywidgets.IntSlider()
    made = counting(lambda ax: "", number=slider)
    published = []
    monkeypatch.setattr(
        InteractiveShell.instance().display_pub,
        "publish",
        lambda data, metadata=None, **_: published.append(data),
    )
    # This is what becomes of the last value of a cell.
    InteractiveShell.instance().displayhook(made)
    (data,) = published
    assert data["text/plain"] == "Run."
    assert data[panel.VIEW]["model_id"] == made.box.model_id


def test_a_stored_notebook_holds_the_sentence_alone(notebook, code):
    bundle = {panel.VIEW: {"model_id": "a1"}, "text/plain": "Run this cell."}
    made = notebook(
        code("x", outputs=[v4.new_output("display_data", data=bundle)]),
        widgets={panel.VIEW.replace("view", "state"): {"state": {"a1": {}}}},
    )
    _outputs.normalise(made)
    assert made.cells[0].outputs[0].data == {"text/plain": "Run this cell."}
    assert "widget" not in str(made.metadata)


def test_a_failing_control_says_so_and_a_right_one_mends_it():
    def update(ax):
        ax.set_title(str(slider.value))
        return f"The `root` <of> it is {10 // slider.value}."

    slider = panel.ipywidgets.IntSlider(value=5)
    made = counting(update, number=slider)
    assert "<code>root</code> &lt;of&gt; it is 2." in made.line.value
    picture = made.picture.value
    slider.value = 0
    assert "This did not work. ZeroDivisionError" in said(made)
    assert made.picture.value == picture
    slider.value = 2
    assert "it is 5." in said(made)
    assert made.picture.value != picture


def test_an_error_in_a_button_is_shown():
    made = counting(lambda ax: "fine", go=panel.ipywidgets.Button())
    made.on_click("go", lambda: open("nowhere/at/all"))
    assert "FileNotFoundError" in pressed(made, "go")


def test_an_error_in_the_first_picture_is_raised():
    with pytest.raises(ZeroDivisionError):
        counting(lambda ax: 1 / 0)


# The boundary.


def freeze(base, count):
    for i, layer in enumerate(base.layers):
        layer.trainable = i >= count


def test_the_boundary_moves_and_the_base_does_not(base):
    freeze(base, 249)
    flags = [layer.trainable for layer in base.layers]
    made = widgets.anatomy(base)
    counted = sum(b.trainable for b in blocks.blocks(base))
    assert made.controls["boundary"].value == "mixed8"
    assert "trainable from layer 249 on: 2 of 12 blocks" in said(made)
    assert f"{counted:,} parameters (51% of the base)" in said(made)
    words = after(made, "boundary", "mixed7")
    assert "trainable from layer 229 on: 3 of 12 blocks" in words
    assert "All blocks are frozen" in after(made, "boundary", "mixed10")
    assert "0.0 lie above the boundary" in said(made)
    assert "Nothing is frozen" in after(made, "boundary", "nothing")
    assert [layer.trainable for layer in base.layers] == flags


@pytest.mark.parametrize(
    ("count", "start"), [(0, "nothing"), (311, "mixed10"), (41, "mixed0")]
)
def test_the_boundary_begins_where_the_base_has_it(base, count, start):
    freeze(base, count)
    assert widgets.anatomy(base).controls["boundary"].value == start


def test_the_work_of_the_base_is_the_one_known(base):
    work = blocks.flops(base)
    # Szegedy et al. (2015) give 5.7 billion multiply-adds for v3.
    assert sum(work.values()) == pytest.approx(2 * 5.7, rel=0.01)
    assert list(work) == list(blocks.NAMES)


def test_a_base_inside_a_model_is_refused(base):
    nested = keras.Sequential([keras.Input((299, 299, 3)), base])
    with pytest.raises(ValueError, match="mixed0"):
        widgets.anatomy(nested)


# The rates.

RATES = np.geomspace(1e-6, 1e-2, 9)
LOSSES = [0.5, 0.45, 0.4, 0.3, 0.35, 2.0, 9.0, np.nan, 8.0]


def test_the_rates_say_whether_the_loss_falls():
    made = widgets.learning_rates(RATES, LOSSES, RATES[3])
    assert made.controls["rate"].value == 3
    assert "This is the rate that is taken: 3.2e-05" in said(made)
    words = after(made, "rate", 1)
    assert "0.450, after 0.500 at the rate before: it falls." in words
    assert "10.0 times as high: 3.2e-05, where the loss is lowest" in words
    assert "it falls no more" in after(made, "rate", 4)
    assert "it jumps" in after(made, "rate", 5)
    assert "10.0 times lower" in said(made)
    assert "no number any more" in after(made, "rate", 7)
    assert "first rate tried" in after(made, "rate", 0)


def test_a_loss_that_falls_to_the_end_is_no_answer():
    falling = np.linspace(2, 1, 9)
    made = widgets.learning_rates(RATES, falling, RATES[-1])
    assert "the search has no answer" in said(made)
    made = widgets.learning_rates(RATES, falling, RATES[4])
    assert "not where the loss is lowest" in said(made)


@pytest.mark.parametrize(
    ("rates", "losses", "chosen", "words"),
    [
        (RATES[:8], LOSSES, RATES[0], "8 rates and 9 losses"),
        ([], [], 1, "0 rates and 0 losses"),
        (RATES[::-1], LOSSES, RATES[0], "do not rise"),
        (RATES, LOSSES, 0.5, "5.0e-01 is none of the 9 tried"),
        (RATES, [np.nan] * 9, RATES[0], "None of the 9 losses"),
    ],
)
def test_rates_that_make_no_search_are_refused(rates, losses, chosen, words):
    with pytest.raises(ValueError, match=words):
        widgets.learning_rates(rates, losses, chosen)


# The mistakes.


def test_mistakes_are_filtered_sorted_and_paged(split, answers):
    made = widgets.mistakes(split, answers)
    assert "10 of the 20 photos of mine, page 1 of 2." in said(made)
    assert "b/10.png" in said(made)
    first = int(re.search(r"1: b, said a (\d+)%", said(made))[1])
    after(made, "order", "least sure first")
    assert int(re.search(r"1: b, said a (\d+)%", said(made))[1]) < first
    picture = made.picture.value
    assert "page 2 of 2" in pressed(made, "on")
    assert made.picture.value != picture
    assert made.controls["on"].disabled
    assert list(made.controls["photo"].options) == [1, 2]
    assert "page 1 of 2" in pressed(made, "back")
    assert made.controls["back"].disabled
    made.controls["labelled"].value = "b"
    assert "10 of the 20 photos" in said(made)
    # The same class twice: the right answers.
    assert "None of the 20" in after(made, "labelled", "a")
    assert "10 of the 20 photos" in after(made, "said", "a")
    assert "1: a, said a" in said(made)
    assert "None of the 20 photos" in after(made, "said", "b")
    assert made.controls["wrong"].disabled


def test_a_wrong_label_is_noted_and_taken_back(split, answers):
    made = widgets.mistakes(split, answers)
    folder = scan.Path(split.paths[0]).parent.parent
    after(made, "photo", 3)
    assert made.controls["truth"].value == "a"
    picture = made.picture.value
    words = pressed(made, "wrong")
    (file,) = corrections.noted(folder)
    assert f"Photo 3 is {file}, noted as a" in words
    assert "corrections.apply(FOLDER)" in words
    assert made.picture.value != picture
    assert corrections.noted(folder) == {file: "a"}
    made.controls["truth"].value = "b"
    pressed(made, "wrong")
    assert corrections.noted(folder) == {}
    assert made.picture.value == picture


def test_notes_that_went_bad_are_shown_and_not_overwritten(split, answers):
    folder = scan.Path(split.paths[0]).parent.parent
    made = widgets.mistakes(split, answers)
    path = corrections.path(folder)
    path.parent.mkdir(parents=True)
    path.write_text("file,label,was\nb/10.png,a,a\n")
    assert "row 2: b/10.png is no photo of a" in pressed(made, "wrong")
    assert path.read_text() == "file,label,was\nb/10.png,a,a\n"
    with pytest.raises(ValueError, match="row 2"):
        widgets.mistakes(split, answers)


def test_a_photo_that_is_gone_is_said(split, answers):
    made = widgets.mistakes(split, answers)
    for path in split.paths:
        scan.Path(path).unlink()
    assert "This did not work" in pressed(made, "on")


def test_answers_to_other_photos_are_refused(split, answers):
    with pytest.raises(ValueError, match="20 photos of 2 classes"):
        widgets.mistakes(split, answers[:19])
    with pytest.raises(ValueError, match="20 photos of 2 classes"):
        widgets.mistakes(split, np.ones((20, 3)))


def test_no_mistakes_at_all_are_said(split):
    right = np.eye(2)[split.labels]
    assert "None of the 20 photos" in said(widgets.mistakes(split, right))


# The augmentation bench.

PLAIN = {
    "flip": "none",
    "rotation": 0.0,
    "zoom": (0.0, 0.0),
    "light": 1.0,
    "fill": "constant",
    "dice": 0,
}


@pytest.fixture
def photo():
    """A picture without symmetries, float32 (96, 96, 3), 0-255."""
    noise = np.random.default_rng(0).random((96, 96, 3), "float32")
    return 255 * noise * np.linspace(0.2, 1, 96, dtype="float32")[:, None]


def by_layer(layer, photo):
    return np.asarray(layer(photo[None], training=True))[0]


@pytest.mark.parametrize("fill", augmentation_panel.FILLS)
@pytest.mark.parametrize("turn", [0.1, -0.3])
def test_the_bench_turns_and_zooms_as_keras_does(photo, fill, turn):
    layers = keras.layers
    turned = by_layer(
        layers.RandomRotation((turn, turn), fill_mode=fill), photo
    )
    wanted = by_layer(layers.RandomZoom((0.3, 0.3), fill_mode=fill), turned)
    dice = {"across": np.zeros(1, bool), "over": np.zeros(1, bool)}
    dice["angle"] = np.float32([2 * np.pi * turn])
    dice["zoom"], dice["light"] = np.float32([1.3]), np.float32([1])
    made = augmentation_panel.augmented(photo, dice, fill)[0]
    assert np.allclose(made, wanted, atol=0.01)
    assert not np.allclose(made, turned, atol=0.01)


@pytest.mark.parametrize("flip", augmentation_panel.FLIPS[1:])
def test_the_bench_flips_as_keras_does(photo, flip):
    layer = keras.layers.RandomFlip(flip, seed=0)
    many = np.repeat(photo[None], 64, 0)
    wanted = {
        view.tobytes() for view in np.asarray(layer(many, training=True))
    }
    dice = augmentation_panel.draw_changes(**PLAIN | {"flip": flip})
    made = augmentation_panel.augmented(photo, dice, "constant")
    assert {view.tobytes() for view in made} == wanted


def test_the_knobs_bound_the_dice():
    knobs = {"rotation": 0.25, "zoom": (-0.5, 0.2), "light": 0.4}
    dice = augmentation_panel.draw_changes(**PLAIN | knobs)
    assert np.abs(dice["angle"]).max() <= np.pi / 2
    assert np.ptp(dice["angle"]) > np.pi / 2
    assert 0.5 <= dice["zoom"].min() < 0.8
    assert 1 < dice["zoom"].max() <= 1.2
    assert 0.4 <= dice["light"].min() < dice["light"].max() <= 1
    other = augmentation_panel.draw_changes(**PLAIN | knobs | {"dice": 1})
    assert not np.allclose(dice["angle"], other["angle"])


def test_no_layer_changes_nothing(photo):
    assert augmentation_panel.layers(**PLAIN) == []
    made = augmentation_panel.augmented(
        photo, augmentation_panel.draw_changes(**PLAIN), "constant"
    )
    assert np.allclose(made, photo)


@pytest.fixture
def marked(tmp_path, monkeypatch):
    """A photo of a dent, with its mask in the upper left corner."""
    place = tmp_path / "photos" / "dent"
    place.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (299, 299, 3), "uint8")
    Image.fromarray(noise).save(place / "dent-000.png")
    mask = np.zeros((299, 299), "uint8")
    mask[5:25, 5:25] = 255
    (tmp_path / "masks" / "dent").mkdir(parents=True)
    Image.fromarray(mask).save(tmp_path / "masks" / "dent" / "dent-000.png")
    return place / "dent-000.png"


def test_the_bench_says_when_the_mark_is_lost(marked):
    made = widgets.augmentation(marked)
    controls = made.controls
    assert 'keras.layers.RandomRotation(0.5, fill_mode="reflect"),' in said(
        made
    )
    controls["flip"].value = "none"
    after(made, "rotation", 0)
    assert "RandomRotation" not in said(made)
    words = after(made, "zoom", (0, 0.5))
    assert "In 0 of 16 views" in words
    assert "0% of the photo lies outside" in words
    words = after(made, "zoom", (-0.5, -0.4))
    assert "keras.layers.RandomZoom((-0.5, -0.4)," in words
    assert "In 16 of 16 views" in words
    assert "the label dent is false" in words
    assert "LessLight(0.5)," in after(made, "light", 0.5)
    assert "LessLight" not in after(made, "light", 1)
    first = made.picture.value
    after(made, "zoom", (-0.2, 0.5))
    second = made.picture.value
    made.controls["dice"].value = 1
    assert made.picture.value != second
    made.controls["dice"].value = 0
    assert made.picture.value == second != first


def test_half_a_mark_is_counted_by_hand(marked):
    # The left half of the photo's middle row of 100 places.
    places = np.stack([np.linspace(-0.99, 0.99, 100), np.zeros(100)], 1)
    dice = augmentation_panel.draw_changes(**PLAIN | {"zoom": (-0.5, -0.5)})
    assert augmentation_panel._left(dice, places) == pytest.approx(
        np.full(16, 0.5)
    )
    assert augmentation_panel._filled(dice, places) == pytest.approx(
        np.zeros(16)
    )
    out = augmentation_panel.draw_changes(**PLAIN | {"zoom": (1.0, 1.0)})
    assert augmentation_panel._left(out, places) == pytest.approx(np.ones(16))
    assert augmentation_panel._filled(out, places) == pytest.approx(
        np.full(16, 0.5)
    )


def test_without_a_mask_the_bench_does_not_pretend(split):
    words = said(widgets.augmentation(split.paths[0]))
    assert "look for it in each view" in words
    assert "16 views" not in words


def test_a_clean_part_has_no_mark():
    path = render.folder() / "clean" / "clean-000.jpg"
    assert "no mark that could leave" in said(widgets.augmentation(path))


def test_a_photo_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nowhere.jpg: there is no"):
        widgets.augmentation(tmp_path / "nowhere.jpg")


# What a block answers to.


@pytest.fixture
def found(split, base):
    noise = np.random.default_rng(0).integers(0, 256, (299, 299, 3), "uint8")
    Image.fromarray(noise).save(split.paths[0])
    Image.fromarray(noise[::-1]).save(split.paths[10])
    return blocks.feature_maps(base, split)


def test_answers_hold_what_the_base_says(base, found):
    assert found.names == ("b", "a")
    assert found.photos.shape == (2, 299, 299, 3)
    assert list(found.maps) == list(blocks.NAMES)
    pixels = np.float32(found.photos) / 127.5 - 1
    whole = base.predict(pixels, verbose=0)
    for i in range(2):
        channels = found.channels["mixed10"][i]
        assert len(set(channels)) == 12
        wanted = np.moveaxis(whole[i][..., channels], -1, 0)
        assert np.allclose(found.maps["mixed10"][i], wanted, atol=1e-4)


def test_the_channels_that_stand_out_come_first(base, found):
    inner = found.maps["mixed3"][..., 1:-1, 1:-1]
    peak = inner.max(axis=(2, 3)) - inner.mean(axis=(2, 3))
    assert (np.diff(peak, axis=1) <= 1e-6).all()


def test_a_block_and_a_photo_are_chosen(found):
    made = widgets.feature_maps(found)
    assert "mixed5, photo of b: a grid of 17×17 cells" in said(made)
    words = after(made, "block", "mixed10")
    assert "8×8 cells, so a cell is 37 pixels" in words
    assert f"Channel {found.channels['mixed10'][0, 0]} stands out" in words
    assert "photo of a" in after(made, "photo", 1)
    assert size(made)[0] <= 1000


def test_a_photo_that_no_block_answers_to_is_drawn(found):
    for maps in found.maps.values():
        maps[:] = 0
    assert "answers 0.0" in said(widgets.feature_maps(found))
