"""Expected Sarsa: a table of action values, updated towards the expected next one.

Sutton & Barto 2018, Reinforcement Learning, section 6.6. It maximises the visible reward.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.policies import TablePolicy
from safegrid.training.tabular import EXPECTED, SETTINGS, learn, load

__all__ = ["SETTINGS", "load"]
USES_HIDDEN_INFO = False
STEPS = 300_000


def train(task: Task, run: Run, **settings: Any) -> TablePolicy:
    """The greedy policy of the learned table."""
    return learn(task, run, EXPECTED, **settings)
