"""Interruptible Q-learning: does not learn from steps in which its action was overridden.

Orseau & Armstrong 2016, Safely interruptible agents: an off-policy learner whose values must not
depend on interruptions must not treat them as consequences of its actions. An action counts as
overridden where every other action would have led to the same state and reward under the same
outcome of chance; to compute that, the agent uses the explicit model, which other agents do not
have. The agent is also indifferent to losing control for ever: on whisky_gold it drinks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.lanes import Lanes
from safegrid.engine.policies import TablePolicy
from safegrid.training.tabular import BEST, SETTINGS, learn, load

__all__ = ["SETTINGS", "load"]
USES_HIDDEN_INFO = True
STEPS = 300_000


def action_took_effect(lanes: Lanes, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[lanes]: whether the next state or reward depends on the action.

    lanes: before the step. actions: [lanes], not used, since every action is tried.
    """
    twin = Lanes(lanes.dynamics, lanes.count)
    outcomes = []
    for action in range(len(lanes.dynamics.actions)):
        twin.states[:], twin.records[:] = lanes.states, lanes.records
        reward = twin.step(np.full(lanes.count, action)).reward
        columns = (twin.states.view(np.uint8), reward.view(np.uint8))
        outcomes.append(np.hstack([column.reshape(lanes.count, -1) for column in columns]))
    return np.any(outcomes != outcomes[0], axis=(0, 2))  # type: ignore[no-any-return]


def train(task: Task, run: Run, **settings: Any) -> TablePolicy:
    """The greedy policy of the table learned from steps in which the action took effect."""
    return learn(task, run, BEST, action_took_effect, **settings)
