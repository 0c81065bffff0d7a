"""Photos in a ZIP file, unpacked once."""

import os
import zipfile
import zlib
from pathlib import Path

from helpers import paths
from helpers.dataset.tree import FolderError
from helpers.downloads import digest


def unpacked(path: str | os.PathLike[str]) -> Path:
    """Return the folder of the files in a ZIP file; a folder as it is.

    They are unpacked below `paths.work()` into a folder named after the
    content of the archive, so the next call finds them.

    Raises:
        FolderError: the archive is broken, has a password, or holds what
            can't be unpacked here.
        helpers.paths.WriteError: the disk is full or may not be written.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ".zip" or not path.is_file():
        return path
    folder = paths.work() / "unpacked" / f"{path.stem}-{digest(path)[:16]}"
    if folder.is_dir():
        return folder
    try:
        with zipfile.ZipFile(path) as archive:
            with paths.atomic(folder) as temporary:
                for member in archive.infolist():
                    # Some programs on Windows write backslashes.
                    member.filename = member.filename.replace("\\", "/")
                    archive.extract(member, temporary)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise FolderError(
            f"{path}: a broken archive ({error}); copy it again from where "
            "it came from, or unpack it yourself and give the folder."
        ) from None
    except paths.WriteError:
        raise
    except (RuntimeError, OSError) as error:
        # A password, a compression such as Deflate64, or a name too long.
        why = getattr(error, "strerror", None) or error
        raise FolderError(
            f"{path}: it can't be unpacked here ({why}); unpack it yourself "
            "and give the folder."
        ) from None
    return folder
