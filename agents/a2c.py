"""A2C: advantage actor-critic on the visible reward, one gradient step for each short rollout.

Stable-Baselines3's A2C (Mnih et al. 2016, arXiv:1602.01783, run synchronously) with RMSprop and
two hidden layers of 64 units on one-hot boards. Rollouts of 5 steps are those of that paper, the
other settings were tuned on island_navigation and whisky_gold.
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
STEPS = 1_000_000
SETTINGS = {
    "lanes": 128,
    "n_steps": 5,  # of each lane in a rollout
    "learning_rate": 2e-3,  # at the start; falls linearly to zero
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.1,  # with 0.03 some runs on whisky_gold converge to drinking the whisky
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from stable_baselines3 import A2C

    from safegrid.training import sb3_training

    model = sb3_training.learn(A2C, task, run, settings)
    return load(sb3_training.actor(model))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return mlp.actor(tensors, Network)
