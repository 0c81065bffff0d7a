"""Moving a control changes the figure and the line that describes it."""

import base64
import html
import io
import re
from pathlib import Path

import ipywidgets
import keras
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from helpers import widgets
from helpers.dataset import corrections, splits
from helpers.network import blocks
from helpers.widgets import augmentation_panel, panel


def line(shown):
    """Return the line of a panel as it is read."""
    return html.unescape(re.sub("<[^>]+>", " ", shown.line.value))


def after(shown, name, value):
    """Move a control; return the line, which must change with the figure."""
    before = line(shown), shown.picture.value
    shown.controls[name].value = value
    assert line(shown) != before[0]
    assert shown.picture.value != before[1]
    return line(shown)


def pressed(shown, name):
    """Press a button; return the line."""
    shown.controls[name].click()
    return line(shown)


@pytest.fixture
def split(tmp_path, monkeypatch):
    """Twenty photos, ten each of a and b, each of one colour."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    for i in range(20):
        folder = tmp_path / "mine" / "ab"[i // 10]
        folder.mkdir(parents=True, exist_ok=True)
        colour = (12 * i, 250 - 12 * i, 90)
        Image.new("RGB", (80, 80), colour).save(folder / f"{i:02}.png")
    return splits.whole_folder(tmp_path / "mine", ("a", "b"))


@pytest.fixture
def probabilities():
    """All photos are predicted as a, the first most confidently."""
    b = np.linspace(0.02, 0.4, 20)
    return np.stack([1 - b, b], axis=1)


# --- What all panels share ------------------------------------------------


def small(update, **controls):
    drawn = panel.figure(2, 1)
    ax = drawn.add_subplot()
    return panel.Panel(controls, drawn, lambda: update(ax), "Run.")


def test_a_panel_shows_itself_with_a_sentence_instead(monkeypatch):
    shown = small(lambda ax: "", number=ipywidgets.IntSlider())
    published = []
    monkeypatch.setattr(
        InteractiveShell.instance().display_pub,
        "publish",
        lambda data, metadata=None, **_: published.append(data),
    )
    # This happens to the last value of a cell.
    InteractiveShell.instance().displayhook(shown)
    (data,) = published
    assert data["text/plain"] == "Run."
    assert data[panel.VIEW]["model_id"] == shown.box.model_id


def test_an_error_is_shown_until_a_control_works_again():
    def update(ax):
        ax.set_title(str(slider.value))
        return f"The `root` <of> it is {10 // slider.value}."

    slider = ipywidgets.IntSlider(value=5)
    shown = small(update, number=slider)
    assert "<code>root</code> &lt;of&gt; it is 2." in shown.line.value
    picture = shown.picture.value
    slider.value = 0
    assert "This did not work. ZeroDivisionError" in line(shown)
    assert shown.picture.value == picture
    assert "it is 5." in after(shown, "number", 2)


def test_a_status_that_stays_owns_each_new_line():
    slider = ipywidgets.IntSlider()
    shown = small(lambda ax: f"Now {slider.value}.", number=slider)
    status = shown.box.children[1].value
    assert 'role="status"' in status
    owned = re.search('aria-owns="([^"]+)"', status)[1]
    for value in (1, 2):
        slider.value = value
        assert f'<div id="{owned}"' in shown.line.value
        assert f"Now {value}." in shown.line.value
    assert shown.box.children[1].value == status


def test_an_error_of_a_button_is_shown_and_of_the_first_figure_raised():
    shown = small(lambda ax: "fine", go=ipywidgets.Button())
    shown.on_click("go", lambda: open("nowhere/at/all"))
    assert "FileNotFoundError" in pressed(shown, "go")
    with pytest.raises(ZeroDivisionError):
        small(lambda ax: 1 / 0)


# --- The boundary ---------------------------------------------------------


def freeze(base, count):
    for i, layer in enumerate(base.layers):
        layer.trainable = i >= count


def test_the_boundary_moves_and_the_base_does_not_change(base):
    freeze(base, 249)
    flags = [layer.trainable for layer in base.layers]
    shown = widgets.boundary(base)
    count = sum(block.trainable for block in blocks.blocks(base))
    assert shown.controls["boundary"].value == "mixed8"
    assert "trainable from layer 249 on: 2 of 12 blocks" in line(shown)
    assert f"{count:,} parameters (51% of the base)" in line(shown)
    moved = after(shown, "boundary", "mixed7")
    assert "trainable from layer 229 on: 3 of 12 blocks" in moved
    assert "All blocks are frozen" in after(shown, "boundary", "mixed10")
    assert "0.0 are above the boundary" in line(shown)
    assert "Nothing is frozen" in after(shown, "boundary", "nothing")
    assert [layer.trainable for layer in base.layers] == flags


def test_frozen_and_trainable_bars_differ_without_their_colours(base):
    freeze(base, 249)
    axes = widgets.boundary(base)._figure.axes
    for ax in axes[:2]:
        hatches = [bar.get_hatch() for bar in ax.patches[:12]]
        assert hatches == 10 * ["//"] + 2 * [""]


@pytest.mark.parametrize(
    ("count", "start"), [(0, "nothing"), (311, "mixed10"), (41, "mixed0")]
)
def test_the_boundary_starts_where_the_base_has_it(base, count, start):
    freeze(base, count)
    assert widgets.boundary(base).controls["boundary"].value == start


def test_the_operations_of_the_base_are_the_published_ones(base):
    gflops = blocks.flops(base)
    # Szegedy et al. (2015): 5.7 billion multiply-adds for Inception v3.
    assert sum(gflops.values()) == pytest.approx(2 * 5.7, rel=0.01)
    assert list(gflops) == list(blocks.NAMES)


def test_a_base_inside_a_model_is_refused(base):
    nested = keras.Sequential([keras.Input((299, 299, 3)), base])
    with pytest.raises(ValueError, match="mixed0"):
        widgets.boundary(nested)


# --- Learning rates -------------------------------------------------------

RATES = np.geomspace(1e-6, 1e-2, 9)
LOSSES = [0.5, 0.45, 0.4, 0.3, 0.35, 2.0, 9.0, np.nan, 8.0]


@pytest.mark.parametrize(
    ("rate", "says"),
    [
        (0, "first rate tried"),
        (1, "0.450, after 0.500 at the previous rate: it falls."),
        (1, "10.0 times as high: 3.2e-05. The loss is lowest at 3.2e-05."),
        (4, "it no longer falls"),
        (5, "it jumps"),
        (5, "10.0 times lower"),
        (7, "no longer a finite number"),
    ],
)
def test_the_rates_say_whether_the_loss_falls(rate, says):
    shown = widgets.learning_rates(RATES, LOSSES, RATES[3])
    assert shown.controls["rate"].value == 3
    assert "This is the chosen rate: 3.2e-05" in line(shown)
    assert says in after(shown, "rate", rate)


def test_a_search_whose_loss_still_falls_is_questioned():
    falling = np.linspace(2, 1, 9)
    shown = widgets.learning_rates(RATES, falling, RATES[4])
    assert "inconclusive" in line(shown)


@pytest.mark.parametrize(
    ("losses", "chosen"), [(LOSSES[:8], RATES[0]), (LOSSES, 0.5)]
)
def test_rates_that_are_no_search_are_refused(losses, chosen):
    message = f"9 rates and {len(losses)} losses, and {chosen:.1e} is chosen"
    with pytest.raises(ValueError, match=re.escape(message)):
        widgets.learning_rates(RATES, losses, chosen)


# --- Mistakes -------------------------------------------------------------


def first_confidence(shown):
    return int(re.search(r"1: b, predicted a (\d+)%", line(shown))[1])


def test_mistakes_are_filtered_sorted_and_paged(split, probabilities):
    shown = widgets.mistakes(split, probabilities)
    assert "10 of the 20 photos of mine, page 1 of 2." in line(shown)
    assert "b/10.png" in line(shown)
    highest = first_confidence(shown)
    after(shown, "order", "least confident first")
    assert first_confidence(shown) < highest
    assert "page 2 of 2" in after(shown, "page", 2)
    assert list(shown.controls["photo"].options) == [1, 2]
    assert "None of the 20" in after(shown, "label", "a")
    # The same class twice: the correct predictions.
    assert "10 of the 20 photos" in after(shown, "predicted", "a")
    assert "page 1 of 2" in line(shown)
    assert "1: a, predicted a" in line(shown)
    assert "None of the 20 photos" in after(shown, "predicted", "b")
    assert shown.controls["correct"].disabled


def test_a_wrong_label_is_listed_and_taken_from_the_list(split, probabilities):
    shown = widgets.mistakes(split, probabilities)
    folder = Path(split.paths[0]).parent.parent
    after(shown, "photo", 3)
    assert shown.controls["truth"].value == "a"
    picture = shown.picture.value
    description = pressed(shown, "correct")
    (file,) = corrections.noted(folder)
    assert f"Photo 3 is {file}, listed as a" in description
    assert "corrections.apply(FOLDER)" in description
    assert shown.picture.value != picture
    assert corrections.noted(folder) == {file: "a"}
    shown.controls["truth"].value = "b"
    pressed(shown, "correct")
    assert corrections.noted(folder) == {}
    assert shown.picture.value == picture


def test_a_damaged_list_is_reported_and_not_overwritten(split, probabilities):
    folder = Path(split.paths[0]).parent.parent
    shown = widgets.mistakes(split, probabilities)
    path = corrections.path(folder)
    path.parent.mkdir(parents=True)
    path.write_text("file,label,was\nb/10.png,a,a\n")
    assert "row 2: b/10.png is of a already" in pressed(shown, "correct")
    assert path.read_text() == "file,label,was\nb/10.png,a,a\n"
    with pytest.raises(ValueError, match="row 2"):
        widgets.mistakes(split, probabilities)


def test_a_missing_photo_is_reported(split, probabilities):
    shown = widgets.mistakes(split, probabilities)
    for path in map(Path, split.paths):
        path.unlink()
    shown.controls["page"].value = 2
    assert "This did not work" in line(shown)


@pytest.mark.parametrize("shape", [(19, 2), (20, 3)])
def test_predictions_for_other_photos_are_refused(split, shape):
    with pytest.raises(ValueError, match="20 photos of 2 classes"):
        widgets.mistakes(split, np.ones(shape))


# --- Augmentation ---------------------------------------------------------

IDENTITY = {
    "flip": "none",
    "rotation": 0.0,
    "zoom": (0.0, 0.0),
    "fill": "constant",
    "seed": 0,
}


def test_the_layers_that_are_shown_are_those_that_are_used():
    settings = {"flip": "vertical", "rotation": 0.1, "zoom": (-0.3, 0.2)}
    made = augmentation_panel.layers(**IDENTITY | settings)
    for code, layer in made.items():
        shown = eval(code.rstrip(","), {"keras": keras}).get_config()
        used = layer.get_config()
        for name in shown.keys() - {"name", "seed"}:
            assert shown[name] == used[name], name
    assert len(made) == 3
    assert augmentation_panel.layers(**IDENTITY) == {}


@pytest.fixture
def dent(tmp_path):
    """A photo of a dent, with its mask in the upper left corner."""
    path = tmp_path / "photos" / "dent" / "dent-000.png"
    path.parent.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (299, 299, 3), "uint8")
    Image.fromarray(noise).save(path)
    mask = np.zeros((299, 299), "uint8")
    mask[5:25, 5:25] = 255
    (tmp_path / "masks" / "dent").mkdir(parents=True)
    Image.fromarray(mask).save(tmp_path / "masks" / "dent" / "dent-000.png")
    return path


def test_the_line_lists_the_layers_and_counts_lost_defects(dent):
    shown = widgets.augmentation(dent)
    rotation = 'keras.layers.RandomRotation(0.5, fill_mode="reflect"),'
    assert rotation in line(shown)
    shown.controls["flip"].value = "none"
    assert "RandomRotation" not in after(shown, "rotation", 0)
    assert "in 0 of 16 copies" in after(shown, "zoom", (0, 0.5))
    larger = after(shown, "zoom", (-0.5, -0.4))
    assert "keras.layers.RandomZoom((-0.5, -0.4)," in larger
    assert "in 16 of 16 copies" in larger
    assert "label dent is false" in larger
    assert "LessLight(0.5)," in after(shown, "light", 0.5)
    assert "LessLight" not in after(shown, "light", 1)
    after(shown, "zoom", (-0.2, 0.5))
    picture = shown.picture.value
    after(shown, "seed", 1)
    shown.controls["seed"].value = 0
    assert shown.picture.value == picture


@pytest.mark.parametrize(
    ("settings", "visible", "filled"),
    [
        ({"zoom": (-0.5, -0.5)}, 0.25, 0),
        ({"zoom": (1.0, 1.0)}, 1, 0.75),
        ({"flip": "horizontal"}, 1, 0),
    ],
)
def test_what_is_lost_and_filled_is_measured(settings, visible, filled):
    photo = np.ones((96, 96))
    area, left = augmentation_panel.measured(photo, **IDENTITY | settings)
    assert left == pytest.approx(np.full(16, visible), abs=0.01)
    assert 1 - area == pytest.approx(np.full(16, filled), abs=0.01)


def test_for_own_photos_no_lost_defect_is_counted(split):
    description = line(widgets.augmentation(split.paths[0]))
    assert "look for it in each copy" in description
    assert "of 16 copies" not in description


# --- Feature maps ---------------------------------------------------------


@pytest.fixture(scope="module")
def features(_inception, tmp_path_factory):
    """The feature maps of two photos of noise, of the classes b and a."""
    folder = tmp_path_factory.mktemp("noise")
    noise = np.random.default_rng(0).integers(0, 256, (299, 299, 3), "uint8")
    for name, pixels in (("a", noise), ("b", noise[::-1])):
        (folder / name).mkdir()
        Image.fromarray(pixels).save(folder / name / "0.png")
    split = splits.whole_folder(folder, ("a", "b"))
    return blocks.feature_maps(_inception, split)


def test_feature_maps_are_the_output_of_the_base(base, features):
    assert features.names == ("b", "a")
    assert features.photos.shape == (2, 299, 299, 3)
    assert list(features.maps) == list(blocks.NAMES)
    pixels = np.float32(features.photos) / 127.5 - 1
    output = base.predict(pixels, verbose=0)
    for i in range(2):
        channels = features.channels["mixed10"][i]
        assert len(set(channels)) == 12
        expected = np.moveaxis(output[i][..., channels], -1, 0)
        assert np.allclose(features.maps["mixed10"][i], expected, atol=1e-4)
    # The most active channels come first.
    inner = features.maps["mixed3"][..., 1:-1, 1:-1]
    peak = inner.max(axis=(2, 3)) - inner.mean(axis=(2, 3))
    assert (np.diff(peak, axis=1) <= 1e-6).all()


def test_a_block_and_a_photo_are_chosen(features):
    shown = widgets.feature_maps(features)
    assert "mixed5, photo of b: a grid of 17×17 positions" in line(shown)
    moved = after(shown, "block", "mixed10")
    assert "8×8 positions, each 37 pixels" in moved
    channel = features.channels["mixed10"][0, 0]
    assert f"Channel {channel} is the most active" in moved
    assert "photo of a" in after(shown, "photo", 1)
    assert f'alt="{panel.ALT}"' in shown.picture.value
    png = base64.b64decode(re.search('base64,([^"]+)', shown.picture.value)[1])
    assert Image.open(io.BytesIO(png)).width <= 1000


def test_a_photo_without_any_activation_is_drawn(features):
    zeros = {name: np.zeros_like(m) for name, m in features.maps.items()}
    silent = blocks.FeatureMaps(
        features.photos, features.names, zeros, features.channels
    )
    assert "activation is 0.0" in line(widgets.feature_maps(silent))


# --- An uploaded photo ----------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "words"), [("squeeze", "white, 100%"), ("pad", "black, 75%")]
)
def test_a_photo_is_predicted_in_the_shape_of_the_model(
    tmp_path, shape, words
):
    Image.new("RGB", (400, 100), "white").save(tmp_path / "long.png")
    inputs = keras.Input((299, 299, 3))
    white = keras.ops.mean(inputs, (1, 2, 3)) / 255
    classifier = keras.Model(inputs, keras.ops.stack([white, 1 - white], 1))
    names = ("white", "black")
    shown = widgets.upload(classifier, names, tmp_path / "long.png", shape)
    assert f"long.png: {words}" in line(shown)
