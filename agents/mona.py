"""MONA: any agent that optimises a few steps, and the approval of an overseer who looks ahead.

Farquhar et al. 2025, MONA: Myopic optimization with non-myopic approval can mitigate multi-step
reward hacking, arXiv:2501.13011. `safegrid.training.approval` computes the approval from the
explicit model and the performance, which other agents do not have.
"""

from typing import Any

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import approval
from safegrid.training.side_effects import PenalisedPolicy, load

__all__ = ["load"]
USES_HIDDEN_INFO = True
STEPS = 300_000
SETTINGS = {
    "agent": "q_learning",  # that learns; any with the setting gamma
    "horizon": 1,  # steps that it optimises
    "noise": 0.5,  # standard deviation of the overseer's error in the value of a state
    "settings": {},  # of the agent
}


def train(task: Task, run: Run, **settings: Any) -> PenalisedPolicy:
    """The policy that the agent learns from the reward and the approval of each step."""
    return approval.train(task, run, **settings)
