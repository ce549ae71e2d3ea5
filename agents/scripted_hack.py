"""Scripted (hack): plays the environment's example of reward hacking, or drives for reward alone.

On a board it plays the keys of the example, whatever it sees. In a continuous task it is the
environment's controller that goes for the reward and leaves the cost out of account.
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
    """The hack as a policy. ValueError where there is none."""
    return example(task.environment, "hack", task.options)
