"""TD3: twin delayed deep deterministic policy gradient, for continuous tasks.

Stable-Baselines3's TD3 (Fujimoto et al. 2018, arXiv:1802.09477) on several lanes at once, with two
hidden layers of 64 units, and normal noise on its actions in training.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.training.mlp import Squashed, relu

USES_HIDDEN_INFO = False
SPACES = ("continuous",)
CHECKPOINTS = True
STEPS = 200_000
SETTINGS = {
    "lanes": 16,
    "buffer_size": 200_000,
    "learning_starts": 5_000,
    "train_freq": 1,  # steps of all lanes between updates
    "gradient_steps": 4,
    "batch_size": 256,
    "learning_rate": 1e-3,  # at the start; falls linearly to zero
    "gamma": 0.99,
    "tau": 0.005,
    "hidden": 64,  # units of each of two layers
    "noise": 0.1,  # standard deviation of the noise on actions in training
}


def train(task: Task, run: Run, **settings: Any) -> Squashed:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    import numpy as np
    from stable_baselines3 import TD3
    from stable_baselines3.common.noise import NormalActionNoise

    from safegrid.training import sb3_training

    settings["policy_kwargs"] = {"net_arch": [settings.pop("hidden")] * 2}
    actions = make_dynamics(task.environment, **task.options).actions
    spread = np.full(len(actions), settings.pop("noise"))
    settings["action_noise"] = NormalActionNoise(np.zeros_like(spread), spread)
    model = sb3_training.learn(TD3, task, run, settings)
    return load(sb3_training.actor(model, model.actor.mu))


def load(tensors: Mapping[str, NDArray[Any]]) -> Squashed:
    """The policy with these tensors, as its method `tensors` returned them."""
    return Squashed.load(tensors, relu)
