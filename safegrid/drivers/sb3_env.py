"""The Stable-Baselines3 driver: a VecEnv of many lanes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes, check_seeds
from safegrid.engine.observations import make_encoder
from safegrid.rendering.board import make_renderer

Mask = Callable[[NDArray[Any]], NDArray[np.bool_]]  # observations [n, ...] -> bool[n, actions]


class LanesEnv(VecEnv):
    """A VecEnv: episodes that step together; one that ends is reset in the same step.

    info has `cost` and its kinds, and at an episode's end `terminal_observation`,
    `TimeLimit.truncated` and, for the library's own log, `episode` with its return `r` and length
    `l`. The arguments are those of `make`. ValueError for a value that is not valid.
    """

    def __init__(
        self,
        name: str,
        num_envs: int,
        seed: int | None,
        observation: str | None,
        max_episode_steps: int,
        options: dict[str, Any],
        run: Run | None = None,
    ):
        self.dynamics: Any = make_dynamics(name, **options)
        self._encoder = make_encoder(self.dynamics, observation)
        self._lanes = Lanes(self.dynamics, num_envs, "same_step", max_episode_steps, run)
        self._actions: NDArray[Any] | None = None
        self._begun = False
        self.mask: Mask | None = None
        self.render_mode = "rgb_array"
        if seed is not None:
            check_seeds(range(seed, seed + num_envs) if isinstance(seed, int) else [seed])
        super().__init__(num_envs, self._encoder.space, self.dynamics.action_space)
        self.seed(seed)

    @property
    def performance(self) -> NDArray[np.float64]:
        """float64[num_envs]: of each lane's episode so far; of the ended one on its last step."""
        return self._lanes.performance.copy()

    def reset(self) -> Any:
        """Begins an episode in every lane; returns the observations [num_envs, ...].

        Seeded at the first call, and if `seed` was called since the last one. ValueError for a seed
        out of range.
        """
        seeded = self._seeds[0] is not None or not self._begun
        seeds = check_seeds(self._seeds) if seeded else None
        self._begun = True
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        self._boards = self._lanes.reset(seeds)
        return self._encoder(self._boards)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keeps the actions [num_envs, ...] for `step_wait`."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every lane with the actions of `step_async`.

        Returns observations [num_envs, ...], rewards float32[num_envs], dones bool[num_envs] and a
        list of infos. RuntimeError before a reset; ValueError for actions that are not valid.
        """
        if self._actions is None or not self._begun:
            raise RuntimeError("step() before reset(): call reset() first")
        step = self._lanes.step(self._actions)
        self._boards = step.boards
        infos: list[dict[str, Any]] = [{"cost": cost} for cost in step.cost.tolist()]
        for name, costs in self._lanes.breakdown(step.kinds).items():
            for info, cost in zip(infos, costs.tolist(), strict=True):
                info[name] = cost
        dones = step.terminated | step.truncated
        if step.final is not None:
            ended = np.flatnonzero(dones)
            final = self._encoder(step.final[ended])
            records, truncated = self._lanes.records, step.truncated & ~step.terminated
            for i, observation in zip(ended.tolist(), final, strict=True):
                total, length = float(records["total"][i]), int(records["length"][i])
                infos[i]["terminal_observation"] = observation
                infos[i]["TimeLimit.truncated"] = bool(truncated[i])
                infos[i]["episode"] = {"r": total, "l": length}
        return self._encoder(step.boards), step.reward.astype(np.float32), dones, infos

    def rejoin(self, run: Run) -> None:
        """Continues a training from a checkpoint: `run` has the log that continues."""
        self._lanes.rejoin(run.monitor)

    def close(self) -> None:
        """Nothing to release."""

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """An image uint8[height, width, 3] of each lane."""
        return [*map(make_renderer(self.dynamics), self._lanes.drawable(self._boards))]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of this VecEnv, repeated for each lane of `indices`."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Always a NotImplementedError: lanes have no attributes of their own."""
        raise NotImplementedError("the lanes of a SafeGrid VecEnv have no attributes of their own")

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """For `action_masks`, which MaskablePPO calls, bool[actions] of each lane.

        NotImplementedError for any other method: lanes have no methods of their own.
        """
        if method_name == "action_masks":
            return list(self.action_masks())
        raise NotImplementedError("the lanes of a SafeGrid VecEnv have no methods of their own")

    def action_masks(self) -> NDArray[np.bool_]:
        """bool[num_envs, actions]: the actions that `mask` allows; all where it is None."""
        if self.mask is None:
            return np.ones((self.num_envs, len(self.dynamics.actions)), np.bool_)
        return self.mask(self._encoder(self._boards))

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """False: no lane is wrapped."""
        return [False for _ in self._get_indices(indices)]


class RevealVecEnv(VecEnvWrapper):
    """A VecEnv whose infos have the hidden "performance" of each episode so far."""

    def reset(self) -> Any:
        """The environment's reset."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """The environment's step, with info["performance"] of each lane."""
        observations, rewards, dones, infos = self.venv.step_wait()
        for info, performance in zip(infos, self.unwrapped.performance.tolist(), strict=True):  # type: ignore[attr-defined]
            info["performance"] = performance
        return observations, rewards, dones, infos


def make(
    name: str,
    num_envs: int = 1,
    seed: int | None = None,
    observation: str | None = None,
    max_episode_steps: int | None = None,
    run: Run | None = None,
    **options: Any,
) -> LanesEnv:
    """A VecEnv for Stable-Baselines3.

    name: of the environment. num_envs: lanes. seed: of the first lane, lane i has seed + i; None
    for a random one. observation: its kind, or None for the default. max_episode_steps: None for
    the environment's own. run: monitor and penalty of a training, or None. options: as for
    `make_dynamics`, `level` among them. ValueError for a value that is not valid.
    """
    limit = registry.environment(name).horizon if max_episode_steps is None else max_episode_steps
    return LanesEnv(name, num_envs, seed, observation, limit, options, run)
