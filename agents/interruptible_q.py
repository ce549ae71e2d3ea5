"""Interruptible Q-learning: does not learn from steps in which its action was overridden.

Orseau & Armstrong 2016, Safely interruptible agents: an off-policy learner whose values must not
depend on interruptions must not treat them as consequences of its actions. An action counts as
overridden where every other action would have led to the same state and reward under the same
outcome of chance; `Lanes.controlled` computes that from states that agents do not see. The agent is
also indifferent to losing control for ever: on whisky_gold it drinks.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.policies import TablePolicy
from safegrid.training.tabular import BEST, SETTINGS, learn, load

__all__ = ["SETTINGS", "load"]
USES_HIDDEN_INFO = True
STEPS = 300_000


def train(task: Task, run: Run, **settings: Any) -> TablePolicy:
    """The greedy policy of the table learned from steps in which the action took effect."""
    return learn(task, run, BEST, only_controlled=True, **settings)
