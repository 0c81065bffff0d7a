"""Writes the links of the workbook and the edition for Colab, and checks them.

On Colab a notebook lies alone. Its first cell fetches notebooks/helpers.py,
and that file fetches the project. The address for both is stored in
notebooks/helpers.py and written into the first cells, and into badges below
the titles of the notebooks and of README.md. Without an address there are no
badges, and both files are taken from an uploaded workbook.zip. The pages in
docs/setup that learners get before a workshop have the address, too.

If `start.py checkpoints` has made archives, their address in the release and
the SHA-256 of each are written into helpers/checkpoints.py, and lessons take
the one for their weights.

colab/own_photos.ipynb is lesson 08 for someone who has photos and one link.
Without arguments the stored address is used: the edition is made again, the
tag is compared with all these files, and the links and mails are printed.
"""

import argparse
import importlib
import io
import re
import string
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from helpers import checkpoints, downloads, paths
from tools import _edition, _extras, _pinned, _venv, regenerate

BOOTSTRAP = paths.ROOT / "notebooks" / "helpers.py"
README = paths.ROOT / "README.md"
CHECKPOINTS = paths.ROOT / "helpers" / "checkpoints.py"
SETUP = paths.ROOT / "docs" / "setup"
EDITION = paths.ROOT / _edition.PATH
FIRST = "00_start_here"  # what the badges of README.md open
COLAB = "https://colab.research.google.com"
# The pages that the mail to learners leads to.
PAGES = {
    "windows": "Windows",
    "macos": "macOS",
    "linux": "Linux",
    "chromebook": "Chromebook or any browser",
}
RELEASED = ("imagenet", "starter")  # weights of the checkpoints
NOT_USABLE = 2
WIDTH = 79  # of a line of code

# The first code cell of every notebook.
_FIRST = string.Template("""\
import os

alone = "COLAB_RELEASE_TAG" in os.environ and not os.path.exists("helpers.py")
if alone and os.system($fetch):
    raise SystemExit("$advice")
from helpers import setup  # not found? Open this notebook in its project

setup.notebook()""")
# That of the edition, which is for Colab alone.
_EDITION = string.Template("""\
!$fetch
from helpers import colab, setup  # not found? $advice

setup.notebook()""")
_UPLOADED = "unzip -jqn workbook.zip '*/notebooks/helpers.py'"

# Colab opens what lies on GitHub.
_REPOSITORY = re.compile(
    r"(https://github\.com/[A-Za-z0-9][A-Za-z0-9-]*/[\w.-]+?)(?:\.git)?/?"
)
_TAG = re.compile(r"[A-Za-z0-9][\w.-]*")
_FIRST_CELL = re.compile(
    re.escape(_FIRST.template)
    .replace(re.escape("$fetch"), r'\s*"[^"\n]+"\s*')
    .replace(re.escape("$advice"), r'[^"\n]+')
)
_NEXT = re.compile(r"(?m)^\*\*Next\*\* .*\[([^]]+)\]\((\w+)\.ipynb\).*$")
_NEXT_IN_COLAB = re.compile(r"\n\n\*\*Next in Colab\*\* .*")
_ARCHIVE = re.compile(
    r'^ARCHIVE = "(?:(\S+)/archive/(\S+)|workbook)\.zip"', re.MULTILINE
)
_RELEASED = re.compile(r"(?m)^ADDRESS = .*\nSHA256: [^}]*\}\n")
_BADGES = re.compile(r"^\[!\[Open in Colab\].*$", re.MULTILINE)


def main(argv: list[str]) -> int:
    """Write the address into all files with it; return the exit code."""
    parser = argparse.ArgumentParser(prog="publish", description=__doc__)
    parser.add_argument("url", nargs="?", help="of the repository on GitHub")
    parser.add_argument("version", nargs="?", help="the tag that you will set")
    args = parser.parse_args(argv)
    try:
        url, version = args.url, args.version
        if url:
            url = validated(url, version or "")
        else:
            url, version = address()
        made = texts(url, version)
        changed = {
            path: text
            for path, text in made.items()
            if text != path.read_text(encoding="utf-8")
        }
    except (ValueError, regenerate.RegenerateError) as error:
        print(error, file=sys.stderr)
        return NOT_USABLE
    for path, text in changed.items():
        regenerate.write(path, text)
        print(path.relative_to(paths.ROOT))
    print(f"{len(changed)} files changed.")
    if not (url and version):
        print(
            "There is no address yet: give one and a tag, or upload "
            f"{_edition.PATH} and workbook.zip to Colab, which git archive "
            "--prefix=workbook/ -o workbook.zip HEAD makes."
        )
        return 0
    _print_links(url, version)
    print(
        why_not_reached(url, version, made)
        or f"Checked: the tag {version} holds these lessons and pages."
    )
    for archive in _archives().values():
        if not _is_there(f"{_release(url, version)}/{archive.name}"):
            print(
                f"Add {paths.shown(archive)} to the release {version} on "
                "GitHub, and publish the release: nobody else can download "
                "from a draft."
            )
    return 0


def why_not_reached(
    url: str, version: str, files: Iterable[Path]
) -> str | None:
    """Return why others do not get these files, and what to do, or None."""
    push = (
        f"Commit, set the tag {version} on that, push both, and run this "
        "again without arguments: Colab and Binder open what the tag holds."
    )
    try:
        for path in files:
            name = path.relative_to(paths.ROOT).as_posix()
            with _answer(f"{url}/raw/{version}/{name}") as answer:
                if answer.read() != path.read_bytes():
                    return (
                        f"The tag {version} holds another {name}; a tag does "
                        "not change, so publish under a new one."
                    )
    except urllib.error.HTTPError as error:
        if error.code != 404:
            return f"Not checked: GitHub answers {error}. Try again later."
    except OSError as error:
        reason = getattr(error, "reason", error)
        return f"Not checked, without a network ({reason}). {push}"
    else:
        return None
    if not _is_there(url):
        return (
            f"{url} is not open to all: correct the address, or make the "
            "repository public."
        )
    return f"There is no tag {version} on GitHub yet. {push}"


def _answer(address: str) -> IO[bytes]:
    return urllib.request.urlopen(
        address, timeout=downloads.TIMEOUT, context=downloads.ssl_context()
    )


def _is_there(address: str) -> bool:
    try:
        _answer(address).close()
    except OSError:
        return False
    return True


def _release(url: str, version: str) -> str:
    """Return the address of the files of a release."""
    return f"{url}/releases/download/{version}"


def _print_links(url: str, version: str) -> None:
    """Print all links, a QR code for that of the edition, and the mails."""
    link = colab(url, version, _edition.PATH)
    print("\nThe lessons in Colab:")
    for path in _pinned.notebooks():
        print(colab(url, version, f"notebooks/{path.name}"))
    mail = (SETUP / "mail.md").read_text(encoding="utf-8")
    first, *_, last = re.findall(r"(?s)```text\n(.*?)```", mail)
    print(f"\nThe mail before a workshop (docs/setup/mail.md):\n\n{first}")
    print(f"The mail to someone who has photos:\n\n{last}")
    print(f"One link for someone who has photos:\n{link}\n")
    print(qr_code(link))


def qr_code(link: str) -> str:
    """Return a QR code to print, or a sentence on why there is none."""
    try:
        _extras.install(_extras.PUBLISH)
        segno = importlib.import_module("segno")
    except (ImportError, _venv.SetupError) as error:
        return f"No QR code: {error}"
    text = io.StringIO()
    segno.make(link).terminal(text, compact=True)
    return text.getvalue()


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
    fetch = f'"{_fetch(url, version)}"'
    if len(f"if alone and os.system({fetch}):") > WIDTH:
        fetch = f"\n    {fetch}\n"  # as ruff formats it
    advice = "Upload workbook.zip to Colab, then run this cell again."
    if url:
        advice = "Run this cell again, or tell the sender of the link."
    return _FIRST.substitute(fetch=fetch, advice=advice)


def _fetch(url: str | None, version: str | None) -> str:
    """Return the shell command that brings notebooks/helpers.py."""
    if url:
        return f"curl -sSfLO {url}/raw/{version}/notebooks/helpers.py"
    return _UPLOADED


def edition(url: str | None, version: str | None) -> str:
    """Return the text of the edition of lesson 08 for Colab.

    Args:
        url, version: as for `first_cell`.

    Raises:
        ValueError: the lesson has no line that chooses the photos.
    """

    def link(path: str) -> str:
        if not (url and version):
            return ""
        if path.endswith(".ipynb"):
            return colab(url, version, path)
        return f"{url}/blob/{version}/{path}"

    lesson = regenerate.read(_pinned.NOTEBOOKS / f"{_edition.LESSON}.ipynb")
    last = lesson.cells[-1]
    last.source = _NEXT_IN_COLAB.sub("", last.source)
    advice = "Run this cell again" if url else "Upload workbook.zip first"
    fetch = _EDITION.substitute(fetch=_fetch(url, version), advice=advice)
    return regenerate.text(_edition.make(lesson, fetch, link))


def badges(url: str, version: str, lesson: str = FIRST) -> str:
    """Return the badges that open a lesson elsewhere, as Markdown."""
    slug = url.removeprefix("https://github.com/")
    path = f"notebooks/{lesson}.ipynb"
    binder = "https://mybinder.org"
    return (
        f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]"
        f"({colab(url, version, path)}) "
        f"[![Open in Binder]({binder}/badge_logo.svg)]"
        f"({binder}/v2/gh/{slug}/{version}?urlpath=lab/tree/{path})"
    )


def colab(url: str, version: str, path: str) -> str:
    """Return the address that opens a notebook of the project in Colab."""
    slug = url.removeprefix("https://github.com/")
    return f"{COLAB}/github/{slug}/blob/{version}/{path}"


def setup_lines(url: str, version: str) -> dict[str, tuple[str, ...]]:
    """Return {page in docs/setup: its lines with the address}.

    Before the first `: ` a line reads the same without an address.
    """
    archive = f"{url}/archive/{version}.zip"
    files = f"1. Files: download <{archive}>."
    docs = f"{url}/blob/{version}/docs"
    first = colab(url, version, f"notebooks/{FIRST}.ipynb")
    own = colab(url, version, _edition.PATH)
    return {
        "windows": (files,),
        "macos": (files,),
        "linux": (files,),
        "chromebook": (
            f"1. Notebook: open <{own}>.",
            f"1. Lesson 00: open <{first}>.",
            f"The other lessons: open one in <{url}/tree/{version}/notebooks> "
            "and click *Open in Colab*.",
        ),
        "mail": (
            f"Workbook: {archive}",
            *(f"{PAGES[page]}: {docs}/setup/{page}.md" for page in PAGES),
            f"Take-home page: {docs}/take_home.md",
            f"Your photos in Colab: {own}",
            f"Steps: {docs}/setup/chromebook.md",
        ),
    }


def texts(url: str | None, version: str | None) -> dict[Path, str]:
    """Return {path: text} of all files that contain the address.

    Without an address it is the edition alone.

    Raises:
        ValueError: a notebook does not begin as the others do.
    """
    made = {EDITION: edition(url, version)}
    if not (url and version):
        return made
    archive = f'ARCHIVE = "{url}/archive/{version}.zip"'
    bootstrap = BOOTSTRAP.read_text(encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    return made | {
        BOOTSTRAP: _ARCHIVE.sub(lambda _: archive, bootstrap),
        README: _with_line(readme, badges(url, version)),
        **{
            SETUP / f"{name}.md": _setup_page(SETUP / f"{name}.md", lines)
            for name, lines in setup_lines(url, version).items()
        },
        **{p: _notebook(p, url, version) for p in _pinned.notebooks()},
        **_released(url, version),
    }


def _released(url: str, version: str) -> dict[Path, str]:
    """Return the module with the address and hash of the checkpoints.

    Without an archive here it stays as it is.
    """
    entries = "".join(
        f'    "{name}": (\n        "{downloads.digest(path)}"\n    ),\n'
        for name, path in _archives().items()
    )
    if not entries:
        return {}
    lines = (
        f'ADDRESS = "{_release(url, version)}"\n'
        f"SHA256: dict[str, str] = {{\n{entries}}}\n"
    )
    text = CHECKPOINTS.read_text(encoding="utf-8")
    return {CHECKPOINTS: _RELEASED.sub(lambda _: lines, text)}


def _archives() -> dict[str, Path]:
    """Return the archives of checkpoints that are here, by their weights."""
    every = {name: checkpoints.archive(name) for name in RELEASED}
    return {name: path for name, path in every.items() if path.is_file()}


def _with_line(text: str, line: str):
    """Return a text whose line of badges is replaced.

    If there was none, it comes below the title.
    """
    if _BADGES.search(text):
        return _BADGES.sub(lambda _: line, text, count=1)
    title, _, rest = text.partition("\n\n")
    return f"{title}\n\n{line}\n\n{rest}"


def _with_next(text: str, url: str, version: str) -> str:
    """Return the text of a last cell whose next lesson opens in Colab."""
    text = _NEXT_IN_COLAB.sub("", text)

    def both(match: re.Match[str]) -> str:
        address = colab(url, version, f"notebooks/{match[2]}.ipynb")
        return f"{match[0]}\n\n**Next in Colab** [{match[1]}]({address})"

    return _NEXT.sub(both, text)


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
    last = notebook.cells[-1]
    last.source = _with_next(last.source, url, version)
    return regenerate.text(notebook)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
