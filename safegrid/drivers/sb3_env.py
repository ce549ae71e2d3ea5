"""The Stable-Baselines3 driver: a VecEnv of many lanes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from safegrid.drivers.level_methods import LevelMethods
from safegrid.engine.contract.agents import Run
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Step, check_seeds, step_limit
from safegrid.engine.observations import make_encoder
from safegrid.rendering.board import THEMES, View

SUMS = {"r": "total", "l": "length", "c": "cost"}  # of an episode, by Monitor's names
Mask = Callable[[NDArray[Any]], NDArray[np.bool_]]  # observations [n, ...] -> bool[n, actions]


class LanesEnv(LevelMethods, VecEnv):
    """A VecEnv for Stable-Baselines3: an episode that ends is reset in the same step.

    info has `cost` and its kinds, float64, and at an episode's end `terminal_observation`,
    `TimeLimit.truncated` and, as of the library's Monitor, `episode` with its return `r`, length
    `l` and cost `c`.

    name: of the environment. num_envs: lanes. seed: of the first lane, lane i has seed + i; None
    for a random one. observation: its kind, or None for the default. max_episode_steps: None for
    the environment's own, -1 for no limit. run: monitor and penalty of a training, or None.
    render_mode, theme, tile_size: as of the Gymnasium drivers. options: as for `make_dynamics`,
    `level` among them. ValueError for a value that is not valid.
    """

    def __init__(
        self,
        name: str,
        num_envs: int = 1,
        seed: int | None = None,
        observation: str | None = None,
        max_episode_steps: int | None = None,
        run: Run | None = None,
        render_mode: str | None = "rgb_array",
        theme: str = THEMES[0],
        tile_size: int = 32,
        **options: Any,
    ):
        self.dynamics: Any = make_dynamics(name, **options)
        self._view = View(self.dynamics, render_mode, theme, tile_size)
        self.render_mode = render_mode
        self._encoder = make_encoder(self.dynamics, observation)
        limit = step_limit(self.dynamics, max_episode_steps)
        self._lanes = (run or Run()).lanes(self.dynamics, num_envs, "same_step", limit)
        self._training = run is not None
        self._actions: NDArray[Any] | None = None
        self._faced: NDArray[Any] | None = None  # the actions of the last step, for pictures
        self._ended: NDArray[np.bool_] | bool = False  # where it ended an episode
        self._begun = False
        self.mask: Mask | None = None
        if seed is not None:
            check_seeds(range(seed, seed + num_envs) if isinstance(seed, int) else [seed])
        super().__init__(num_envs, self._encoder.space, self.dynamics.action_space)
        self.seed(seed)

    @property
    def performance(self) -> NDArray[np.float64]:
        """float64[num_envs]: of each lane's episode so far; of the ended one on its last step.

        AttributeError in a training, whose agent must not see it.
        """
        if self._training:
            raise AttributeError("performance is hidden in a training: evaluate the policy instead")
        return self._lanes.performance.copy()

    def reset(self) -> Any:
        """Begins an episode in every lane; returns the observations [num_envs, ...].

        Seeded at the first call, and if `seed` was called since the last one. ValueError for a seed
        out of range.
        """
        seeded = self._seeds[0] is not None or not self._begun
        seeds = check_seeds(self._seeds) if seeded else None
        self._begun = True
        self._reset_seeds()
        self._reset_options()
        boards = self._lanes.reset(seeds)
        self.reset_infos = self._infos()
        self._show(None)
        return self._encoder(boards)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keeps the actions [num_envs, ...] for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every lane with the actions of `step_async`.

        Returns observations [num_envs, ...], rewards float32[num_envs], dones bool[num_envs] and a
        list of infos. RuntimeError before a reset; ValueError for actions that are not valid.
        """
        self._check_begun("step")
        step = self._lanes.step(self._actions)
        infos = self._infos(step)
        dones = step.terminated | step.truncated
        if step.final is not None:
            ended = np.flatnonzero(dones)
            final = self._encoder(step.final[ended])
            records, truncated = self._lanes.records, step.truncated & ~step.terminated
            for i, observation in zip(ended.tolist(), final, strict=True):
                sums = {key: records[name][i] for key, name in SUMS.items()}
                infos[i]["terminal_observation"] = observation
                infos[i]["TimeLimit.truncated"] = bool(truncated[i])
                infos[i]["episode"] = {key: value.item() for key, value in sums.items()}
        self._show(self._actions, dones)
        return self._encoder(step.boards), step.reward.astype(np.float32), dones, infos

    def rejoin(self, run: Run) -> None:
        """Continues a training from a checkpoint: `run` has the log that continues."""
        self._lanes.rejoin(run.monitor)

    def close(self) -> None:
        """Closes the window of "human"."""
        self._view.close()

    def render(self, mode: str | None = None) -> Any:
        """One image of all lanes ("rgb_array"), a list of texts ("ansi"), or None ("human").

        mode: as of the library: "human" also shows an "rgb_array". RuntimeError before a reset.
        """
        self._check_begun("render")
        return self._drawn() if self.render_mode == "ansi" else super().render(mode)

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """An image uint8[height, width, 3] of each lane; None without "rgb_array"."""
        self._check_begun("get_images")
        return self._drawn() if self.render_mode == "rgb_array" else [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of each lane of `indices`: its own `performance`, others are of all lanes.

        AttributeError for one that does not exist, and for `performance` in a training.
        """
        value = getattr(self, attr_name)
        own = attr_name == "performance"
        return [value[i] if own else value for i in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Always a NotImplementedError: lanes have no attributes of their own."""
        raise NotImplementedError("the lanes of a SafeGrid VecEnv have no attributes of their own")

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """The result of a method for each lane of `indices`.

        method_name: `action_masks`, which MaskablePPO calls, bool[actions] of a lane; or `render`,
        its image or text, or None in a window. NotImplementedError for any other method: lanes have
        no methods of their own.
        """
        indices = list(self._get_indices(indices))
        if method_name == "action_masks":
            masks = self.action_masks()
            return [masks[i] for i in indices]
        if method_name == "render":
            self._check_begun("render")
            drawn = self._drawn()
            return [drawn[i] for i in indices]
        raise NotImplementedError("the lanes of a SafeGrid VecEnv have no methods of their own")

    def action_masks(self) -> NDArray[np.bool_]:
        """bool[num_envs, actions]: the actions that `mask` allows; all where it is None.

        ValueError for a continuous task.
        """
        if self.mask is None:
            return np.tile(super().action_masks(), (self.num_envs, 1))
        return self.mask(self._encoder(self._lanes.boards()))

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """True for the library's Monitor, whose infos the lanes have; False for any other class."""
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def _infos(self, step: Step | None = None) -> list[dict[str, Any]]:
        """A dictionary of the costs for each lane, after a step or a reset."""
        costs = self._lanes.costs(step)
        infos: list[dict[str, Any]] = [{"cost": cost} for cost in costs.pop("cost")]
        for name, values in costs.items():
            for info, value in zip(infos, values, strict=True):
                info[name] = value
        return infos

    def _show(self, actions: Any, ended: NDArray[np.bool_] | bool = False) -> None:
        """Keeps what a picture needs of the last step; a window shows it at once."""
        self._faced, self._ended = None if actions is None else np.array(actions), ended
        if self.render_mode == "human":
            self._view.update(self._lanes.drawable(), self._faced, self._ended)

    def _drawn(self) -> list[Any]:
        """The image or the text of each lane, None in a window."""
        if self.render_mode in (None, "human"):
            return [None] * self.num_envs
        self._view.update(self._lanes.drawable(), self._faced, self._ended)
        return list(self._view.frames())

    def _check_begun(self, method: str) -> None:
        if not self._begun:
            raise RuntimeError(f"{method}() before reset(): call reset() first")


class RevealVecEnv(VecEnvWrapper):
    """A VecEnv whose infos have the hidden "performance" of each episode so far."""

    def reset(self) -> Any:
        """The environment's reset; `reset_infos` have "performance", which is 0."""
        observations = self.venv.reset()
        self.reset_infos = [{**info, "performance": 0.0} for info in self.venv.reset_infos]
        return observations

    def step_wait(self) -> VecEnvStepReturn:
        """The environment's step, with info["performance"] of each lane."""
        observations, rewards, dones, infos = self.venv.step_wait()
        for info, performance in zip(infos, self.unwrapped.performance.tolist(), strict=True):  # type: ignore[attr-defined]
            info["performance"] = performance
        return observations, rewards, dones, infos


make = LanesEnv
