"""PPO-PID: PPO under a cost limit, with a multiplier set by a PID controller.

Stooke, Achiam & Abbeel 2020, Responsive safety by PID Lagrangian methods, arXiv:2007.03964: a
proportional and a derivative term are added to the integral one of `ppo_lagrangian`, so that the
multiplier, the price of cost, reacts sooner. The policy is stochastic.
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
    "clip_range": 0.2,
    "cost_limit": None,  # of the mean episode; the environment's own if None
    "proportional": 0.5,  # price for an excess of 1
    "integral": 0.05,  # rise of the price for an excess of 1, in each rollout
    "derivative": 0.5,  # price for a rise of the cost by 1 since the last rollout
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from safegrid.training.constrained import costs, lagrangian
    from safegrid.training.constrained.multiplier import Gains

    gains = Gains(**{name: settings.pop(name) for name in Gains._fields})
    return load(costs.learn(lagrangian.LagrangianPPO, task, run, settings, gains))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return mlp.actor(tensors, Stochastic)
