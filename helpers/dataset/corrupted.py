"""A small folder with bad files, to see what they do in a training run."""

import shutil
from pathlib import Path

from helpers.dataset.scan import Folder
from helpers.paths import atomic, work


def corrupted_demo(folder: Folder, lesson: str) -> Path:
    """Make a folder of two classes with three bad files; return its path.

    Every fourth photo of the first two classes is copied, and beside them
    lie an empty file, a web page under a photo's name, and a photo of one
    class in the folder of the other.

    Args:
        lesson: the notebook's name, for example "01_data_prep"; each has a
            folder of its own, as two may be open at once.

    Raises:
        helpers.paths.WriteError: it can't be written.
    """
    demo = work() / lesson / "corrupted_demo"
    names = folder.class_names[:2]
    photos = [p for p in folder.photos if p.class_name in names]
    with atomic(demo) as temporary:
        first, second = (temporary / name for name in names)
        first.mkdir(parents=True)
        second.mkdir()
        for photo in photos[::4]:
            shutil.copy(photo.path, temporary / photo.class_name)
        (first / "empty.jpg").touch()
        (second / "page.jpg").write_text("<html>Not found</html>")
        shutil.copy(photos[-1].path, second)
        shutil.copy(photos[-1].path, first / "copy.jpg")
    return demo


def add_a_photo(demo: Path, folder: Folder) -> Path:
    """Copy one more photo into a `corrupted_demo`; return where it is."""
    path = demo / folder.class_names[0] / "added.jpg"
    shutil.copy(folder.photos[1].path, path)
    return path
