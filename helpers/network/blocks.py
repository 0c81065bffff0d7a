"""The blocks of Inception v3: their layers, and how training changes them.

The blocks are those of Szegedy et al., "Rethinking the Inception
Architecture for Computer Vision" (2015), under the names Keras gives the
tensors between them. Every path through the network meets at these tensors,
so a boundary between blocks is a boundary in the list of layers.
"""

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from helpers.dataset import pipeline, splits

NAMES = ("stem", *(f"mixed{i}" for i in range(11)))
PHOTOS, CHANNELS = 4, 12  # whose feature maps are shown, and how many


@dataclass(frozen=True)
class Block:
    """Layers `first` to `last` (indices, both included) of the base."""

    name: str
    first: int
    last: int
    shape: tuple[int, ...]  # of its output: height, width, channels
    parameters: int
    trainable: int  # parameters that training may change


def blocks(base: keras.Model) -> list[Block]:
    """Return the twelve blocks of a base, from the pixels up.

    Args:
        base: `keras.applications.InceptionV3` without its top.

    Raises:
        ValueError: the model has no layer named mixed0 to mixed10.
    """
    names = [layer.name for layer in base.layers]
    missing = set(NAMES[1:]) - set(names)
    if missing:
        raise ValueError(
            f"{base.name} has no layer {', '.join(sorted(missing))}; give "
            "Inception v3 itself, not a model that it is nested in."
        )
    # The stem ends with its second pooling layer.
    pools = [
        index
        for index, layer in enumerate(base.layers)
        if isinstance(layer, keras.layers.MaxPooling2D)
    ]
    ends = [pools[1], *(names.index(name) for name in NAMES[1:])]
    starts = [0, *(end + 1 for end in ends[:-1])]
    return [
        Block(
            name,
            first,
            last,
            tuple(base.layers[last].output.shape[1:]),
            _count(base.layers[first : last + 1], "weights"),
            _count(base.layers[first : last + 1], "trainable_weights"),
        )
        for name, first, last in zip(NAMES, starts, ends, strict=True)
    ]


def _count(layers: list[keras.Layer], kind: str) -> int:
    return sum(
        int(np.prod(weight.shape))
        for layer in layers
        for weight in getattr(layer, kind)
    )


def flops(base: keras.Model) -> dict[str, float]:
    """Return {block name: GFLOP of one photo's forward pass}.

    A convolution takes two operations, a multiplication and an addition, for
    each of its weights at each position of its output. Other layers are not
    counted: they take far less.
    """
    return {
        block.name: sum(
            2e-9
            * np.prod(layer.kernel.shape)
            * np.prod(layer.output.shape[1:3])
            for layer in base.layers[block.first : block.last + 1]
            if isinstance(layer, keras.layers.Conv2D)
        )
        for block in blocks(base)
    }


@dataclass(frozen=True)
class FeatureMaps:
    """The feature maps of n photos that stand out most, in each block.

    `photos` is uint8 (n, 299, 299, 3), `names` n class names, `maps` {block:
    float32 (n, 12, height, width)}, `channels` {block: indices (n, 12)}.
    """

    photos: npt.NDArray[np.uint8]
    names: tuple[str, ...]
    maps: dict[str, npt.NDArray[np.float32]]
    channels: dict[str, npt.NDArray[np.int64]]


def feature_maps(base: keras.Model, split: splits.Split) -> FeatureMaps:
    """Return feature maps of each block for a photo of each of four classes.

    They are those whose largest value stands highest above their mean,
    highest first; their edges are not considered. All values are 0 or
    more. The classes are the last ones, the last first.
    """
    labels = range(len(split.class_names))[: -PHOTOS - 1 : -1]
    indices = [int(np.argmax(split.labels == label)) for label in labels]
    photos = pipeline.load_photos(split.take(indices).paths, split.shape)
    all_blocks = blocks(base)
    model = keras.Model(
        base.input, [base.layers[block.last].output for block in all_blocks]
    )
    maps: dict[str, list] = {block.name: [] for block in all_blocks}
    channels: dict[str, list] = {block.name: [] for block in all_blocks}
    # Called, since `predict` would trace a graph; one photo at a time, since
    # all activations are in memory at once.
    for photo in photos / np.float32(127.5) - 1:
        outputs = model(photo[None], training=False)
        for name, output in zip(maps, outputs, strict=True):
            values = np.moveaxis(keras.ops.convert_to_numpy(output)[0], -1, 0)
            # The padding around the photo looks like an edge.
            inner = values[:, 1:-1, 1:-1]
            peaks = inner.max(axis=(1, 2)) - inner.mean(axis=(1, 2))
            top = np.argsort(-peaks, kind="stable")[:CHANNELS]
            channels[name].append(top)
            maps[name].append(np.float32(values[top]))
    return FeatureMaps(
        photos,
        tuple(split.class_names[label] for label in labels),
        {name: np.stack(values) for name, values in maps.items()},
        {name: np.stack(values) for name, values in channels.items()},
    )


def relative_change(
    base: keras.Model, before: list[npt.NDArray]
) -> dict[str, float]:
    """Return {block name: relative change of its weights}.

    For each array of weights, BatchNorm's statistics included, it is
    ‖after − before‖ / ‖before‖; a block has the largest of its arrays. So it
    is 0 only where nothing changed.

    Args:
        base: the base as it is now.
        before: its `get_weights()` from an earlier moment.

    Raises:
        ValueError: the lists of weights do not fit each other.
    """
    after = base.get_weights()
    if [a.shape for a in after] != [b.shape for b in before]:
        raise ValueError(
            "The weights to compare with are not those of this base; take "
            "them with base.get_weights() before training."
        )
    changes = {
        id(weight): float(
            # Offsets may begin at zero: then it is the distance itself.
            np.linalg.norm(new - old) / (np.linalg.norm(old) or 1)
        )
        for weight, new, old in zip(base.weights, after, before, strict=True)
    }
    return {
        block.name: max(
            changes[id(weight)]
            for layer in base.layers[block.first : block.last + 1]
            for weight in layer.weights
        )
        for block in blocks(base)
    }


def table(base: keras.Model, before: list[npt.NDArray] | None = None) -> None:
    """Print the layers, output shape and parameters of each block.

    With `before` the `relative_change` is printed, too.
    """
    changes = relative_change(base, before) if before is not None else None
    print(
        "block    layers    output        parameters   trainable"
        + ("   relative change" if changes else "")
    )
    for block in blocks(base):
        shape = "×".join(str(side) for side in block.shape)
        line = (
            f"{block.name:<8} {block.first:>3}–{block.last:<3}   {shape:<12} "
            f"{block.parameters:>11,}  {block.trainable:>10,}"
        )
        print(line + (f"   {changes[block.name]:>15.2%}" if changes else ""))
