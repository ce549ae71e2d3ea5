"""Saute: any agent under a budget of cost, which gets an unsafe reward once it is spent.

Sootla et al. 2022, arXiv:2202.06558, see `safegrid.training.constrained.priced`. The limit
is that of every episode, not of the mean one, so that agents stay below it. In the paper the agent
also sees what is left of the budget; here policies see observations only, and the agent does not
know it.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training.constrained import multiplier, priced
from safegrid.training.side_effects import PenalisedPolicy, learn, load

__all__ = ["load"]
USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
STEPS = 1_000_000
SETTINGS: dict[str, Any] = {
    "agent": "q_learning",  # that learns from these rewards
    "cost_limit": None,  # of every episode; the environment's own if None
    "unsafe_reward": -3.0,  # of each step once the budget is spent
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
