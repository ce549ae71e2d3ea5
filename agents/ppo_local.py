"""PPO with a local view: proximal policy optimisation on what surrounds the agent.

Stable-Baselines3's PPO (Schulman et al. 2017, arXiv:1707.06347), for boards on which the agent and
other things are elsewhere in each episode. Its network of two hidden layers of 64 units sees the
cells around the agent, cropped as by Ye et al. 2020 (arXiv:2001.09908), and in which rows and
columns each kind of tile is. It maximises the visible reward.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.training.local_view import LocalNetwork

USES_HIDDEN_INFO = False
CHECKPOINTS = True
STEPS = 1_000_000
SETTINGS = {
    "lanes": 512,
    "n_steps": 32,  # of each lane in a rollout
    "batch_size": 2048,
    "n_epochs": 4,
    "learning_rate": 1e-3,  # at the start; falls linearly to zero
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.01,
    "clip_range": 0.2,
}


def train(task: Task, run: Run, **settings: Any) -> LocalNetwork:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from stable_baselines3 import PPO

    from safegrid.training import sb3_local_view, sb3_training

    tiles = make_dynamics(task.environment, **task.options).tiles
    network = {
        "features_extractor_class": sb3_local_view.LocalView,
        "features_extractor_kwargs": {"agent": tiles.index("A")},
    }
    model = sb3_training.learn(PPO, task, run, {**settings, "policy_kwargs": network})
    view = [tiles.index("A"), *model.observation_space.shape]
    return load({**sb3_training.actor(model), "view": np.array(view)})


def load(tensors: Mapping[str, NDArray[Any]]) -> LocalNetwork:
    """The policy with these tensors, as its method `tensors` returned them."""
    return LocalNetwork.load(tensors)
