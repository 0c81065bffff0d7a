"""What the starter weights are shipped for, as the lessons' run found it.

The lessons run before these tests and leave their verdicts in the journal.
"""

import pytest

from helpers import journal, measure, surfaces

FROZEN = 0.75  # accuracy of the frozen baseline
KNOWS = 0.25  # what it is ahead of random weights


@pytest.fixture(scope="module")
def verdicts():
    found = journal.verdicts("starter", surfaces.folder())
    if "frozen base" not in found:
        pytest.fail(
            "The journal does not hold lesson 02; run the lessons first, "
            "with python3 start.py test notebooks"
        )
    return found


def test_the_frozen_base_is_worth_what_its_card_says(verdicts):
    assert verdicts["frozen base"].mean() >= FROZEN


def test_the_frozen_base_knows_more_than_random_weights(verdicts):
    found = measure.paired(verdicts["random base"], verdicts["frozen base"])
    assert found.difference >= KNOWS
    assert found.verdict == "better"
