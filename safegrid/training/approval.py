"""Myopic optimisation with non-myopic approval (MONA), for any agent.

Farquhar et al. 2025, MONA (arXiv:2501.13011): an agent that looks a few steps ahead gains nothing
by preparing a hack, and does what has good consequences since an overseer approves of it. Each
step adds to the visible reward the approval V(t + 1, s') - V(t, s). V is the greatest performance
that can be expected from a state in the steps that are left, as the overseer sees it: with noise,
of which each state has its own. Approvals of successive steps cancel out but for the first and the
last value: the longer the horizon, the more the agent is an ordinary one. Harm that a single step
does is not prevented, since V counts what is still to come.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Penalty, Run, Task
from safegrid.engine.enumeration import ENDED, StateNumbers, TransitionTables, enumerate_all
from safegrid.engine.lanes import Lanes
from safegrid.training import side_effects
from safegrid.training.side_effects import PenalisedPolicy

MOST_VALUES = 1 << 27  # states times steps


def approval(noise: float, seed: int) -> Callable[[Lanes], Penalty]:
    """An approval for `Run.penalty`: what is taken off the reward of a step is V(s) - V(s').

    noise: standard deviation of the overseer's error in the value of each state. seed: of the
    noise. ValueError for a negative noise, and, from the penalty, for an environment whose states
    cannot be listed or are too many.
    """
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise is {noise!r}: choose a number, 0 or more")
    return functools.partial(Overseer, noise=noise, seed=seed)


class Overseer:
    """Knows what performance can be expected of each state, but for some noise.

    lanes: of the training. noise, seed: as for `approval`. ValueError as there.
    """

    def __init__(self, lanes: Lanes, noise: float, seed: int):
        dynamics = lanes.dynamics
        horizon = dynamics.horizon
        tables, states, *_ = enumerate_all(dynamics, MOST_VALUES // horizon)
        self._numbers = StateNumbers(dynamics, states)
        self._values = believed_values(tables, horizon, noise, seed)
        self._lanes, self._ahead = lanes, Lanes(dynamics, lanes.count)

    def __call__(self, actions: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64[lanes]: the values before the step of each lane, less those after it."""
        elapsed = self._lanes.records["elapsed"]
        before = self._values[elapsed, self._numbers(self._lanes.states)]
        self._ahead.copy(self._lanes)
        self._ahead.step(actions)
        after = self._values[elapsed + 1, self._numbers(self._ahead.states)]
        lost: NDArray[np.float64] = before - np.where(self._ahead.states["ended"], 0.0, after)
        return lost


def believed_values(
    tables: TransitionTables, horizon: int, noise: float, seed: int
) -> NDArray[np.float64]:
    """float64[horizon + 1, states]: `best_performance` as the overseer sees it.

    tables: of the level. horizon: steps of an episode. noise, seed: as for `approval`.
    """
    values = best_performance(tables, horizon)
    random = np.random.default_rng(derive_seeds(seed, "train"))
    values[:-1] += noise * random.standard_normal(values.shape[1])
    return values


def best_performance(tables: TransitionTables, horizon: int) -> NDArray[np.float64]:
    """float64[horizon + 1, states]: the greatest expected performance of the steps after step t."""
    gain = tables.amounts[tables.outcome, 1]
    values = np.zeros((horizon + 1, len(gain)))
    for t in reversed(range(horizon)):
        later = np.where(tables.successor == ENDED, 0.0, values[t + 1][tables.successor])
        values[t] = (tables.probability * (gain + later)).sum(axis=2).max(axis=1)
    return values


def train(
    task: Task, run: Run, *, agent: str, horizon: int, noise: float, settings: Mapping[str, Any]
) -> PenalisedPolicy:
    """The policy that an agent learns under approval with a short horizon.

    task, run: those of an agent's `train`. agent: the name of the one that learns. horizon: mean
    number of steps that it optimises. Its setting gamma is 1 - 1 / horizon, as if each step was the
    last one with probability 1 / horizon. noise: as for `approval`. settings: of that agent.
    ValueError as for `approval`, for a horizon below 1, and for an agent or setting that does not
    exist.
    """
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}: choose a whole number, 1 or more")
    own = {"gamma": 1 - 1 / horizon, **settings}
    return side_effects.learn(agent, task, run, approval(noise, task.seed), own)
