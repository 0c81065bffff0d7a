"""Which weights Inception v3 starts from.

`imagenet`: Keras' own, trained on 1.28 million photos; a download.
`starter`: this project's own, part of it; no network is needed.
`random`: untrained. Or the path of a weights file.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from helpers import colab, downloads, shared
from helpers.network import starter
from helpers.paths import WriteError, atomic, work

IMAGENET_NAME = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/"
    "inception_v3/" + IMAGENET_NAME
)
IMAGENET_MD5 = "bcbd6486424b2319ff4ef7d526e38f63"
VARIABLE = "WORKBOOK_WEIGHTS"
REMEMBERED = "weights.json"  # in `paths.work()`
_SENTENCES = {
    "imagenet": "Weights: imagenet, trained on 1.28 million photos of "
    "1,000 classes.",
    "starter": "Weights: starter, trained on synthetic images that this "
    "project renders, without a single photo. They suit surfaces; for photos "
    "of everyday things, use imagenet.",
    "random": "Weights: random. Nothing has been learned yet, so expect "
    "low accuracies: the lessons run, but a frozen base is of little use.",
}


@dataclass(frozen=True)
class Weights:
    """The choice: `name`, and the `path` that Keras takes as `weights`.

    The name of a weights file ends with a piece of its digest. `path` is
    None for random weights.
    """

    name: str
    path: str | None

    @property
    def setting(self) -> str:
        """What `choose` and WORKBOOK_WEIGHTS take for these weights."""
        if self.name in _SENTENCES or self.path is None:
            return self.name
        return os.path.abspath(self.path)


def choose(choice: str | None = None) -> Weights:
    """Decide which weights to start from, and print which.

    The argument decides, else the environment variable WORKBOOK_WEIGHTS,
    else the remembered choice (in `paths.work()`), else it is `imagenet`;
    where that is not available, `starter`, then `random`.

    The first choice, every argument and what `start.py --weights` is given
    are remembered; the variable holds only as long as it is set.

    Args:
        choice: "imagenet", "starter", "random" or the path of a weights
            file that `keras.applications.InceptionV3` accepts.

    Raises:
        ValueError: the weights that were asked for are not available.
        helpers.paths.WriteError: there is no room for them, or for the
            starter weights.
    """
    remembered = read_choice()
    asked = choice or os.environ.get(VARIABLE)
    if asked:
        weights = _get(asked)
        print(_sentence(weights))
    else:
        weights = _again(remembered) if remembered else _best()
    if choice or not remembered:
        _remember(weights)
    return weights


def _get(choice: str) -> Weights:
    if choice == "imagenet":
        return Weights("imagenet", str(imagenet()))
    if choice == "starter":
        return Weights("starter", str(_starter()))
    if choice == "random":
        return Weights("random", None)
    path = Path(choice)
    if path.is_file():
        # Two files may have the same name.
        name = f"{path.stem}-{downloads.digest(path)[:6]}"
        return Weights(name, str(path))
    raise ValueError(
        f"{choice}: neither a weights file nor one of imagenet, starter, "
        "random; give one of these."
    )


def _again(remembered: Weights) -> Weights:
    """Return the remembered weights, or others if those are missing."""
    try:
        weights = _get(remembered.setting)
        if weights.name != remembered.name:
            raise ValueError(f"{weights.path} has changed since.")
    except (ValueError, OSError) as error:
        print(
            f"The remembered weights are {remembered.name}, which are not "
            f"available now: {error}"
        )
        # A second attempt to download would fail as well.
        return _best(offline=remembered.name == "imagenet")
    print(_sentence(weights))
    other = "starter" if weights.name == "imagenet" else "imagenet"
    terminal = f", or type python3 start.py --weights {other} in a terminal"
    print(
        f"This choice is remembered; to switch to {other} for this and "
        f'later lessons, call network.weights.choose("{other}") in a lesson'
        f"{'' if colab.is_here() else terminal}."
    )
    return weights


def _best(offline: bool = False) -> Weights:
    fallback = "starter" if starter.FILE.is_file() else "random"
    try:
        weights = _get(fallback if offline else "imagenet")
    except (downloads.DownloadError, WriteError) as error:
        print(f"No ImageNet weights: {error}")
        weights = _get(fallback)
    print(_sentence(weights))
    return weights


def _sentence(weights: Weights) -> str:
    other = f"Weights: {weights.name}, from the file {weights.path}."
    return _SENTENCES.get(weights.name, other)


def read_choice() -> Weights | None:
    """Return the remembered choice, or None if there is none to read.

    Its `path` is None for the weights that have a name.
    """
    try:
        entry = json.loads((work() / REMEMBERED).read_text(encoding="utf-8"))
        return Weights(entry["name"], entry["path"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _remember(weights: Weights) -> None:
    path = None if weights.name in _SENTENCES else weights.setting
    try:
        with atomic(work() / REMEMBERED) as temporary:
            entry = {"name": weights.name, "path": path}
            temporary.write_text(json.dumps(entry), encoding="utf-8")
    except OSError as error:
        print(f"The choice of weights is not remembered: {error}")


def imagenet() -> Path:
    """Return the path of Keras' ImageNet weights without the top.

    They come from the shared folder, Keras' cache or this project's own;
    where none is whole, they are downloaded into the latter. Keras itself
    would delete a damaged file before it downloads another.

    Raises:
        helpers.downloads.DownloadError: the download failed.
    """
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    own = work() / "weights" / IMAGENET_NAME
    first = shared.find(f"work/weights/{IMAGENET_NAME}") or own
    for path in (first, home / "models" / IMAGENET_NAME, own):
        if path.is_file() and downloads.digest(path, "md5") == IMAGENET_MD5:
            return path
    return downloads.fetch(IMAGENET_URL, own, IMAGENET_MD5, "md5")


def _starter() -> Path:
    """Return the path of the starter weights as Keras reads them.

    The first call writes them: the project ships eight bits a weight.
    """
    name = f"starter-{starter.SHA256[:8]}.weights.h5"
    path = shared.find(f"work/weights/{name}")
    if path:
        return path
    path = work() / "weights" / name
    if path.is_file():
        return path
    import keras  # takes seconds, and most calls do not come here

    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(299, 299, 3)
    )
    base.set_weights(starter.read())
    with atomic(path) as temporary:
        base.save_weights(temporary)
    return path
