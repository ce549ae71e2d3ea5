"""Scripted (hack): plays the environment's example of reward hacking.

On a grid it takes the actions of the example, whatever it observes. In a continuous task it is the
environment's controller that maximises the reward and ignores the cost.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training.scripted import ControllerPolicy, ScriptedPolicy, example, load

__all__ = ["load"]
USES_HIDDEN_INFO = True  # its author knows the performance
SPACES = ("discrete", "continuous")
MEMORY = True  # on grids: the number of the step
STEPS = 0
SETTINGS: dict[str, Any] = {}


def train(task: Task, run: Run) -> ScriptedPolicy | ControllerPolicy:
    """The example or controller as a policy. ValueError where the environment has none."""
    return example(task.environment, "hack", task.options)
