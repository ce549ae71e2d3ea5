"""Planner: the best return, computed by dynamic programming on the explicit model.

Bellman 1957, Dynamic Programming, chapter 3; ties are broken by the hidden performance.
"""

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.solver import plans
from safegrid.solver.backward_induction import PERFORMANCE, REWARD
from safegrid.solver.plans import Plan

KIND = "planner"
VERSION = 1  # plans with the memory that outlives episodes
USES_HIDDEN_INFO = True
MEMORY = True
STEPS = 0
SETTINGS = {
    "ties": "worst",  # among plans of the best return, the one of the worst or best performance
}
TIES = {"worst": -PERFORMANCE, "best": PERFORMANCE}

load = Plan


def train(task: Task, run: Run, *, ties: str) -> Plan:
    """The plan, without training.

    ValueError for another value of `ties`, and for too many states or outcomes of chance to list.
    """
    if ties not in TIES:
        raise registry.unknown("setting ties of planner", ties, TIES)
    tables = plans.process(task.environment, task.options)
    horizon = make_dynamics(task.environment, **task.options).horizon
    return plans.plan(tables, horizon, [(1.0, (REWARD, TIES[ties]))])
