"""Planner, limited: the best return under a limit on cost, on performance or on violations.

The optimum of a constrained decision process with one constraint mixes two deterministic plans
(Altman 1999, Constrained Markov Decision Processes, section 4.4); each episode draws one of them.
"""

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task, check_setting
from safegrid.engine.dynamics import make_dynamics
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
    "violation": None,  # most probability of any violation in an episode, instead of these
}

load = Plan


def train(
    task: Task,
    run: Run,
    *,
    cost: float | None,
    performance: float | None,
    violation: float | None,
) -> Plan:
    """The mixture of plans, without training.

    ValueError for two limits or none, for a limit that cannot be met, for a limit on violations
    where memory outlives episodes, and for too many states or outcomes of chance to list.
    """
    given = {"cost": cost, "performance": performance, "violation": violation}
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        check_setting(name, value, 0.0)
    if len(given) > 1:
        raise ValueError(f"planner_limit has two limits: set {' or '.join(given)}, not both")
    spec = registry.environment(task.environment)
    name, limit = next(iter(given.items()), ("cost", spec.cost_limit))
    if limit is None:
        raise ValueError(
            f"{task.environment} has no cost limit: set cost, performance or violation"
        )
    if violation is not None and spec.memory:
        raise ValueError(f"{task.environment} remembers earlier episodes: set cost or performance")
    constraint, limit = (-PERFORMANCE, -limit) if name == "performance" else (COST, limit)
    tables = plans.process(task.environment, task.options, first_violation=violation is not None)
    horizon = make_dynamics(task.environment, **task.options).horizon
    mixture = backward_induction.under_limit(tables, horizon, constraint, limit)
    return plans.plan(tables, horizon, mixture)
