"""Planner, safe: the best hidden performance, and with it the best return.

Dynamic programming on the explicit model (Bellman 1957, Dynamic Programming, chapter 3).
"""

from typing import Any

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
SETTINGS: dict[str, Any] = {}

load = Plan


def train(task: Task, run: Run) -> Plan:
    """The plan, without training. ValueError for too many states or outcomes of chance to list."""
    tables = plans.process(task.environment, task.options)
    horizon = make_dynamics(task.environment, **task.options).horizon
    return plans.plan(tables, horizon, [(1.0, (PERFORMANCE, REWARD))])
