"""A lesson's model is found where it is known, and made where it is not."""

import zipfile

import nbformat
import pytest
from make_photos import noise_folder

from helpers import kernel, paths
from helpers.dataset import scan, splits
from helpers.network import lesson_models, weights

FRACTIONS = (1, 1, 1)
RANDOM = weights.Weights("random", None)
# What a lesson does, but for TensorFlow: its weights are a text.
CELLS = (
    "import zipfile\nfrom helpers import network, paths, results, surfaces",
    "FOLDER, FRACTIONS = surfaces.folder(), surfaces.FRACTIONS",
    "WEIGHTS = network.weights.choose()\n"
    'path = paths.model_path("03_small")\n'
    'text = f"{WEIGHTS.name} {FOLDER} {FRACTIONS}"\n'
    "with paths.atomic(path) as part:\n"
    '    with zipfile.ZipFile(part, "w") as file:\n'
    '        file.writestr("model.weights.h5", text)',
    'results.write("03_small", WEIGHTS.name, FOLDER, {"a": [True]})',
)


def model_of(folder, weights_name=RANDOM):
    return lesson_models.lesson_model(
        "03_small", folder, FRACTIONS, weights_name
    )


def saved(path):
    """What stands in the file that such a lesson has saved."""
    with zipfile.ZipFile(path) as file:
        return file.read("model.weights.h5").decode()


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A work folder of its own, in this process and in kernels."""
    monkeypatch.setattr(lesson_models, "NOTEBOOKS", tmp_path)
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("WORKBOOK_WEIGHTS", "random")
    monkeypatch.setenv("PYTHONPATH", str(paths.ROOT))
    return tmp_path / "work"


@pytest.fixture
def lesson(notebook, code, save, work):
    """Writes the lesson's notebook, from its cells."""

    def write(*cells):
        save(notebook(*(code(cell) for cell in cells)), "03_small.ipynb")

    write(*CELLS)
    return write


@pytest.fixture
def folder(tmp_path, work):
    """Makes a folder of a name, with two classes, and shares it out."""

    def make(name):
        mine = noise_folder(tmp_path / name, 24, seed=len(name))
        splits.split(scan.check(mine), FRACTIONS)
        return mine

    return make


def test_a_lesson_is_run_once_for_its_model_however_long_it_takes(
    lesson, folder, monkeypatch, capsys
):
    clients, client = [], kernel.client

    def noted(*args, **options):
        clients.append(client(*args, **options))
        return clients[-1]

    monkeypatch.setattr(kernel, "client", noted)
    mine = folder("mine 'quoted' \\1")
    path = model_of(mine)
    assert [one.timeout for one in clients] == [None]
    assert saved(path) == f"random {mine} {FRACTIONS}"
    assert "no model of these photos yet" in capsys.readouterr().out
    written = path.stat().st_mtime_ns
    assert model_of(mine) == path
    assert path.stat().st_mtime_ns == written
    assert capsys.readouterr().out == ""


def test_a_model_of_other_photos_is_kept(lesson, folder, capsys):
    first, second = folder("first"), folder("second")
    path = model_of(first)
    old = saved(path)
    model_of(second)
    assert saved(path) != old
    (kept,) = path.parent.glob("03_small-*.keras")
    assert saved(kept) == old
    assert kept.name in capsys.readouterr().out


def test_a_lesson_is_run_on_the_weights_of_the_lesson_that_asks(
    lesson, folder, work, tmp_path, monkeypatch
):
    monkeypatch.delenv("WORKBOOK_WEIGHTS")
    weights.choose("random")  # that is remembered
    before = (work / weights.REMEMBERED).read_bytes()
    (tmp_path / "mine.h5").write_bytes(b"1")
    (tmp_path / "theirs.h5").write_bytes(b"2")
    theirs = f"network.weights.choose({str(tmp_path / 'theirs.h5')!r})"
    lesson(
        *(cell.replace("network.weights.choose()", theirs) for cell in CELLS)
    )
    monkeypatch.chdir(tmp_path)
    mine = weights.Weights("mine-6b86b2", "mine.h5")
    path = model_of(folder("photos"), mine)
    assert saved(path).startswith("mine-6b86b2 ")
    assert (work / weights.REMEMBERED).read_bytes() == before


@pytest.mark.parametrize(
    ("cells", "error", "message"),
    [
        (
            (*CELLS[:2], "1 / 0", *CELLS[2:]),
            RuntimeError,
            "stops in cell 3 .*division by",
        ),
        (
            (*CELLS[:2], "WEIGHTS = network.weights.choose()"),
            RuntimeError,
            "03_small ran through and left no",
        ),
        ((CELLS[0], *CELLS[2:]), ValueError, "0 lines begin with FOLDER"),
    ],
    ids=["stops", "saves nothing", "has no such line"],
)
def test_a_lesson_that_gives_no_model_is_named(
    lesson, folder, cells, error, message
):
    lesson(*cells)
    with pytest.raises(error, match=message):
        model_of(folder("mine"))


def test_a_lesson_that_is_not_there_is_named(folder):
    with pytest.raises(ValueError, match="03_small: there is no such lesson"):
        model_of(folder("mine"))


@pytest.mark.parametrize(
    "stem", ["02_frozen_baseline", "03_fine_tuning", "04_augmentation"]
)
def test_the_lines_are_found_in_the_lessons_themselves(stem, tmp_path):
    path = paths.ROOT / "notebooks" / f"{stem}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    chosen = f"{str(tmp_path)!r}, {FRACTIONS!r}"
    kernel.put(notebook, stem, kernel.PHOTOS, chosen)
    kernel.put(notebook, stem, "WEIGHTS", "None")
    sources = [cell.source for cell in notebook.cells]
    line = f"FOLDER, FRACTIONS = {str(tmp_path)!r}, (1, 1, 1)"
    assert sum(line in source.splitlines() for source in sources) == 1
