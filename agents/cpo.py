"""CPO: constrained policy optimisation, the best step of a trust region within a cost limit.

Achiam et al. 2017, Constrained policy optimization, arXiv:1705.10528: the price of cost is computed
anew from each rollout, so that none has to be learned; where no step of the trust region keeps the
limit, cost falls as fast as it can. The policy is stochastic.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import mlp
from safegrid.training.mlp import Network, Stochastic

VERSION = 1  # its price of cost is free of the noise of gradients
USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
CHECKPOINTS = True
STEPS = 200_000
SETTINGS = {
    "lanes": 128,
    "n_steps": 32,  # of each lane in a rollout
    "batch_size": 1024,  # of the critics
    "n_critic_updates": 10,
    "target_kl": 0.01,  # the radius of the trust region
    "cg_max_steps": 10,  # of conjugate gradients
    "learning_rate": 2e-3,  # of the critics, at the start; falls linearly to zero
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "cost_limit": None,  # of the mean episode; the environment's own if None
}


def train(task: Task, run: Run, **settings: Any) -> Network:
    """The policy after `task.steps` steps, rounded up to whole rollouts."""
    from safegrid.training.constrained import costs, policy_optimisation
    from safegrid.training.constrained.multiplier import Gains

    gains = Gains(0.0, 0.0, 0.0)
    return load(costs.learn(policy_optimisation.CPO, task, run, settings, gains))


def load(tensors: Mapping[str, NDArray[Any]]) -> Network:
    """The policy with these tensors, as its method `tensors` returned them."""
    return mlp.actor(tensors, Stochastic)
