"""Builds the lessons, as they ran, into a site that works offline."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers import paths
from helpers.paths import ROOT, WriteError, atomic, shown
from tools import _links, _sphinx

CONFIG = ROOT / "docs"


class SiteError(Exception):
    """The site can't be built; the message says why."""


def main(argv):
    """Build the site and say where it lies; return the exit code."""
    argparse.ArgumentParser(prog="site", description=__doc__).parse_args(argv)
    out = paths.work() / "site"
    try:
        why_not = _sphinx.install() or _sphinx.why_not()
        if why_not:
            raise SiteError(why_not)
        print("Building the site ...", flush=True)
        build(out)
    except (SiteError, WriteError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(
        f"The site is the folder {shown(out)}: open its index.html, or put it "
        "onto any web server."
    )
    return 0


def build(out, source=ROOT):
    """Build the site from the stored outputs; nothing is run.

    Args:
        out: the folder it becomes; one that is there is replaced.
        source: the folder of the project whose pages it shows.

    Raises:
        SiteError: a page has a fault or a link that fails. What was in
            `out` before is left.
    """
    # Sphinx and MyST-NB leave much beside the pages that no reader needs.
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
        faults = done.stderr.strip().splitlines()
        if not done.returncode:
            faults = _links.complaints(html)
        if faults or done.returncode:
            raise SiteError(
                "The site is not built; mend this, then start again:\n"
                + "\n".join(f"  {fault}" for fault in faults)
            )
        with atomic(out) as temporary:
            shutil.copytree(html, temporary)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
