"""Badges and first cells have one address."""

import re
import shutil

import nbformat
import pytest
from clone import contents, one_sentence

from helpers.paths import ROOT
from tools import _pinned, publish

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
    shutil.copy(ROOT / "README.md", tmp_path)
    monkeypatch.setattr(publish.paths, "ROOT", tmp_path)
    monkeypatch.setattr(publish, "README", tmp_path / "README.md")
    monkeypatch.setattr(publish, "SETUP", tmp_path / "docs" / "setup")
    bootstrap = tmp_path / "notebooks" / "helpers.py"
    monkeypatch.setattr(publish, "BOOTSTRAP", bootstrap)
    monkeypatch.setattr(_pinned, "NOTEBOOKS", tmp_path / "notebooks")
    return tmp_path


def test_an_address_goes_only_where_it_belongs(copy, capsys):
    before, (old_url, old_version) = contents(copy), publish.address()
    assert publish.main([URL, "v9.1"]) == 0
    after = contents(copy)
    names = {path.name for path in _pinned.notebooks()}
    lessons = {f"notebooks/{name}" for name in names}
    changed = {name for name in after if after[name] != before.get(name)}
    pages = {f"docs/setup/{path.name}" for path in publish.SETUP.iterdir()}
    others = {"README.md", "notebooks/helpers.py"}
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
        # With these two put back it is the old one: outputs, ids and all.
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
    names = re.findall(rf": {URL}/blob/v9.1/docs/(.*)", pages["mail"])
    assert len(names) == 5
    assert [n for n in names if not (ROOT / "docs" / n).is_file()] == []
    assert "attached page" not in pages["mail"]
    assert not [page for page in pages.values() if "v9.0" in page]


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
