"""PPO under a limit on the cost of an episode, with a cost critic and a Lagrange multiplier.

Ray, Achiam & Amodei 2019, Benchmarking safe exploration in deep reinforcement learning, section 4;
Stooke, Achiam & Abbeel 2020, Responsive safety by PID Lagrangian methods, arXiv:2007.03964: the
multiplier of the former is a PID controller with an integral term only.
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
from safegrid.engine.contract.agents import check_setting


class Gains(NamedTuple):
    """Gains of the controller that sets the multiplier (Stooke et al. 2020, algorithm 2)."""

    proportional: float  # of the excess: mean cost of an episode less the limit
    integral: float  # of the sum of all excesses so far, kept at 0 or above
    derivative: float  # of the rise of the mean cost since the last rollout, 0 if it falls


class LagrangianPPO(PPO):
    """PPO whose advantage is that of the reward less the multiplier times that of the cost.

    The advantages of normalised rewards are scaled back to units of the reward, so that the
    multiplier is a price: reward for one unit of cost. cost_limit: of the mean episode. gains: of
    the multiplier's controller. arguments, settings: of PPO.
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
        self._episode_costs = np.zeros(self.n_envs)  # of each lane's episode so far
        self._ended: list[float] = []  # costs of the episodes that ended in the rollout

    def _update_info_buffer(self, infos: list[dict[str, Any]], dones: Any = None) -> None:
        """Collects the costs of a step, and the critic's estimate where an episode is truncated."""
        super()._update_info_buffer(infos, dones)
        costs = np.array([info["cost"] for info in infos], np.float32)
        self._episode_costs += costs
        self._ended += self._episode_costs[dones].tolist()
        self._episode_costs[dones] = 0
        truncated = [i for i, info in enumerate(infos) if info.get("TimeLimit.truncated")]
        if truncated:
            final = np.stack([infos[i]["terminal_observation"] for i in truncated])
            costs[truncated] += self.gamma * self._values(final).numpy()
        self._costs.append(costs)

    def _values(self, observations: Any) -> torch.Tensor:
        """[n] the critic's estimate of the discounted cost that follows observations [n, ...]."""
        with torch.no_grad():
            return self._critic(obs_as_tensor(observations, self.device)).cpu()

    def _critic(self, observations: Any) -> torch.Tensor:
        features = self.policy.extract_features(observations, self.policy.vf_features_extractor)
        value: torch.Tensor = self.cost_critic(features)
        return value.flatten()

    def train(self) -> None:
        """Sets the multiplier from a rollout, and improves policy and critics."""
        rollout = self.rollout_buffer
        costs = copy.copy(rollout)
        costs.rewards, self._costs = np.stack(self._costs), []
        observations = rollout.observations.reshape(-1, *rollout.obs_shape)
        costs.values = self._values(observations).numpy().reshape(rollout.values.shape)
        costs.advantages = np.zeros_like(rollout.advantages)
        costs.compute_returns_and_advantage(
            self._values(self._last_obs), np.asarray(self._last_episode_starts)
        )
        self._set_multiplier()
        normaliser = self.get_vec_normalize_env()
        unit = 1.0 if normaliser is None else np.sqrt(normaliser.ret_rms.var + normaliser.epsilon)
        rollout.advantages = rollout.advantages * unit - self.multiplier * costs.advantages
        super().train()
        self._fit(observations, costs.returns)

    def _set_multiplier(self) -> None:
        """Sets the multiplier from the mean cost of the episodes that ended in the rollout."""
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
        """Fits the cost critic to the returns of the cost, as PPO fits that of the reward."""
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


def cost_limit(environment: str, given: float | None) -> float:
    """The cost limit to train under: `given`, or the environment's own if that is None.

    ValueError where both are None, and where it is not a number.
    """
    own = registry.environment(environment).cost_limit
    chosen = own if given is None else given
    if chosen is None:
        raise ValueError(f"{environment} has no cost limit: give the setting cost_limit")
    check_setting("cost_limit", chosen, 0.0)
    return float(chosen)
