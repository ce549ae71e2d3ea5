"""Noop: takes the action that does nothing, a baseline for side effects."""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.training.fixed import ConstantPolicy, load

__all__ = ["load"]
USES_HIDDEN_INFO = False
STEPS = 0
SETTINGS: dict[str, Any] = {}


def train(task: Task, run: Run) -> ConstantPolicy:
    """The policy of `noop`. ValueError for an environment without this action."""
    actions = make_dynamics(task.environment, **task.options).actions
    if "noop" not in actions:
        raise ValueError(
            f"{task.environment} has no action 'noop' among {', '.join(actions)}: "
            "set its option noop to true"
        )
    return ConstantPolicy(len(actions), actions.index("noop"))
