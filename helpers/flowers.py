"""The `flower_photos` download: 3,670 photos of five kinds of flowers.

Creative Commons photos collected by the TensorFlow team; LICENSE.txt in the
archive names each photographer.
"""

import shutil
import tarfile
import tempfile
from pathlib import Path

from helpers import shared
from helpers.downloads import fetch
from helpers.files import DATA, WORK

URL = (
    "https://storage.googleapis.com/download.tensorflow.org/"
    "example_images/flower_photos.tgz"
)
SHA256 = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
SHARES = (60, 20, 20)


def folder(url=URL, expected=SHA256, place=DATA):
    """Return the folder of flower photos, shared or fetched once.

    Args:
        url: where the archive is.
        expected: its SHA-256.
        place: the folder that gets `flower_photos`.

    Raises:
        helpers.downloads.DownloadError: the archive could not be had.
    """
    photos = shared.find("flower_photos") or Path(place) / "flower_photos"
    if photos.is_dir():
        return photos
    archive = fetch(url, WORK / "flower_photos.tgz", expected)
    place = Path(place)
    place.mkdir(parents=True, exist_ok=True)
    # Unpacked beside its place and moved in one step, so that a stopped
    # run leaves no half folder. The filter refuses paths and links that
    # point out of the folder.
    unpacked = Path(tempfile.mkdtemp(dir=place, prefix=".part-"))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        (unpacked / "flower_photos").rename(photos)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    archive.unlink()
    return photos
