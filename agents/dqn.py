"""DQN: deep Q-learning on the visible reward, from replayed transitions.

Stable-Baselines3's DQN (Mnih et al. 2015, Nature 518, 529-533) on several lanes at once, with its
two hidden layers of 64 units on one-hot boards. experiments/tuning has the trials that chose the
number of lanes and how often the target network is updated.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.training.mlp import Network, relu

USES_HIDDEN_INFO = False
CHECKPOINTS = True
STEPS = 150_000
SETTINGS = {
    "lanes": 16,
    "buffer_size": 150_000,
    "learning_starts": 2_000,
    "train_freq": 1,  # steps of all lanes between updates
    "gradient_steps": 2,
    "batch_size": 128,
    "learning_rate": 1e-3,  # at the start; falls linearly to zero
    "gamma": 0.99,
    "target_update_interval": 2_500,  # steps
    "exploration_fraction": 0.5,  # of the training, in which exploration falls to its final value
    "exploration_final_eps": 0.05,
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from stable_baselines3 import DQN

    from safegrid.training import sb3_training

    model = sb3_training.learn(DQN, task, run, settings)
    return load(sb3_training.layers(model.q_net))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return Network.load(tensors, relu)
