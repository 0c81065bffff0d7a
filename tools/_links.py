"""What is wrong with the links of a folder of HTML pages."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

_IN_CSS = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""")


class _Page(HTMLParser):
    """What a page has.

    Attributes:
        ids: its places, as a link names them after #.
        links: the addresses that are fetched on a click.
        loads: the addresses that are fetched to show it.
    """

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads = {"", "top"}, set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id"))
        loaded = ["src", "data"]
        if tag == "a":
            self.ids.add(given.get("name"))
            self.links.update([given["href"]] if "href" in given else [])
        elif tag == "link" and given.get("rel") != "canonical":
            loaded.append("href")
        self.loads.update(given[name] for name in loaded if name in given)


def complaints(folder):
    """Return a sentence for each link of a site that would fail.

    Those are links to a file or a place in a page that is not there, and
    whatever a page would load from a network. Links to other sites are
    not tried.

    Args:
        folder: the `pathlib.Path` of a site that Sphinx has built.
    """
    pages = {
        path: _Page(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts  # a theme keeps its templates there
    }
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder)
        for address in sorted(page.links | page.loads):
            what = _fault(address, path, folder, pages)
            if _outside(address) and address in page.loads:
                what = "would be loaded from a network"
            if what:
                found.append(f"{name}: {address} {what}.")
    for path in sorted(folder.rglob("*.css")):
        for address in _IN_CSS.findall(path.read_text(encoding="utf-8")):
            if _outside(address):
                found.append(
                    f"{path.relative_to(folder)}: {address} would be loaded "
                    "from a network."
                )
    return found


def _outside(address):
    return bool(urlsplit(address).netloc)


def _fault(address, path, folder, pages):
    """Return what is wrong with an address in the page `path`, or None."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    if parts.path.startswith("/"):
        return "leaves the folder of the site"
    target = path
    if parts.path:
        target = (path.parent / unquote(parts.path)).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(folder.resolve()):
        return "leaves the folder of the site"
    if not target.is_file():
        return "leads to no file"
    wanted = unquote(parts.fragment)
    if target in pages and wanted not in pages[target].ids:
        return "leads to no place in that page"
    return None
