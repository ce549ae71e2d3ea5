"""One level of an environment under given options: arrays, chances and compiled functions.

Each kind of environment is a class here: GridDynamics, PlaneDynamics and ControlDynamics. All else
that differs between kinds is in the encoders of `observations` and in the renderers of `rendering`.
"""

import functools
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import DTypeLike, NDArray

from safegrid.engine import kernels, registry
from safegrid.engine.chance import SEED
from safegrid.engine.compiling import specialise
from safegrid.engine.contract.actions import as_array, check_numbered, check_vectors
from safegrid.engine.contract.environments import EnvironmentSpec
from safegrid.engine.contract.names import UnknownKeyword, plain
from safegrid.engine.gridworld import COLOURS, Map, redraw
from safegrid.engine.plane.robot import SENSORS

MOST_OPTION = 10**9  # of a task: its cube is finite, and that of 1 / MOST_OPTION is not 0
WANTED = {
    bool: "True or False",
    int: f"a whole number from 0 to {MOST_OPTION:,}",
    float: f"0 or a number from {1 / MOST_OPTION:g} to {MOST_OPTION:,}",
}
EVALUATION_MAPS = {"level_seed": 10**6, "level_count": 200}  # that scores are of
NO_ACTION = 255  # in place of a recorded action of a grid after the end of the episode


class Dynamics(ABC):
    """One level of an environment under given options, made by `make_dynamics`.

    spec: of the environment. level: its name or number. options: those that are given.
    """

    space: str  # kind of actions: "discrete" or "continuous"
    observation_kinds: tuple[str, ...]  # the first is the default
    action_type: DTypeLike  # of a recorded action
    padding: int  # in place of a recorded action after the end of an episode
    frame_stride = 1  # steps from one frame of a video to the next
    video_fps = 5  # frames a second of a video
    render_fps = 10  # steps a second in a window
    level: Any  # as the compiled functions take it
    state_type: np.dtype[Any]
    actions: tuple[str, ...]  # names: of each action, or of each number of an action
    action_space: spaces.Space[Any]
    reset_chance: Any
    step_chance: Any

    def __init__(self, spec: EnvironmentSpec, level: int | str, options: Mapping[str, Any]):
        self.spec, self.name = spec, spec.name
        self.level_name = spec.level_name(level)
        self.horizon = spec.horizon_of(self.level_name)
        self.options: dict[str, Any] = dict(options)  # without those at their default

    @functools.cached_property
    def key(self) -> tuple[str, str, str]:
        """Name, level and options (JSON): hashable, equal for equal dynamics, see `from_key`."""
        return self.name, self.level_name, json.dumps(self.options, sort_keys=True, default=float)

    @property
    def level_options(self) -> dict[str, Any]:
        """The options with the level's name among them, as agents and `make_dynamics` take them."""
        return {"level": self.level_name, **self.options}

    @property
    def evaluated(self) -> "Dynamics":
        """The level that scores are of: the EVALUATION_MAPS where maps have any seed."""
        drawn = self.spec.generates and self.reset_chance == SEED
        return self.under(**EVALUATION_MAPS) if drawn else self

    def under(self, **options: Any) -> "Dynamics":
        """The same level with more or other options; errors as of `make_dynamics`."""
        return make_dynamics(self.name, **{**self.level_options, **options})  # type: ignore[no-any-return]

    @abstractmethod
    def check_actions(self, actions: Any, count: int) -> NDArray[Any]:
        """`count` actions as the compiled loops take them. ValueError for invalid ones."""

    def batch_of_one(self, action: Any) -> NDArray[Any]:
        """One action as an array of one, not yet checked. ValueError for what is no array."""
        given, shape = as_array(action), self.action_space.shape or ()
        return given.reshape(1, *shape) if given.size == math.prod(shape) else given[None]

    @abstractmethod
    def random_actions(self, random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array of this shape of uniformly drawn actions."""

    @abstractmethod
    def contains(self, record: Any) -> bool:
        """Whether a state's numbers are possible on this level."""

    @abstractmethod
    def drawable(self, states: NDArray[Any], boards: NDArray[Any]) -> NDArray[Any]:
        """What a renderer takes: boards [n, rows, columns], or states [n] of a continuous task."""

    def compiled(self, template: Any) -> Any:
        """A loop of `kernels` with this environment's functions, compiled once in a process."""
        return _specialise(template, self.spec)

    def __reduce__(self) -> tuple[Any, ...]:
        return from_key, (self.key,)


class GridDynamics(Dynamics):
    """A level of a grid: numbered actions on a board of tiles.

    spec: of the environment. level: its name or number. map, noop, options: as for `make_dynamics`.
    """

    space = "discrete"
    observation_kinds = ("board", "planes", "rgb", "index", "text", "flat")
    action_type = np.uint8
    padding = NO_ACTION

    def __init__(
        self,
        spec: EnvironmentSpec,
        level: int | str = 0,
        map: Map | None = None,
        noop: bool = False,
        **options: Any,
    ):
        if not isinstance(noop, bool):
            raise ValueError(f"noop is {noop!r}: choose True or False")
        registry.check_options(spec.name, options)
        added = noop and "noop" not in spec.actions
        super().__init__(spec, level, {**({"noop": True} if added else {}), **options})
        drawing = redraw(spec.levels[self.level_name], map, options.get("level_seed"))
        if map is not None:
            self.options["map"] = drawing.rows
        for option, value in options.items():
            number = isinstance(value, Real) and not isinstance(value, bool)
            if isinstance(spec.options[option], float) and not (number and 0 <= value <= 1):
                raise ValueError(f"{option} is {value!r}: choose a probability, 0 to 1")
            if value == spec.options[option]:
                del self.options[option]
        self.tiles, self.state_type = spec.tiles, spec.state
        self.level = spec.encode(drawing)
        self.reset_chance, self.step_chance = (
            spec.chance(when, self.level, options) for when in ("reset", "step")
        )
        self.actions = (*spec.actions, *(["noop"] if added else []))
        self.action_space = spaces.Discrete(len(self.actions))

    @functools.cached_property
    def colours(self) -> NDArray[np.uint8]:
        """uint8[tiles, 3]: red, green and blue of each tile; all grids have COLOURS in common."""
        own = {**self.spec.colours, **COLOURS}
        return np.array([own[tile] for tile in self.tiles], np.uint8)

    def check_actions(self, actions: Any, count: int) -> NDArray[np.int64]:
        """int64[count]: the actions. ValueError for another shape or type, or no such action."""
        return check_numbered(actions, count, self.actions)

    def random_actions(self, random: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """int64 of this shape, each action equally probable."""
        return random.integers(0, len(self.actions), shape)

    def contains(self, record: Any) -> bool:
        """Whether the agent is inside the map."""
        rows, columns = self.level.board.shape
        return bool(0 <= record["row"] < rows and 0 <= record["column"] < columns)

    def drawable(self, states: NDArray[Any], boards: NDArray[Any]) -> NDArray[Any]:
        """The boards [n, rows, columns]."""
        return boards


class TaskDynamics(Dynamics):
    """A level of a continuous task: actions are numbers from -1 to 1; arguments as of Dynamics."""

    space = "continuous"
    observation_kinds = ("vector", "flat")
    padding = 0
    frame_stride = 5
    render_fps = 50
    clips: bool  # whether numbers of an action beyond -1 and 1 are clipped
    moving: str  # the state field of the positions and velocities
    unbounded: int | None  # first numbers of an observation, which have no bounds; None for all

    def __init__(self, spec: EnvironmentSpec, level: int | str = 0, **options: Any):
        if {"map", "noop"} & {key for key, value in options.items() if value not in (None, False)}:
            raise UnknownKeyword(f"{spec.name} is not a grid: it has no options map and noop")
        options = {key: v for key, v in options.items() if key not in ("map", "noop")}
        registry.check_options(spec.name, options, ())
        super().__init__(spec, level, options)
        task = spec.levels[self.level_name]
        for option, value in options.items():
            kind = type(getattr(task, option))
            valid = isinstance(value, {bool: bool, int: Integral, float: Real}[kind])
            is_mistaken = isinstance(value, bool) and kind is not bool  # True is an Integral
            fits = valid and not is_mistaken and (not value or value >= 1 / MOST_OPTION)
            if not fits or value > MOST_OPTION:
                raise ValueError(f"{option} is {value!r}: choose {WANTED[kind]}")
            if value == getattr(task, option):
                del self.options[option]
        self.task = task = task._replace(**options)
        self.level, self.state_type = self._encode(task), spec.state(task)
        self.reset_chance = self.step_chance = SEED
        self.actions = spec.actions
        self.action_space = spaces.Box(-1, 1, (len(self.actions),))
        self.action_type = (np.float32, len(self.actions))

    @abstractmethod
    def _encode(self, task: Any) -> Any:
        """The level of a task's parameters, as the compiled functions take it."""

    def check_actions(self, actions: Any, count: int) -> NDArray[np.float64]:
        """float64[count, numbers]: the actions, from -1 to 1.

        ValueError for another shape or type, for NaN and infinity, and out of range unless `clips`.
        """
        return check_vectors(actions, count, self.actions, self.clips)

    def random_actions(self, random: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """float64[*shape, numbers]: uniform numbers from -1 to 1."""
        return random.uniform(-1, 1, (*shape, len(self.actions)))

    def contains(self, record: Any) -> bool:
        """Whether all positions and velocities are finite."""
        return bool(np.isfinite(record[self.moving]).all())

    def drawable(self, states: NDArray[Any], boards: NDArray[Any]) -> NDArray[Any]:
        """The states [n]."""
        return states


class PlaneDynamics(TaskDynamics):
    """A level of a plane task, whose layouts are random; arguments as of TaskDynamics."""

    video_fps = 10  # at the task's own speed
    clips = True
    moving = "pose"
    unbounded = SENSORS

    def __init__(self, spec: EnvironmentSpec, level: int | str = 0, **options: Any):
        super().__init__(spec, level, **options)
        states = np.zeros(2 if self.options else 0, self.state_type)
        self.compiled(kernels.reset_states)(states, self.level, np.arange(len(states)))
        if np.isnan(states["pose"]).any():
            raise ValueError(
                f"the objects of {self.name} do not fit with {self.options}: choose fewer or "
                "smaller objects, or a larger area"
            )

    def _encode(self, task: Any) -> Any:
        return self.spec.arena(task)


class ControlDynamics(TaskDynamics):
    """A level of a control task, which drives a body; arguments as of TaskDynamics."""

    video_fps = 10
    clips = False
    moving = "body"
    unbounded = None

    def _encode(self, task: Any) -> Any:
        return self.spec.plant(task)


KINDS: dict[str, type[Any]] = {
    "grid": GridDynamics,
    "plane": PlaneDynamics,
    "control": ControlDynamics,
}


def make_dynamics(name: str, level: int | str = 0, **options: Any) -> Any:
    """One level of an environment under given options.

    name: of the environment. level: its name or number. options: the environment's own; of grids
    also `map` (rows of characters, as a sequence or a text of several lines, or the path of a text
    file, in place of the level's drawing) and `noop` (True adds an action that does nothing, unless
    there is one). Numbers and texts may be NumPy's. ValueError for a name, level, option or map
    that is not valid; an unknown option is also a TypeError.
    """
    spec = registry.environment(name)
    own = {key: plain(value) for key, value in options.items()}
    return KINDS[spec.kind](spec, plain(level), **own)


def from_key(key: tuple[str, str, str]) -> Any:
    """The dynamics with this `Dynamics.key`."""
    name, level, options = key
    return make_dynamics(name, level, **json.loads(options))


@functools.cache
def _specialise(template: Any, spec: EnvironmentSpec) -> Any:
    return specialise(template, spec.module)
