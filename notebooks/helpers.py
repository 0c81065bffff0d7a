"""Puts the package `helpers` of the project in the place of this file.

A kernel whose working folder is notebooks/ imports this file. On Colab, where
a notebook lies alone, the first cell brings this file, which then brings the
project, into the folder `workbook`.
"""

import importlib
import shutil
import sys
from pathlib import Path
from urllib.request import urlretrieve

# `start.py publish` puts a URL here.
ARCHIVE = "workbook.zip"
FOLDER = Path(__file__).resolve().parent


def project() -> Path:
    """Return the folder of the project, which is unpacked if need be.

    Raises:
        SystemExit: the archive can't be fetched or read; one sentence.
    """
    if (FOLDER.parent / "helpers").is_dir():
        return FOLDER.parent
    root, temporary = FOLDER / "workbook", FOLDER / "workbook.part"
    if root.exists():
        return root
    try:
        is_url = ARCHIVE.startswith("https:")
        path = urlretrieve(ARCHIVE)[0] if is_url else FOLDER / ARCHIVE
        shutil.unpack_archive(path, temporary, "zip")
        # A ZIP file made on a Mac also has a folder __MACOSX.
        (package,) = temporary.glob("*/helpers/__init__.py")
        package.parents[1].rename(root)
    except (OSError, ValueError) as error:
        sys.exit(
            f"{ARCHIVE} does not give the project ({error}): {_advice(error)}."
        )
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return root


def _advice(error: Exception) -> str:
    """Return what to do on Colab when the project can't be fetched."""
    if not ARCHIVE.startswith("https:"):
        return (
            "upload it again (click the folder icon at the left edge and "
            f"drag {ARCHIVE} there), wait for the end, and run this cell again"
        )
    if getattr(error, "code", None) == 404:
        return "ask whoever gave you the link; that version is not public"
    return "run this cell again in a minute"


sys.path.insert(0, str(project()))
del sys.modules[__name__]
importlib.import_module(__name__)
