"""A small folder with faults, to see what they do before your own has any."""

import shutil
from pathlib import Path

from helpers import paths
from helpers.paths import atomic


def corrupted_demo(found, lesson: str) -> Path:
    """Make a folder of two classes with three bad files; return its path.

    Every fourth photo of the first two classes is copied, and beside them
    lie an empty file, a web page under a photo's name, and a photo of one
    class in the folder of the other.

    Args:
        found: a `dataset.Folder`; it stays as it is.
        lesson: the notebook's name, for example "01_data_prep"; each has a
            folder of its own, as two may be open at once.

    Raises:
        helpers.paths.WriteError: it can't be written.
    """
    folder = paths.work() / lesson / "playground"
    some = [p for p in found.photos if p.class_name in found.class_names[:2]]
    with atomic(folder) as temporary:
        one, two = (temporary / name for name in found.class_names[:2])
        one.mkdir(parents=True)
        two.mkdir()
        for photo in some[::4]:
            shutil.copy(photo.path, temporary / photo.class_name)
        (one / "empty.jpg").touch()
        (two / "page.jpg").write_text("<html>Not found</html>")
        shutil.copy(some[-1].path, two)
        shutil.copy(some[-1].path, one / "copy.jpg")
    return folder


def add_a_photo(folder, found):
    """Copy one more photo into a playground; return where it is.

    Args:
        folder: a path from `with_faults`.
        found: the `dataset.Folder` that it was made from.
    """
    return shutil.copy(
        found.photos[1].path, folder / found.class_names[0] / "added.jpg"
    )
