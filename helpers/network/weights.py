"""Which weights Inception v3 starts from, decided and said in one place.

`imagenet`: what Keras ships, learned from 1.28 million photos; a download.
`starter`: what this project trains and ships; needs no network.
`random`: nothing learned. Or the path of a weights file.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from helpers import downloads, paths, shared
from helpers.network import starter
from helpers.paths import WriteError, atomic, shown

IMAGENET_NAME = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/"
    "inception_v3/" + IMAGENET_NAME
)
IMAGENET_MD5 = "bcbd6486424b2319ff4ef7d526e38f63"
VARIABLE = "WORKBOOK_WEIGHTS"
REMEMBERED = "weights.json"  # in the folder of work


@dataclass(frozen=True)
class Weights:
    """The choice: `name`, and the `path` that Keras takes as `weights`.

    `name` tells weights apart: for a file of one's own it ends with a piece
    of its digest. `path` is a string, or None for random weights.
    """

    name: str
    path: str | None

    @property
    def setting(self) -> str:
        """What `choose` and WORKBOOK_WEIGHTS take for these weights."""
        if self.path is None or self.name in _SENTENCES:
            return self.name
        return os.path.abspath(self.path)


def choose(wanted=None):
    """Decide which weights to start from, say so, and return `Weights`.

    The argument decides, else the environment variable WORKBOOK_WEIGHTS,
    else the choice that is remembered in the folder of work. Where nothing
    is remembered it is `imagenet`; where that can't be had, `starter`, then
    `random`.

    The first choice in a folder of work is remembered, and so is every
    argument. The variable does not change what is remembered: it holds for
    as long as it is set.

    Args:
        wanted: "imagenet", "starter", "random" or the path of a weights
            file that `keras.applications.InceptionV3` accepts.

    Raises:
        ValueError: what was asked for by name is not there.
        helpers.paths.WriteError: there is no room for what was asked for,
            or for the starter weights.
    """
    remembered = _remembered()
    asked = wanted or os.environ.get(VARIABLE)
    if asked:
        try:
            chosen = _get(asked)
        except downloads.DownloadError as error:
            raise ValueError(
                f"ImageNet weights were asked for, but {error}"
            ) from None
        _say(chosen)
    elif remembered:
        chosen = _get_again(remembered)
    else:
        chosen = _best()
    if wanted or not remembered:
        _remember(chosen)
    return chosen


def _get(wanted):
    if wanted == "imagenet":
        return Weights("imagenet", str(imagenet()))
    if wanted == "starter":
        return Weights("starter", str(_starter()))
    if wanted == "random":
        return Weights("random", None)
    path = Path(wanted)
    if path.is_file():
        # Two files may share a name, and nothing made from one is to be
        # taken for the other's.
        name = f"{path.stem}-{downloads.digest(path)[:6]}"
        return Weights(name, str(path))
    raise ValueError(
        f"{wanted}: neither a weights file nor one of imagenet, starter, "
        "random; give one of these."
    )


def _get_again(remembered):
    """Return the remembered weights, or others where they can't be had."""
    try:
        chosen = _get(remembered.setting)
        if chosen.name != remembered.name:
            raise ValueError(f"{chosen.path} has changed since.")
    except (downloads.DownloadError, ValueError, OSError) as error:
        print(
            f"Earlier lessons used the weights {remembered.name}, which are "
            f"not available now: {error}"
        )
        # A second attempt to download would fail as well.
        is_imagenet = remembered.name == "imagenet"
        return _without_imagenet() if is_imagenet else _best()
    _say(chosen)
    other = "starter" if chosen.name == "imagenet" else "imagenet"
    where = ""
    if other == "imagenet":
        is_here = _local(IMAGENET_MD5) is not None
        where = " (already on this computer)" if is_here else " (a download)"
    print(
        f"Earlier lessons used the same weights; to switch to {other}{where} "
        "for this and later lessons, call "
        f'network.weights.choose("{other}") here.'
    )
    return chosen


def _best():
    try:
        chosen = _get("imagenet")
    except (downloads.DownloadError, WriteError) as error:
        print(f"No ImageNet weights: {error}")
        return _without_imagenet()
    _say(chosen)
    return chosen


def _without_imagenet():
    chosen = _get("starter" if starter.FILE.is_file() else "random")
    _say(chosen)
    return chosen


_SENTENCES = {
    "imagenet": "Weights: imagenet, learned from 1.28 million photos of "
    "1,000 classes.",
    "starter": "Weights: starter, learned from pictures this project "
    "draws, without a single photo. They know enough for surfaces; for "
    "photos of everyday things take imagenet.",
    "random": "Weights: random. Nothing has been learned yet, so expect "
    "low accuracies: the lessons run, but a frozen base has little to say.",
}


def _say(chosen):
    about = f"Weights: {chosen.name}, from the file {chosen.path}."
    print(_SENTENCES.get(chosen.name, about))


def _remembered():
    """Return the `Weights` that `_remember` noted; None without a note."""
    path = paths.work() / REMEMBERED
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        name, its_path = noted["name"], noted["path"]
        if name in _SENTENCES or (name and its_path):
            return Weights(str(name), its_path and str(its_path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        pass  # one sentence for all that may be wrong with it
    print(
        f"{shown(path)} does not say which weights earlier lessons used; it "
        "is written anew."
    )
    return None


def _remember(chosen):
    path = None if chosen.name in _SENTENCES else chosen.setting
    noted = {"name": chosen.name, "path": path}
    try:
        with atomic(paths.work() / REMEMBERED) as temporary:
            temporary.write_text(json.dumps(noted), encoding="utf-8")
    except OSError as error:
        print(f"The choice of weights is not remembered: {error}")


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
    ours = paths.work() / "weights" / IMAGENET_NAME
    return _local(expected) or downloads.fetch(url, ours, expected, "md5")


def _local(expected):
    """Return where ImageNet's weights are on this computer, or None."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    ours = paths.work() / "weights" / IMAGENET_NAME
    first = shared.find(f"work/weights/{IMAGENET_NAME}") or ours
    for path in (first, home / "models" / IMAGENET_NAME, ours):
        if path.is_file() and downloads.digest(path, "md5") == expected:
            return path
    return None


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
    path = paths.work() / "weights" / name
    if _is_whole(path):
        return path
    import keras  # takes seconds, and most calls do not come here

    arrays = starter.read()
    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(299, 299, 3)
    )
    base.set_weights(arrays)
    with atomic(path) as temporary:
        base.save_weights(temporary)
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
