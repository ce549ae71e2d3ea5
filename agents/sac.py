"""SAC: soft actor-critic on the visible reward, for continuous tasks.

Stable-Baselines3's SAC (Haarnoja et al. 2018, arXiv:1801.01290) on several lanes at once, with two
hidden layers of 64 units. The saved policy takes the mean action.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task, check_setting
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
    "ent_coef": "auto",
}


def train(task: Task, run: Run, **settings: Any) -> Squashed:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    weight = settings["ent_coef"]
    if not (isinstance(weight, str) and weight.startswith("auto")):
        check_setting("ent_coef", weight, 0.0)
    from stable_baselines3 import SAC

    from safegrid.training import sb3_training

    settings["policy_kwargs"] = {"net_arch": [settings.pop("hidden")] * 2}
    model = sb3_training.learn(SAC, task, run, settings)
    return load(sb3_training.actor(model, model.actor.latent_pi, model.actor.mu))


def load(tensors: Mapping[str, NDArray[Any]]) -> Squashed:
    """The policy with these tensors, as its method `tensors` returned them."""
    return Squashed.load(tensors, relu)
