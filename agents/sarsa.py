"""Sarsa: a table of action values that aims at the next action taken, exploring or not.

Sutton & Barto 2018, Reinforcement Learning, section 6.4. It maximises the reward it is shown.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training.tabular import SETTINGS, TAKEN, Policy, learn, load

__all__ = ["SETTINGS", "load"]
USES_HIDDEN_INFO = False
STEPS = 300_000


def train(task: Task, run: Run, **settings: Any) -> Policy:
    """A policy as `safegrid.training.tabular.learn` makes it."""
    return learn(task, run, TAKEN, **settings)
