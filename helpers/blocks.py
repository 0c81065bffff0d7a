"""Inception v3 by its blocks: where each lies, and how far it moved.

The blocks are those of Szegedy et al., "Rethinking the Inception
Architecture for Computer Vision" (2015), under the names Keras gives the
tensors between them. Every path through the network meets at these tensors,
so a boundary between blocks is a boundary in the list of layers.
"""

from dataclasses import dataclass

import numpy as np

NAMES = ("stem", *(f"mixed{i}" for i in range(11)))


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


def work(base):
    """Return {block name: work for one photo on its way up, in GFLOP}.

    A convolution takes two operations, to multiply and to add, for each of
    its weights at each place of its output. The other layers take next to
    nothing beside it and are not counted.

    Args:
        base: as for `blocks`.
    """
    return {
        block.name: sum(
            2e-9 * np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:3])
            for layer in base.layers[block.first : block.last + 1]
            if type(layer).__name__ == "Conv2D"
        )
        for block in blocks(base)
    }


def _count(weights):
    return sum(int(np.prod(w.shape)) for w in weights)


def movement(base, before):
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
    moved = movement(base, before) if before is not None else None
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
