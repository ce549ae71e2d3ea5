"""Advantages of cost for the on-policy algorithms of Stable-Baselines3 and sb3-contrib.

Ray, Achiam & Amodei 2019, Benchmarking safe exploration in deep reinforcement learning, section 4:
a second critic estimates the discounted cost that follows an observation, and generalised advantage
estimation gives the advantages of cost as it does those of the reward.
"""

import copy
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.utils import obs_as_tensor

from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.training import sb3_training
from safegrid.training.constrained import multiplier
from safegrid.training.constrained.multiplier import Gains, Multiplier

if TYPE_CHECKING:
    Algorithm = OnPolicyAlgorithm
else:
    Algorithm = object


class CostCritic(Algorithm):
    """What an on-policy algorithm needs to keep a limit on the cost of an episode.

    Put it before an algorithm of the library among the bases of a class, whose `train` begins with
    `rate_costs` and ends with `fit_costs`. cost_limit: of the mean episode. gains: of the
    controller of the multiplier. arguments, settings: of the algorithm.
    """

    batch_size: int  # of the algorithm

    def __init__(self, *arguments: Any, cost_limit: float, gains: Gains, **settings: Any):
        self.price = Multiplier(cost_limit, gains)
        with warnings.catch_warnings():  # whole episodes need not be a multiple of a minibatch
            warnings.filterwarnings("ignore", "You have specified a mini-batch size", UserWarning)
            super().__init__(*arguments, **settings)

    def _setup_model(self) -> None:
        super()._setup_model()
        layers = create_mlp(self.policy.features_dim, 1, [64, 64], torch.nn.Tanh)
        self.cost_critic = torch.nn.Sequential(*layers).to(self.device)
        self.cost_optimizer = torch.optim.Adam(self.cost_critic.parameters())
        self._length = 1.0  # of the mean episode of the last rollout in which one ended
        self._costs: list[NDArray[np.float32]] = []  # of each step of the rollout
        self._episodes = np.zeros((2, self.n_envs))  # cost and length of each lane's, so far
        self._ended: list[list[float]] = []  # those of the episodes that ended in the rollout

    def _update_info_buffer(self, infos: list[dict[str, Any]], dones: Any = None) -> None:
        """Collects the costs of a step, and the critic's estimate where an episode is truncated."""
        super()._update_info_buffer(infos, dones)
        costs = np.array([info["cost"] for info in infos], np.float32)
        self._episodes += costs, np.ones_like(costs)
        self._ended += self._episodes[:, dones].T.tolist()
        self._episodes[:, dones] = 0
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

    def rollout_actions(self) -> torch.Tensor:
        """The actions of all steps of the rollout [n, ...], before its arrays are shuffled."""
        taken = self.rollout_buffer.actions
        actions = torch.as_tensor(taken.reshape(-1, *taken.shape[2:]), device=self.device)
        discrete = isinstance(self.action_space, spaces.Discrete)
        return actions.long().flatten() if discrete else actions

    def rate_costs(self) -> Any:
        """The rollout's buffer with costs in place of rewards, and their advantages and returns.

        It also sets the multiplier, and scales the advantages of normalised rewards back to units
        of the reward, so that the multiplier is a price: reward for one unit of cost.
        """
        rollout = self.rollout_buffer
        costs = copy.copy(rollout)
        costs.rewards, self._costs = np.stack(self._costs), []
        observations = rollout.observations.reshape(-1, *rollout.obs_shape)
        costs.values = self._values(observations).numpy().reshape(rollout.values.shape)
        costs.advantages = np.zeros_like(rollout.advantages)
        costs.compute_returns_and_advantage(
            self._values(self._last_obs), np.asarray(self._last_episode_starts)
        )
        if self._ended:
            ended, lengths = np.transpose(self._ended)
            self.price.update(ended)
            self._length, self._ended = float(lengths.mean()), []
        self.logger.record("train/multiplier", self.price.price)
        self.logger.record("train/episode_cost", self.price.cost)
        normaliser = self.get_vec_normalize_env()
        if normaliser is not None:
            rollout.advantages *= np.sqrt(normaliser.ret_rms.var + normaliser.epsilon)
        return costs

    @property
    def excess(self) -> float:
        """The mean cost above the limit, for each step of an episode."""
        cost = self.price.cost
        return 0.0 if cost is None else (cost - self.price.cost_limit) / self._length

    def fit_costs(self, costs: Any, epochs: int) -> None:
        """Fits the cost critic to the returns of the cost, as PPO fits that of the reward.

        costs: of `rate_costs`. epochs: passes over the rollout.
        """
        self._update_learning_rate(self.cost_optimizer)
        observations = costs.observations.reshape(-1, *costs.obs_shape)
        targets = torch.as_tensor(costs.returns.reshape(-1), device=self.device)
        for _ in range(epochs):
            for part in parts(len(targets), self.batch_size):
                values = self._critic(obs_as_tensor(observations[part], self.device))
                loss = torch.nn.functional.mse_loss(values, targets[part])
                self.cost_optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self.cost_optimizer.step()


def learn(
    algorithm: Any, task: Task, run: Run, settings: Mapping[str, Any], gains: Gains
) -> dict[str, NDArray[Any]]:
    """The tensors of a policy that an algorithm learns under a limit, for `mlp.actor`.

    algorithm: a subclass of CostCritic. task, run: those of the agent's `train`. settings: of the
    algorithm, and: `cost_limit`, which may be None; `n_steps`, where None stands for the level's
    horizon; optionally `margin`, the share of the limit that is left free. gains: of the controller
    of the multiplier. ValueError for a margin that is not in [0, 1), and as `sb3_training.learn`
    and `multiplier.cost_limit`.
    """
    limit = multiplier.cost_limit(task.environment, settings["cost_limit"])
    given = {"margin": 0.0, **settings, "gains": gains}
    if not 0 <= (margin := given.pop("margin")) < 1:
        raise ValueError(f"margin is {margin}: choose a number from 0 to less than 1")
    given["cost_limit"] = (1 - margin) * limit
    if given["n_steps"] is None:
        given["n_steps"] = make_dynamics(task.environment, **task.options).horizon
    return sb3_training.actor(sb3_training.learn(algorithm, task, run, given))


def parts(count: int, size: int) -> list[NDArray[np.int64]]:
    """The numbers below `count` in random order, in parts of about `size`."""
    return np.array_split(np.random.permutation(count), max(1, count // size))
