"""PPO and TRPO under a limit on the cost of an episode, with a Lagrange multiplier.

Ray, Achiam & Amodei 2019, Benchmarking safe exploration in deep reinforcement learning, section 4;
the multiplier is that of `multiplier`.
"""

from sb3_contrib import TRPO
from stable_baselines3 import PPO

from safegrid.training.constrained.costs import CostCritic


class Lagrangian(CostCritic):
    """The advantage is that of the reward less the multiplier times that of the cost."""

    n_epochs: int  # of PPO

    def train(self) -> None:
        """Sets the multiplier from a rollout, and improves policy and critics."""
        costs = self.rate_costs()
        self.rollout_buffer.advantages -= self.price.price * costs.advantages
        super().train()
        self.fit_costs(costs, getattr(self, "n_critic_updates", None) or self.n_epochs)


class LagrangianPPO(Lagrangian, PPO):
    """PPO under a limit on the cost of an episode; arguments as of `CostCritic`."""


class LagrangianTRPO(Lagrangian, TRPO):
    """TRPO under a limit on the cost of an episode; arguments as of `CostCritic`."""
