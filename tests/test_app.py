"""`start.py app` answers for any file, and lists wrong labels."""

import sys

import colour_classifier
import keras
import pytest
from clone import Clone, contents, one_sentence
from colour_classifier import photo
from make_photos import png_file

from helpers.dataset import corrections, photo_file
from helpers.network import saving
from helpers.network.metadata import Metadata
from tools import _app_page, _extras, _venv, app


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The path of a saved classifier of red and green."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    return colour_classifier.write(path, threshold=0.75)


@pytest.fixture(scope="module")
def classifier(model):
    return _app_page.Classifier(model)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of red and green photos; lists are kept beside it."""
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    return colour_classifier.folder(tmp_path / "mine")


@pytest.mark.parametrize("colour", ["red", "green"])
def test_a_photo_gets_its_class(classifier, tmp_path, colour):
    photo(colour, (8000, 5000)).save(tmp_path / "large.jpg")
    answer = classifier.answer(tmp_path / "large.jpg")
    name, likely = answer.line.split(": ")
    assert name == "large.jpg" and likely.startswith(f"{colour}, 9")
    assert answer.more == ""
    assert answer.pixels.shape == (299, 299, 3)
    assert answer.probs.argmax() == list(colour_classifier.COLOURS).index(
        colour
    )


def test_a_photo_of_no_class_is_none_of_these(classifier, tmp_path):
    photo("grey").save(tmp_path / "grey.png")
    answer = classifier.answer(tmp_path / "grey.png")
    assert answer.line.startswith("grey.png: none of these (most likely ")
    assert answer.probs is not None


def test_temperature_and_shape_are_those_of_the_model(tmp_path):
    long = photo("green", (240, 80))
    long.paste(photo("red", (80, 80)), (80, 0))
    long.save(tmp_path / "long.png")
    lines = {}
    for name, metadata in {
        "squeezed": {},
        "cropped": {"shape": "crop"},
        "calibrated": {"shape": "crop", "temperature": 5.0},
    }.items():
        path = colour_classifier.write(tmp_path / f"{name}.keras", **metadata)
        answer = _app_page.Classifier(path).answer(tmp_path / "long.png")
        lines[name] = answer.line.removeprefix("long.png: ")
    assert lines["squeezed"].startswith("green")
    assert lines["cropped"].startswith("red, 9")
    assert lines["calibrated"].startswith("red, 7")


TOO_LARGE = png_file(10000, 10000, 8, 3, b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Dear diary, today", "not a picture in any known format"),
        (b"", "the file is empty"),
        (TOO_LARGE, "more than 89 million pixels"),
        (b"\xff\xd8\xff\xe0 and no more", "damaged or cut off"),
    ],
)
def test_what_is_no_photo_gets_the_sentence_of_check(
    classifier, tmp_path, content, words
):
    path = tmp_path / "notes.jpg"
    path.write_bytes(content)
    answer = classifier.answer(path)
    _, (problem,) = photo_file.look(path, "notes.jpg", "red")
    assert words in answer.line and answer.pixels is None
    assert answer.line == f"notes.jpg: {problem.problem}."
    assert answer.more == problem.advice


@pytest.mark.parametrize("nested", [False, True])
def test_grad_cam_is_bright_where_the_evidence_is(tmp_path, nested):
    path = colour_classifier.write(tmp_path / "m.keras", nested)
    classifier = _app_page.Classifier(path)
    half = photo("red", (80, 80))
    half.paste(photo("black", (40, 80)))
    half.save(tmp_path / "half.png")
    answer = classifier.answer(tmp_path / "half.png")
    picture, sentence = classifier.heatmap(answer)
    assert picture.shape == (299, 299, 3) and "evidence for red" in sentence
    added = picture - answer.pixels / 2
    left, right = added[:, :120].mean(), added[:, -120:].mean()
    assert right > 2 * left


def test_a_model_without_positions_is_refused(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((299, 299, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    saving.write(model, Metadata(("a", "b")), tmp_path / "m.keras")
    with pytest.raises(ValueError, match="m.keras: it does not average"):
        _app_page.Classifier(tmp_path / "m.keras")


# Wrong labels.


def test_a_photo_is_known_by_its_content_and_its_label_listed(
    classifier, folder, tmp_path
):
    before = contents(folder)
    labels = _app_page.Labels(str(folder))
    path = tmp_path / "renamed.jpg"
    path.write_bytes((folder / "green" / "0.png").read_bytes())
    answer = classifier.answer(path)
    assert answer.line.startswith("renamed.jpg: red")
    assert labels.of(answer) == (
        "In mine it is green/0.png, with the label green."
    )
    said = labels.correct(answer, "red")
    assert corrections.noted(folder) == {"green/0.png": "red"}
    assert str(corrections.path(folder)) in said
    said = labels.correct(answer, "green")
    assert said == "green/0.png keeps its label green."
    assert corrections.noted(folder) == {}
    assert contents(folder) == before


def test_a_photo_of_elsewhere_is_not_listed(classifier, folder, tmp_path):
    labels = _app_page.Labels(str(folder))
    photo("red", (99, 99)).save(tmp_path / "0.png")
    answer = classifier.answer(tmp_path / "0.png")
    assert labels.of(answer) == ""
    said = labels.correct(answer, "red")
    assert f"put it into {folder / 'red'}" in one_sentence(said)
    assert not corrections.path(folder).exists()


def test_without_a_folder_or_a_class_it_says_what_to_do(classifier, folder):
    answer = classifier.answer(folder / "green" / "0.png")
    said = _app_page.correct_label(None, answer, "red")
    assert "--photos FOLDER" in said and "the folder red of" in said
    labels = _app_page.Labels(str(folder))
    said = _app_page.correct_label(labels, answer, None)
    assert said == "Choose the class first."
    assert not corrections.path(folder).exists()
    _app_page.correct_label(labels, answer, "red")
    assert corrections.path(folder).exists()


def test_a_damaged_list_is_one_sentence_and_stays(classifier, folder):
    labels = _app_page.Labels(str(folder))
    listed = corrections.path(folder)
    listed.parent.mkdir(parents=True)
    listed.write_text("mine")
    answer = classifier.answer(folder / "green" / "0.png")
    said = labels.correct(answer, "red")
    assert listed.name in one_sentence(said)
    assert listed.read_text() == "mine"


# What is said when the page can't be opened.


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.keras", "there is no such model"),
        ("empty", "there is no model.keras in this folder"),
        ("m.tflite", "Grad-CAM needs the .keras file"),
        ("m.keras", "not a complete"),
    ],
)
def test_what_is_no_model_is_one_sentence(tmp_path, capsys, name, words):
    (tmp_path / "empty").mkdir()
    for file in ("m.tflite", "m.keras"):
        (tmp_path / file).write_text("not a model")
    assert app.main([str(tmp_path / name)]) == 2
    said = one_sentence(capsys.readouterr().err)
    assert name in said and words in said


def test_a_folder_that_is_not_usable_is_one_sentence(model, tmp_path, capsys):
    assert app.main([str(model), "--photos", str(tmp_path / "none")]) == 2
    assert "there is no such folder" in one_sentence(capsys.readouterr().err)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone without Gradio, with a stand-in for pip, as .venv."""
    made = Clone(tmp_path / "clone")
    monkeypatch.setattr(_venv, "ROOT", str(made.root))
    monkeypatch.setattr(_venv, "VENV", str(made.venv))
    monkeypatch.setattr(_extras, "ROOT", made.root)
    monkeypatch.setattr(_extras, "APP", made.lock)
    monkeypatch.setattr(sys, "executable", _venv.venv_python(made.venv))
    # Its name is found nowhere, should it be installed here.
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setenv("PATH", "")  # no uv
    return made


def test_gradio_is_installed_into_venv_alone(clone, model, monkeypatch, capfd):
    assert app.main([str(model)]) == 1  # as on Colab
    assert clone.installs() == []
    assert "gradio is missing" in one_sentence(capfd.readouterr().err)
    monkeypatch.setattr(sys, "prefix", str(clone.venv))
    assert app.main([str(model)]) == 1  # the stand-in installs nothing
    assert len(clone.installs()) == 1
    assert "60 MB" in capfd.readouterr().out
