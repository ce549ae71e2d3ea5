"""Wrappers of environments: Reveal adds the hidden performance, SixTuple steps as elsewhere."""

from typing import Any, SupportsFloat, cast

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper


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


class RevealVector(VectorWrapper[Any, Any, Any, Any, Any]):
    """A vector of environments whose info has the hidden "performance" of each episode so far."""

    def reset(self, **keywords: Any) -> tuple[Any, dict[str, Any]]:  # type: ignore[override]
        """The environment's reset, with info["performance"]."""
        observations, info = self.env.reset(**keywords)
        return observations, {**info, **self._revealed()}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """The environment's step, with info["performance"]."""
        *rest, info = self.env.step(actions)
        return (*rest, {**info, **self._revealed()})  # type: ignore[return-value]

    def _revealed(self) -> dict[str, Any]:
        everywhere = np.ones(self.num_envs, np.bool_)
        return {"performance": cast(Any, self.unwrapped).performance, "_performance": everywhere}


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


class SixTuple(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment with the steps of Safety-Gymnasium, for code that was written for it.

    `step` returns six values; info also has `cost_sum`, as there.
    """

    def step(self, action: Any) -> Any:
        """One step: observation, reward, cost, terminated, truncated, info."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        cost = info["cost"]
        return observation, reward, cost, terminated, truncated, {**info, "cost_sum": cost}
