"""Saute: any agent under a budget of cost, which gets unsafe rewards for exceeding it.

Sootla et al. 2022, arXiv:2202.06558, see `safegrid.training.constrained.priced`. The limit is that
of every episode, not of the mean one, so that agents stay below it. In the paper the agent also
observes what is left of the budget; here policies see the observation of the environment only.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training.constrained import multiplier, priced
from safegrid.training.side_effects import PenalisedPolicy, learn, load

__all__ = ["load"]
VERSION = 1  # charges the unsafe rewards of the steps left at once
USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
STEPS = 1_000_000
SETTINGS: dict[str, Any] = {
    "agent": "q_learning",  # that learns from these rewards
    "cost_limit": None,  # of every episode; the environment's own if None
    "unsafe_reward": -0.3,  # of each step that is left when a cost exceeds the budget
    "settings": {},  # of the agent
}


def train(
    task: Task,
    run: Run,
    *,
    agent: str,
    cost_limit: float | None,
    unsafe_reward: float,
    settings: dict[str, Any],
) -> PenalisedPolicy:
    """The policy that the agent learns.

    ValueError for an agent or setting that does not exist, and as `multiplier.cost_limit`.
    """
    limit = multiplier.cost_limit(task.environment, cost_limit)
    return learn(agent, task, run, priced.budget_penalty(limit, unsafe_reward), settings)
