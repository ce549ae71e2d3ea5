"""Wrappers of environments: Reveal adds the hidden performance, SixTuple steps as elsewhere."""

from typing import TYPE_CHECKING, Any, SupportsFloat, cast

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

if TYPE_CHECKING:
    _VectorWrapper = VectorWrapper[Any, Any, Any, Any, Any]
else:  # Gymnasium's is not generic before 1.4
    _VectorWrapper = VectorWrapper


class RevealSingle(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A single environment whose info has the hidden "performance" of the episode so far."""

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
        """The environment's reset, with info["performance"]."""
        observation, info = self.env.reset(**keywords)
        return observation, {**info, "performance": cast(Any, self.unwrapped).performance}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """The environment's step, with info["performance"]."""
        *rest, info = self.env.step(action)
        return (*rest, {**info, "performance": cast(Any, self.unwrapped).performance})  # type: ignore[return-value]


class RevealVector(_VectorWrapper):
    """A vector of environments whose info has the hidden "performance" of each episode so far."""

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:  # type: ignore[override]
        """The environment's reset, with info["performance"]."""
        observations, info = self.env.reset(**keywords)
        self._reveal(info, info["_cost"])
        return observations, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """The environment's step, with info["performance"], of ended episodes in "final_info"."""
        *rest, info = self.env.step(actions)
        ended = info.get("_final_info", np.zeros(self.num_envs, np.bool_))
        if ended.any():
            self._reveal(info["final_info"], ended)
        self._reveal(info, info["_cost"], ~ended)
        return (*rest, info)  # type: ignore[return-value]

    def _reveal(self, info: dict[str, Any], mask: NDArray[np.bool_], begun: Any = True) -> None:
        """Adds the performance where the mask is True and the episode has not just begun."""
        performance = cast(Any, self.unwrapped).performance
        info["performance"] = np.where(mask & begun, performance, 0.0)
        info["_performance"] = mask.copy()


def Reveal(env: Any) -> Any:
    """The environment with its hidden performance in info["performance"], for debugging only.

    Agents must not train on it. env: a single or vector environment of Gymnasium, or a VecEnv of
    Stable-Baselines3. ValueError for anything else.
    """
    if isinstance(env, gymnasium.Env):
        return RevealSingle(env)
    if isinstance(env, VectorEnv):
        return RevealVector(env)
    from stable_baselines3.common.vec_env import VecEnv

    from safegrid.drivers import sb3_env

    if isinstance(env, VecEnv):
        return sb3_env.RevealVecEnv(env)
    raise ValueError(f"{env!r} is not an environment of Gymnasium or Stable-Baselines3")


class SixTupleSingle(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A single environment whose step returns six values."""

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:
        """The environment's reset, with info["cost_sum"], which is 0."""
        observation, info = self.env.reset(**keywords)
        return observation, {**info, "cost_sum": info["cost"]}

    def step(self, action: Any) -> Any:
        """One step: observation, reward, cost, terminated, truncated, info with `cost_sum`."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        cost = info["cost"]
        return observation, reward, cost, terminated, truncated, {**info, "cost_sum": cost}


class SixTupleVector(_VectorWrapper):
    """A vector of environments whose step returns six values."""

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:  # type: ignore[override]
        """The environment's reset, with info["cost_sum"], all 0."""
        observations, info = self.env.reset(**keywords)
        return observations, _with_sum(info)

    def step(self, actions: Any) -> Any:
        """One step: observations, rewards, costs, terminated, truncated, info with `cost_sum`.

        The costs float64[num_envs] are those of the step, also where it ended an episode.
        """
        observations, rewards, terminated, truncated, info = self.env.step(actions)
        costs = info["cost"].copy()
        if "final_info" in info:
            final = info["final_info"] = _with_sum(info["final_info"])
            costs = np.where(info["_final_info"], final["cost"], costs)
        return observations, rewards, costs, terminated, truncated, _with_sum(info)


def _with_sum(info: dict[str, Any]) -> dict[str, Any]:
    return {**info, "cost_sum": info["cost"].copy(), "_cost_sum": info["_cost"].copy()}


def SixTuple(env: Any) -> Any:
    """The environment with the steps of Safety-Gymnasium, for code that was written for it.

    `step` returns six values; info also has `cost_sum`, as there. env: a single or vector
    environment of Gymnasium. ValueError for anything else.
    """
    if isinstance(env, gymnasium.Env):
        return SixTupleSingle(env)
    if isinstance(env, VectorEnv):
        return SixTupleVector(env)
    raise ValueError(f"{env!r} is not an environment of Gymnasium")
