"""The slides in a browser: readable, turned by keys, one to a page of a PDF.

Run only where there is a Chromium: see conftest.py.
"""

import contextlib
import re

import browser
import pytest

from tools import slides

with contextlib.suppress(ImportError):  # then conftest.py runs none of them
    from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.release
# Slides with an element past their edge, and figures with little room.
FAULTS = """height => [...document.querySelectorAll("section")].flatMap(s => {
    const edge = s.getBoundingClientRect();
    const found = [...s.querySelectorAll("*")].filter(e => {
        const box = e.getBoundingClientRect();
        return box.right > edge.right + 1 || box.bottom > edge.bottom + 1;
    }).map(e => `${s.id}: <${e.tagName}> is cut off`);
    const figure = s.querySelector("img").getBoundingClientRect();
    if (figure.height < height) found.push(`${s.id}: a small figure`);
    return found;
})"""
# Headings and lines of text that need a second line.
WRAPPED = """() => [...document.querySelectorAll("h1, h2, li")].filter(e => {
    const size = parseFloat(getComputedStyle(e).fontSize);
    return e.getBoundingClientRect().height > 2 * size;
}).map(e => e.textContent)"""
SHOWN = """() => [...document.querySelectorAll("section")].filter(s => {
    const box = s.getBoundingClientRect();
    return box.top >= -1 && box.bottom <= innerHeight + 1;
}).map(s => s.id)"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    file = tmp_path_factory.mktemp("slides") / "slides.html"
    assert slides.main([str(file)]) == 0
    return file.as_uri()


@pytest.fixture
def page(chromium, address):
    opened = chromium.new_page(viewport={"width": 1280, "height": 720})
    opened.goto(address)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("width", "height", "figure"),
    [(1280, 720, 230), (1920, 1080, 400), (1024, 768, 190), (640, 360, 50)],
)
def test_nothing_is_cut_off(page, width, height, figure):
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate(FAULTS, figure) == []
    assert page.evaluate(browser.BROKEN) == []


def test_a_line_of_text_is_one_line(page):
    assert page.evaluate(WRAPPED) == []


def test_keys_turn_the_slides(page):
    for key, number in [
        ("ArrowRight", "2"),
        ("PageDown", "3"),
        ("Space", "4"),
        ("ArrowLeft", "3"),
        ("End", "12"),
        ("ArrowRight", "12"),
        ("PageUp", "11"),
        ("Home", "1"),
    ]:
        page.keyboard.press(key)
        page.wait_for_function(f"({SHOWN})().join() === '{number}'")


def test_a_pdf_has_a_page_for_each_slide(page):
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) == 12
    assert set(re.findall(rb"/MediaBox \[(.+?)\]", pdf)) == {b"0 0 960 540"}


def test_the_slides_are_accessible(page):
    violations = Axe().run(page).response["violations"]
    assert [(v["id"], v["impact"]) for v in violations] == []
