"""Which weights Inception v3 starts from, decided and said in one place.

`imagenet`: what Keras ships, learned from 1.28 million photos; a download.
`starter`: what this project trains and ships; needs no network.
`random`: nothing learned. Or the path of a weights file.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from helpers import downloads, shared, starter
from helpers.files import WORK, WriteError, atomic

IMAGENET_NAME = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/"
    "inception_v3/" + IMAGENET_NAME
)
IMAGENET_MD5 = "bcbd6486424b2319ff4ef7d526e38f63"
VARIABLE = "WORKBOOK_WEIGHTS"


@dataclass(frozen=True)
class Weights:
    """The choice: `name`, and the `path` that Keras takes as `weights`.

    `name` tells weights apart: for a file of one's own it ends with a piece
    of its digest. `path` is a string, or None for random weights.
    """

    name: str
    path: str | None


def choose(wanted=None):
    """Decide which weights to start from, say so, and return `Weights`.

    Without a wish (argument, or the environment variable WORKBOOK_WEIGHTS)
    it is `imagenet`; where that can't be had, `starter`, then `random`.

    Args:
        wanted: "imagenet", "starter", "random" or the path of a weights
            file that `keras.applications.InceptionV3` accepts.

    Raises:
        ValueError: what was asked for by name is not there.
        helpers.files.WriteError: there is no room for what was asked for,
            or for the starter weights.
    """
    wanted = wanted or os.environ.get(VARIABLE)
    if not wanted:
        return _best()
    if wanted == "imagenet":
        try:
            return _say("imagenet", imagenet())
        except downloads.DownloadError as error:
            raise ValueError(
                f"ImageNet weights were asked for, but {error}"
            ) from None
    if wanted == "starter":
        return _say("starter", _starter())
    if wanted == "random":
        return _say("random", None)
    path = Path(wanted)
    if path.is_file():
        # Two files may share a name, and nothing made from one is to be
        # taken for the other's.
        return _say(f"{path.stem}-{downloads.digest(path)[:6]}", path)
    raise ValueError(
        f"{wanted}: neither a weights file nor one of imagenet, starter, "
        "random; give one of these."
    )


def _best():
    try:
        return _say("imagenet", imagenet())
    except (downloads.DownloadError, WriteError) as error:
        print(f"No ImageNet weights: {error}")
    if starter.FILE.is_file():
        return _say("starter", _starter())
    return _say("random", None)


_SENTENCES = {
    "imagenet": "Weights: imagenet, learned from 1.28 million photos of "
    "1,000 classes.",
    "starter": "Weights: starter, learned from pictures this project "
    "draws, without a single photo. They know enough for surfaces; for "
    "photos of everyday things take imagenet.",
    "random": "Weights: random. Nothing has been learned yet, so expect "
    "low accuracies: the lessons run, but a frozen base has little to say.",
}


def _say(name, path):
    print(_SENTENCES.get(name, f"Weights: {name}, from the file {path}."))
    return Weights(name, None if path is None else str(path))


def imagenet(url=IMAGENET_URL, expected=IMAGENET_MD5):
    """Return the path of Keras' ImageNet weights without the top.

    Taken from what is shared (`helpers.shared`) or from Keras' cache if it is
    there and whole, else from this project's own, else downloaded into the
    latter. Keras' own download deletes a file with a wrong hash before it
    fetches a new one, so that without a network there is nothing left; here no
    file is touched.

    Raises:
        helpers.downloads.DownloadError: it is nowhere and can't be fetched.
    """
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    ours = WORK / "weights" / IMAGENET_NAME
    first = shared.find(f"work/weights/{IMAGENET_NAME}") or ours
    for path in (first, home / "models" / IMAGENET_NAME, ours):
        if path.is_file() and downloads.digest(path, "md5") == expected:
            return path
    return downloads.fetch(url, ours, expected, "md5")


def _starter():
    """Return the path of the starter weights as Keras reads them.

    They ship with eight bits a weight; the first call writes them out as
    floats. So does a later one if the computer went down in between and
    left a part of that file.
    """
    name = f"starter-{starter.SHA256[:8]}.weights.h5"
    path = shared.find(f"work/weights/{name}")
    if path:
        return path
    path = WORK / "weights" / name
    if _is_whole(path):
        return path
    import keras  # takes seconds, and most calls do not come here

    arrays = starter.read()
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(299, 299, 3)
    )
    base.set_weights(arrays)
    with atomic(path) as part:
        base.save_weights(part)
    return path


def _is_whole(path):
    """Return whether a file opens and holds all arrays of a base."""
    import h5py

    arrays = []

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            arrays.append(name)

    try:
        with h5py.File(path) as file:
            file.visititems(note)
    except (OSError, RuntimeError, KeyError):  # h5py raises all of these
        return False
    return len(arrays) == starter.ARRAYS
