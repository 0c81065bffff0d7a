"""Badges and first cells name one address, and Binder can run the rest."""

import json
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml
from clone import contents, one_sentence

import start
from helpers.paths import ROOT
from tools import _pinned, publish

URL, OTHER = "https://github.com/ada/workbook", "https://github.com/bea/fork"
BINDER = 2 * 2**30  # bytes of memory, for a kernel and what is beside it


def badges(text):
    """Return the lines of a text that hold badges, up to the last badge."""
    return re.findall(r"^\[!\[Open in.*\)", text, re.MULTILINE)


def without_badges(text):
    return re.sub(r"(?m)^\[!\[Open in.*\n\n", "", text)


def first_cells(path):
    """Return the source of the title and of the first code cell."""
    cells = nbformat.read(path, as_version=4).cells
    code = next(cell for cell in cells if cell.cell_type == "code")
    return cells[0].source, code.source


def lines(url, version, *lesson):
    """Return the badges that a text should have: none without an address."""
    return [publish.badges(url, version, *lesson)] if url else []


def test_all_files_name_the_same_address():
    url, version = publish.address()
    for path in _pinned.notebooks():
        title, code = first_cells(path)
        assert code == publish.first_cell(url, version), path.name
        assert badges(title) == lines(url, version, path.stem), path.name
    readme = publish.README.read_text(encoding="utf-8")
    assert badges(readme) == lines(url, version)


# The verb, on a copy.


@pytest.fixture
def copy(tmp_path):
    """A copy of what the verb needs; returns its folder."""
    ignored = shutil.ignore_patterns("__pycache__", "data", ".*")
    for name in ("helpers", "tools", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("README.md", "start.py"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run(folder, *args):
    return subprocess.run(
        [sys.executable, "-m", "tools.publish", *args],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": "", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_an_address_goes_where_it_belongs_and_nowhere_else(copy):
    before = contents(copy)
    done = run(copy, URL, "--version", "v9.1")
    assert done.returncode == 0, done.stderr
    after = contents(copy)
    names = {path.name for path in _pinned.notebooks()}
    lessons = {f"notebooks/{name}" for name in names}
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {*lessons, "README.md", "tools/address.json"}
    assert "tag v9.1" in done.stdout
    readmes = [all_["README.md"].decode("utf-8") for all_ in (before, after)]
    assert badges(readmes[1]) == [publish.badges(URL, "v9.1")]
    assert len({without_badges(text) for text in readmes}) == 1
    old_url, old_version = publish.address()
    for name in lessons:
        old = nbformat.reads(before[name].decode("utf-8"), as_version=4)
        new = nbformat.reads(after[name].decode("utf-8"), as_version=4)
        title, code = first_cells(copy / name)
        stem = name.removeprefix("notebooks/").removesuffix(".ipynb")
        assert code == publish.first_cell(URL, "v9.1")
        assert badges(title) == [publish.badges(URL, "v9.1", stem)]
        assert without_badges(title) == without_badges(old.cells[0].source)
        # With these two put back it is the old one: outputs, ids and all.
        at = [cell.cell_type for cell in new.cells].index("code")
        new.cells[0].source = old.cells[0].source
        new.cells[at].source = publish.first_cell(old_url, old_version)
        assert new == old


def test_publishing_again_changes_what_differs(copy):
    run(copy, URL, "--version", "v9.1")
    first = contents(copy)
    done = run(copy, URL)  # of the version that was noted
    assert "0 files changed" in done.stdout
    assert contents(copy) == first
    done = run(copy, OTHER)
    version = json.loads((copy / "tools/address.json").read_text())["version"]
    assert re.fullmatch(r"v\d{4}\.\d\d\.\d\d", version)
    assert f"tag {version}" in done.stdout
    text = (copy / "README.md").read_text(encoding="utf-8")
    assert badges(text) == [publish.badges(OTHER, version)]
    assert "ada" not in "".join(badges(text))
    run(copy, URL, "--version", "v9.1")
    assert contents(copy) == first


def test_the_badges_open_each_lesson_at_the_version():
    line = publish.badges(URL, "v9.1", "03_fine_tuning")
    targets = re.findall(r"\]\(([^)]*)\)(?= |$)", line)
    assert targets == [
        "https://colab.research.google.com/github/ada/workbook/blob/v9.1/"
        "notebooks/03_fine_tuning.ipynb",
        "https://mybinder.org/v2/gh/ada/workbook/v9.1?urlpath=lab/tree/"
        "notebooks/03_fine_tuning.ipynb",
    ]


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["http://github.com/ada/workbook"], "https"),
        (["https://github.com/ada"], "repository"),
        (["https://github.com/ada/workbook/tree/main"], "repository"),
        (["https://example.org/ada/workbook"], "GitHub"),
        (["git@github.com:ada/workbook.git"], "https"),
        (["file:///srv/workbook.git"], "https"),
        ([URL, "--version", "two words"], "two words"),
        ([URL, "--version", 'v1"; x = "'], "tag"),
        ([f"https://github.com/{'a' * 39}/inception-workbook"], "too long"),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(args, word, capsys):
    assert publish.main(args) == 2
    assert word in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("end", ["", "/", ".git", ".git/"])
def test_an_address_is_taken_as_it_is_pasted(end):
    assert publish.chosen(URL + end, "v9.1") == (URL, "v9.1")


def test_a_lesson_that_begins_otherwise_stops_it_all(copy):
    path = copy / "notebooks" / "03_fine_tuning.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("import sys", "import os", 1), "utf-8")
    before = contents(copy)
    done = run(copy, URL)
    assert done.returncode == 2
    assert "03_fine_tuning.ipynb" in one_sentence(done.stderr)
    assert contents(copy) == before


# Binder.


def binder_faults(source, conda):
    """Return in what Binder's file differs from the conda one, but the Python.

    repo2docker takes the Python from a spec like `python=3.12` alone; with a
    range it starts from its own, older one, from which conda can't get away
    (https://github.com/jupyterhub/repo2docker/issues/1301).
    """
    found, wanted = yaml.safe_load(source), yaml.safe_load(conda)
    python = ".".join(str(split) for split in start.VERSIONS[0])
    wanted["dependencies"][0] = f"python={python}"
    # The path is seen from the folder binder/.
    wanted["dependencies"][-1] = {"pip": ["-r ../requirements.txt"]}
    keys = set(found) | set(wanted)
    return [key for key in keys if found.get(key) != wanted.get(key)]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_binder_installs_what_conda_does():
    source = read("binder/environment.yml")
    assert binder_faults(source, read("environment.yml")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("=3.12", ">=3.11,<3.14"),
        ("=3.12", "=3.10"),
        ("../", ""),
        ("conda-forge", "defaults"),
    ],
)
def test_a_wrong_file_for_binder_would_be_found(old, new):
    source = read("binder/environment.yml").replace(old, new)
    assert binder_faults(source, read("environment.yml"))


def too_large(peaks):
    """Return a sentence for each lesson that takes more than Binder has."""
    return [
        f"{name}: its kernel has held {peak / 2**20:,.0f} MiB, and Binder "
        f"gives {BINDER / 2**20:,.0f}"
        for name, peak in peaks.items()
        if peak > BINDER
    ]


def test_the_lessons_that_were_run_fit_into_binder(request, peaks):
    items = request.session.items
    before = items[: items.index(request.node)]
    run = {it.path.stem for it in before if it.path.suffix == ".ipynb"}
    assert set(peaks) == run  # none, if this file is run alone
    assert too_large(peaks) == []


def test_a_lesson_that_does_not_fit_would_be_found():
    peaks = {"02_small": BINDER, "03_large": BINDER + 2**20}
    assert too_large(peaks) == [
        "03_large: its kernel has held 2,049 MiB, and Binder gives 2,048"
    ]


def test_the_memory_of_a_kernel_is_noted(tmp_path, notebook, code, save):
    for name, size in (("01_small", 0), ("02_large", 300)):
        kept = code(f"kept = bytearray({size} * 2**20)", 1)
        save(notebook(kept, code("print(len(kept))", 2)), f"{name}.ipynb")
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import json, pathlib\n"
        "def test_it(peaks):\n"
        "    pathlib.Path('peaks.json').write_text(json.dumps(peaks))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env"]
        + ["-q", "-p", "no:cacheprovider", "--rootdir=.", "."],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    peaks = json.loads((tmp_path / "peaks.json").read_text())
    assert peaks["02_large"] - peaks["01_small"] > 250 * 2**20
