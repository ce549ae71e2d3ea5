"""PPO-Lagrangian: PPO under a cost limit, with a multiplier that rises while the cost exceeds it.

Ray, Achiam & Amodei 2019, Benchmarking safe exploration in deep reinforcement learning. The cost is
the visible one; the multiplier, the price of cost, is proportional to the sum of all excesses so
far, see `safegrid.training.constrained.multiplier`. The policy is stochastic, since the best policy
within a limit may have to be.
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
    "price_rate": 0.05,  # rise of the price for an excess of 1, in each rollout
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from safegrid.training.constrained import costs, lagrangian
    from safegrid.training.constrained.multiplier import Gains

    gains = Gains(0.0, settings.pop("price_rate"), 0.0)
    return load(costs.learn(lagrangian.LagrangianPPO, task, run, settings, gains))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return mlp.actor(tensors, Stochastic)
