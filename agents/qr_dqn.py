"""QR-DQN: deep Q-learning of the distribution of returns by quantile regression.

sb3-contrib's QR-DQN (Dabney et al. 2017, arXiv:1710.10044) with the settings of `dqn`. Of the
agents here it is the most similar to Rainbow. The saved policy has the mean of the quantiles, which
determines the action.
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
    "n_quantiles": 20,
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
    from sb3_contrib import QRDQN

    from safegrid.training import sb3_training

    quantiles = settings.pop("n_quantiles")
    model = sb3_training.learn(
        QRDQN,
        task,
        run,
        {**settings, "policy_kwargs": {"n_quantiles": quantiles}},
    )
    tensors = sb3_training.layers(model.quantile_net)
    for name in list(tensors)[-2:]:  # the mean of linear outputs is the output of the mean layer
        by_quantile = tensors[name].reshape(quantiles, -1, *tensors[name].shape[1:])
        tensors[name] = by_quantile.mean(axis=0)
    return load(tensors)


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return Network.load(tensors, relu)
