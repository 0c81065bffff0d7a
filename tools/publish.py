"""Puts an address into the badges and first cells, for you or a fork.

On Colab a notebook lies alone. Its first cell fetches notebooks/helpers.py,
and that file fetches the project. The address for both is stored in
notebooks/helpers.py and written into the first cells, and into badges below
the titles of the notebooks and of README.md. Without an address there are no
badges, and both files are taken from an uploaded workbook.zip. The pages in
docs/setup that learners get before a workshop have the address, too.
"""

import argparse
import re
import string
import sys
from pathlib import Path

from helpers import paths
from tools import _pinned, regenerate

BOOTSTRAP = paths.ROOT / "notebooks" / "helpers.py"
README = paths.ROOT / "README.md"
SETUP = paths.ROOT / "docs" / "setup"
FIRST = "00_start_here"  # what the badges of README.md open
COLAB = "https://colab.research.google.com"
# The pages that the mail to learners leads to.
PAGES = {
    "windows": "Windows",
    "macos": "macOS",
    "linux": "Linux",
    "chromebook": "Chromebook or any browser",
}
NOT_USABLE = 2

# The first code cell of every notebook. VS Code, whose kernels may start in
# another folder, says which file is open.
_FIRST = string.Template("""\
import os

os.chdir(os.path.dirname(globals().get("__vsc_ipynb_file__", "./x")))
if "COLAB_RELEASE_TAG" in os.environ:
    os.system("$fetch")
from helpers import setup  # not found? Open this notebook in its project

setup.notebook()""")
_UPLOADED = "unzip -jqn workbook.zip '*/notebooks/helpers.py'"

# Colab opens what lies on GitHub.
_REPOSITORY = re.compile(
    r"(https://github\.com/[A-Za-z0-9][A-Za-z0-9-]*/[\w.-]+?)(?:\.git)?/?"
)
_TAG = re.compile(r"[A-Za-z0-9][\w.-]*")
_FIRST_CELL = re.compile(
    re.escape(_FIRST.template).replace(re.escape("$fetch"), r'[^"\n]+')
)
_ARCHIVE = re.compile(
    r'^ARCHIVE = "(?:(\S+)/archive/(\S+)|workbook)\.zip"', re.MULTILINE
)
_BADGES = re.compile(r"^\[!\[Open in Colab\].*$", re.MULTILINE)


def main(argv: list[str]) -> int:
    """Write the address into all files with it; return the exit code."""
    parser = argparse.ArgumentParser(prog="publish", description=__doc__)
    parser.add_argument("url", help="of the repository on GitHub")
    parser.add_argument("version", help="the tag that you will set")
    args = parser.parse_args(argv)
    try:
        url = validated(args.url, args.version)
        changed = {
            path: text
            for path, text in texts(url, args.version).items()
            if text != path.read_text(encoding="utf-8")
        }
    except (ValueError, regenerate.RegenerateError) as error:
        print(error, file=sys.stderr)
        return NOT_USABLE
    for path, text in changed.items():
        regenerate.write(path, text)
        print(path.relative_to(paths.ROOT))
    print(
        f"{len(changed)} files changed. Commit, set the tag {args.version} "
        "on that, and push both: Colab and Binder open what the tag holds."
    )
    return 0


def address() -> tuple[str | None, str | None]:
    """Return the stored URL and version, or None and None."""
    match = _ARCHIVE.search(BOOTSTRAP.read_text(encoding="utf-8"))
    return (match[1], match[2]) if match else (None, None)


def validated(url: str, version: str) -> str:
    """Return the URL in its usual form.

    Raises:
        ValueError: the URL or the version can't be used.
    """
    match = _REPOSITORY.fullmatch(url)
    if not match:
        raise ValueError(
            f"{url}: not the https address of a repository on GitHub, from "
            "where Colab opens notebooks; give one such as "
            "https://github.com/ada/workbook"
        )
    if not _TAG.fullmatch(version):
        raise ValueError(
            f"{version}: a tag of letters, digits, dots and hyphens is "
            "needed; give one such as v1.0"
        )
    return match[1]


def first_cell(url: str | None, version: str | None) -> str:
    """Return the source of the first code cell of every notebook.

    Args:
        url: of the repository, or None for an uploaded file.
        version: the tag, or None.
    """
    path = "notebooks/helpers.py"
    curl = f"curl -sSfLO {url}/raw/{version}/{path}"
    return _FIRST.substitute(fetch=curl if url else _UPLOADED)


def badges(url: str, version: str, lesson: str = FIRST) -> str:
    """Return the badges that open a lesson elsewhere, as Markdown."""
    slug = url.removeprefix("https://github.com/")
    path = f"notebooks/{lesson}.ipynb"
    binder = "https://mybinder.org"
    return (
        f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]"
        f"({colab(url, version, lesson)}) "
        f"[![Open in Binder]({binder}/badge_logo.svg)]"
        f"({binder}/v2/gh/{slug}/{version}?urlpath=lab/tree/{path})"
    )


def colab(url: str, version: str, lesson: str = FIRST) -> str:
    """Return the address that opens a lesson in Colab."""
    slug = url.removeprefix("https://github.com/")
    return f"{COLAB}/github/{slug}/blob/{version}/notebooks/{lesson}.ipynb"


def setup_lines(url: str, version: str) -> dict[str, tuple[str, ...]]:
    """Return {page in docs/setup: its lines with the address}.

    Before the first `: ` a line reads the same without an address.
    """
    archive = f"1. Files: download <{url}/archive/{version}.zip>."
    docs = f"{url}/blob/{version}/docs"
    return {
        "windows": (archive,),
        "macos": (archive,),
        "linux": (archive,),
        "chromebook": (f"1. Lesson 00: open <{colab(url, version)}>.",),
        "mail": (
            *(f"{PAGES[page]}: {docs}/setup/{page}.md" for page in PAGES),
            f"Take-home page: {docs}/take_home.md",
        ),
    }


def texts(url: str, version: str) -> dict[Path, str]:
    """Return {path: text} of all files that contain the address.

    Raises:
        ValueError: a notebook does not begin as the others do.
    """
    archive = f'ARCHIVE = "{url}/archive/{version}.zip"'
    bootstrap = BOOTSTRAP.read_text(encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    return {
        BOOTSTRAP: _ARCHIVE.sub(lambda _: archive, bootstrap),
        README: _with_line(readme, badges(url, version)),
        **{
            SETUP / f"{name}.md": _setup_page(SETUP / f"{name}.md", lines)
            for name, lines in setup_lines(url, version).items()
        },
        **{p: _notebook(p, url, version) for p in _pinned.notebooks()},
    }


def _with_line(text: str, line: str):
    """Return a text whose line of badges is replaced.

    If there was none, it comes below the title.
    """
    if _BADGES.search(text):
        return _BADGES.sub(lambda _: line, text, count=1)
    title, _, rest = text.partition("\n\n")
    return f"{title}\n\n{line}\n\n{rest}"


def _setup_page(path: Path, lines: tuple[str, ...]):
    """Return the text of a page in docs/setup with other lines."""
    text = path.read_text(encoding="utf-8")
    for line in lines:
        start = line[: line.index(": ") + 2]
        # An address holds nothing that has a meaning in a replacement.
        text, count = re.subn(f"(?m)^{re.escape(start)}.*$", line, text)
        if count != 1:
            raise ValueError(
                f"{path.name}: one line has to begin with {start!r}, and "
                f"{count} do; write that line anew."
            )
    return text


def _notebook(path: Path, url: str, version: str):
    """Return the text of a notebook with another address."""
    notebook = regenerate.read(path)
    title = notebook.cells[0]
    code = next((c for c in notebook.cells if c.cell_type == "code"), title)
    if code is title or not _FIRST_CELL.fullmatch(code.source):
        raise ValueError(
            f"{path.name}: it lacks a title, or the first code cell of the "
            "other lessons; copy what is missing from one of them."
        )
    code.source = first_cell(url, version)
    title.source = _with_line(title.source, badges(url, version, path.stem))
    return regenerate.text(notebook)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
