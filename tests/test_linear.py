"""A linear classifier becomes a head with the same probabilities."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.network import linear


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_predicts_what_the_classifier_predicts(classes):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % classes
    x = 5 + 3 * rng.standard_normal((60, 8)) + labels[:, None]
    x[:, 7] = 4  # a feature that is always the same
    classifier = make_pipeline(StandardScaler(), LogisticRegression())
    head = linear.dense_head(classifier.fit(x, labels))
    np.testing.assert_allclose(
        head.predict(x, verbose=0), classifier.predict_proba(x), atol=1e-5
    )
    assert head.output_shape == (None, classes)
