"""The site has every page, its links lead somewhere, it needs no network.

Run only where Sphinx is: see conftest.py.
"""

import json
import re

import nbformat
import pytest

from helpers.paths import ROOT
from tools import _links, _pinned, _sphinx
from tools import site as verb

PAGES = (
    *("README", "INSTRUCTORS", "CONTRIBUTING", "data/README"),
    *("data/starter/README", "pretraining/README", "scale/README"),
    "workshop/README",
    *(f"docs/{path.stem}" for path in sorted((ROOT / "docs").glob("*.md"))),
)


def test_every_page_is_there(site):
    names = [*PAGES, "search"]
    names += [f"notebooks/{path.stem}" for path in _pinned.notebooks()]
    assert [n for n in names if not (site / f"{n}.html").is_file()] == []
    assert "url=README.html" in (site / "index.html").read_text()
    contents = (site / "README.html").read_text(encoding="utf-8")
    for name in names:
        assert f'href="{name}.html"' in contents or name == "README"


def test_a_lesson_shows_what_its_run_has_stored(site):
    for path in _pinned.notebooks():
        page = site / "notebooks" / f"{path.stem}.html"
        html = page.read_text(encoding="utf-8")
        outputs = [
            output
            for cell in nbformat.read(path, as_version=4).cells
            for output in cell.get("outputs", [])
        ]
        figures = [o for o in outputs if "image/png" in o.get("data", {})]
        assert len(re.findall(r'<img [^>]*src="\.\./_images/', html)) == len(
            figures
        )
        for output in outputs:
            said = output.get("data", {}).get("text/plain", "")
            assert not said.startswith("'") or said[1:30] in html


def test_a_lesson_is_found_by_a_word(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(re.search(r"\{.*\}", index, re.DOTALL)[0])
    pages = index["docnames"]
    found = []
    for where in ("terms", "titleterms"):  # one page is not in a list
        its = index[where]["batchnorm"]
        found += its if isinstance(its, list) else [its]
    assert "notebooks/03_fine_tuning" in [pages[i] for i in found]


def test_every_link_leads_somewhere(site):
    assert _links.complaints(site) == []


PAGE = '<h1 id="here">A</h1><a href="b%20c.html#there">b</a>{}'


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", None),
        ('<a href="#here">a</a><a href="">b</a><a href="sub">c</a>', None),
        ('<a href="https://arxiv.org/abs/1512.00567">paper</a>', None),
        ('<link rel="canonical" href="https://x.org/a.html">', None),
        ('<img src="data:image/png;base64,AAAA">', None),
        ('<a href="gone.html">b</a>', "gone.html leads to no file"),
        ('<a href="#gone">b</a>', "#gone leads to no place"),
        ('<a href="sub/#gone">b</a>', "sub/#gone leads to no place"),
        ('<a href="/a.html">b</a>', "leaves the folder"),
        ('<a href="../a.html">b</a>', "leaves the folder"),
        ('<img src="gone.png">', "gone.png leads to no file"),
        ('<img src="https://x.org/a.png">', "from a network"),
        ('<script src="//x.org/a.js"></script>', "from a network"),
        ('<link rel="stylesheet" href="https://x.org/a">', "from a network"),
    ],
)
def test_a_link_that_fails_is_named(tmp_path, more, words):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.html").write_text(PAGE.format(more))
    (tmp_path / "b c.html").write_text('<a name="there"></a>')
    (tmp_path / "sub" / "index.html").write_text("")
    found = _links.complaints(tmp_path)
    assert len(found) == bool(words)
    if words:
        assert words in found[0]
        assert found[0].startswith("a.html: ")


@pytest.mark.parametrize(
    "rule",
    ['@import "https://x.org/a.css"', "b {background: url(//x.org/a.png)}"],
)
def test_what_a_style_would_load_is_named(tmp_path, rule):
    (tmp_path / "a.css").write_text("i {background: url(a.png)}")
    assert _links.complaints(tmp_path) == []
    (tmp_path / "a.css").write_text(rule)
    (said,) = _links.complaints(tmp_path)
    assert "x.org" in said


def project(folder, readme):
    """A project of few pages; return its folder."""
    for name in PAGES[1:]:
        page = folder / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("# A\n\n## B\n")
    (folder / "README.md").write_text(readme)
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "00_a.ipynb").write_text(
        (ROOT / "notebooks" / "00_start_here.ipynb")
        .read_text(encoding="utf-8")
        .replace("01_data_prep", "00_a"),
        encoding="utf-8",
    )
    return folder


def test_a_badge_is_shown_as_its_words(tmp_path):
    badge = "# A\n\n[![open it](https://x.org/a.svg)](https://x.org/)\n"
    verb.build(tmp_path / "out", project(tmp_path / "project", badge))
    page = (tmp_path / "out" / "README.html").read_text(encoding="utf-8")
    assert "open it</a>" in page
    assert "a.svg" not in page


def test_a_page_with_a_fault_is_named_and_the_old_site_stays(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.html").touch()
    faulty = "# A\n\n[b](gone.md) [c](data/README.md#gone)\n"
    with pytest.raises(verb.SiteError) as found:
        verb.build(out, project(tmp_path / "project", faulty))
    said = str(found.value)
    assert "README.md:3" in said
    assert "gone.md" in said
    assert [path.name for path in out.iterdir()] == ["old.html"]


# The command.


def test_the_command_says_where_the_site_lies(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(_sphinx, "install", lambda: "")
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    monkeypatch.setattr(verb, "build", lambda out: out.mkdir())
    assert verb.main([]) == 0
    assert str(tmp_path / "site") in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("where", ["install", "build"])
def test_what_stops_it_is_one_sentence(monkeypatch, capsys, where):
    def fails(*args):
        raise verb.SiteError("It rains.")

    monkeypatch.setattr(verb, "build", fails)
    monkeypatch.setattr(
        _sphinx, "install", lambda: "It rains." * (where == "install")
    )
    assert verb.main([]) == 1
    assert capsys.readouterr().err == "It rains.\n"
