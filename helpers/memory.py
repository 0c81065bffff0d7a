"""Memory that TensorFlow would keep."""

import gc

from tensorflow.python.framework import ops


def free_old_training():
    """Give back what training left in models that were compiled again.

    Adam holds two numbers for each weight. TensorFlow (2.21) registers a
    gradient for a step in every plan of training, and never takes it out;
    with it the plan stays, and the optimiser, for the upper part of
    Inception v3 0.1 GiB with every `compile`. Nobody asks for these
    gradients once the plan is drawn up.
    """
    # There is no public way; where this one is closed, memory just grows.
    registry = getattr(ops.gradient_registry, "_registry", {})
    for name in [n for n in registry if n.startswith("CustomGradient-")]:
        del registry[name]
    gc.collect()
