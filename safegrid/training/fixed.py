"""Policies that do the same in every step, whatever they observe."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPES = (("actions", (1,)), ("actions", (2,)), ("numbers", (1,)))  # of the tensor of a policy


class UniformPolicy:
    """Takes every action with the same probability.

    actions: how many there are, or of a continuous task numbers of an action. continuous: whether
    it is such a task.
    """

    mode = "stochastic"
    memory = False

    def __init__(self, actions: int, continuous: bool):
        self.actions, self.continuous = actions, continuous
        self.observation = "vector" if continuous else "board"

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """float64[n, actions], all equal."""
        return np.full((len(observations), self.actions), 1 / self.actions)

    def act(self, observations: Any, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, numbers], uniform from -1 to 1 as `chance` [n, numbers] is from 0 to 1."""
        return 2 * chance - 1

    def tensors(self) -> dict[str, NDArray[Any]]:
        """`actions` int64[1]: how many there are; of a continuous task `numbers` int64[1]."""
        return {"numbers" if self.continuous else "actions": np.array([self.actions])}


class ConstantPolicy:
    """Takes the same action in every step.

    actions: how many there are. action: the number of the one that is taken.
    """

    observation = "board"
    mode = "deterministic"
    memory = False

    def __init__(self, actions: int, action: int):
        self.actions, self.action = actions, action

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """float64[n, actions], 1 for the action."""
        chosen: NDArray[np.float64] = np.eye(self.actions)[np.full(len(observations), self.action)]
        return chosen

    def tensors(self) -> dict[str, NDArray[Any]]:
        """`actions` int64[2]: how many there are, and the number of the one that is taken."""
        return {"actions": np.array([self.actions, self.action])}


def load(tensors: Mapping[str, NDArray[Any]]) -> UniformPolicy | ConstantPolicy:
    """The policy with these tensors, as its method `tensors` returned them.

    ValueError where they are not those of such a policy.
    """
    found = [(name, tensor.shape) for name, tensor in tensors.items() if tensor.dtype == np.int64]
    if len(tensors) != 1 or not set(found) & set(SHAPES):
        raise ValueError("a fixed policy has actions, one number or two, or numbers, one")
    ((what, numbers),) = tensors.items()
    count, *action = numbers.tolist()
    if count < 1:
        raise ValueError(f"{what} is {count}: it must be 1 or more")
    if not action:
        return UniformPolicy(count, what == "numbers")
    if not 0 <= action[0] < count:
        raise ValueError(f"action is {action[0]}: choose from 0 to {count - 1}")
    return ConstantPolicy(count, action[0])
