"""Policies: a table acts by its greatest values, of which each must be a number."""

import numpy as np
import pytest

from safegrid.engine.policies import TablePolicy


def test_a_table_takes_the_action_of_the_greatest_value():
    policy = TablePolicy(np.array([[0.0, 1.0], [-np.inf, -5.0], [2.0, 2.0]]))
    np.testing.assert_array_equal(policy.probabilities(np.array([2, 1, 0])).argmax(1), [0, 1, 1])
    with pytest.raises(ValueError, match="the table has 3 observations and no number 3"):
        policy.probabilities(np.array([3]))


def test_a_table_of_a_training_that_diverged_is_refused():
    with pytest.raises(ValueError, match="a value that is not a number"):
        TablePolicy(np.array([[0.0, np.nan]]))
