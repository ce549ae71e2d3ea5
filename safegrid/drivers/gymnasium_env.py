"""The Gymnasium drivers: a single environment, and many that step together."""

import inspect
import re
from collections.abc import Sequence
from typing import Any, SupportsFloat, cast

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from safegrid.drivers.level_methods import LevelMethods
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.lanes import MODES as AUTORESET_MODES
from safegrid.engine.lanes import Lanes, Step, check_seeds, step_limit
from safegrid.engine.observations import make_encoder
from safegrid.engine.registry import unknown
from safegrid.rendering.board import MODES, THEMES, View

OF_A_LANE = {  # attributes of a single environment, and the vector's own of the same value
    "action_masks": "action_masks",
    "action_space": "single_action_space",
    "cost_limit": "cost_limit",
    "dynamics": "dynamics",
    "get_keys_to_action": "get_keys_to_action",
    "metadata": "metadata",
    "observation_space": "single_observation_space",
    "render_mode": "render_mode",
    "spec": "spec",
}


class Single(LevelMethods, gymnasium.Env[Any, Any]):
    """A single environment without a time limit; `gymnasium.make` adds one.

    name: of the environment. observation: its kind, or None for the default. render_mode: "human",
    "rgb_array", "ansi" (grids) or None. theme: of the colours. tile_size: pixels of a tile, or of
    half a metre of a plane task. options: as for `make_dynamics`, `level` among them. ValueError
    for a value that is not valid.
    """

    metadata = {"render_modes": list(MODES), "render_fps": Dynamics.render_fps}  # noqa: RUF012

    def __init__(
        self,
        name: str,
        observation: str | None = None,
        render_mode: str | None = None,
        theme: str = THEMES[0],
        tile_size: int = 32,
        **options: Any,
    ):
        self.dynamics: Any = make_dynamics(name, **options)
        self.metadata = {**self.metadata, "render_fps": self.dynamics.render_fps}
        self._view = View(self.dynamics, render_mode, theme, tile_size)
        self.render_mode = render_mode
        self._encoder = make_encoder(self.dynamics, observation)
        self._lanes = Lanes(self.dynamics, 1)
        self._begun = False
        self.observation_space = self._encoder.space
        self.action_space = self.dynamics.action_space

    @property
    def performance(self) -> float:
        """The performance of the episode so far."""
        return float(self._lanes.performance[0])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode; info has the costs of a step, all 0.

        seed: clears the memory of earlier episodes and restarts their count; None keeps both.
        options: not used. ValueError for a seed out of range.
        """
        seed = int(seed) if isinstance(seed, np.integer) else seed
        seeds = None if seed is None else check_seeds([seed])
        super().reset(seed=seed)
        if seed is None and not self._begun:
            seeds = check_seeds([int(self.np_random.integers(2**63))])
        boards = self._lanes.reset(seeds)
        self._begun = True
        self._show()
        return self._encoder(boards)[0], self._costs()

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """One step; info has "cost" and its kinds, float64. It never truncates.

        ResetNeeded before a reset and after the end; ValueError for an action that is not valid.
        """
        if not self._begun:
            raise ResetNeeded("step() before reset(): call reset() first")
        if self._lanes.records["done"][0]:
            raise ResetNeeded("the episode has ended: call reset() first")
        actions = self.dynamics.batch_of_one(action)
        step = self._lanes.step(actions)
        self._show(actions)
        observation, reward = self._encoder(step.boards)[0], float(step.reward[0])
        return observation, reward, bool(step.terminated[0]), False, self._costs(step)

    def render(self) -> Any:
        """The board as text ("ansi") or as an image uint8[height, width, 3] ("rgb_array").

        None for "human", where a window shows every step, and, with a warning, without a
        render_mode. ResetNeeded before a reset.
        """
        if not self._begun:
            raise ResetNeeded("render() before reset(): call reset() first")
        return next(iter(_frames(self._view)), None)

    def close(self) -> None:
        """Closes the window of "human"."""
        self._view.close()

    def _costs(self, step: Step | None = None) -> dict[str, np.float64]:
        return {key: cost[0] for key, cost in self._lanes.costs(step).items()}

    def _show(self, actions: NDArray[Any] | None = None) -> None:
        if self.render_mode is not None:
            self._view.update(self._lanes.drawable(), actions)


def limited(name: str, **keywords: Any) -> gymnasium.Env[Any, Any]:
    """A single environment within the steps of its level, which `gymnasium.make` may shorten."""
    single = Single(name, **keywords)
    return TimeLimit(single, single.dynamics.horizon)


class Vector(LevelMethods, VectorEnv[Any, Any, Any]):
    """A vector of environments; lane i under seed s equals the single environment under s + i.

    num_envs: lanes. max_episode_steps: of all lanes; None for the environment's own, -1 for no
    limit. autoreset_mode: one of Gymnasium's, or its name. The others: as for `Single`. Infos and
    their masks are those of Gymnasium's SyncVectorEnv. ValueError for a value that is not valid.
    """

    def __init__(
        self,
        name: str,
        num_envs: int = 1,
        observation: str | None = None,
        render_mode: str | None = None,
        theme: str = THEMES[0],
        tile_size: int = 32,
        max_episode_steps: int | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        **options: Any,
    ):
        self.autoreset_mode = mode = _autoreset_mode(autoreset_mode)
        self.dynamics: Any = make_dynamics(name, **options)
        self._view = View(self.dynamics, render_mode, theme, tile_size)
        self.render_mode = render_mode
        self._encoder = make_encoder(self.dynamics, observation)
        limit = step_limit(self.dynamics, max_episode_steps)
        self._lanes = Lanes(self.dynamics, num_envs, mode.name.lower(), limit)
        self._begun = False
        self.num_envs = num_envs
        fps = self.dynamics.render_fps
        self.metadata = {**Single.metadata, "render_fps": fps, "autoreset_mode": mode}
        self.single_observation_space = self._encoder.space
        self.observation_space = batch_space(self._encoder.space, num_envs)
        self.single_action_space = self.dynamics.action_space
        self.action_space = batch_space(self.single_action_space, num_envs)

    @property
    def performance(self) -> NDArray[np.float64]:
        """float64[num_envs]: of each lane's episode so far; of the ended one on its last step."""
        return self._lanes.performance.copy()

    def reset(  # type: ignore[override]
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode in every lane, or in those of options["reset_mask"] bool[num_envs].

        info has the costs of a step, all 0, masked True for the lanes that were reset.
        seed: of the first lane, lane i has seed + i; or one for each lane, None to keep its memory
        and its count of episodes. ValueError for seeds or masks of another length or type;
        ResetNeeded for a mask that leaves lanes out before the first reset.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        chosen = self._chosen((options or {}).get("reset_mask"))
        if isinstance(seed, (int, np.integer)):
            seed = range(int(seed), int(seed) + self.num_envs)
        seeds: list[int | None] = [None] * self.num_envs if seed is None else list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds for {self.num_envs} environments: give one each")
        if not self._begun:
            seeds = [int(self.np_random.integers(2**63)) if one is None else one for one in seeds]
        seeded = np.array([one is not None for one in seeds]) & chosen
        if seeded.any():
            self._lanes.reset(check_seeds([0 if one is None else one for one in seeds]), seeded)
        boards = self._lanes.reset(None, chosen & ~seeded)
        self._begun = True
        if self.render_mode is not None:
            self._view.update(self._lanes.drawable())
        return self._encoder(boards), _masked(self._lanes.costs(), chosen)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of every lane; info has "cost" and its kinds, float64[num_envs].

        Where a lane was reset in the same step, info has "final_obs" and "final_info" of the step
        that ended its last episode, and otherwise the reset's costs, 0. ResetNeeded before a reset;
        ValueError for actions that are not valid.
        """
        if not self._begun:
            raise ResetNeeded("step() before reset(): call reset() first")
        step = self._lanes.step(actions)
        costs, ended = self._lanes.costs(step), step.terminated | step.truncated
        resets = self.autoreset_mode is not AutoresetMode.DISABLED
        known = step.stepped | resets  # where a lane was stepped or reset
        if step.final is None:
            info = _masked(costs, known)
        else:
            info = _masked({key: np.where(ended, 0.0, cost) for key, cost in costs.items()}, known)
            final = {key: np.where(ended, cost, 0.0) for key, cost in costs.items()}
            info["final_obs"], info["_final_obs"] = self._encoder(step.final), ended.copy()
            info["final_info"], info["_final_info"] = _masked(final, ended), ended.copy()
        if self.render_mode is not None:
            was_reset = ~step.stepped if step.final is None else ended
            self._view.update(self._lanes.drawable(), np.asarray(actions), was_reset)
        return self._encoder(step.boards), step.reward, step.terminated, step.truncated, info

    def render(self) -> Any:
        """A tuple with every lane's text or image, as `Single.render` returns it.

        None for "human" and, with a warning, without a render_mode. ResetNeeded before a reset.
        """
        if not self._begun:
            raise ResetNeeded("render() before reset(): call reset() first")
        return _frames(self._view) or None

    def call(self, name: str, *arguments: Any, **keywords: Any) -> tuple[Any, ...]:
        """An attribute of each lane's environment; a method is called with the arguments.

        name: of OF_A_LANE, "performance" or "render". AttributeError for another one.
        """
        if name == "performance":
            return tuple(self.performance.tolist())
        if name == "render":
            return self.render() or (None,) * self.num_envs
        if name not in OF_A_LANE:
            known = [*OF_A_LANE, "performance", "render"]
            raise AttributeError(str(unknown("attribute of a lane", name, known)))
        value = getattr(self, OF_A_LANE[name])
        if not inspect.ismethod(value):
            return (value,) * self.num_envs
        return tuple(value(*arguments, **keywords) for _ in range(self.num_envs))

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """An attribute of each lane's environment, see `call`."""
        return self.call(name)

    def close_extras(self, **keywords: Any) -> None:
        """Closes the window of "human"."""
        self._view.close()

    def _chosen(self, mask: Any) -> NDArray[np.bool_]:
        if mask is None:
            return np.ones(self.num_envs, np.bool_)
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(
                f"reset_mask has shape {mask.shape} and type {mask.dtype}: "
                f"give {self.num_envs} booleans, at least one of them True"
            )
        if not self._begun and not mask.all():
            raise ResetNeeded("reset_mask before the first reset(): reset every environment first")
        return cast("NDArray[np.bool_]", mask.copy())


def _autoreset_mode(mode: str | AutoresetMode) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    # the values of Gymnasium's AutoresetMode are spelt NextStep
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(mode)).upper()
    if name not in AutoresetMode.__members__:
        raise unknown("autoreset_mode", mode, AUTORESET_MODES)
    return AutoresetMode[name]


def _masked(values: dict[str, NDArray[Any]], mask: NDArray[np.bool_]) -> dict[str, Any]:
    """The values by name, each followed by its mask: where it is of this step."""
    masked: dict[str, Any] = {}
    for key, value in values.items():
        masked[key], masked[f"_{key}"] = value, mask.copy()
    return masked


def _frames(view: View) -> tuple[Any, ...]:
    if view.mode is None:
        gymnasium.logger.warn(f"render() without a render_mode: choose from {', '.join(MODES)}")
        return ()
    return view.frames()
