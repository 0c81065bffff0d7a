"""On Colab a notebook lies alone in a folder; its first cell gets the rest.

There is no Colab here. What stands in for it is a module `google.colab` that
also answers for GitHub, with the archive of a tag of a copy of this project.
"""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from clone import one_sentence

from helpers.paths import ROOT
from tools import publish

URL, TAG = "https://github.com/ada/workbook", "v9.1"
LESSON = "notebooks/01_data_prep.ipynb"

# Imported before the first cell, as on Colab.
COLAB = """
import os, urllib.error, urllib.request, urllib.response

class GitHub(urllib.request.HTTPSHandler):
    def https_open(self, request):
        print("asked for", request.full_url)
        if request.full_url != os.environ["THERE"]:
            raise urllib.error.HTTPError(
                request.full_url, 404, "Not Found", {}, None
            )
        file = open(os.environ["ARCHIVE"], "rb")
        answer = urllib.response.addinfourl(file, {}, request.full_url, 200)
        answer.msg = "OK"
        return answer

opener = urllib.request.build_opener(GitHub)
urllib.request.install_opener(opener)
"""
# Runs the cells that it is given, as a kernel does.
KERNEL = """
import json, sys
import google.colab
cells = {}
for source in json.load(sys.stdin):
    exec(source, cells)
"""


def git(folder, *args):
    subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        + ["-c", "core.autocrlf=false", *args],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A clone of this project as it stands, published and tagged."""
    folder = tmp_path_factory.mktemp("github") / "workbook"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode("utf-8")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    subprocess.run(
        [sys.executable, "-m", "tools.publish", URL, "--version", TAG],
        cwd=folder,
        check=True,
    )
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Published")
    git(folder, "tag", TAG)
    return folder


@pytest.fixture(scope="module")
def archive(published):
    """What GitHub makes of the tag: a zip file with one folder in it."""
    path = published.with_suffix(".zip")
    prefix = "--prefix=workbook-9.1/"
    git(published, "archive", "--format=zip", prefix, "-o", str(path), TAG)
    return path


@pytest.fixture(scope="module")
def cells(published):
    """The code of a published lesson."""
    notebook = nbformat.read(published / LESSON, as_version=4)
    return [c.source for c in notebook.cells if c.cell_type == "code"]


@pytest.fixture
def colab(tmp_path, archive):
    """Runs cells in a new process that takes itself for one of Colab."""
    module = tmp_path / "colab" / "google" / "colab" / "__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text(COLAB)
    (tmp_path / "content").mkdir()

    def run(cells, there=URL, archive=archive, cwd=tmp_path / "content"):
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("WORKBOOK_")
        }
        return subprocess.run(
            [sys.executable, "-c", KERNEL],
            cwd=cwd,
            env=environment
            | {
                "PYTHONPATH": str(tmp_path / "colab"),
                "PYTHONUTF8": "1",
                "THERE": f"{there}/archive/{TAG}.zip",
                "ARCHIVE": str(archive),
            },
            input=json.dumps(cells),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    run.content = tmp_path / "content"
    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


TELL = """
import os
from pathlib import Path
from helpers import paths
print("here", Path.cwd())
print("work", paths.work())
print("photos", len(list(FOLDER.rglob("*.jpg"))), FOLDER)
"""


def test_a_lesson_that_lies_alone_begins(colab, cells):
    # Its first cells twice, for a learner runs them again.
    done = colab([*cells[:2], *cells[:2], TELL])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("asked")] == [
        f"asked for {URL}/archive/{TAG}.zip"
    ]
    assert sum(line.startswith("TensorFlow") for line in lines) == 2
    project = colab.content / "workbook"
    assert f"here {colab.content}" in lines
    assert f"work {project / 'data' / 'work'}" in lines
    photos = project / "data" / "surfaces" / "photos"
    assert f"photos 780 {photos}" in lines
    assert (project / "data" / "starter" / "README.md").is_file()
    assert names(project.parent / f"{TAG}.part") == []
    assert names(colab.content) == [f"{TAG}.part", "workbook"]


def with_stand_in(project):
    """Make a project whose helpers need no TensorFlow."""
    (project / "notebooks").mkdir(parents=True)
    (project / "helpers").mkdir()
    (project / "helpers" / "start_up.py").write_text(
        "def notebook():\n    print('started', __file__)\n"
    )


def test_a_stopped_fetch_goes_on(colab, cells, tmp_path):
    with_stand_in(tmp_path / "small" / "workbook-9.1")
    whole = shutil.make_archive(tmp_path / "whole", "zip", tmp_path / "small")
    split = colab.content / f"{TAG}.part" / "workbook-9.1" / "helpers"
    split.mkdir(parents=True)
    (split / "start_up.py").write_text("half of")
    for _ in range(2):
        done = colab(cells[:1], archive=whole)
        assert done.returncode == 0, done.stderr
        assert f"started {colab.content / 'workbook'}" in done.stdout
    assert "asked" not in done.stdout


def test_a_project_that_is_there_is_used(colab, cells):
    project = colab.content / "workbook"
    with_stand_in(project)
    done = colab(cells[:1])
    assert done.returncode == 0, done.stderr
    assert "asked" not in done.stdout
    assert f"started {project}" in done.stdout
    assert names(colab.content) == ["workbook"]


def elsewhere(cell, cwd):
    """Run a cell elsewhere than on Colab, in a folder."""
    return subprocess.run(
        [sys.executable, "-c", cell],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )


def test_beside_its_helpers_a_notebook_fetches_nothing(cells, tmp_path):
    with_stand_in(tmp_path / "mine")
    done = elsewhere(cells[0], tmp_path / "mine" / "notebooks")
    assert done.returncode == 0, done.stderr
    assert "started" in done.stdout
    assert names(tmp_path / "mine" / "notebooks") == []


def test_elsewhere_than_on_colab_nothing_is_fetched(cells, tmp_path):
    done = elsewhere(cells[0], tmp_path)
    assert done.returncode == 1
    said = one_sentence(done.stderr)
    assert said.startswith("Open this notebook in its project or ")
    assert "No module named 'helpers'" in said
    assert names(tmp_path) == []


@pytest.mark.parametrize("folder", ["notebooks", ".", "home"])
def test_a_kernel_in_another_folder_finds_the_project(
    published, cells, tmp_path, folder
):
    """Editors start kernels in the project's or the home folder."""
    cell, cwd = cells[0], published / folder
    if folder == "home":  # where only VS Code says what it has opened
        cell = f"__vsc_ipynb_file__ = {str(published / LESSON)!r}\n" + cell
        cwd = tmp_path
    done = elsewhere(cell + "\nimport os; print(os.getcwd())", cwd)
    assert done.returncode == 0, done.stderr
    versions, here = done.stdout.splitlines()
    assert versions.startswith("TensorFlow")
    assert here == str(published / "notebooks")


def test_what_is_not_there_is_told_in_one_sentence(colab, cells):
    done = colab(cells[:1], there="https://github.com/ada/other")
    assert done.returncode == 1
    said = one_sentence(done.stderr)
    assert f"try {URL}/archive/{TAG}.zip again (HTTP Error 404: Not" in said
    assert names(colab.content) == []


def test_half_an_archive_is_told_in_one_sentence(colab, cells, archive):
    half = colab.content.parent / "half.zip"
    half.write_bytes(archive.read_bytes()[:100_000])
    done = colab(cells[:1], archive=half)
    assert done.returncode == 1
    said = one_sentence(done.stderr)
    assert f"try {URL}/archive/{TAG}.zip again" in said
    assert "not a zip file" in said
    assert names(colab.content) == []


# Without an address, as the project comes.


@pytest.fixture
def first_cell():
    return publish.first_cell(None, None)


def test_without_an_address_one_sentence_says_what_to_do(colab, first_cell):
    done = colab([first_cell])
    assert done.returncode == 1
    said = one_sentence(done.stderr)
    assert "upload file:workbook.zip" in said
    assert "asked" not in done.stdout
    assert names(colab.content) == []


@pytest.mark.parametrize("name", ["my workbook", "Workbook"])
@pytest.mark.parametrize("mac", [True, False])
def test_an_uploaded_project_is_used(colab, first_cell, tmp_path, name, mac):
    with_stand_in(tmp_path / "small" / name)
    if mac:  # what the Finder adds
        other = tmp_path / "small" / "__MACOSX" / name
        other.mkdir(parents=True)
        (other / "._helpers").touch()
    uploaded = colab.content / "workbook"
    shutil.make_archive(uploaded, "zip", tmp_path / "small")
    for _ in range(2):
        done = colab([first_cell])
        assert done.returncode == 0, done.stderr
        assert f"started {uploaded}" in done.stdout
    assert names(uploaded) == ["helpers", "notebooks"]


def test_an_upload_without_the_project_is_one_sentence(
    colab, first_cell, tmp_path
):
    (tmp_path / "small" / "photos").mkdir(parents=True)
    uploaded = colab.content / "workbook"
    shutil.make_archive(uploaded, "zip", tmp_path / "small")
    done = colab([first_cell])
    assert done.returncode == 1
    assert "upload file:workbook.zip" in one_sentence(done.stderr)
    assert not uploaded.exists()


def test_half_an_upload_is_told_in_one_sentence(colab, first_cell, archive):
    half = colab.content / "workbook.zip"
    half.write_bytes(archive.read_bytes()[:100_000])
    done = colab([first_cell])
    assert done.returncode == 1
    assert "not a zip file" in one_sentence(done.stderr)
    assert names(colab.content) == ["workbook.zip"]
