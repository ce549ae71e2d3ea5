"""FOCOPS: a policy under a cost limit, drawn towards the best one of a trust region.

Zhang, Vuong & Ross 2020, First order constrained optimization in policy space, arXiv:2002.06506:
the best policy near the present one is known in closed form, but for a multiplier, and the network
is fitted to it. The multiplier is that of `ppo_lagrangian`. The policy is stochastic.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import mlp
from safegrid.training.mlp import Network, Stochastic

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
    "ent_coef": 0.01,
    "cost_limit": None,  # of the mean episode; the environment's own if None
    "price_rate": 0.05,  # rise of the price for an excess of 1, in each rollout
    "temperature": 1.5,  # of the best policy of the trust region
    "target_kl": 0.02,  # states where the policy has departed further have no gradient
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from safegrid.training.constrained import costs, first_order
    from safegrid.training.constrained.multiplier import Gains

    gains = Gains(0.0, settings.pop("price_rate"), 0.0)
    return load(costs.learn(first_order.FOCOPS, task, run, settings, gains))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return mlp.actor(tensors, Stochastic)
