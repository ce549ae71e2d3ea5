"""Planner, limited: the best return under a limit on the expected cost, or on performance.

The optimum of a constrained decision process with one constraint mixes two deterministic plans
(Altman 1999, Constrained Markov Decision Processes, section 4.4); each episode draws one of them.
"""

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task, check_setting
from safegrid.solver import backward_induction, plans
from safegrid.solver.backward_induction import COST, PERFORMANCE
from safegrid.solver.plans import Plan

KIND = "planner"
VERSION = 1  # plans with the memory that outlives episodes
USES_HIDDEN_INFO = True
MEMORY = True
STEPS = 0
SETTINGS = {
    "cost": None,  # most expected cost of an episode; the environment's own limit if None
    "performance": None,  # least expected performance of an episode, instead of a limit on cost
}

load = Plan


def train(task: Task, run: Run, *, cost: float | None, performance: float | None) -> Plan:
    """The mixture of plans, without training.

    ValueError for two limits or none, for a limit that cannot be met, and for too many states or
    outcomes of chance to list.
    """
    for name, value in (("cost", cost), ("performance", performance)):
        if value is not None:
            check_setting(name, value, 0.0)
    if cost is not None and performance is not None:
        raise ValueError("planner_limit has two limits: set cost or performance, not both")
    constraint, limit = (COST, cost) if performance is None else (-PERFORMANCE, -performance)
    spec = registry.environment(task.environment)
    if limit is None:
        limit = spec.cost_limit
    if limit is None:
        raise ValueError(f"{task.environment} has no cost limit: set cost or performance")
    tables = plans.process(task.environment, task.options)
    mixture = backward_induction.under_limit(tables, spec.horizon, constraint, limit)
    return plans.plan(tables, spec.horizon, mixture)
