"""Badges and first cells have one address."""

import hashlib
import io
import re
import shutil
import subprocess
import sys
import types
import urllib.error

import nbformat
import pytest
from clone import contents, one_sentence

from helpers.paths import ROOT
from tools import _extras, _pinned, _venv, publish

URL, OTHER = "https://github.com/ada/workbook", "https://github.com/bea/fork"


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


def with_next(text, folder):
    """Return a last cell with the link to the next lesson in Colab."""
    found = re.findall(r"\*\*Next\*\* .*\[(.*)\]\((.*ipynb)\)", text)
    for title, name in found:
        address = f"{folder}/v9.1/notebooks/{name}"
        text += f"\n\n**Next in Colab** [{title}]({address})"
    return text


def lines(url, version, *lesson):
    """Return the badges that a text should have: none without an address."""
    return [publish.badges(url, version, *lesson)] if url else []


def test_all_files_have_the_same_address():
    url, version = publish.address()
    for path in _pinned.notebooks():
        title, code = first_cells(path)
        assert code == publish.first_cell(url, version), path.name
        assert badges(title) == lines(url, version, path.stem), path.name
    readme = publish.README.read_text(encoding="utf-8")
    assert badges(readme) == lines(url, version)
    for page in publish.SETUP.iterdir():
        text = page.read_text(encoding="utf-8")
        if url:
            for line in publish.setup_lines(url, version)[page.stem]:
                assert f"\n{line}\n" in text
        else:
            assert "were sent" in text or "attached page" in text


# The command, on a copy.


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of what the command changes; returns its folder."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=ignored)
    shutil.copytree(ROOT / "docs" / "setup", tmp_path / "docs" / "setup")
    shutil.copytree(ROOT / "colab", tmp_path / "colab", ignore=ignored)
    shutil.copy(ROOT / "README.md", tmp_path)
    monkeypatch.setattr(publish.paths, "ROOT", tmp_path)
    monkeypatch.setattr(publish, "README", tmp_path / "README.md")
    monkeypatch.setattr(publish, "SETUP", tmp_path / "docs" / "setup")
    bootstrap = tmp_path / "notebooks" / "helpers.py"
    monkeypatch.setattr(publish, "BOOTSTRAP", bootstrap)
    monkeypatch.setattr(_pinned, "NOTEBOOKS", tmp_path / "notebooks")
    edition = tmp_path / "colab" / "own_photos.ipynb"
    monkeypatch.setattr(publish, "EDITION", edition)
    return tmp_path


@pytest.fixture(autouse=True)
def github(monkeypatch):
    """What GitHub has, {address: bytes}; None if there is no network."""
    there = {"": None}

    def urlopen(address, **_):
        if "" in there:
            raise urllib.error.URLError("no route to host")
        if address not in there:
            raise urllib.error.HTTPError(address, 404, "Not Found", {}, None)
        return io.BytesIO(there[address])

    monkeypatch.setattr(publish.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(_extras, "install", lambda lock: None)
    monkeypatch.setitem(sys.modules, "segno", None)
    return there


def test_an_address_goes_only_where_it_belongs(copy, capsys):
    before, (old_url, old_version) = contents(copy), publish.address()
    assert publish.main([URL, "v9.1"]) == 0
    after = contents(copy)
    names = {path.name for path in _pinned.notebooks()}
    lessons = {f"notebooks/{name}" for name in names}
    changed = {name for name in after if after[name] != before.get(name)}
    pages = {f"docs/setup/{path.name}" for path in publish.SETUP.iterdir()}
    others = {"README.md", "notebooks/helpers.py", "colab/own_photos.ipynb"}
    assert changed == {*lessons, *pages, *others}
    assert "tag v9.1" in capsys.readouterr().out
    readmes = [all_["README.md"].decode("utf-8") for all_ in (before, after)]
    assert badges(readmes[1]) == [publish.badges(URL, "v9.1")]
    assert len({without_badges(text) for text in readmes}) == 1
    for name in lessons:
        old = nbformat.reads(before[name].decode("utf-8"), as_version=4)
        new = nbformat.reads(after[name].decode("utf-8"), as_version=4)
        title, code = first_cells(copy / name)
        stem = name.removeprefix("notebooks/").removesuffix(".ipynb")
        assert code == publish.first_cell(URL, "v9.1")
        assert badges(title) == [publish.badges(URL, "v9.1", stem)]
        assert without_badges(title) == without_badges(old.cells[0].source)
        assert new.cells[-1].source == with_next(
            old.cells[-1].source, f"{publish.COLAB}/github/ada/workbook/blob"
        )
        new.cells[-1].source = old.cells[-1].source
        # With these put back it is the old one: outputs, ids and all.
        at = [cell.cell_type for cell in new.cells].index("code")
        new.cells[0].source = old.cells[0].source
        new.cells[at].source = publish.first_cell(old_url, old_version)
        assert new == old


def test_the_pages_for_learners_lead_to_the_version(copy):
    publish.main([OTHER, "v9.0"])
    publish.main([URL, "v9.1"])
    pages = {p.stem: p.read_text("utf-8") for p in publish.SETUP.iterdir()}
    for system in ("windows", "macos", "linux"):
        assert f"download <{URL}/archive/v9.1.zip>" in pages[system]
    lesson = "ada/workbook/blob/v9.1/notebooks/00_start_here.ipynb>"
    assert f"<{publish.COLAB}/github/{lesson}" in pages["chromebook"]
    assert f"<{URL}/tree/v9.1/notebooks>" in pages["chromebook"]
    names = re.findall(rf": {URL}/blob/v9.1/docs/(.*)", pages["mail"])
    assert len(names) == 6
    own = f"{publish.COLAB}/github/ada/workbook/blob/v9.1/colab/own_photos"
    assert f"<{own}.ipynb>" in pages["chromebook"]
    assert f"Your photos in Colab: {own}.ipynb\n" in pages["mail"]
    assert f"Workbook: {URL}/archive/v9.1.zip\n" in pages["mail"]
    assert "ADDRESS" not in pages["mail"].partition("```text")[2]
    assert [n for n in names if not (ROOT / "docs" / n).is_file()] == []
    assert "attached page" not in pages["mail"]
    assert not [page for page in pages.values() if "v9.0" in page]


def test_the_checkpoints_get_their_address_and_hashes(
    copy, github, monkeypatch, capsys
):
    monkeypatch.delenv("WORKBOOK_DATA", raising=False)
    module = copy / "helpers" / "checkpoints.py"
    module.parent.mkdir()
    shutil.copy(publish.CHECKPOINTS, module)
    monkeypatch.setattr(publish, "CHECKPOINTS", module)
    before = module.read_text()
    publish.main([URL, "v9.0"])
    assert module.read_text() == before
    (copy / "data").mkdir()
    archives = {"imagenet": b"models", "starter": b"other models"}
    for name, content in archives.items():
        path = copy / "data" / f"checkpoints-{name}.zip"
        path.write_bytes(content)
    publish.main([URL, "v9.1"])
    said = capsys.readouterr().out
    assert "data/checkpoints-starter.zip to the release v9.1" in said
    names = {}
    exec(module.read_text(), names)
    assert names["ADDRESS"] == f"{URL}/releases/download/v9.1"
    assert names["SHA256"] == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in archives.items()
    }
    assert_formatted([module])
    github.clear()
    github[f"{URL}/releases/download/v9.1/checkpoints-imagenet.zip"] = b""
    publish.main([URL, "v9.1"])
    said = capsys.readouterr().out
    assert "0 files changed" in said
    assert "checkpoints-starter.zip to the release v9.1" in said
    assert "checkpoints-imagenet.zip to" not in said


@pytest.mark.parametrize("line", ["", "1. Files: x\n1. Files: y\n"])
def test_a_page_without_its_line_stops_it_all(copy, capsys, line):
    path = publish.SETUP / "linux.md"
    text = re.sub("(?m)^1. Files: .*\n", line, path.read_text("utf-8"))
    path.write_text(text, "utf-8")
    before = contents(copy)
    assert publish.main([URL, "v9.1"]) == 2
    assert "linux.md" in one_sentence(capsys.readouterr().err)
    assert contents(copy) == before


def test_publishing_again_changes_what_differs(copy, capsys):
    publish.main([URL, "v9.1"])
    first = contents(copy)
    capsys.readouterr()
    publish.main([f"{URL}.git/", "v9.1"])  # as it may be pasted
    assert "0 files changed" in capsys.readouterr().out
    assert contents(copy) == first
    publish.main([OTHER, "v9.2"])
    assert publish.address() == (OTHER, "v9.2")
    text = (copy / "README.md").read_text(encoding="utf-8")
    assert badges(text) == [publish.badges(OTHER, "v9.2")]
    publish.main([URL, "v9.1"])
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
        (["http://github.com/ada/workbook", "v1"], "https"),
        (["https://github.com/ada/workbook/tree/main", "v1"], "repository"),
        (["https://example.org/ada/workbook", "v1"], "GitHub"),
        (["git@github.com:ada/workbook.git", "v1"], "https"),
        ([URL, "two words"], "two words"),
        ([URL, 'v1"; x = "'], "tag"),
        ([URL], "tag"),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(args, word, capsys):
    assert publish.main(args) == 2
    assert word in one_sentence(capsys.readouterr().err)


def test_a_lesson_that_begins_otherwise_stops_it_all(copy, capsys):
    path = copy / "notebooks" / "03_fine_tuning.ipynb"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("import os", "import sys", 1), "utf-8")
    before = contents(copy)
    assert publish.main([URL, "v9.1"]) == 2
    assert "03_fine_tuning.ipynb" in one_sentence(capsys.readouterr().err)
    assert contents(copy) == before


def test_every_lesson_but_the_last_leads_to_the_next_in_colab(copy):
    publish.main([OTHER, "v9.0"])
    publish.main([URL, "v9.1"])
    lessons = [p.stem for p in _pinned.notebooks()]
    links = []
    for path in _pinned.notebooks():
        last = nbformat.read(path, as_version=4).cells[-1].source
        links += re.findall(r"\*\*Next in Colab\*\* \[.*\]\((.*)\)", last)
    assert links == [
        f"{publish.COLAB}/github/ada/workbook/blob/v9.1/notebooks/{s}.ipynb"
        for s in lessons[1:]
    ]


def test_without_an_address_the_edition_alone_is_made(
    copy, monkeypatch, capsys
):
    monkeypatch.setattr(publish, "address", lambda: (None, None))
    before = contents(copy)
    publish.EDITION.write_text("{}", encoding="utf-8")
    assert publish.main([]) == 0
    assert "no address yet" in capsys.readouterr().out
    text = publish.EDITION.read_text(encoding="utf-8")
    assert text == publish.edition(None, None)
    after = contents(copy) | {"colab/own_photos.ipynb": b""}
    assert after == before | {"colab/own_photos.ipynb": b""}


@pytest.mark.parametrize("repository", ["a/b", "a-school-with/a-long-name"])
def test_what_is_published_passes_the_linter(copy, repository):
    publish.main([f"https://github.com/{repository}", "v9.1"])
    assert_formatted([copy / "notebooks", copy / "colab"])


def assert_formatted(files):
    for command in (["check", "--no-cache"], ["format", "--check"]):
        config = ["--config", str(ROOT / "pyproject.toml")]
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *config, *files],
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout + done.stderr


# Whether others reach it.


def test_the_stored_address_is_checked(copy, github, capsys):
    def said():
        assert publish.main([]) == 0
        return capsys.readouterr().out.splitlines()[-1]

    assert publish.main([URL, "v9.1"]) == 0  # the network may be missing
    out = capsys.readouterr().out
    assert "Not checked, without a network (no route to host)" in out
    assert "no route to host" in said()
    github.clear()
    assert "is not open to all" in said()
    github[URL] = b"a page"
    assert "no tag v9.1 on GitHub" in said()
    for path in publish.texts(URL, "v9.1"):
        name = path.relative_to(copy).as_posix()
        github[f"{URL}/raw/v9.1/{name}"] = path.read_bytes()
    assert said() == "Checked: the tag v9.1 holds these lessons and pages."
    lesson = "notebooks/03_fine_tuning.ipynb"
    github[f"{URL}/raw/v9.1/{lesson}"] = b"another"
    assert f"holds another {lesson}" in said()
    assert "under a new one" in said()


def test_all_links_the_mails_and_a_qr_code_are_printed(
    copy, monkeypatch, capsys
):
    class Code:
        def __init__(self, link):
            self.link = link

        def terminal(self, out, compact):
            out.write(f"QR code of {self.link}")

    segno = types.SimpleNamespace(make=Code)
    monkeypatch.setitem(sys.modules, "segno", segno)
    publish.main([URL, "v9.1"])
    out = capsys.readouterr().out
    for path in [*_pinned.notebooks(), publish.EDITION]:
        name = path.relative_to(copy)
        link = f"{publish.COLAB}/github/ada/workbook/blob/v9.1/{name}"
        assert f"\n{link}\n" in out
    assert f"QR code of {link}" in out
    subjects = re.findall("(?m)^Subject: (.*)$", out)
    assert subjects[0].startswith("Workshop on DATE")
    assert subjects[1:] == ["Train a classifier on your photos"]


def test_without_the_package_for_qr_codes_a_sentence_says_why(
    monkeypatch,
):
    assert "No QR code" in one_sentence(publish.qr_code("x"))

    def offline(lock):
        raise _venv.SetupError("no network, says pip")

    monkeypatch.setattr(_extras, "install", offline)
    assert "says pip" in one_sentence(publish.qr_code("x"))
