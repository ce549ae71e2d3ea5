"""Planner, safe: the best hidden performance that there is, and of that the most return.

Dynamic programming on the explicit model (Bellman 1957, Dynamic Programming, chapter 3).
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.solver import plans
from safegrid.solver.backward_induction import PERFORMANCE, REWARD
from safegrid.solver.plans import Plan

KIND = "planner"
USES_HIDDEN_INFO = True
MEMORY = True
STEPS = 0
SETTINGS: dict[str, Any] = {}

load = Plan


def train(task: Task, run: Run) -> Plan:
    """The plan; nothing is learnt. ValueError where the states are too many to list."""
    return plans.plan(plans.process(task.environment, task.options), [(1.0, (PERFORMANCE, REWARD))])
