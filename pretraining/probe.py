"""Says what frozen features are worth on a folder of photos.

python -m pretraining.probe FOLDER --weights starter --size 150
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    import keras

BATCH = 32  # images at a time


def base_with(weights: str | Path) -> keras.Model:
    """Return Inception v3 without its top, with these weights.

    Args:
        weights: "random", "starter", "imagenet", a checkpoint or an 8-bit
            file of this project (.npz), or a file that Keras reads.
    """
    import keras

    from helpers.network import starter
    from helpers.network import weights as choice

    base = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    path = str(weights)
    if path == "random":
        return base
    if path == "starter":
        base.set_weights(starter.read())
    elif path.endswith(".npz"):
        with np.load(path) as file:
            names = sorted(n for n in file.files if n.startswith("base-"))
            arrays = [file[name] for name in names]
        base.set_weights(arrays or starter.read(path))
    else:
        path = choice.imagenet() if path == "imagenet" else path
        try:
            base.load_weights(path)
        except ValueError:  # it may end at mixed8
            lower = keras.Model(base.input, base.get_layer("mixed8").output)
            lower.load_weights(path)
    return base


def features(
    base: keras.Model, images: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Return pooled mixed8, float32 (n, 1280), of uint8 images."""
    import keras

    pooled = keras.layers.GlobalAveragePooling2D(dtype="float32")(
        base.get_layer("mixed8").output
    )
    model = keras.Model(base.input, pooled)
    found = []
    for first in range(0, len(images), BATCH):
        pixels = images[first : first + BATCH].astype("float32") / 127.5 - 1
        found.append(model.predict_on_batch(pixels))
    return np.concatenate(found)


def read(
    folder: str | Path, size: int, per_class: int, seed: int
) -> tuple[
    npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.bool_]
]:
    """Return images uint8 (n, size, size, 3), labels, and what is tested.

    The first 60 % of a class, in an order drawn from `seed`, are for
    learning; the third result is True for the others.
    """
    rng = np.random.default_rng(seed)
    images, labels, test = [], [], []
    classes = sorted(p for p in Path(folder).iterdir() if p.is_dir())
    for number, one in enumerate(classes):
        files = sorted(one.glob("*.jpg")) + sorted(one.glob("*.png"))
        files = [files[i] for i in rng.permutation(len(files))[:per_class]]
        for place, path in enumerate(files):
            with Image.open(path) as image:
                image = image.convert("RGB").resize((size, size))
            images.append(np.asarray(image))
            labels.append(number)
            test.append(place >= 0.6 * len(files))
    return np.stack(images), np.array(labels), np.array(test)


def accuracy(
    found: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    test: npt.NDArray[np.bool_],
) -> float:
    """Return the test accuracy of a logistic regression on features.

    Features are brought to mean 0 and spread 1; how strongly the weights
    are held back is chosen by cross-validation on what is learned from.
    """
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    judge = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(Cs=np.geomspace(1e-3, 1, 4), cv=5, max_iter=2000),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        judge.fit(found[~test], labels[~test])
        return judge.score(found[test], labels[test])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="with one folder for each class")
    parser.add_argument("--weights", default="starter")
    parser.add_argument("--size", type=int, default=150)
    parser.add_argument("--per-class", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    images, labels, test = read(
        args.folder, args.size, args.per_class, args.seed
    )
    found = features(base_with(args.weights), images)
    share = accuracy(found, labels, test)
    print(f"{args.weights} {args.size} px, {test.sum()} tested: {share:.3f}")


if __name__ == "__main__":
    main()
