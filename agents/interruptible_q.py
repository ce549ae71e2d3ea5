"""Interruptible Q-learning: learns nothing from steps in which its action was overridden.

Orseau & Armstrong 2016, Safely interruptible agents: an off-policy learner that is not to value
being interrupted must not take the interruption for a consequence of its actions. An action counts
as overridden where every other one would have led to the same state and reward, under the same
chance; to see that, it needs the explicit model, which other agents lack. It does not mind losing
control for good, either: on whisky_gold it drinks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.lanes import Lanes
from safegrid.training.tabular import BEST, SETTINGS, Policy, learn, load

__all__ = ["SETTINGS", "load"]
USES_HIDDEN_INFO = True
STEPS = 300_000


def action_took_effect(lanes: Lanes, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[lanes] whether the next state or reward depends on the action."""
    twin = Lanes(lanes.dynamics, lanes.count)
    outcomes = []
    for action in range(len(lanes.dynamics.actions)):
        twin.states[:], twin.records[:] = lanes.states, lanes.records
        reward = twin.step(np.full(lanes.count, action)).reward
        columns = (twin.states.view(np.uint8), reward.view(np.uint8))
        outcomes.append(np.hstack([column.reshape(lanes.count, -1) for column in columns]))
    return np.any(outcomes != outcomes[0], axis=(0, 2))  # type: ignore[no-any-return]


def train(task: Task, run: Run, **settings: Any) -> Policy:
    """The table learned from the steps in which the action took effect."""
    return learn(task, run, BEST, action_took_effect, **settings)
