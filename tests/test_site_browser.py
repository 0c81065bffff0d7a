"""The site in a browser, at the widths of a desktop and of a phone.

Run only where there are Sphinx and a Chromium: see conftest.py.
"""

import functools
import http.server
import threading

import browser
import pytest

WIDTHS = (1280, 390)
# What reaches past the right edge, unless something around it scrolls.
TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    const scrolls = e => e && (
        ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
        || scrolls(e.parentElement)
    );
    const article = document.querySelector("article");
    const found = [...article.querySelectorAll("*")].filter(
        e => e.getBoundingClientRect().right > width + 1
            && (e.tagName === "IMG" || !scrolls(e.parentElement))
    ).map(e => `<${e.tagName}> ${e.textContent.slice(0, 40)}`);
    if (document.documentElement.scrollWidth > width) found.push("the page");
    return found;
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=WIDTHS)
def page(request, chromium, address):
    """A page of this width; at the end it has had no faults.

    Nor has it asked another machine for anything.
    """
    opened = chromium.new_page(
        viewport={"width": request.param, "height": 800}
    )
    faults = []
    opened.on("pageerror", lambda e: faults.append(str(e)))
    opened.on("console", lambda m: m.type == "error" and faults.append(m.text))
    opened.on("response", lambda r: r.status < 400 or faults.append(r.url))
    opened.on(
        "request",
        lambda r: r.url.startswith((address, "data:")) or faults.append(r.url),
    )
    yield opened
    opened.close()
    assert faults == []


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
        found[name] = page.evaluate(TOO_WIDE) + page.evaluate(browser.BROKEN)
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
