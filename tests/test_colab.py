"""On Colab a notebook lies alone; its first cell fetches the project.

There is no Colab here. A module `google.colab` and a program `curl` stand in
for it and for GitHub, with the files of a tag of a copy of this project.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest
from clone import one_sentence
from PIL import Image
from source import tracked

from helpers import colab as helpers_colab
from helpers import setup
from helpers.paths import ROOT
from tools import publish

URL, TAG = "https://github.com/ada/workbook", "v9.1"
LESSON = "notebooks/01_data_prep.ipynb"
POSIX = pytest.mark.skipif(os.name == "nt", reason="Colab runs on Linux")

# Imported before the first cell, as on Colab.
COLAB = """
import builtins, os, urllib.error, urllib.request, urllib.response

class GitHub(urllib.request.HTTPSHandler):
    def https_open(self, request):
        url = request.full_url
        print("fetched", url, flush=True)
        if url != os.environ["THERE"]:
            raise urllib.error.HTTPError(url, 404, "Not Found", {}, None)
        file = open(os.environ["ARCHIVE"], "rb")
        answer = urllib.response.addinfourl(file, {}, url, 200)
        answer.msg = "OK"
        return answer

def answered(question):
    print(question, flush=True)
    if "ANSWER" not in os.environ:
        raise EOFError
    return os.environ["ANSWER"]

builtins.input = answered
opener = urllib.request.build_opener(GitHub)
urllib.request.install_opener(opener)
"""
DRIVE = """
import os

def mount(path):
    if "REFUSED" in os.environ:
        raise ValueError("mount failed")
    print("mounted", flush=True)
    os.mkdir(path)
    os.symlink(os.environ["DRIVE"], path + "/MyDrive")
"""
FILES = """
import os, shutil

def upload():
    # A second file of a name is saved as "photos (1).zip", and returned as
    # photos.zip: so it is in googlecolab/colabtools.
    uploaded = {}
    for path in filter(None, os.environ["UPLOAD"].split(os.pathsep)):
        name = os.path.basename(path)
        stem, suffix = os.path.splitext(name)
        there = f"{stem} (1){suffix}" if os.path.exists(name) else name
        shutil.copy(path, there)
        with open(path, "rb") as file:
            uploaded[name] = file.read()
    return uploaded

def download(path):
    print("downloaded", path, flush=True)
"""
CURL = """#!/bin/sh
case "$2" in
  {url}/raw/{tag}/*) cp "{folder}/${{2#*/raw/{tag}/}}" . ;;
  *) echo "curl: (22) The requested URL returned error: 404" >&2; exit 22 ;;
esac
"""
# Runs its input, cells as JSON, as a kernel does.
KERNEL = """
import json, os, sys, types
import google.colab
from IPython.core.inputtransformer2 import TransformerManager
shell = types.SimpleNamespace(system=os.system)
cells = {"get_ipython": lambda: shell}
for source in json.load(sys.stdin):
    exec(TransformerManager().transform_cell(source), cells)
"""
# The helpers of a small project start no TensorFlow.
SETUP = """
from helpers import colab

def notebook():
    print("started", __file__)
    if colab.is_here():
        colab.start()
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A copy of this project, published."""
    folder = tmp_path_factory.mktemp("github") / "workbook-9.1"
    for path in tracked():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    subprocess.run(
        [sys.executable, "-m", "tools.publish", URL, TAG],
        cwd=folder,
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def first_cell(published):
    """The first cell of a published lesson."""
    cells = nbformat.read(published / LESSON, as_version=4).cells
    return next(c.source for c in cells if c.cell_type == "code")


def packed(folder, path):
    """Return a ZIP file of what is in a folder."""
    shutil.make_archive(path.with_suffix(""), "zip", folder)
    return path


@pytest.fixture(scope="module")
def archive(published):
    """What GitHub makes of the tag: a ZIP file with one folder in it."""
    return packed(published.parent, published.parent.parent / "whole.zip")


def small_project(folder, bootstrap):
    """Make a project whose helpers start no TensorFlow."""
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(bootstrap / "notebooks" / "helpers.py", folder / "notebooks")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=ignored)
    (folder / "helpers" / "setup.py").write_text(SETUP)
    shutil.copy(ROOT / "requirements.txt", folder)
    return folder


@pytest.fixture
def small_archive(tmp_path, published):
    small_project(tmp_path / "small" / "workbook-9.1", published)
    return packed(tmp_path / "small", tmp_path / "small.zip")


@pytest.fixture
def colab(tmp_path, published, small_archive):
    """Runs cells in a new process that looks like Colab."""
    module = tmp_path / "colab" / "google" / "colab" / "__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text(COLAB)
    module.with_name("drive.py").write_text(DRIVE)
    module.with_name("files.py").write_text(FILES)
    drive = tmp_path / "drive"
    drive.mkdir()
    curl = tmp_path / "bin" / "curl"
    curl.parent.mkdir()
    curl.write_text(CURL.format(url=URL, tag=TAG, folder=published))
    curl.chmod(0o755)
    content = tmp_path / "content"
    content.mkdir()

    def run(cells, there=URL, archive=small_archive, **variables):
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("WORKBOOK_")
        }
        return subprocess.run(
            [sys.executable, "-c", KERNEL],
            cwd=content,
            env=environment
            | {
                "PATH": os.pathsep.join(
                    [str(curl.parent), os.environ["PATH"]]
                ),
                "COLAB_RELEASE_TAG": "release-colab",
                "PYTHONPATH": str(tmp_path / "colab"),
                "PYTHONUTF8": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "THERE": f"{there}/archive/{TAG}.zip",
                "ARCHIVE": str(archive),
                "DRIVE": str(drive),
                **variables,
            },
            input=json.dumps(cells),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    def end_session():
        shutil.rmtree(content)
        content.mkdir()

    run.content, run.drive, run.end_session = content, drive, end_session
    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


TELL = """
from pathlib import Path
import scale
from helpers import paths
from helpers.network import starter
from tools import doctor
print("code", doctor.code())
print("here", Path.cwd())
print("work", paths.work())
print("weights", starter.FILE.is_file())
"""


@POSIX
def test_a_lesson_that_lies_alone_begins(colab, first_cell, archive):
    # The first cell twice, for a learner runs it again.
    done = colab([first_cell, first_cell, TELL], archive=archive)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("fetched")] == [
        f"fetched {URL}/archive/{TAG}.zip"
    ]
    assert sum(line.startswith("TensorFlow") for line in lines) == 2
    project = colab.content / "workbook"
    # What the page for participants has them send to their instructor.
    assert re.fullmatch(r"code colab-\d+c-\d+g-py\d+-tf\d+-starter", lines[-4])
    assert lines[-3:] == [
        f"here {colab.content}",
        f"work {project / 'data' / 'work'}",
        "weights True",
    ]
    assert names(colab.content) == ["helpers.py", "workbook"]


@POSIX
def test_an_interrupted_fetch_starts_again(colab, first_cell):
    split = colab.content / "workbook.part" / "workbook-9.1" / "helpers"
    split.mkdir(parents=True)
    (split / "setup.py").write_text("half of")
    for _ in range(2):
        done = colab([first_cell])
        assert done.returncode == 0, done.stderr
        assert f"started {colab.content / 'workbook'}" in done.stdout
    assert "fetched" not in done.stdout
    assert names(colab.content) == ["helpers.py", "workbook"]


@POSIX
@pytest.mark.parametrize("fault", ["gone", "half"])
def test_an_archive_that_is_no_good_is_one_sentence(
    colab, first_cell, archive, fault
):
    half = colab.content.parent / "half.zip"
    half.write_bytes(archive.read_bytes()[:100_000])
    there = f"{URL}-gone" if fault == "gone" else URL
    done = colab([first_cell], there=there, archive=half)
    assert done.returncode == 1
    sentence = one_sentence(done.stderr)
    assert f"{URL}/archive/{TAG}.zip" in sentence
    advice = "not public" if fault == "gone" else "run this cell again"
    assert advice in sentence
    assert ("404" if fault == "gone" else "not a zip file") in sentence
    assert names(colab.content) == ["helpers.py"]


# Elsewhere than on Colab.


def elsewhere(cell, cwd):
    environment = os.environ | {"PYTHONPATH": ""}
    environment.pop("COLAB_RELEASE_TAG", None)
    return subprocess.run(
        [sys.executable, "-c", cell],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("folder", ["notebooks", "."])
def test_a_kernel_in_either_folder_finds_the_project(
    published, first_cell, tmp_path, folder
):
    """Some editors start kernels in the project's folder."""
    project = small_project(tmp_path / "mine", published)
    cwd = project / folder
    done = elsewhere(first_cell, cwd)
    assert done.returncode == 0, done.stderr
    assert f"started {project / 'helpers'}" in done.stdout
    assert "workbook" not in names(cwd)


def test_a_lone_notebook_says_what_is_missing(first_cell, tmp_path):
    done = elsewhere(first_cell, tmp_path)
    assert done.returncode == 1
    assert "No module named 'helpers'" in done.stderr.splitlines()[-1]
    # A notebook also shows the line, with the advice.
    assert "Open this notebook in its project" in first_cell
    assert names(tmp_path) == []


# Without an address, as the project comes.


@pytest.fixture
def uploaded(colab, tmp_path):
    """Runs the first cell with the folder `upload`, zipped and uploaded."""

    def run(*names):
        upload = tmp_path / "upload"
        for name in names:
            small_project(upload / name, ROOT)
        packed(upload, colab.content / "workbook.zip")
        return colab([publish.first_cell(None, None)])

    return run


@POSIX
@pytest.mark.parametrize(
    ("name", "mac"), [("my workbook", True), ("Workbook", False)]
)
def test_an_uploaded_project_is_used(colab, uploaded, tmp_path, name, mac):
    if mac:  # what the Finder adds
        other = tmp_path / "upload" / "__MACOSX" / name / "notebooks"
        other.mkdir(parents=True)
        (other / "._helpers.py").touch()
    for names_ in ([name], []):
        done = uploaded(*names_)
        assert done.returncode == 0, done.stderr
        assert f"started {colab.content / 'workbook'}" in done.stdout
    assert names(colab.content / "workbook") == [
        *("helpers", "notebooks", "requirements.txt"),
    ]


@POSIX
@pytest.mark.parametrize("upload", [None, b"", b"PK\x03\x04 half a file"])
def test_without_a_good_upload_the_reason_is_shown(colab, upload):
    if upload is not None:
        (colab.content / "workbook.zip").write_bytes(upload)
    done = colab([publish.first_cell(None, None)])
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "Upload workbook.zip to Colab, then run this cell again."
    assert "workbook" not in names(colab.content)


@POSIX
def test_half_a_project_is_one_sentence(colab, uploaded, tmp_path):
    other = tmp_path / "upload" / "photos"
    other.mkdir(parents=True)
    bootstrap = tmp_path / "upload" / "workbook" / "notebooks"
    bootstrap.mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "helpers.py", bootstrap)
    done = uploaded()
    assert done.returncode == 1
    assert "upload it again" in one_sentence(done.stderr)
    assert names(colab.content) == ["helpers.py", "workbook.zip"]


# Drive, uploads and downloads.

SOLVE = "from helpers import paths, results; results.log_solved('02_x', 3)"
SOLVED = "from helpers import results; print('solved', results.solved())"
PHOTOS = "from helpers import colab; print('photos', colab.photos({!r}, {!r}))"


@POSIX
def test_a_second_session_finds_the_work_on_drive(colab, first_cell):
    done = colab([first_cell, first_cell, SOLVE], ANSWER="yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Keep your work on your Google Drive") == 1
    assert done.stdout.count("mounted") == 1
    assert "kept on your Drive, in the folder workbook" in done.stdout
    assert names(colab.drive) == ["workbook"]
    colab.end_session()
    done = colab([first_cell, SOLVED], ANSWER="Y")
    assert done.returncode == 0, done.stderr
    assert "solved {'02_x': [3]}" in done.stdout
    # A restarted session has Drive still: nobody is asked again.
    done = colab([first_cell, SOLVED])
    assert "Keep your work" not in done.stdout
    assert "solved {'02_x': [3]}" in done.stdout


@POSIX
@pytest.mark.parametrize("variables", [{"ANSWER": "no"}, {"REFUSED": "1"}])
def test_without_drive_the_work_stays_and_that_is_said(
    colab, first_cell, variables
):
    done = colab([first_cell, SOLVE], **{"ANSWER": "yes"} | variables)
    assert done.returncode == 0, done.stderr
    assert "deleted when this session ends" in done.stdout
    assert ("mount failed" in done.stdout) == ("REFUSED" in variables)
    assert names(colab.drive) == []
    work = colab.content / "workbook" / "data" / "work"
    assert names(work / "results") == ["exercises-02_x.json"]


@pytest.fixture(params=["my parts", "drive"])
def my_zip(tmp_path, request):
    """A ZIP file with a folder of two classes; one is named as the Drive."""
    folder = tmp_path / "zipped" / "parts"
    for name in ("good", "bent"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.jpg").write_bytes(b"a photo")
    return packed(folder.parent, tmp_path / f"{request.param}.zip")


@POSIX
def test_uploaded_photos_are_unpacked_and_kept_on_drive(
    colab, first_cell, my_zip
):
    chosen = PHOTOS.format("upload a ZIP", "")
    cells = [first_cell, chosen]
    done = colab(cells, ANSWER="yes", UPLOAD=str(my_zip))
    assert done.returncode == 0, done.stderr
    folder = colab.content / "unpacked_photos" / my_zip.stem
    assert f"({str(folder)!r}), (60, 20, 20))" in done.stdout
    assert names(folder / "parts") == ["bent", "good"]
    assert names(colab.drive) == ["workbook"]  # nothing of it is replaced
    kept = f"workbook/photos/{my_zip.name}"
    assert kept in done.stdout
    colab.end_session()
    cells = [first_cell, PHOTOS.format("from Drive", kept)]
    done = colab(cells, ANSWER="yes", UPLOAD="")
    assert done.returncode == 0, done.stderr
    assert f"({str(folder)!r}), (60, 20, 20))" in done.stdout
    assert names(folder / "parts") == ["bent", "good"]


@POSIX
def test_other_photos_of_the_same_name_replace_none_on_drive(
    colab, first_cell, my_zip
):
    kept = colab.drive / "workbook" / "photos"
    before = kept / my_zip.name
    kept.mkdir(parents=True)
    before.write_bytes(b"photos of last week")
    cells = [first_cell, PHOTOS.format("upload a ZIP", "")]
    for _ in range(2):  # the second time, the same photos
        done = colab(cells, ANSWER="yes", UPLOAD=str(my_zip))
        assert done.returncode == 0, done.stderr
        assert f"give workbook/photos/{my_zip.stem}-2.zip" in done.stdout
    assert before.read_bytes() == b"photos of last week"
    assert names(kept) == [f"{my_zip.stem}-2.zip", my_zip.name]


@POSIX
def test_a_corrected_upload_of_the_same_name_is_used(
    colab, first_cell, tmp_path
):
    """Also after a file that is none, which is not kept on Drive."""
    path = tmp_path / "parts.zip"
    path.write_bytes(b"no ZIP file")
    cells = [first_cell, PHOTOS.format("upload a ZIP", "")]
    done = colab(cells, ANSWER="yes", UPLOAD=str(path))
    assert done.returncode == 1 and "can't be unpacked" in done.stderr
    assert "Kept" not in done.stdout
    for name in ("flat", "sorted"):
        (tmp_path / name / "parts" / name).mkdir(parents=True)
        (tmp_path / name / "parts" / name / "1.jpg").write_bytes(b"a photo")
        packed(tmp_path / name, path)
        done = colab(cells, ANSWER="yes", UPLOAD=str(path))
        assert done.returncode == 0, done.stderr
        folder = colab.content / "unpacked_photos" / "parts" / "parts"
        assert names(folder) == [name]


@POSIX
def test_photos_may_be_on_drive_though_the_work_is_not(colab, first_cell):
    (colab.drive / "mine" / "good").mkdir(parents=True)
    chosen = PHOTOS.format("from Drive", "/mine/")
    done = colab([first_cell, chosen], ANSWER="no")
    assert done.returncode == 0, done.stderr
    assert f"{str(colab.content / 'drive/MyDrive/mine')!r}" in done.stdout
    done = colab([first_cell, PHOTOS.format("demo photos", "")])
    assert "photos None" in done.stdout


@POSIX
@pytest.mark.parametrize(
    ("choice", "variables", "words"),
    [
        (("upload a ZIP", ""), {"UPLOAD": ""}, "Uploaded: no files."),
        (("upload a ZIP", ""), {"UPLOAD": "1.jpg"}, "Uploaded: 1.jpg. Put"),
        (
            ("upload a ZIP", ""),
            {"UPLOAD": os.pathsep.join(["1.jpg", "bad.zip"])},
            "Uploaded: 2 files.",
        ),
        (("upload a ZIP", ""), {"UPLOAD": "bad.zip"}, "can't be unpacked"),
        (("from Drive", "no"), {}, "Drive are some, some.txt"),
        (("from Drive", " "), {}, "correct the path"),
        (("from Drive", "some.txt"), {}, "no folder or ZIP file"),
        (("from Drive", "some"), {"REFUSED": "1"}, "run this cell again"),
    ],
)
def test_photos_that_are_not_there_are_one_sentence(
    colab, first_cell, choice, variables, words
):
    (colab.drive / "some").mkdir()
    (colab.drive / "some.txt").touch()
    for name in ("1.jpg", "bad.zip"):
        (colab.content.parent / name).write_bytes(b"no archive")
    if variables.get("UPLOAD"):
        files = variables["UPLOAD"].split(os.pathsep)
        there = [str(colab.content.parent / name) for name in files]
        variables = {"UPLOAD": os.pathsep.join(there)}
    done = colab([first_cell, PHOTOS.format(*choice)], **variables)
    assert done.returncode == 1
    assert words in one_sentence(done.stderr)


@pytest.mark.parametrize("name", ["1.HEIC", "1.jpg"])
def test_what_reads_heic_is_installed_if_there_are_such_photos(
    tmp_path, monkeypatch, name
):
    (tmp_path / "mine" / "good").mkdir(parents=True)
    (tmp_path / "mine" / "good" / name).touch()
    monkeypatch.setattr(helpers_colab, "MINE", tmp_path)
    monkeypatch.setattr(helpers_colab, "_reads_heic", lambda: False)
    calls = []
    monkeypatch.setattr(subprocess, "run", calls.append)
    helpers_colab.photos("from Drive", "mine")
    assert [call[-1] for call in calls] == (
        [helpers_colab.HEIC] if name == "1.HEIC" else []
    )
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert helpers_colab.HEIC in requirements.splitlines()


@pytest.mark.parametrize(
    ("work", "python", "memory", "disk", "words"),
    [
        ("", (3, 14), 8, 50, "older runtime version in Runtime"),
        ("", (3, 12), 1, 50, "more memory in Runtime"),
        ("", (3, 12), 8, 0.5, "Disconnect and delete runtime"),
        (helpers_colab.KEPT, (3, 12), 8, 0.5, "Free some space on your Drive"),
    ],
)
def test_problems_of_a_machine_say_what_to_do_on_colab(
    monkeypatch, work, python, memory, disk, words
):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    if work:
        monkeypatch.setenv("WORKBOOK_WORK", str(work))
    assert words in setup._first_problem(python, memory, disk)


@POSIX
def test_results_are_handed_out_as_one_zip_file(colab, first_cell):
    out = "from pathlib import Path; out = Path('results')"
    take = "from helpers import colab; colab.hand_out(out)"
    done = colab([first_cell, out, take])
    assert done.returncode == 1
    assert "run all cells above first" in one_sentence(done.stderr)
    results = colab.content / "results"
    results.mkdir()
    for name in ("report.html", "model.keras", "app.py"):
        (results / name).write_text(name)
    done = colab([first_cell, out, take])
    assert done.returncode == 0, done.stderr
    path = colab.content / "model_and_report.zip"
    assert f"downloaded {path}" in done.stdout
    with zipfile.ZipFile(path) as archive:
        found = {n for n in archive.namelist() if not n.endswith("/")}
    assert found == {"report.html", "model.keras", "app.py"}


def test_versions_that_were_never_tried_are_named(monkeypatch):
    versions = {"keras": "4.1.0", "tqdm": "9.0", "numpy": "2.1.3"}

    def version(name):
        if name in versions:
            return versions[name]
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    keras, tqdm = helpers_colab.version_problems()
    assert keras.startswith("keras 4.1.0 was never tried, only keras>=3")
    assert "older runtime version" in keras
    assert tqdm.startswith("tqdm 9.0") and "go on" in tqdm


# The edition of lesson 08.


@pytest.fixture(scope="module")
def editions(published):
    """The edition of this project, and that of the published copy."""
    there = published / publish.EDITION.relative_to(ROOT)
    return [nbformat.read(p, as_version=4) for p in (publish.EDITION, there)]


def test_the_edition_is_what_the_command_makes():
    text = publish.EDITION.read_text(encoding="utf-8")
    is_same = text == publish.edition(*publish.address())
    assert is_same, "run: python3 start.py publish"


def test_the_edition_asks_for_a_gpu_and_begins_in_few_lines(editions):
    for notebook in editions:
        assert notebook.metadata.accelerator == "GPU"
        assert notebook.metadata.colab.gpuType == "T4"
        code = [c.source for c in notebook.cells if c.cell_type == "code"]
        assert len(code[0].splitlines()) <= 6
        assert "# @param" in code[1] and "colab.photos(" in code[1]
        assert code[-1] == "colab.hand_out(OUT)"
        assert not any(cell.get("outputs") for cell in notebook.cells)


def test_the_edition_is_lesson_08_without_exercises(editions):
    path = ROOT / "notebooks" / "08_your_own_photos.ipynb"
    lesson = nbformat.read(path, as_version=4).cells
    for notebook in editions:
        text = "\n".join(cell.source for cell in notebook.cells)
        for word in ("xercise", "check.q", "start.py", "____"):
            assert word not in text
        cells = {cell.id: cell.source for cell in notebook.cells}
        same = [cell for cell in lesson if cells.get(cell.id) == cell.source]
        assert len(same) > 30


def test_links_of_the_edition_work_on_colab(editions):
    links = [
        re.findall(r"\]\(([^)]*)\)", "\n".join(c.source for c in e.cells))
        for e in editions
    ]
    assert links[0] == [] or publish.address()[0]
    assert len(links[1]) >= 4
    for link in links[1]:
        path = link.partition(f"ada/workbook/blob/{TAG}/")[2].partition("#")[0]
        assert (ROOT / path).is_file(), link
        is_colab = link.startswith(publish.COLAB)
        assert is_colab == path.endswith(".ipynb")


@POSIX
def test_the_edition_begins_on_a_new_machine(
    colab, editions, archive, tmp_path
):
    code = [c.source for c in editions[1].cells if c.cell_type == "code"]
    folder = tmp_path / "zipped" / "parts"
    for number, name in enumerate(("good", "bent")):
        (folder / name).mkdir(parents=True)
        for n in range(5):
            image = Image.effect_noise((90, 90), 10 + 30 * number + n)
            image.save(folder / name / f"{n}.png")
    path = packed(folder.parent, tmp_path / "parts.zip")
    end = next(i for i, s in enumerate(code) if "dataset.check(" in s)
    cells = [*code[: end + 1], "print(FOLDER, FRACTIONS, checked)"]
    done = colab(cells, archive=archive, UPLOAD=str(path))
    assert done.returncode == 0, done.stderr
    folder = colab.content / "unpacked_photos" / "parts"
    assert f"{folder} (60, 20, 20)" in done.stdout
    assert "bent" in done.stdout
