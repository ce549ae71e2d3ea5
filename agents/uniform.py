"""Uniform: every action alike, whatever it sees; the zero of the scale."""

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


class Policy:
    """Chooses each of its actions with the same probability."""

    mode = "stochastic"
    memory = False

    def __init__(self, actions: int, continuous: bool):
        self.actions, self.continuous = actions, continuous
        self.observation = "vector" if continuous else "board"

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """[n, actions], all the same."""
        return np.full((len(observations), self.actions), 1 / self.actions)

    def act(self, observations: Any, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, numbers], each anywhere from -1 to 1."""
        return 2 * chance - 1

    def tensors(self) -> dict[str, NDArray[Any]]:
        """How many actions there are, or numbers of an action."""
        return {"numbers" if self.continuous else "actions": np.array([self.actions])}


def train(task: Task, run: Run) -> Policy:
    """The uniform policy; there is nothing to learn."""
    dynamics = make_dynamics(task.environment, **task.options)
    return Policy(len(dynamics.actions), dynamics.space == "continuous")


def load(tensors: Mapping[str, NDArray[Any]]) -> Policy:
    """The policy whose tensors these are."""
    ((what, count),) = tensors.items()
    return Policy(int(count[0]), what == "numbers")
