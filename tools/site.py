"""Builds a site of the lessons and pages that works offline."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.paths import ROOT, WriteError, atomic, shown, work
from tools import _extras, _venv

CONFIG = ROOT / "docs"


class SiteError(Exception):
    """The site can't be built; the message says why."""


def main(argv: list[str]) -> int:
    """Build the site and print where it is; return the exit code."""
    argparse.ArgumentParser(prog="site", description=__doc__).parse_args(argv)
    out = work() / "site"
    try:
        _extras.install(_extras.SITE)
        print("Building the site ...", flush=True)
        build(out)
    except (SiteError, WriteError, _venv.SetupError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"The site is the folder {shown(out)}: open its index.html, or copy "
        "it to any web server."
    )
    return 0


def build(out: Path, source: Path = ROOT) -> None:
    """Build the site from the stored outputs; no notebook is run.

    Args:
        out: the folder of the site; an older one is replaced.

    Raises:
        SiteError: a page has an error or a broken link. An older site stays.
    """
    # Sphinx and MyST-NB write many files that no reader needs.
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "html"
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W"]
            + ["--keep-going", "-d", str(Path(folder) / "pages")]
            + ["-c", str(CONFIG), str(source), str(html)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise SiteError(
                "The site is not built; fix this, then start again:\n"
                + "\n".join(f"  {line}" for line in lines)
            )
        with atomic(out) as temporary:
            shutil.copytree(html, temporary)
