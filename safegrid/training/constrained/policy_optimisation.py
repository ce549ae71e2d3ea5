"""Constrained policy optimization, with the trust region and the critics of TRPO.

Achiam, Held, Tamar & Abbeel 2017, Constrained policy optimization, arXiv:1705.10528.
"""

import copy
import math
from functools import partial
from typing import Any

import torch
from sb3_contrib import TRPO
from sb3_contrib.common.utils import conjugate_gradient_solver
from stable_baselines3.common.distributions import kl_divergence
from stable_baselines3.common.utils import obs_as_tensor

from safegrid.training.constrained.costs import CostCritic, parts

LEAST = 1e-8  # of a squared gradient that counts as one
FISHER_SHARE = 8  # one observation in so many is in the Fisher matrix (Schulman et al. 2015)


class CPO(CostCritic, TRPO):
    """The best step of a trust region in which the linear model of the cost is within the limit.

    The trust region is used up by every such step, so that the step is TRPO's for the advantage of
    the reward less that of the cost at the price `best_price`. The line search is TRPO's as well:
    it asks that this objective rises. Arguments as of `CostCritic`.
    """

    def train(self) -> None:
        """Sets the price of cost from a rollout, and improves policy and critics."""
        costs, rollout = self.rate_costs(), self.rollout_buffer
        excess = 0.0 if self.price.cost is None else self.price.cost - self.price.cost_limit
        excess *= self.episodes_per_step
        price = best_price(*self._products(costs), excess, self.target_kl)
        self.logger.record("train/multiplier", price)
        if price == math.inf:
            rollout.advantages[:] = -costs.advantages
        else:
            rollout.advantages -= price * costs.advantages
        super().train()
        self.fit_costs(costs, self.n_critic_updates)

    def _products(self, costs: Any) -> tuple[float, float, float]:
        """The products of the gradients of reward and cost, by the inverse of the Fisher matrix.

        Those of reward and reward, of reward and cost, and of cost and cost. The Fisher matrix is
        that of a random part of the observations, as in appendix C.1 of Schulman et al. 2015, Trust
        region policy optimization, arXiv:1502.05477: its products are most of the work.
        """
        rollout = self.rollout_buffer
        observations = rollout.observations.reshape(-1, *rollout.obs_shape)
        seen: Any = obs_as_tensor(observations, self.device)
        log_prob = self.policy.get_distribution(seen).log_prob(self.rollout_actions())
        size = max(1, len(observations) // FISHER_SHARE)
        part: Any = obs_as_tensor(observations[parts(len(observations), size)[0]], self.device)
        with torch.no_grad():
            before = copy.copy(self.policy.get_distribution(part))
        divergence = kl_divergence(self.policy.get_distribution(part), before).mean()
        gradients, solutions = [], []
        for buffer in (rollout, costs):
            advantages = torch.as_tensor(buffer.advantages.reshape(-1), device=self.device)
            objective = ((advantages - advantages.mean()) * log_prob).mean()
            parameters, gradient, slope, _ = self._compute_actor_grad(divergence, objective)
            product = partial(self.hessian_vector_product, parameters, slope)
            gradients.append(gradient)
            solutions.append(conjugate_gradient_solver(product, gradient, self.cg_max_steps))
        reward, cost = gradients
        pairs = ((reward, solutions[0]), (reward, solutions[1]), (cost, solutions[1]))
        first, mixed, last = (float(one @ other) for one, other in pairs)
        return first, mixed, last


def best_price(reward: float, mixed: float, cost: float, excess: float, radius: float) -> float:
    """The price of cost at the best step of a trust region; infinity where only cost is to fall.

    It is the multiplier of the cost in the dual of the paper's equation 11, which is minimised over
    that of the trust region (appendix 10.2).

    reward, mixed, cost: products of the gradients by the inverse of the Fisher matrix. excess: of
    the cost above its limit. radius: of the trust region, a Kullback-Leibler divergence.
    """
    if cost < LEAST or reward < LEAST:
        return math.inf if excess > 0 and cost >= LEAST else 0.0
    room = 2 * radius - excess**2 / cost
    if room <= 0:  # no step of the trust region crosses the limit
        return math.inf if excess > 0 else 0.0
    rest = max(reward - mixed**2 / cost, 0.0)
    edge = math.inf if excess == 0 else -mixed / excess  # where the price becomes 0

    def paid(scale: float) -> bool:
        return scale * excess + mixed > 0

    with_price, without = math.sqrt(rest / room), math.sqrt(reward / (2 * radius))
    with_price = with_price if paid(with_price) else edge
    without = edge if paid(without) else without
    found = []
    if 0 < with_price < math.inf:
        value = rest / with_price / 2 + with_price * room / 2 - mixed * excess / cost
        found.append((value, max(0.0, (with_price * excess + mixed) / cost)))
    if 0 < without < math.inf:
        found.append((reward / without / 2 + without * radius, 0.0))
    return min(found, default=(0.0, 0.0))[1]
