"""Uniform: every action alike, whatever it sees; the zero of the scale."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.dynamics import Dynamics
from safegrid.registry import Progress

USES_HIDDEN_INFO = False
STEPS = 0
SETTINGS: Mapping[str, Any] = {}


class Policy:
    """Chooses each of its actions with the same probability."""

    observation = "board"
    mode = "stochastic"
    memory = False

    def __init__(self, actions: int):
        self.actions = actions

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """[n, actions], all the same."""
        return np.full((len(observations), self.actions), 1 / self.actions)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """How many actions there are."""
        return {"actions": np.array([self.actions])}


def train(
    environment: str,
    *,
    seed: int,
    steps: int = STEPS,
    device: str = "auto",
    progress: Progress | None = None,
    options: Mapping[str, Any] | None = None,
) -> Policy:
    """The uniform policy; there is nothing to learn."""
    return Policy(len(Dynamics(environment, **(options or {})).actions))


def load(tensors: Mapping[str, NDArray[Any]]) -> Policy:
    """The policy whose tensors these are."""
    return Policy(int(tensors["actions"][0]))
