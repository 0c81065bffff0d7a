"""The site has every page, its links lead somewhere, it needs no network.

Run only where Sphinx is, in a browser only where a Chromium is: see
conftest.py.
"""

import html
import json
import re

import browser
import nbformat
import pytest

from helpers.paths import ROOT
from tools import _extras, _pinned, _venv
from tools import site as command

PAGES = (
    *("README", "INSTRUCTORS", "CONTRIBUTING", "data/README"),
    *("data/starter/README", "pretraining/README", "scale/README"),
    *(f"docs/{path.stem}" for path in sorted((ROOT / "docs").glob("*.md"))),
    *(f"docs/setup/{p.stem}" for p in sorted((ROOT / "docs/setup").iterdir())),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site, built once: the path of its folder."""
    out = tmp_path_factory.mktemp("built") / "site"
    command.build(out)
    return out


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
        text = page.read_text(encoding="utf-8")
        outputs = [
            output
            for cell in nbformat.read(path, as_version=4).cells
            for output in cell.get("outputs", [])
        ]
        figures = [o for o in outputs if "image/png" in o.get("data", {})]
        images = re.findall(r'<img alt="([^"]*)" src="\.\./_images/', text)
        assert [*map(html.unescape, images)] == [
            figure.metadata.get("image/png", {}).get("alt", "")
            for figure in figures
        ]
        for output in outputs:
            stored = output.get("data", {}).get("text/plain", "")
            assert not stored.startswith("'") or stored[1:30] in text


def test_a_lesson_is_found_by_a_word(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(re.search(r"\{.*\}", index, re.DOTALL)[0])
    pages = index["docnames"]
    numbers = []
    for where in ("terms", "titleterms"):  # a single page is not in a list
        entry = index[where]["batchnorm"]
        numbers += entry if isinstance(entry, list) else [entry]
    assert "notebooks/03_fine_tuning" in [pages[i] for i in numbers]


# What a browser fetches to show a page; a canonical link is only a name.
LOADED = r"""(?x)
    <(?:script|img|iframe|source)\b[^>]*\bsrc="((?:https?:)?//[^"]*)
    | <link\b(?![^>]*canonical)[^>]*\bhref="((?:https?:)?//[^"]*)
    | (?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]*)
"""


def test_nothing_is_loaded_from_a_network(site):
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > len(_pinned.notebooks())
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    loaded = {p.name: re.findall(LOADED, t) for p, t in texts.items()}
    assert {name: urls for name, urls in loaded.items() if urls} == {}


ALT = 'Photos of "scratch" & <dent>.'
BADGE = "# A\n\n[![open it](https://x.org/a.svg)](https://x.org/)\n"


def project(folder, readme):
    """A project of few pages; return its folder."""
    for name in PAGES[1:]:
        page = folder / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("# A\n\n## Other layouts\n")
    (folder / "README.md").write_text(readme)
    (folder / "notebooks").mkdir()
    text = (ROOT / "notebooks" / "00_start_here.ipynb").read_text("utf-8")
    notebook = nbformat.reads(text.replace("01_data_prep", "00_a"), 4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.metadata = {"image/png": {"alt": ALT}}
    nbformat.write(notebook, folder / "notebooks" / "00_a.ipynb")
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A site of few pages with a badge and a figure: its folder."""
    folder = tmp_path_factory.mktemp("small")
    command.build(folder / "out", project(folder / "project", BADGE))
    return folder / "out"


def test_a_badge_is_shown_as_its_words(small):
    page = (small / "README.html").read_text(encoding="utf-8")
    assert "open it</a>" in page
    assert "a.svg" not in page


def test_a_figure_keeps_its_alt_text(small):
    page = (small / "notebooks" / "00_a.html").read_text(encoding="utf-8")
    assert f'<img alt="{html.escape(ALT)}" src="../_images/' in page


@pytest.mark.release
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["README", "notebooks/00_a"])
def test_a_page_is_accessible(chromium, small, name, scheme):
    page = chromium.new_page(color_scheme=scheme, reduced_motion="reduce")
    page.goto((small / f"{name}.html").as_uri())
    found = browser.serious(page)
    page.close()
    assert found == set()


def test_a_broken_link_is_named_and_the_old_site_stays(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.html").touch()
    page = "# A\n\n[b](gone.md) [c](data/README.md#lost) ![d](no.png)\n"
    with pytest.raises(command.SiteError) as error:
        command.build(out, project(tmp_path / "project", page))
    for words in ("README.md:3", "gone.md", "lost", "no.png"):
        assert words in str(error.value)
    assert [path.name for path in out.iterdir()] == ["old.html"]


# --- In a browser, at the widths of a desktop and of a phone ---------------

WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def address(site):
    with browser.served(site) as address:
        yield address


@pytest.fixture(params=WIDTHS)
def page(request, chromium, address):
    """A page of this width, which asks no other machine for anything."""
    size = {"width": request.param, "height": 800}
    with browser.opened(chromium, address, viewport=size) as page:
        yield page


def pages(site):
    """Return the names of all pages, as a set."""
    found = {
        path.relative_to(site).as_posix() for path in site.rglob("*.html")
    }
    return {name for name in found if not name.startswith("_static/")}


def test_no_page_is_wider_than_the_screen(page, site, address):
    # These have no text of the project.
    left_out = {"index.html", "genindex.html", "search.html"}
    found = {}
    for name in pages(site) - left_out:
        page.goto(f"{address}/{name}")
        found[name] = page.evaluate(browser.TOO_WIDE) + page.evaluate(
            browser.BROKEN
        )
    assert len(found) > 10
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_search_finds_a_lesson(page, address):
    page.goto(f"{address}/index.html")
    page.wait_for_url("**/README.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("BatchNorm")
    page.keyboard.press("Enter")
    found = page.locator("#search-results a", has_text="Fine-tuning past")
    browser.expect(found.first).to_be_visible(timeout=browser.ANSWER)
    found.first.click()
    page.wait_for_url("**/notebooks/03_fine_tuning.html*")


# --- The command -----------------------------------------------------------


def test_the_command_says_where_the_site_lies(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(_extras, "install", lambda lock: None)
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    monkeypatch.setattr(command, "build", lambda out: out.mkdir())
    assert command.main([]) == 0
    assert str(tmp_path / "site") in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    "error", [_venv.SetupError("It rains."), command.SiteError("It rains.")]
)
def test_what_stops_it_is_one_sentence(monkeypatch, capsys, error):
    def fails(*args):
        raise error

    monkeypatch.setattr(_extras, "install", fails)
    assert command.main([]) == 1
    assert capsys.readouterr().err == "It rains.\n"
