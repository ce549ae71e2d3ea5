"""PPO with convolutions: proximal policy optimisation with a small convolutional network.

Stable-Baselines3's PPO (Schulman et al. 2017, arXiv:1707.06347) with the settings of our `ppo`, and
on the one-hot boards two convolutions of 16 filters of 3 x 3 cells before the two hidden layers of
64 units; the size of the filters and their number are those of MinAtar's networks (Young & Tian
2019, arXiv:1903.03176). It maximises the visible reward.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.training.convnet import ConvNetwork

USES_HIDDEN_INFO = False
CHECKPOINTS = True
STEPS = 200_000
SETTINGS = registry.agent("ppo").settings
CHANNELS = (16, 16)


def train(task: Task, run: Run, **settings: Any) -> ConvNetwork:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from stable_baselines3 import PPO

    from safegrid.training import sb3_convolutions, sb3_training

    network = {
        "features_extractor_class": sb3_convolutions.Convolutions,
        "features_extractor_kwargs": {"channels": CHANNELS},
    }
    model = sb3_training.learn(PPO, task, run, {**settings, "policy_kwargs": network})
    return load(sb3_convolutions.tensors(model) | sb3_training.actor(model))


def load(tensors: Mapping[str, NDArray[Any]]) -> ConvNetwork:
    """The policy with these tensors, as its method `tensors` returned them."""
    return ConvNetwork.load(tensors)
