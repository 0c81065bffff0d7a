"""Checkpoints made on one machine serve another, and replace nothing."""

import json
import zipfile

import keras
import pytest
from clone import contents, one_sentence

from helpers import checkpoints, downloads, paths, results, shared
from helpers.dataset import scan, splits
from helpers.features import extraction
from helpers.network import dtypes, lesson_models, saving, weights
from helpers.surfaces import render
from tools import checkpoints as command

FRACTIONS = (2, 1, 1)
RANDOM = weights.Weights("random", None)
MODEL = "data/work/models/04_augmentation.keras"


def stand_in(policy):
    """A small model of the parts that lesson 04 saves, in a dtype policy."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((299, 299, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    lower = keras.Model(inputs, keras.layers.Conv2D(4, 50, 50)(scaled))
    lower = dtypes.with_dtype(lower, policy)
    maps = keras.Input(lower.output_shape[1:])
    x = keras.layers.GlobalAveragePooling2D()(maps)
    tail = keras.Model(maps, keras.layers.Dense(2, activation="softmax")(x))
    return keras.Model(inputs, tail(lower(inputs)))


def use(patch, folder, policy):
    """Work in a folder of its own, on a machine with this dtype."""
    patch.setenv("WORKBOOK_DATA", str(folder / "data"))
    patch.setenv("WORKBOOK_WORK", str(folder / "data" / "work"))
    patch.setattr(dtypes, "fastest_dtype", lambda: policy)


@pytest.fixture(scope="module", autouse=True)
def few_photos():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBOOK_WEIGHTS", "random")
        patch.delenv(shared.VARIABLE, raising=False)
        patch.setattr(render, "CLASS_NAMES", ("clean", "dent"))
        patch.setattr(render, "FRACTIONS", FRACTIONS)
        sets = {"photos": 4, "remounted": 2, "remounted-validation": 2}
        patch.setattr(render, "SETS", sets)
        yield


def split():
    return splits.split(scan.check(render.folder()), FRACTIONS)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """What a machine with bfloat16 has made."""
    folder = tmp_path_factory.mktemp("maker")
    with pytest.MonkeyPatch.context() as patch:
        use(patch, folder, "mixed_bfloat16")
        train, *_ = split()
        for lesson in command.LESSONS:
            saving.save(stand_in("float32"), train, lesson)
            outcomes = {lesson: [True, False]}
            results.write(lesson, "random", render.folder(), outcomes)
        assert command.main(["--out", str(folder / "made.zip")]) == 0
    return folder / "made.zip"


@pytest.fixture
def learner(tmp_path, monkeypatch):
    """The data of another machine, which computes in float32."""
    use(monkeypatch, tmp_path, "float32")
    return tmp_path / "data"


def changed(archive, folder, name, content=None, new_name=None):
    """Return a copy of an archive in which a file is another one."""
    path = folder / "changed.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for each in old.namelist():
            whole = old.read(each)
            if each == checkpoints.LIST and new_name:
                whole = whole.replace(
                    json.dumps(name).encode(), json.dumps(new_name).encode()
                )
            is_it = each == name
            new.writestr(
                (is_it and new_name) or each, (is_it and content) or whole
            )
    return path


def are_known():
    """Return of which lessons the models are those of the photos here."""
    return [
        lesson
        for lesson in command.LESSONS
        if results.is_of(lesson, "random", render.folder())
    ]


def test_another_machine_needs_to_compute_nothing(archive, learner, capsys):
    assert command.main([str(archive)]) == 0
    said = capsys.readouterr().out
    assert "computed in bfloat16" in said and "--weights random" in said
    parts = split()
    assert are_known() == list(command.LESSONS)
    assert "drawing" not in capsys.readouterr().out  # the photos are there
    assert len(results.rows("random", render.folder())) == 3
    model, _ = saving.load(paths.model_path("04_augmentation"))
    for policy in ("float32", "mixed_bfloat16"):
        for lower in (model.layers[1], stand_in(policy).layers[1]):
            for part in parts:
                extraction.extract(lower, part)
    assert "photo/s" not in capsys.readouterr().out
    before = contents(learner)
    assert command.main([str(archive)]) == 0
    assert "0 of " in capsys.readouterr().out
    assert contents(learner) == before


def test_an_archive_names_no_folder_of_who_made_it(archive):
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            if name.endswith(".json"):
                assert str(archive.parent).encode() not in file.read(name)


def test_what_is_there_is_kept(archive, learner):
    mine = {
        learner / "work/models/04_augmentation.keras": "my model",
        learner / "work/results/04_augmentation_random.json": "{}",
        learner / "mine.txt": "mine",
    }
    for path, text in mine.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert command.main([str(archive)]) == 0
    assert [path.read_text() for path in mine] == list(mine.values())
    split()
    assert are_known() == list(command.LESSONS[:2])


def test_a_changed_file_is_refused_by_name(archive, learner, tmp_path, capsys):
    path = changed(archive, tmp_path, MODEL, b"another model")
    assert command.main([str(path)]) == 1
    assert MODEL in one_sentence(capsys.readouterr().err)
    assert not (learner / "work/models/04_augmentation.keras").exists()
    assert command.main([str(archive)]) == 0
    split()
    assert are_known() == list(command.LESSONS)


@pytest.mark.parametrize(
    "name",
    [
        "data/work/models/../../../evil.keras",
        "data/work/models/..\\evil.keras",
        "data/work/models/c:evil.keras",
        "/data/work/models/evil.keras",
        "data/work/weights.json",
        "notebooks/helpers.py",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(
    archive, learner, tmp_path, capsys, name
):
    path = changed(archive, tmp_path, MODEL, new_name=name)
    before = contents(tmp_path)
    assert command.main([str(path)]) == 1
    assert repr(name) in one_sentence(capsys.readouterr().err)
    assert contents(tmp_path) == before


def test_other_photos_are_not_mixed_with_these(archive, learner, capsys):
    photo = learner / "surfaces/photos/dent/dent-000.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"drawn on another machine")
    assert command.main([str(archive)]) == 1
    assert "dent-000.jpg" in one_sentence(capsys.readouterr().err)
    assert list(contents(learner)) == ["surfaces/photos/dent/dent-000.jpg"]


@pytest.mark.parametrize(
    "what", ["cut off", "another ZIP file", "not there", "a folder"]
)
def test_what_is_no_archive_is_one_sentence(archive, learner, capsys, what):
    path = learner.parent / "x.zip"
    if what == "cut off":
        path.write_bytes(archive.read_bytes()[:-500])
    elif what == "another ZIP file":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("a.txt", "a")
    elif what == "a folder":
        path.mkdir()
    assert command.main([str(path)]) == 1
    assert "x.zip" in one_sentence(capsys.readouterr().err)
    assert not learner.exists()


def test_lessons_that_were_not_run_are_named(learner, capsys):
    train, *_ = split()
    saving.save(stand_in("float32"), train, "03_fine_tuning")
    results.write("03_fine_tuning", "random", render.folder(), {})
    capsys.readouterr()
    assert command.main([]) == 1
    said = one_sentence(capsys.readouterr().err)
    assert "02_frozen_baseline, 04_augmentation first" in said
    assert not checkpoints.archive("random").exists()


# --- A lesson that needs a model ------------------------------------------


@pytest.fixture
def runs(monkeypatch):
    """The lessons that are run for want of a model."""
    lessons = []

    def run(lesson, folder, *_):
        lessons.append(lesson)
        train, *_ = split()
        saving.save(stand_in("float32"), train, lesson)
        results.write(lesson, "random", folder, {})

    monkeypatch.setattr(lesson_models, "_run", run)
    return lessons


def needed():
    """Ask for all models, as lesson 05 does."""
    split()
    for lesson in command.LESSONS:
        folder = render.folder()
        lesson_models.lesson_model(lesson, folder, FRACTIONS, RANDOM)


@pytest.mark.parametrize("place", ["data", "shared"])
def test_a_lesson_takes_the_archive_that_is_here(
    archive, learner, runs, monkeypatch, capsys, place
):
    path = checkpoints.archive("random")
    if place == "shared":
        path = learner.parent / "shared" / path.name
        monkeypatch.setenv(shared.VARIABLE, str(path.parent))
    path.parent.mkdir()
    path.write_bytes(archive.read_bytes())
    # The photos are drawn before a lesson asks for a model.
    needed()
    assert runs == []
    said = capsys.readouterr().out
    assert said.count("were taken from checkpoints-random.zip") == 1


@pytest.mark.parametrize("is_the_published_one", [True, False])
def test_a_lesson_takes_the_archive_of_the_release(
    archive, learner, runs, monkeypatch, capsys, is_the_published_one
):
    published = learner.parent / "checkpoints-random.zip"
    published.write_bytes(archive.read_bytes())
    digest = downloads.digest(archive)
    monkeypatch.setattr(checkpoints, "ADDRESS", learner.parent.as_uri())
    monkeypatch.setattr(checkpoints, "SHA256", {"random": digest})
    if not is_the_published_one:
        with open(published, "ab") as file:
            file.write(b"more")
    needed()
    assert (runs == []) == is_the_published_one
    if not is_the_published_one:
        assert "Without checkpoints" in capsys.readouterr().out
        assert not checkpoints.archive("random").exists()


def test_without_an_archive_a_lesson_is_run(learner, runs):
    needed()
    assert runs == list(command.LESSONS)
