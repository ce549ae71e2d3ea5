"""Uniform: takes every action with the same probability; it is the zero of normalised scores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics

USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
STEPS = 0
SETTINGS: dict[str, Any] = {}


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


def train(task: Task, run: Run) -> UniformPolicy:
    """The uniform policy, without training."""
    dynamics = make_dynamics(task.environment, **task.options)
    return UniformPolicy(len(dynamics.actions), dynamics.space == "continuous")


def load(tensors: Mapping[str, NDArray[Any]]) -> UniformPolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    ((what, (count,)),) = tensors.items()
    if count < 1:
        raise ValueError(f"{what} is {count}: it must be 1 or more")
    return UniformPolicy(int(count), what == "numbers")
