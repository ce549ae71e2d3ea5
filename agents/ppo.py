"""PPO: proximal policy optimisation on the visible reward.

Stable-Baselines3's PPO (Schulman et al. 2017, arXiv:1707.06347) on many lanes at once, with its two
hidden layers of 64 units on one-hot boards, or on the vectors of continuous tasks, where actions
are normal. It maximises the visible reward.
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
    "n_steps": 32,  # of each lane in a rollout
    "batch_size": 1024,
    "n_epochs": 8,
    "learning_rate": 2e-3,  # at the start; falls linearly to zero
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.03,
    "clip_range": 0.2,
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from stable_baselines3 import PPO

    from safegrid.training import sb3_training

    model = sb3_training.learn(PPO, task, run, settings)
    return load(sb3_training.actor(model))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return mlp.actor(tensors, Network)
