"""Planner, current reward: the best return by the reward function of today, at each step anew.

Everitt et al. 2021, Reward tampering problems and solutions in reinforcement learning
(arXiv:1908.04734), section 4. Without foresight the agent ignores that its reward function may
change, so that it has no incentive to change it, nor to keep it. With foresight it expects its
later self to act by the reward function of then, so that it has an incentive to keep it. Ties are
broken by the hidden performance: the worst shows what an agent without incentives may do.
"""

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.solver import current_reward
from safegrid.solver.plans import Plan

KIND = "planner"
USES_HIDDEN_INFO = True
MEMORY = True
STEPS = 0
SETTINGS = {
    "foresight": False,  # whether it knows that its later self acts by its later reward function
    "ties": "best",  # among equal actions, that of the worst or best performance
}
TIES = {"worst": -1.0, "best": 1.0}

load = Plan


def train(task: Task, run: Run, *, foresight: bool, ties: str) -> Plan:
    """The plan, without training.

    ValueError for another value of `ties`, for an environment without REWARD_PARAMETERS, for hidden
    chance, and for too many states or outcomes of chance to list.
    """
    if ties not in TIES:
        raise registry.unknown("setting ties of planner_current_reward", ties, TIES)
    dynamics = make_dynamics(task.environment, **task.options)
    return current_reward.plan(dynamics, dynamics.horizon, foresight, TIES[ties])
