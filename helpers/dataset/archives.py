"""Photos in a ZIP file, unpacked once."""

import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from helpers import paths
from helpers.dataset import photo_file
from helpers.dataset.tree import FolderError
from helpers.downloads import digest

LARGE = 10**9  # bytes; an archive may always unpack to as many
RATIO = 20  # times its size that it may unpack to: photos hardly shrink
LIMIT = 10**11  # bytes that no archive may unpack to


def unpacked(path: str | os.PathLike[str]) -> Path:
    """Return the folder of the files in a ZIP file; a folder as it is.

    They are unpacked below `paths.work()` into a folder named after the
    content of the archive, so the next call finds them. What systems leave
    (such as `__MACOSX`) stays in the archive.

    Raises:
        FolderError: the archive is broken, has a password, holds what can't
            be unpacked here, or would write outside its folder or far more
            than its size.
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
            members = _members(path, archive)
            with paths.atomic(folder) as temporary:
                temporary.mkdir()
                for member in members:
                    archive.extract(member, temporary)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise FolderError(
            f"{path}: a broken archive ({error}); copy it again from where "
            "it came from, or unpack it yourself and give the folder."
        ) from None
    except paths.WriteError:
        raise
    except (NotImplementedError, OSError) as error:
        # A compression such as Deflate64, or names too long for this system.
        why = getattr(error, "strerror", None) or error
        raise FolderError(
            f"{path}: it can't be unpacked here ({why}); unpack it yourself "
            "and give the folder."
        ) from None
    return folder


def _members(path: Path, archive: zipfile.ZipFile):
    """Return the files to unpack; raise if that is not safe."""
    members = []
    for member in archive.infolist():
        # Some programs on Windows write backslashes.
        member.filename = member.filename.replace("\\", "/")
        name = PurePosixPath(member.filename)
        if ".." in name.parts or PureWindowsPath(name).anchor:
            raise FolderError(
                f"{path}: {name} in it would be written outside its folder; "
                "unpack only what you trust, and give the folder."
            )
        if member.flag_bits & 1:
            raise FolderError(
                f"{path}: it has a password; unpack it yourself and give the "
                "folder."
            )
        system = any(map(photo_file.is_system_name, name.parts))
        if not member.is_dir() and not system:
            members.append(member)
    size = sum(member.file_size for member in members)
    if size > min(LIMIT, max(LARGE, RATIO * path.stat().st_size)):
        raise FolderError(
            f"{path}: it would unpack to {size / 1e9:,.0f} GB, which no "
            "archive of photos of its size does; if you trust it, unpack it "
            "yourself and give the folder."
        )
    return members
