"""Inception v3 by its blocks: where each lies, and how far it moved.

The blocks are those of Szegedy et al., "Rethinking the Inception
Architecture for Computer Vision" (2015), under the names Keras gives the
tensors between them. Every path through the network meets at these tensors,
so a boundary between blocks is a boundary in the list of layers.
"""

from dataclasses import dataclass

import keras
import numpy as np

from helpers.dataset import pipeline

NAMES = ("stem", *(f"mixed{i}" for i in range(11)))
CHANNELS = 12  # of a block, shown for a photo


@dataclass(frozen=True)
class Block:
    """Layers `first` to `last` (indices, both included) of the base."""

    name: str
    first: int
    last: int
    shape: tuple  # of its output: height, width, channels
    parameters: int
    trainable: int  # parameters that training may change


def blocks(base):
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
        i
        for i, layer in enumerate(base.layers)
        if type(layer).__name__ == "MaxPooling2D"
    ]
    ends = [pools[1], *(names.index(name) for name in NAMES[1:])]
    found, first = [], 0
    for name, last in zip(NAMES, ends, strict=True):
        layers = base.layers[first : last + 1]
        found.append(
            Block(
                name,
                first,
                last,
                tuple(base.layers[last].output.shape[1:]),
                _count(w for layer in layers for w in layer.weights),
                _count(w for layer in layers for w in layer.trainable_weights),
            )
        )
        first = last + 1
    return found


def flops(base):
    """Return {block name: work for one photo on its way up, in GFLOP}.

    A convolution takes two operations, to multiply and to add, for each of
    its weights at each place of its output. The other layers take next to
    nothing beside it and are not counted.

    Args:
        base: as for `blocks`.
    """
    return {
        block.name: sum(
            2e-9
            * np.prod(layer.kernel.shape)
            * np.prod(layer.output.shape[1:3])
            for layer in base.layers[block.first : block.last + 1]
            if type(layer).__name__ == "Conv2D"
        )
        for block in blocks(base)
    }


def _count(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


@dataclass(frozen=True)
class FeatureMaps:
    """What the blocks say of n photos: the `CHANNELS` that stand out most.

    `photos` is uint8 (n, 299, 299, 3), `names` n texts, `maps` {block:
    float32 (n, 12, height, width)}, `channels` {block: places (n, 12)}.
    """

    photos: np.ndarray
    names: tuple
    maps: dict
    channels: dict


def feature_maps(base, split, count=4):
    """Return what each block says of the first photos of some classes.

    Taken are the channels whose largest value stands highest above their
    mean, highest first; cells at the edge are left out of that. All values
    are 0 or more.

    Args:
        base: as for `blocks`.
        part: a `dataset.Split`.
        count: classes that a photo is taken of, from the last on.

    Returns:
        An `Answers`.
    """
    wanted = range(len(split.class_names))[: -count - 1 : -1]
    places = [int(np.argmax(split.labels == label)) for label in wanted]
    pixels = pipeline.load_photos([split.paths[place] for place in places])
    found = blocks(base)
    ends = [base.layers[block.last].output for block in found]
    every_end = keras.Model(base.input, ends)
    maps, channels = ({b.name: [] for b in found} for _ in range(2))
    # Called, so no plan is drawn up as `predict` would; one photo at a
    # time, as all its layers are in memory at once.
    for photo in pixels / np.float32(127.5) - 1:
        said = every_end(photo[None], training=False)
        for block, its in zip(found, said, strict=True):
            its = np.moveaxis(keras.ops.convert_to_numpy(its)[0], -1, 0)
            # What lies beyond the photo's edge looks like an edge, too.
            inner = its[:, 1:-1, 1:-1]
            peak = inner.max(axis=(1, 2)) - inner.mean(axis=(1, 2))
            first = np.argsort(-peak, kind="stable")[:CHANNELS]
            channels[block.name].append(first)
            maps[block.name].append(np.float32(its[first]))
    maps, channels = (
        {name: np.stack(its) for name, its in some.items()}
        for some in (maps, channels)
    )
    names = tuple(split.class_names[label] for label in wanted)
    return FeatureMaps(pixels, names, maps, channels)


def relative_change(base, before):
    """Return {block name: how far its weights moved}.

    For each array of weights, BatchNorm's statistics included, the distance
    is ‖after − before‖ / ‖before‖; a block has the largest of its arrays'.
    So it is 0 only where nothing changed, and no array hides in the size of
    another.

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
    place = {id(w): i for i, w in enumerate(base.weights)}
    moved = {}
    for block in blocks(base):
        at = [
            place[id(w)]
            for layer in base.layers[block.first : block.last + 1]
            for w in layer.weights
        ]
        moved[block.name] = max(
            float(
                np.linalg.norm(after[i] - before[i])
                # Offsets may begin at zero: then the distance itself.
                / (np.linalg.norm(before[i]) or 1)
            )
            for i in at
        )
    return moved


def table(base, before=None):
    """Print the blocks: layers, output, parameters, trainable, moved.

    Args:
        base: as for `blocks`.
        before: as for `movement`; without it nothing is said of movement.
    """
    moved = relative_change(base, before) if before is not None else None
    print(
        "block    layers    output        parameters   trainable"
        + ("   moved by" if moved else "")
    )
    for b in blocks(base):
        shape = "×".join(str(side) for side in b.shape)
        line = (
            f"{b.name:<8} {b.first:>3}–{b.last:<3}   {shape:<12} "
            f"{b.parameters:>11,}  {b.trainable:>10,}"
        )
        print(line + (f"   {moved[b.name]:>8.2%}" if moved else ""))
