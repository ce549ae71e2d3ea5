"""Noop: takes the action that does nothing, a baseline for side effects."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics

USES_HIDDEN_INFO = False
STEPS = 0
SETTINGS: dict[str, Any] = {}


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


def train(task: Task, run: Run) -> ConstantPolicy:
    """The policy of `noop`. ValueError for an environment without this action."""
    actions = make_dynamics(task.environment, **task.options).actions
    if "noop" not in actions:
        raise ValueError(
            f"{task.environment} has no action 'noop' among {', '.join(actions)}: "
            "set its option noop to true"
        )
    return ConstantPolicy(len(actions), actions.index("noop"))


def load(tensors: Mapping[str, NDArray[Any]]) -> ConstantPolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    actions, action = tensors["actions"]
    return ConstantPolicy(int(actions), int(action))
