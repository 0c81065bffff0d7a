"""A linear classifier of scikit-learn as the head of a Keras model."""

import keras
import numpy as np
from sklearn.pipeline import Pipeline


def dense_head(classifier: Pipeline) -> keras.Sequential:
    """Return a fitted linear classifier as a Keras model.

    Standardising is linear, too, so both steps become one `Dense` layer.

    Args:
        classifier: a `StandardScaler` and a `LogisticRegression`, fitted to
            features (n, d).

    Returns:
        A model from features, float32 (b, d), to the same probabilities,
        float32 (b, number of classes).
    """
    scaler, regression = classifier[0], classifier[-1]
    kernel = (regression.coef_ / scaler.scale_).T
    bias = regression.intercept_ - scaler.mean_ @ kernel
    if len(bias) == 1:  # of two classes, scikit-learn scores the second only
        kernel = np.hstack([0 * kernel, kernel])
        bias = np.append(0, bias)
    dense = keras.layers.Dense(len(bias), activation="softmax")
    head = keras.Sequential([keras.Input((len(kernel),)), dense])
    dense.set_weights([kernel, bias])
    return head
