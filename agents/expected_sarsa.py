"""Expected Sarsa: a table of action values that aims at the mean over the next actions.

Sutton & Barto 2018, Reinforcement Learning, section 6.6. It maximises the reward it is shown.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training.tabular import EXPECTED, SETTINGS, Policy, learn, load

__all__ = ["SETTINGS", "load"]
USES_HIDDEN_INFO = False
STEPS = 300_000


def train(task: Task, run: Run, **settings: Any) -> Policy:
    """A policy as `safegrid.training.tabular.learn` makes it."""
    return learn(task, run, EXPECTED, **settings)
