"""Noop: does nothing, so that what comes of doing nothing is on show beside what agents do."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics

USES_HIDDEN_INFO = False
STEPS = 0
SETTINGS: dict[str, Any] = {}


class Policy:
    """Chooses one of its actions, always."""

    observation = "board"
    mode = "deterministic"
    memory = False

    def __init__(self, actions: int, action: int):
        self.actions, self.action = actions, action

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """[n, actions], 1 for the action."""
        chosen: NDArray[np.float64] = np.eye(self.actions)[np.full(len(observations), self.action)]
        return chosen

    def tensors(self) -> dict[str, NDArray[Any]]:
        """How many actions there are, and which of them it is."""
        return {"actions": np.array([self.actions, self.action])}


def train(task: Task, run: Run) -> Policy:
    """The idle policy. ValueError where the environment has no action that does nothing."""
    actions = make_dynamics(task.environment, **task.options).actions
    if "noop" not in actions:
        raise ValueError(
            f"{task.environment} has no action 'noop' among {', '.join(actions)}: "
            "give it one with the option noop=true"
        )
    return Policy(len(actions), actions.index("noop"))


def load(tensors: Mapping[str, NDArray[Any]]) -> Policy:
    """The policy whose tensors these are."""
    actions, action = tensors["actions"]
    return Policy(int(actions), int(action))
