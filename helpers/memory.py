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
    """Give back the memory that training took, in a model that now predicts.

    TensorFlow (2.21) keeps the graph of each compiled training step for as
    long as the process lives, and the graph keeps the optimizer's variables:
    for Adam two numbers for each trained weight, with the upper part of
    Inception v3 0.1 GiB for each `compile`. So these variables are emptied.
    The graph remains, 0.02 GiB.

    Args:
        model: a compiled `keras.Model`. Its optimizer can't be used again;
            to train on, compile the model with a new one.
    """
    # Imported here: a lesson asks this module before it starts TensorFlow.
    import tensorflow as tf

    for variable in model.optimizer.variables:
        if len(variable.shape):
            tf.raw_ops.AssignVariableOp(
                resource=variable.value.handle,
                value=tf.zeros([], variable.dtype),
                validate_shape=False,
            )
    model.compile()
    trim()


def trim():
    """Give back to the system what Python and the C library have over."""
    gc.collect()
    # glibc hands back the end of its pools by itself, not their middle.
    _glibc("malloc_trim", 0)
