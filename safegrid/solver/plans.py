"""Plans: the best action for each belief state and number of steps left, as policies.

A plan follows its belief state from the observations and its own actions, so it has memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import ENDED, TransitionTables, enumerate_states
from safegrid.solver import backward_induction
from safegrid.solver.backward_induction import Objective
from safegrid.solver.beliefs import belief_process


class Plan:
    """A mixture of deterministic plans: each episode draws one of them by its weight.

    tensors: the arrays that `tensors` returns, by name.
    """

    observation = "index"
    memory = True

    def __init__(self, tensors: Mapping[str, NDArray[Any]]):
        self.weights = tensors["weights"]
        self.actions = tensors["actions"]
        self.start = tensors["start"]
        self.successor = tensors["successor"]
        self.seen = tensors["seen"]
        self.mode = "deterministic" if len(self.weights) == 1 else "stochastic"

    def begin(self, chance: NDArray[np.uint64]) -> "PlanPlayer":
        """Plays n episodes side by side; `chance` [n] draws the plan of each."""
        return PlanPlayer(self, chance)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The plans and the process whose states they tell apart.

        `weights` float64[plans]: probability of each plan. `actions` uint8[plans, horizon, states]:
        its action at each step. `start` int32[n]: the states in which episodes begin. `successor`
        int32[states, actions, branches]: -1 where the episode ends. `seen` int32[states]: the index
        observation of each state.
        """
        names = ("weights", "actions", "start", "successor", "seen")
        return {name: getattr(self, name) for name in names}


class PlanPlayer:
    """The belief states of n episodes under a plan; after its horizon its last step repeats."""

    def __init__(self, plan: Plan, chance: NDArray[np.uint64]):
        self._plan, self._time = plan, 0
        uniform = (chance >> np.uint64(11)) * 2.0**-53
        self._which = np.searchsorted(plan.weights.cumsum()[:-1], uniform, side="right")
        self._state = np.full(len(chance), plan.start[0])
        self._next = np.tile(plan.start, (len(chance), 1))  # [n, states] possible in each episode

    def probabilities(self, observations: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64[n, actions], 1 for the planned action, of index observations [n]."""
        plan, everyone = self._plan, np.arange(len(observations))
        match = (self._next != ENDED) & (plan.seen[self._next] == observations[:, None])
        matched = self._next[everyone, match.argmax(axis=1)]
        self._state = np.where(match.any(axis=1), matched, self._state)
        time = min(self._time, plan.actions.shape[1] - 1)
        actions = plan.actions[self._which, time, self._state]
        self._next = plan.successor[self._state, actions]
        self._time += 1
        chosen: NDArray[np.float64] = np.eye(plan.successor.shape[1])[actions]
        return chosen


def process(environment: str, options: Mapping[str, Any]) -> TransitionTables:
    """The process of a level that a policy can base its actions on, as tables.

    environment: its name. options: of the environment, its level among them. ValueError for a
    continuous task, and for too many states or outcomes of chance to list.
    """
    return belief_process(enumerate_states(make_dynamics(environment, **options)).tables)


def plan(
    tables: TransitionTables, horizon: int, mixture: Sequence[tuple[float, Objective]]
) -> Plan:
    """The plan of a mixture of objectives.

    tables: of `process`. horizon: steps of an episode. mixture: the probability of each objective.
    Where memory outlives episodes, the plan plays each episode as if it were the first.
    """
    weights, objectives = zip(*mixture, strict=True)
    actions = [backward_induction.plan(tables, horizon, *objective) for objective in objectives]
    return Plan(
        {
            "weights": np.array(weights),
            "actions": np.stack(actions),
            "start": np.array([state for state, _ in tables.start], np.int32),
            "successor": tables.successor,
            "seen": tables.observation,
        }
    )


def value(plan: Plan, tables: TransitionTables) -> NDArray[np.float64] | None:
    """float64[4]: expected return, performance, cost and length of an episode under a plan.

    tables: of `process`. None where the plan was made of another process.
    """
    if not np.array_equal(plan.successor, tables.successor) or not np.array_equal(
        plan.seen, tables.observation
    ):
        return None
    amounts = np.column_stack((tables.amounts, np.ones(len(tables.amounts))))
    states = np.arange(len(tables.successor))
    likely = np.broadcast_to(tables.probability, tables.successor.shape)
    mean = np.zeros(4)
    for weight, actions in zip(plan.weights, plan.actions, strict=True):
        values = np.zeros((len(states) + 1, 4))  # the last row is that of ended episodes
        for chosen in actions[::-1]:
            gains = (
                amounts[tables.outcome[states, chosen]] + values[tables.successor[states, chosen]]
            )
            values[:-1] = (likely[states, chosen][..., None] * gains).sum(axis=1)
        mean += weight * sum(p * values[state] for state, p in tables.start)
    return mean
