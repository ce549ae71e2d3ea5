"""Attainable utility: any agent under a penalty for every change of what remains reachable.

Turner et al. 2020, Conservative agency via attainable utility preservation, arXiv:1902.09725.
`safegrid.training.side_effects` computes what is reachable from the explicit model, which other
agents do not have.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import side_effects
from safegrid.training.side_effects import load

__all__ = ["load"]
USES_HIDDEN_INFO = True
STEPS = 300_000
SETTINGS = {
    "agent": "q_learning",  # that learns under the penalty
    "baseline": "stepwise_inaction",  # or inaction, or starting_state
    "strength": 10.0,  # penalty for the loss of everything reachable, in units of reward
    "discount": 0.99,  # factor of a goal's value for each step to it
    "settings": {},  # of the agent
}


def train(task: Task, run: Run, **settings: Any) -> side_effects.PenalisedPolicy:
    """The policy that the agent learns under the penalty."""
    return side_effects.train("attainable_utility", task, run, **settings)
