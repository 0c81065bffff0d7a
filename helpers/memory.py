"""Memory that TensorFlow would keep."""

import contextlib
import ctypes
import gc

from tensorflow.python.framework import ops


def free_training(model):
    """Give back what training has left in a model that goes on to predict.

    That is the plan of a step, and the two numbers that Adam notes for each
    weight: for the upper part of Inception v3 0.2 GiB with every `compile`.
    TensorFlow (2.21) registers a gradient for a step in every plan, and
    never takes it out; with it the plan would stay, and the optimiser.
    Nobody asks for these gradients once the plan is drawn up.

    Args:
        model: a Keras model; to be trained again it must be compiled.
    """
    model.compile()
    # There is no public way; where this one is closed, memory just grows.
    registry = getattr(ops.gradient_registry, "_registry", {})
    for name in [n for n in registry if n.startswith("CustomGradient-")]:
        del registry[name]
    trim()


def trim():
    """Give back to the system what Python and the C library have over."""
    gc.collect()
    # glibc hands back the end of its pools by itself, not their middle.
    with contextlib.suppress(OSError, AttributeError):  # another system
        ctypes.CDLL("libc.so.6").malloc_trim(0)
