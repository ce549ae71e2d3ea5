"""TRPO: trust region policy optimisation on the visible reward.

sb3-contrib's TRPO (Schulman et al. 2015, arXiv:1502.05477) on many lanes at once, with its two
hidden layers of 64 units on one-hot boards. The trust region has the library's default size.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import mlp
from safegrid.training.mlp import Network

USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
CHECKPOINTS = True
STEPS = 200_000
SETTINGS = {
    "lanes": 128,
    "n_steps": 16,  # of each lane in a rollout
    "batch_size": 1024,  # of the critic
    "n_critic_updates": 10,
    "target_kl": 0.01,  # the radius of the trust region
    "learning_rate": 2e-3,  # of the critic, at the start; it falls to zero in a straight line
    "gamma": 0.99,
    "gae_lambda": 0.95,
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from sb3_contrib import TRPO

    from safegrid.training import sb3_training

    model = sb3_training.learn(TRPO, task, run, settings)
    return load(sb3_training.actor(model))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return mlp.actor(tensors, Network)
