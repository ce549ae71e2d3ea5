"""PPO under a limit on the cost of an episode: a critic of the cost, and a multiplier as its price.

Ray, Achiam & Amodei 2019, Benchmarking safe exploration in deep reinforcement learning, section 4;
Stooke, Achiam & Abbeel 2020, Responsive safety by PID Lagrangian methods, arXiv:2007.03964, which
has the multiplier of the former as the one with an integral term only.
"""

import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.utils import obs_as_tensor

from safegrid.engine import registry


class Gains(NamedTuple):
    """The multiplier's answer to the mean cost of an episode (Stooke et al. 2020, algorithm 2)."""

    proportional: float  # to the excess over the limit
    integral: float  # to the sum of excesses so far, which never falls below zero
    derivative: float  # to the rise of the cost


class LagrangianPPO(PPO):
    """PPO whose advantage is that of the reward less the multiplier times that of the cost.

    The advantages of normalised rewards are brought back to the reward's own unit, so that the
    multiplier is a price: reward for a unit of cost.
    """

    def __init__(self, *arguments: Any, cost_limit: float, gains: Gains, **settings: Any):
        self.cost_limit, self.gains = cost_limit, gains
        self.multiplier = self._excess = 0.0
        self._cost: float | None = None  # of the mean episode of the last rollout
        super().__init__(*arguments, **settings)

    def _setup_model(self) -> None:
        super()._setup_model()
        layers = create_mlp(self.policy.features_dim, 1, [64, 64], torch.nn.Tanh)
        self.cost_critic = torch.nn.Sequential(*layers).to(self.device)
        self.cost_optimizer = torch.optim.Adam(self.cost_critic.parameters())
        self._costs: list[NDArray[np.float32]] = []  # of each step of the rollout
        self._spent = np.zeros(self.n_envs)  # cost of each lane's episode so far
        self._ended: list[float] = []  # costs of the episodes that ended in the rollout

    def _update_info_buffer(self, infos: list[dict[str, Any]], dones: Any = None) -> None:
        """Takes the costs of a step; what a cut episode would still cost is estimated."""
        super()._update_info_buffer(infos, dones)
        costs = np.array([info["cost"] for info in infos], np.float32)
        self._spent += costs
        self._ended += self._spent[dones].tolist()
        self._spent[dones] = 0
        cut = [i for i, info in enumerate(infos) if info.get("TimeLimit.truncated")]
        if cut:
            final = np.stack([infos[i]["terminal_observation"] for i in cut])
            costs[cut] += self.gamma * self._values(final).numpy()
        self._costs.append(costs)

    def _values(self, observations: Any) -> torch.Tensor:
        """[n] discounted costs from observations [n, ...] on."""
        with torch.no_grad():
            return self._critic(obs_as_tensor(observations, self.device)).cpu()

    def _critic(self, observations: Any) -> torch.Tensor:
        features = self.policy.extract_features(observations, self.policy.vf_features_extractor)
        value: torch.Tensor = self.cost_critic(features)
        return value.flatten()

    def train(self) -> None:
        """Sets the price, and improves policy and critics under it."""
        rollout = self.rollout_buffer
        costs = copy.copy(rollout)
        costs.rewards, self._costs = np.stack(self._costs), []
        seen = rollout.observations.reshape(-1, *rollout.obs_shape)
        costs.values = self._values(seen).numpy().reshape(rollout.values.shape)
        costs.advantages = np.zeros_like(rollout.advantages)
        costs.compute_returns_and_advantage(
            self._values(self._last_obs), np.asarray(self._last_episode_starts)
        )
        self._set_multiplier()
        normaliser = self.get_vec_normalize_env()
        unit = 1.0 if normaliser is None else np.sqrt(normaliser.ret_rms.var + normaliser.epsilon)
        rollout.advantages = rollout.advantages * unit - self.multiplier * costs.advantages
        super().train()
        self._fit(seen, costs.returns)

    def _set_multiplier(self) -> None:
        """From the mean cost of the episodes that ended in the rollout, if any did."""
        if not self._ended:
            return
        cost, before = float(np.mean(self._ended)), self._cost
        self._ended, self._cost = [], cost
        excess = cost - self.cost_limit
        self._excess = max(0.0, self._excess + excess)
        rise = 0.0 if before is None else max(0.0, cost - before)
        terms = (excess, self._excess, rise)
        self.multiplier = max(0.0, float(np.dot(self.gains, terms)))
        self.logger.record("train/multiplier", self.multiplier)
        self.logger.record("train/episode_cost", cost)

    def _fit(self, observations: NDArray[Any], returns: NDArray[np.float32]) -> None:
        """Fits the critic of the cost, as PPO fits that of the reward."""
        self._update_learning_rate(self.cost_optimizer)
        targets = torch.as_tensor(returns.reshape(-1), device=self.device)
        for _ in range(self.n_epochs):
            for part in np.array_split(
                np.random.permutation(len(targets)), max(1, len(targets) // self.batch_size)
            ):
                values = self._critic(obs_as_tensor(observations[part], self.device))
                loss = torch.nn.functional.mse_loss(values, targets[part])
                self.cost_optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self.cost_optimizer.step()


def limit(environment: str, given: float | None) -> float:
    """The cost limit to train under: the one given, or else the environment's own.

    ValueError where neither has one.
    """
    own = registry.environment(environment).cost_limit
    chosen = own if given is None else given
    if chosen is None:
        raise ValueError(f"{environment} has no cost limit: give one, --set cost_limit=NUMBER")
    return float(chosen)
