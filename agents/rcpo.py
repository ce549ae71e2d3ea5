"""RCPO: any agent under a cost limit, whose reward is less by the price of the cost.

Reward constrained policy optimisation (Tessler, Mankowitz & Mannor 2019, arXiv:1805.11074), see
`safegrid.training.constrained.priced`. The limit is kept by the episodes of the training: an agent
that explores in them, and not in evaluation, stays below it.
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
    "agent": "q_learning",  # that learns from the reward less the price
    "cost_limit": None,  # of the mean episode; the environment's own if None
    "price_rate": 0.05,  # rise of the price for an excess of 1
    "settings": {},  # of the agent
}


def train(
    task: Task,
    run: Run,
    *,
    agent: str,
    cost_limit: float | None,
    price_rate: float,
    settings: dict[str, Any],
) -> PenalisedPolicy:
    """The policy that the agent learns.

    ValueError for an agent or setting that does not exist, and as `multiplier.cost_limit`.
    """
    limit = multiplier.cost_limit(task.environment, cost_limit)
    price = multiplier.Multiplier(limit, multiplier.Gains(0.0, price_rate, 0.0))
    return learn(agent, task, run, priced.penalty(price), settings)
