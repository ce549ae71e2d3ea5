"""Attainable utility: any agent, charged for what it changes in what can be reached, good or bad.

Turner et al. 2020, Conservative agency via attainable utility preservation, arXiv:1902.09725.
`safegrid.training.side_effects` takes what can be reached from the explicit model, which other
agents lack.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import side_effects
from safegrid.training.side_effects import load

__all__ = ["load"]
USES_HIDDEN_INFO = True
STEPS = 300_000
SETTINGS = {
    "agent": "q_learning",  # whose reward is charged
    "baseline": "stepwise_inaction",  # or inaction, or starting_state
    "strength": 10.0,  # reward for the loss of everything that can be reached
    "discount": 0.99,  # of a goal that is a step farther away
    "settings": {},  # of the agent
}


def train(task: Task, run: Run, **settings: Any) -> side_effects.PenalisedPolicy:
    """What the agent learns under the penalty."""
    return side_effects.train("attainable_utility", task, run, **settings)
