"""Uniform: takes every action with the same probability; it is the zero of normalised scores."""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.training.fixed import UniformPolicy, load

__all__ = ["load"]
USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
STEPS = 0
SETTINGS: dict[str, Any] = {}


def train(task: Task, run: Run) -> UniformPolicy:
    """The uniform policy, without training."""
    dynamics = make_dynamics(task.environment, **task.options)
    return UniformPolicy(len(dynamics.actions), dynamics.space == "continuous")
