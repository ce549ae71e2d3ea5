"""First-order methods under a cost limit: FOCOPS and P3O, with the critics and rollouts of PPO."""

import copy
import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.distributions import kl_divergence
from stable_baselines3.common.utils import obs_as_tensor

from safegrid.training.constrained.costs import CostCritic, parts


class Batch(NamedTuple):
    """What the loss of a policy depends on, for n steps of a rollout."""

    ratio: Any  # [n] probability of the action under the policy, over that of the rollout
    divergence: Callable[[], Any]  # [n] of the policy from that of the rollout, see `divergence`
    reward: Any  # [n] advantage in units of the reward
    cost: Any  # [n] advantage in units of cost


def divergence(policy: Any, before: Any, observations: Any) -> torch.Tensor:
    """[n]: Kullback and Leibler's of a policy from an earlier one, at observations [n, ...]."""
    with torch.no_grad():
        old = before.get_distribution(observations)
    found = kl_divergence(policy.get_distribution(observations), old)
    return found.reshape(len(found), -1).sum(dim=1)


class FirstOrder(CostCritic, PPO):
    """Improves a policy by the gradient of the loss that a subclass defines.

    The other settings are those of PPO and of `CostCritic`.
    """

    def loss(self, batch: Batch) -> torch.Tensor:
        """The loss of the policy, without its entropy."""
        raise NotImplementedError

    def train(self) -> None:
        """Sets the multiplier from a rollout, and improves policy and critics."""
        costs, rollout = self.rate_costs(), self.rollout_buffer
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        before = copy.deepcopy(self.policy)
        arrays = (rollout.log_probs, rollout.returns, rollout.advantages, costs.advantages)
        tensors = [torch.as_tensor(array.reshape(-1), device=self.device) for array in arrays]
        actions, observations = self.rollout_actions(), rollout.observations
        observations = observations.reshape(-1, *rollout.obs_shape)
        for _ in range(self.n_epochs):
            for part in parts(len(observations), self.batch_size):
                seen = obs_as_tensor(observations[part], self.device)
                log_prob, returns, reward, cost = (tensor[part] for tensor in tensors)
                values, now, entropy = self.policy.evaluate_actions(seen, actions[part])
                apart = functools.partial(divergence, self.policy, before, seen)
                batch = Batch((now - log_prob).exp(), apart, reward, cost)
                loss = self.loss(batch)
                if entropy is not None:
                    loss = loss - self.ent_coef * entropy.mean()
                error = torch.nn.functional.mse_loss(returns, values.flatten())
                self.policy.optimizer.zero_grad()
                (loss + self.vf_coef * error).backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
                self.policy.optimizer.step()
        self.fit_costs(costs, self.n_epochs)


class FOCOPS(FirstOrder):
    """First order constrained optimization in policy space (Zhang et al. 2020, algorithm 1).

    temperature: of the optimal policy, lambda of the paper. target_kl: states where the policy has
    departed further have no gradient, delta of the paper.
    """

    def __init__(self, *arguments: Any, temperature: float, **settings: Any):
        self.temperature = temperature
        super().__init__(*arguments, **settings)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The divergence from the optimal policy of the trust region (equation 11)."""
        advantage = batch.reward - self.price.price * batch.cost
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        apart, most = batch.divergence(), cast(float, self.target_kl)
        near = (apart.detach() <= most).float()
        loss: torch.Tensor = (near * (apart - batch.ratio * advantage / self.temperature)).mean()
        return loss


class P3O(FirstOrder):
    """Penalized proximal policy optimization (Zhang et al. 2022, algorithm 1).

    penalty: reward for one unit of cost above the limit, kappa of the paper. Where the paper has
    1 - gamma, the inverse of an endless episode's effective length, this has that of the mean
    episode, since the limit is on undiscounted costs.
    """

    def __init__(self, *arguments: Any, penalty: float, **settings: Any):
        self.penalty = penalty
        super().__init__(*arguments, **settings)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The clipped objective, and the penalty where the clipped cost exceeds the limit."""
        clip: Any = self.clip_range
        width = clip(self._current_progress_remaining)
        clipped = batch.ratio.clamp(1 - width, 1 + width)
        scale = batch.reward.std() + 1e-8
        reward, cost = batch.reward - batch.reward.mean(), batch.cost - batch.cost.mean()
        gain = torch.min(batch.ratio * reward, clipped * reward).mean()
        paid = torch.max(batch.ratio * cost, clipped * cost).mean()
        loss: torch.Tensor = (self.penalty * torch.relu(paid + self.excess) - gain) / scale
        return loss
