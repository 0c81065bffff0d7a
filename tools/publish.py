"""Puts an address into the badges and first cells, for you or a fork.

The first cell of a notebook fetches the project on Colab, where a notebook
lies alone. The address it takes it from stands in tools/address.json, and is
written from there into README.md and the notebooks: into the first cells,
and badges below the titles. As it comes the project has no address, and no
badges: the first cells then look for an uploaded file.
"""

import argparse
import datetime
import json
import re
import string
import sys

import nbformat

from helpers import paths
from tools import _pinned, regenerate

ADDRESS = paths.ROOT / "tools" / "address.json"
README = paths.ROOT / "README.md"
FIRST = "00_start_here"  # what the badges of README.md open
NOT_USABLE = 2

# How every notebook begins. VS Code says which file it has opened, for its
# kernels may start in another folder. What is unpacked gets its name last, so
# that half a project never bears it; a ZIP file made on a Mac also holds a
# folder __MACOSX.
_FIRST = string.Template("""\
import sys
from pathlib import Path
from shutil import unpack_archive
from urllib.request import urlretrieve

AT = "$at"
root = Path(globals().get("__vsc_ipynb_file__", "workbook/x/x")).parents[1]
try:
    if "google.colab" in sys.modules and not root.exists():
        unpack_archive(urlretrieve(AT)[0], "$name.part", "zip")
        min(Path("$name.part").glob("*/helpers")).parent.rename(root)
    sys.path[:0] = ["..", str(root)]
    from helpers import start_up
except (OSError, ValueError, ModuleNotFoundError) as error:
    sys.exit(f"Open this notebook in its project or $get ({error}).")

setup.notebook()""")
# Without an address: the project as one folder, packed and uploaded by hand.
UPLOADED = "workbook"

# Colab opens what lies on GitHub.
_REPOSITORY = re.compile(
    r"https://github\.com/([A-Za-z0-9][A-Za-z0-9-]*)/([\w.-]+?)(?:\.git)?/?"
)
_TAG = re.compile(r"[A-Za-z0-9][\w.-]*")
_BEGINS = re.compile(
    re.escape(_FIRST.template)
    .replace(re.escape("$at"), r'[^"\s]+')
    .replace(re.escape("$name"), r"[\w.-]+")
    .replace(re.escape("$get"), r"[^()]+")
)
_BADGES = re.compile(r"^\[!\[Open in Colab\].*$", re.MULTILINE)


class PublishError(Exception):
    """Nothing was written; the message says why, and what to do."""


def main(argv):
    """Write the address into all files that name it; return the exit code."""
    parser = argparse.ArgumentParser(prog="publish", description=__doc__)
    parser.add_argument("url", help="of the repository on GitHub")
    parser.add_argument(
        "--version",
        metavar="TAG",
        help="that will be set on what is published; without it the one "
        "noted for this address, or for a new address one named for today",
    )
    args = parser.parse_args(argv)
    try:
        url, version = chosen(args.url, args.version)
        changed = {
            path: text
            for path, text in texts(url, version).items()
            if text != path.read_text(encoding="utf-8")
        }
    except PublishError as error:
        print(error, file=sys.stderr)
        return NOT_USABLE
    for path, text in changed.items():
        with paths.atomic(path) as temporary:
            mode = path.stat().st_mode
            temporary.write_text(text, encoding="utf-8", newline="\n")
            temporary.chmod(mode)
        print(path.relative_to(paths.ROOT))
    print(
        f"{len(changed)} files changed. Commit, set the tag {version} on "
        "that, and push both: Colab and Binder open what the tag holds."
    )
    return 0


def address():
    """Return the URL and the version that are noted, or None and None."""
    noted = json.loads(ADDRESS.read_text(encoding="utf-8"))
    return noted["url"], noted["version"]


def chosen(url, version=None):
    """Return the URL as it is written, and the version to go with it.

    Raises:
        PublishError: one of them can't be used.
    """
    found = _REPOSITORY.fullmatch(url)
    if not found:
        raise PublishError(
            f"{url}: not the https address of a repository on GitHub, from "
            "where Colab opens notebooks; give one such as "
            "https://github.com/ada/workbook"
        )
    url = f"https://github.com/{found[1]}/{found[2]}"
    if version is None:
        noted_url, noted = address()
        today = f"v{datetime.date.today():%Y.%m.%d}"
        version = noted if url == noted_url else today
    if not _TAG.fullmatch(version):
        raise PublishError(
            f"{version}: a tag of letters, digits, dots and hyphens is "
            "needed; give one such as v1.0"
        )
    widest = max(map(len, first_cell(url, version).splitlines()))
    if widest > 79:
        raise PublishError(
            f"{url}, {version}: too long by {widest - 79} letters for a line "
            "of the first cell; give a shorter --version, such as v1, or "
            "shorten the name of the repository."
        )
    return url, version


def first_cell(url, version):
    """Return the source of the first code cell of every notebook.

    Args:
        url: of the repository, or None: then an uploaded file is named.
        version: the tag, or None.
    """
    if url is None:
        at, name, get = f"file:{UPLOADED}.zip", UPLOADED, "upload {AT}"
    else:
        at, name = f"{url}/archive/{version}.zip", version
        get = "try {AT} again"
    return _FIRST.substitute(at=at, name=name, get=get)


def badges(url, version, lesson=FIRST):
    """Return the badges that open a lesson elsewhere, as Markdown."""
    slug = url.removeprefix("https://github.com/")
    path = f"notebooks/{lesson}.ipynb"
    colab = "https://colab.research.google.com"
    binder = "https://mybinder.org"
    return (
        f"[![Open in Colab]({colab}/assets/colab-badge.svg)]"
        f"({colab}/github/{slug}/blob/{version}/{path}) "
        f"[![Open in Binder]({binder}/badge_logo.svg)]"
        f"({binder}/v2/gh/{slug}/{version}?urlpath=lab/tree/{path})"
    )


def texts(url, version):
    """Return {path: text} of all files that name the address.

    Raises:
        PublishError: a notebook does not begin as the others do.
    """
    noted = {"url": url, "version": version}
    found = {ADDRESS: json.dumps(noted, indent=1) + "\n"}
    readme = README.read_text(encoding="utf-8")
    found[README] = _with_line(readme, badges(url, version))
    for path in _pinned.notebooks():
        found[path] = _notebook(path, url, version)
    return found


def _with_line(text, line):
    """Return a text with another line of badges, or its first one.

    A first one goes below the title.
    """
    if _BADGES.search(text):
        return _BADGES.sub(lambda _: line, text, count=1)
    title, _, rest = text.partition("\n\n")
    return f"{title}\n\n{line}\n\n{rest}"


def _notebook(path, url, version):
    """Return the text of a notebook with another address."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError):
        raise PublishError(f"{path.name}: not a notebook.") from None
    code = [c for c in notebook.cells if c.cell_type == "code"]
    begins = code and _BEGINS.fullmatch(code[0].source)
    if not begins or notebook.cells[0].cell_type != "markdown":
        raise PublishError(
            f"{path.name}: it lacks a title, or the first code cell of the "
            "other lessons; copy what is missing from one of them."
        )
    code[0].source = first_cell(url, version)
    title, line = notebook.cells[0], badges(url, version, path.stem)
    title.source = _with_line(title.source, line)
    return regenerate.text(notebook)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
