"""P3O: PPO under a cost limit, with a fixed penalty for all cost above it.

Zhang et al. 2022, Penalized proximal policy optimization for safe reinforcement learning,
arXiv:2205.11814: the penalty is exact, so that no multiplier is needed, where it is above the price
of cost at the optimum. The policy is stochastic.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import mlp
from safegrid.training.mlp import Network, Stochastic

VERSION = 1  # an excess is divided by the length of episodes, which are whole in a rollout
USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
CHECKPOINTS = True
STEPS = 400_000
SETTINGS = {
    "lanes": 32,
    "n_steps": None,  # of each lane in a rollout; the level's horizon if None
    "batch_size": 800,
    "n_epochs": 8,
    "learning_rate": 2e-3,  # at the start; falls linearly to zero
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "ent_coef": 0.01,
    "cost_limit": None,  # of the mean episode; the environment's own if None
    "margin": 0.2,  # share of the limit that is left free
    "clip_range": 0.2,
    "penalty": 20.0,  # reward for one unit of cost above the limit
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from safegrid.training.constrained import costs, first_order
    from safegrid.training.constrained.multiplier import Gains

    gains = Gains(0.0, 0.0, 0.0)
    return load(costs.learn(first_order.P3O, task, run, settings, gains))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return mlp.actor(tensors, Stochastic)
