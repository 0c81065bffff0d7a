"""The `flower_photos` download: 3,670 photos of five kinds of flowers.

Creative Commons photos collected by the TensorFlow team; LICENSE.txt in the
archive names each photographer.
"""

import contextlib
import shutil
from pathlib import Path

from helpers import paths, shared
from helpers.downloads import digest, fetch
from helpers.paths import atomic

URL = (
    "https://storage.googleapis.com/download.tensorflow.org/"
    "example_images/flower_photos.tgz"
)
SHA256 = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
FRACTIONS = (60, 20, 20)


def folder(url: str = URL, expected: str = SHA256) -> Path:
    """Return the folder of flower photos, shared or fetched once.

    Raises:
        helpers.downloads.DownloadError: the archive could not be fetched.
        helpers.paths.WriteError: the disk is full or may not be written.
    """
    photos = shared.find("flower_photos") or paths.data() / "flower_photos"
    if photos.is_dir():
        return photos
    archive = paths.work() / "flower_photos.tgz"
    if not archive.is_file() or digest(archive) != expected:
        fetch(url, archive, expected)
    with atomic(photos) as temporary:
        shutil.unpack_archive(archive, temporary)
        (inner,) = temporary.iterdir()  # the archive's own folder
        for path in inner.iterdir():
            path.rename(temporary / path.name)
        inner.rmdir()
    # Windows keeps it while another process reads it, which removes it then.
    with contextlib.suppress(PermissionError):
        archive.unlink(missing_ok=True)
    return photos
