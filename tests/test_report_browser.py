"""The report in a browser, on a desktop and a phone, in light and dark.

Run only where there is a Chromium: see conftest.py.
"""

import contextlib

import browser
import numpy as np
import pytest
from hard_names import HARD
from report_cases import case, many_classes

from helpers import report

with contextlib.suppress(ImportError):  # then conftest.py runs none of them
    from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.release
SERIOUS = ("serious", "critical")
# What reaches past the right edge, unless something around it scrolls.
TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    const found = [...document.querySelectorAll("body *")].filter(
        e => e.getBoundingClientRect().right > width + 1 && !e.closest(".box")
    ).map(e => `<${e.tagName}> ${e.textContent.slice(0, 40)}`);
    if (document.documentElement.scrollWidth > width) found.push("the page");
    return found;
}"""


@pytest.fixture(scope="module", params=["two classes", "hard names"])
def address(request, tmp_path_factory):
    """The address of a report, of two classes or of hard names."""
    tmp_path = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
        if request.param == "two classes":
            run = case(tmp_path)
            outcomes, splits = run.outcomes, run.splits
        else:
            names = tuple(sorted(HARD))
            outcomes, splits = many_classes(names, tmp_path / "photos")
        heat = [0, 1], np.ones((2, 8, 8))
        path = report.write(tmp_path / "out", outcomes, splits, heat)
    return path.as_uri()


@pytest.fixture(params=[(390, "light"), (390, "dark"), (1280, "dark")])
def page(request, chromium, address):
    """The report at this width and in these colours."""
    width, scheme = request.param
    opened = chromium.new_page(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    asked = []
    opened.on("request", lambda r: asked.append(r.url))
    opened.goto(address)
    yield opened
    opened.close()
    others = [url for url in asked if not url.startswith("data:")]
    assert others == [address]


def test_nothing_is_wider_than_the_screen(page):
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate(browser.BROKEN) == []


def test_the_page_is_accessible(page):
    violations = Axe().run(page).response["violations"]
    assert [v["help"] for v in violations if v["impact"] in SERIOUS] == []
