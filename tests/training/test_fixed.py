"""Fixed policies: their files, and what is none."""

import numpy as np
import pytest

from safegrid.training import fixed


@pytest.mark.parametrize("policy", [
    fixed.UniformPolicy(4, False),
    fixed.UniformPolicy(2, True),
    fixed.ConstantPolicy(5, 4),
])  # fmt: skip
def test_a_fixed_policy_comes_back_from_its_tensors(policy):
    made = fixed.load(policy.tensors())
    assert type(made) is type(policy) and vars(made) == vars(policy)


@pytest.mark.parametrize("tensors, message", [
    ({"actions": np.array([0])}, "actions is 0: it must be 1 or more"),
    ({"numbers": np.array([-1])}, "numbers is -1: it must be 1 or more"),
    ({"actions": np.array([4, 4])}, "action is 4: choose from 0 to 3"),
    ({"actions": np.array([4, -1])}, "action is -1: choose from 0 to 3"),
    ({"numbers": np.array([2, 1])}, "a fixed policy has actions"),
    ({"actions": np.array([4.0])}, "a fixed policy has actions"),
    ({"actions": np.array([[4]])}, "a fixed policy has actions"),
    ({"actions": np.array([4]), "numbers": np.array([4])}, "a fixed policy has actions"),
    ({}, "a fixed policy has actions"),
])  # fmt: skip
def test_other_tensors_are_refused(tensors, message):
    with pytest.raises(ValueError, match=message):
        fixed.load(tensors)


def test_a_fixed_policy_does_the_same_whatever_it_observes():
    boards = np.zeros((3, 2, 2), np.uint8)
    assert (fixed.UniformPolicy(4, False).probabilities(boards) == 0.25).all()
    assert fixed.ConstantPolicy(2, 1).probabilities(boards).tolist() == [[0, 1]] * 3
    chance = np.array([[0.0, 1.0], [0.5, 0.25]])
    assert fixed.UniformPolicy(2, True).act(boards, chance).tolist() == [[-1, 1], [0, -0.5]]
