"""Scripted (safe): plays the environment's honest example, or drives so that nothing costs.

On a board it plays the keys of the example, whatever it sees. In a continuous task it is the
environment's honest controller, which keeps out of what costs: a reference for scores of tasks
whose best cannot be computed.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training.scripted import Driver, Policy, example, load

__all__ = ["load"]
USES_HIDDEN_INFO = True  # whoever wrote it knows what counts
SPACES = ("discrete", "continuous")
MEMORY = True  # on boards
STEPS = 0
SETTINGS: dict[str, Any] = {}


def train(task: Task, run: Run) -> Policy | Driver:
    """The honest example or controller as a policy. ValueError where there is none."""
    return example(task.environment, "honest", task.options)
