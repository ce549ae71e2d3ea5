"""CPO: constrained policy optimisation, the best step of a trust region within a cost limit.

Achiam et al. 2017, Constrained policy optimization, arXiv:1705.10528: the price of cost is computed
anew from each rollout, so that none has to be learned; where no step of the trust region keeps the
limit, cost falls as fast as it can. The policy is stochastic. Trainings end a little above the
limit that they aim at, which is why they leave a margin.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from safegrid.engine.contract.agents import Run, Task
from safegrid.training import mlp
from safegrid.training.mlp import Network, Stochastic

VERSION = 2  # an excess is divided by the length of episodes, which are whole in a rollout
USES_HIDDEN_INFO = False
SPACES = ("discrete", "continuous")
CHECKPOINTS = True
STEPS = 400_000
SETTINGS = {
    "lanes": 32,
    "n_steps": None,  # of each lane in a rollout; the level's horizon if None
    "batch_size": 800,  # of the critics
    "n_critic_updates": 5,
    "target_kl": 0.02,  # the radius of the trust region
    "cg_max_steps": 10,  # of conjugate gradients
    "learning_rate": 2e-3,  # of the critics, at the start; falls linearly to zero
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "cost_limit": None,  # of the mean episode; the environment's own if None
    "margin": 0.2,  # share of the limit that is left free
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
