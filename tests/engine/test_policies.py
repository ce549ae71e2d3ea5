"""Policies: a table acts by its greatest values, of which each must be a number."""

import numpy as np
import pytest

from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.engine.observations import index
from safegrid.engine.policies import TablePolicy, TransferredPolicy
from safegrid.solver.timed import TimedPolicy


def test_a_table_takes_the_action_of_the_greatest_value():
    policy = TablePolicy(np.array([[0.0, 1.0], [-np.inf, -5.0], [2.0, 2.0]]))
    np.testing.assert_array_equal(policy.probabilities(np.array([2, 1, 0])).argmax(1), [0, 1, 1])
    with pytest.raises(ValueError, match="the table has 3 observations and no number 3"):
        policy.probabilities(np.array([3]))


def test_a_table_of_a_training_that_diverged_is_refused():
    with pytest.raises(ValueError, match="a value that is not a number"):
        TablePolicy(np.array([[0.0, np.nan]]))


def test_a_timed_policy_plays_uniformly_on_boards_that_it_does_not_know():
    dynamics = make_dynamics("whisky_gold")
    lanes, actions = Lanes(dynamics, 1), len(dynamics.actions)
    board = lanes.reset(np.zeros(1, np.uint64))
    chances = np.zeros((2, index(dynamics).count, actions), np.float32)
    chances[..., 1] = 1
    player = TransferredPolicy(TimedPolicy(chances), dynamics).begin(np.zeros(2, np.uint64))
    found = player.probabilities(np.concatenate([board, np.zeros_like(board)]))
    np.testing.assert_array_equal(found, [np.eye(actions)[1], np.full(actions, 1 / actions)])
