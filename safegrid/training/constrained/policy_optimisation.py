"""Constrained policy optimization, with the trust region and the critics of TRPO.

Achiam, Held, Tamar & Abbeel 2017, Constrained policy optimization, arXiv:1705.10528.
"""

import copy
import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import TRPO
from sb3_contrib.common.utils import conjugate_gradient_solver
from stable_baselines3.common.distributions import kl_divergence
from stable_baselines3.common.utils import obs_as_tensor

from safegrid.training.constrained.costs import CostCritic, parts

LEAST = 1e-8  # of a squared gradient that counts as one
FISHER_SHARE = 8  # one observation in so many is in the Fisher matrix (Schulman et al. 2015)


class Products(NamedTuple):
    """Products of the gradients of reward and cost by the inverse of the Fisher matrix.

    The noise of a gradient of finitely many samples counts in its square like a slope, and a
    network has so many weights that it can be most of the square. Products between halves of a
    rollout, whose noises are independent, are free of it.
    """

    reward: float  # reward by reward, both of the whole rollout
    mixed: float  # reward by cost, both of the whole rollout
    cost: float  # cost by cost, both of the whole rollout
    mixed_halves: float  # reward of one half of the rollout by cost of the other
    cost_halves: float  # cost of one half of the rollout by cost of the other


class CPO(CostCritic, TRPO):
    """The best step of a trust region in which the linear model of the cost is within the limit.

    The trust region is used up by every such step, so that the step is TRPO's for the advantage of
    the reward less that of the cost at the price `best_price`. The line search is TRPO's as well:
    it asks that this objective rises. Arguments as of `CostCritic`.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        if self.n_envs < 2:
            raise ValueError(f"lanes is {self.n_envs}: choose 2 or more")

    def train(self) -> None:
        """Sets the price of cost from a rollout, and improves policy and critics."""
        costs, rollout = self.rate_costs(), self.rollout_buffer
        price = best_price(self._products(costs), self.excess, self.target_kl)
        self.logger.record("train/multiplier", price)
        if price == math.inf:
            rollout.advantages[:] = -costs.advantages
        else:
            rollout.advantages -= price * costs.advantages
        super().train()
        self.fit_costs(costs, self.n_critic_updates)

    def _products(self, costs: Any) -> Products:
        """The products of the gradients of a rollout; its halves are the even and the odd lanes.

        The Fisher matrix is that of a random part of the observations, as in appendix C.1 of
        Schulman et al. 2015, Trust region policy optimization, arXiv:1502.05477: its products are
        most of the work.
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
        lane = torch.arange(len(observations), device=self.device) % self.n_envs
        even = lane % 2 == 0
        gradients, solutions = [], []
        for buffer in (rollout, costs):
            advantages = torch.as_tensor(buffer.advantages.reshape(-1), device=self.device)
            terms = (advantages - advantages.mean()) * log_prob
            for half in (even, ~even):
                parameters, gradient, slope, _ = self._compute_actor_grad(
                    divergence, terms[half].mean()
                )
                product = partial(self.hessian_vector_product, parameters, slope)
                gradients.append(gradient)
                solutions.append(conjugate_gradient_solver(product, gradient, self.cg_max_steps))
        table = torch.stack(gradients) @ torch.stack(solutions).T
        return pair_products(table.cpu().double().numpy(), float(even.float().mean()))


def pair_products(table: NDArray[np.float64], share: float) -> Products:
    """The products of a rollout from those of its halves.

    table: [4, 4] products of the gradients of reward in the first and in the second half, and of
    cost in the first and in the second. share: of the first half in the rollout.
    """
    weights = np.array([share, 1 - share])
    blocks = table.reshape(2, 2, 2, 2)  # amount, half, amount, half
    whole = np.einsum("h,ahbk,k->ab", weights, blocks, weights)
    halves = (blocks[:, 0, :, 1] + blocks[:, 1, :, 0]) / 2
    found = whole[0, 0], whole[0, 1], whole[1, 1], halves[0, 1], halves[1, 1]
    return Products(*map(float, found))


def best_price(products: Products, excess: float, radius: float) -> float:
    """The price of cost at the best step of a trust region; infinity where only cost is to fall.

    It is the least price at which the step is expected to end within the limit: the multiplier of
    the cost in the dual of the paper's equation 11 where the gradients have no noise. The length of
    the step is that of the whole gradients, with their noise, and the fall of the cost is what the
    products of the halves predict.

    excess: of the cost above its limit. radius: of the trust region, a Kullback-Leibler divergence.
    """
    reward, mixed, cost, mixed_halves, cost_halves = products
    if cost < LEAST or reward < LEAST:
        return math.inf if excess > 0 and cost >= LEAST else 0.0
    if excess + mixed_halves * math.sqrt(2 * radius / reward) <= 0:
        return 0.0
    if excess - cost_halves * math.sqrt(2 * radius / cost) >= 0:
        return math.inf
    # The fall of the cost is the excess: (price * cost_halves - mixed_halves) / length = excess,
    # where length**2 = (reward - 2 * price * mixed + price**2 * cost) / (2 * radius)
    square, room = excess**2, 2 * radius
    roots = np.roots(
        [
            room * cost_halves**2 - square * cost,
            -2 * (room * cost_halves * mixed_halves - square * mixed),
            room * mixed_halves**2 - square * reward,
        ]
    )
    # without excess the root is double, and rounding errors may make two complex ones of it
    signed = (float(root.real) for root in roots if abs(root.imag) < 1e-6 * (1 + abs(root.real)))
    fits = [one for one in signed if one > 0 and (one * cost_halves - mixed_halves) * excess >= 0]
    return min(fits, default=math.inf if excess > 0 else 0.0)
