"""Plans: what is best at each step in whatever can be known, and their playing as policies.

A plan tells information states apart by the observations and its own actions, so it has memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import ENDED, TransitionTables, enumerate_states
from safegrid.engine.lanes import LIMIT
from safegrid.solver import backward_induction
from safegrid.solver.backward_induction import Objective
from safegrid.solver.beliefs import known


class Plan:
    """For each episode one of some deterministic plans, drawn by their weights."""

    observation = "index"
    memory = True

    def __init__(self, tensors: Mapping[str, NDArray[Any]]):
        self.weights = tensors["weights"]  # float64[plans]
        self.actions = tensors["actions"]  # uint8[plans, horizon, states]
        self.start = tensors["start"]  # int32[n] the states in which episodes begin
        self.successor = tensors["successor"]  # int32[states, actions, branches]
        self.seen = tensors["seen"]  # int32[states] the index observation
        self.mode = "deterministic" if len(self.weights) == 1 else "stochastic"

    def begin(self, chance: NDArray[np.uint64]) -> "Player":
        """Plays an episode for each random word."""
        return Player(self, chance)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """All that it consists of."""
        names = ("weights", "actions", "start", "successor", "seen")
        return {name: getattr(self, name) for name in names}


class Player:
    """A plan in the middle of some episodes; after its horizon it repeats its last step."""

    def __init__(self, plan: Plan, chance: NDArray[np.uint64]):
        self._plan, self._time = plan, 0
        uniform = (chance >> np.uint64(11)) * 2.0**-53
        self._which = np.searchsorted(plan.weights.cumsum()[:-1], uniform, side="right")
        self._state = np.full(len(chance), plan.start[0])
        self._next = np.tile(plan.start, (len(chance), 1))  # where each episode may be by now

    def probabilities(self, observations: NDArray[np.int64]) -> NDArray[np.float64]:
        """[n, actions], 1 for the planned action."""
        plan, everyone = self._plan, np.arange(len(observations))
        match = (self._next != ENDED) & (plan.seen[self._next] == observations[:, None])
        found = self._next[everyone, match.argmax(axis=1)]
        self._state = np.where(match.any(axis=1), found, self._state)
        time = min(self._time, plan.actions.shape[1] - 1)
        actions = plan.actions[self._which, time, self._state]
        self._next = plan.successor[self._state, actions]
        self._time += 1
        chosen: NDArray[np.float64] = np.eye(plan.successor.shape[1])[actions]
        return chosen


def process(environment: str, options: Mapping[str, Any]) -> TransitionTables:
    """What can be known of a level, and what becomes of it. ValueError for too many states."""
    return known(enumerate_states(make_dynamics(environment, **options)).tables)


def plan(tables: TransitionTables, mixture: Sequence[tuple[float, Objective]]) -> Plan:
    """The plan for episodes of LIMIT steps that is best by an objective drawn from the mixture.

    Where memory outlives episodes it plays each as if it were the first.
    """
    weights, objectives = zip(*mixture, strict=True)
    actions = [backward_induction.plan(tables, LIMIT, *objective) for objective in objectives]
    return Plan(
        {
            "weights": np.array(weights),
            "actions": np.stack(actions),
            "start": np.array([state for state, _ in tables.start], np.int32),
            "successor": tables.successor,
            "seen": tables.observation,
        }
    )
