"""A small folder with faults, to see what they do before your own has any."""

import shutil

from helpers.files import WORK


def with_faults(found):
    """Make a folder of two classes with three bad files; return its path.

    Every fourth photo of the first two classes is copied, and beside them
    lie an empty file, a web page under a photo's name, and a photo of one
    class in the folder of the other.

    Args:
        found: a `photos.Folder`; it stays as it is.
    """
    folder = WORK / "playground"
    shutil.rmtree(folder, ignore_errors=True)
    some = [p for p in found.photos if p.class_name in found.class_names[:2]]
    one, two = (folder / name for name in found.class_names[:2])
    one.mkdir(parents=True)
    two.mkdir()
    for photo in some[::4]:
        shutil.copy(photo.path, folder / photo.class_name)
    (one / "empty.jpg").touch()
    (two / "page.jpg").write_text("<html>Not found</html>")
    shutil.copy(some[-1].path, two)
    shutil.copy(some[-1].path, one / "copy.jpg")
    return folder


def add_a_photo(folder, found):
    """Copy one more photo into a playground; return where it is.

    Args:
        folder: a path from `with_faults`.
        found: the `photos.Folder` that it was made from.
    """
    return shutil.copy(
        found.photos[1].path, folder / found.class_names[0] / "added.jpg"
    )
