"""Memory that TensorFlow and the C library would keep."""

import ctypes
import gc


def give_back_early():
    """Let the C library return to the system what is no longer used.

    As it stands glibc keeps much of it for later, in pools of each thread;
    the larger a lesson's process, the smaller the machine that kills it.
    To be called before TensorFlow starts its threads.
    """
    arena_max, mmap_threshold, trim_threshold = -8, -3, -1  # malloc.h
    _glibc("mallopt", arena_max, 2)
    _glibc("mallopt", mmap_threshold, 2**20)
    _glibc("mallopt", trim_threshold, 2**20)


def _glibc(name, *numbers):
    """Call a function of glibc; other systems have no need of it."""
    try:
        function = getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):
        return
    function(*numbers)


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
    # Imported here: a lesson asks this module before it starts TensorFlow.
    from tensorflow.python.framework import ops

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
    _glibc("malloc_trim", 0)
