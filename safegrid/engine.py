"""The engine: an environment with its options settled, and lanes that step under chance."""

import functools
import inspect
import itertools
import operator
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

import numba
import numpy as np
from numpy.typing import NDArray

from safegrid import loops, registry
from safegrid.loops import CERTAIN, CHOICE, INDEPENDENT, WORD
from safegrid.world import COLOURS, OUTCOME, SEED, Drawing, Independent, Level

LIMIT = 100  # steps of an episode, where nothing else is said
NO_LIMIT = 2**31 - 1
ENUMERABLE = 4096  # a chance of more outcomes is not listed
LANES_PER_THREAD = 8192
THREADS = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
MODES = {"next_step": loops.NEXT_STEP, "same_step": loops.SAME_STEP, "disabled": loops.DISABLED}

Map = str | Path | Sequence[str]


class Dynamics:
    """One level of an environment under given options: arrays, chances and compiled functions.

    `map` replaces the level's drawing: rows of characters, or the path of a text file. ValueError
    for an option, level or map that the environment cannot take.
    """

    def __init__(
        self,
        name: str,
        level: int | str = 0,
        map: Map | None = None,
        noop: bool = False,
        **options: Any,
    ):
        self.name = name
        self.environment = registry.environment(name)
        self.module = cast(ModuleType, self.environment)
        self.tiles = self.environment.TILES
        self.actions = (*self.environment.ACTIONS, *(["noop"] if noop else []))
        self.level_name = _level_name(self.environment.LEVELS, level)
        self.options: dict[str, Any] = {**({"noop": True} if noop else {}), **options}
        drawing = self.environment.LEVELS[self.level_name]
        if map is not None:
            drawing = Drawing(_rows(map), drawing.parameters)
            self.options["map"] = drawing.rows
        self.level = _encode(drawing, self.module)
        self.state_type = self.environment.STATE
        used = set[str]()
        self.reset_chance = self._chance("RESET_CHANCE", options, used)
        self.step_chance = self._chance("STEP_CHANCE", options, used)
        if unused := set(options) - used:
            allowed = {"level", "map", "noop", *_chance_options(self.module)}
            raise registry.unknown(f"option of {name}", min(unused), sorted(allowed))

    def _chance(self, key: str, options: Mapping[str, Any], used: set[str]) -> Any:
        """The distribution that the environment declares, with the user's probabilities in it."""
        declared = getattr(self.module, key, None)
        if not callable(declared):
            return declared
        parameters = inspect.signature(declared).parameters
        mine = {option: value for option, value in options.items() if option in parameters}
        used.update(mine)
        for option, value in mine.items():
            number = isinstance(value, Real) and not isinstance(value, bool)
            if isinstance(parameters[option].default, float) and not (number and 0 <= value <= 1):
                raise ValueError(f"{option} is {value!r}: choose a probability, 0 to 1")
        return declared(**mine, **({"level": self.level} if "level" in parameters else {}))

    @functools.cached_property
    def colours(self) -> NDArray[np.uint8]:
        """[tiles, 3] red, green and blue of each tile; common tiles look the same everywhere."""
        own = getattr(self.module, "COLOURS", {}) | COLOURS
        return np.array([own[tile] for tile in self.tiles], np.uint8)

    def compiled(self, template: Any) -> Any:
        """A loop that runs this environment's functions, compiled once per process."""
        return _specialise(template, self.name)


@functools.cache
def _specialise(template: Any, name: str) -> Any:
    return loops.specialise(template, cast(ModuleType, registry.environment(name)))


class Step(NamedTuple):
    """What one step of all lanes brought; fresh arrays."""

    boards: NDArray[np.uint8]  # [lanes, rows, columns]
    reward: NDArray[np.float64]
    cost: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    stepped: NDArray[np.bool_]  # False where the lane was reset or left alone instead
    final: NDArray[np.uint8] | None  # the boards of the episodes that ended and were reset at once


class Lanes:
    """Episodes of one environment side by side, each under the chance of its own seed and number.

    `mode` says what happens to a lane whose episode has ended: it is reset in the same step, in the
    next step, or left alone until `reset` chooses it ("disabled").
    """

    def __init__(
        self, dynamics: Dynamics, count: int, mode: str = "disabled", limit: int = NO_LIMIT
    ):
        if not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(
                f"the number of environments is {count!r}: choose a whole number, 1 or more"
            )
        if not isinstance(limit, (int, np.integer)) or not 1 <= limit <= NO_LIMIT:
            raise ValueError(
                f"max_episode_steps is {limit!r}: choose a whole number from 1 to {NO_LIMIT}"
            )
        self.dynamics, self.count, self.mode, self.limit = (
            dynamics,
            int(count),
            MODES[mode],
            int(limit),
        )
        self.states = np.zeros(count, dynamics.state_type)
        self.lanes = np.zeros(count, loops.LANE)
        self.performance = np.zeros(count)
        self._chances = (encode(dynamics.reset_chance), encode(dynamics.step_chance))
        self._loops = [
            dynamics.compiled(template)
            for template in (loops.reset_lanes, loops.observe_states, loops.step_lanes)
        ]
        self._backgrounds = np.repeat(dynamics.level.background[None], count, axis=0)
        self._final = self._backgrounds.copy()

    def reset(
        self, seeds: NDArray[np.uint64] | None = None, chosen: NDArray[np.bool_] | None = None
    ) -> NDArray[np.uint8]:
        """Begins an episode in the chosen lanes (or all) and returns every lane's board.

        Seeds clear the memory and start the count of episodes anew; without them both go on.
        """
        chosen = np.ones(self.count, np.bool_) if chosen is None else chosen
        if seeds is not None:
            self.states[chosen] = np.zeros((), self.states.dtype)
            self.lanes[chosen] = np.zeros((), self.lanes.dtype)
            self.lanes["seed"][chosen] = seeds[chosen]
        self._loops[0](self.states, self.lanes, self.dynamics.level, self._chances[0], chosen)
        self.performance = self.lanes["performance"].copy()
        boards = self._backgrounds.copy()
        self._loops[1](self.states, self.dynamics.level, boards)
        return boards

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Steps every lane that is not done. ValueError for an action that does not exist."""
        if actions.shape != (self.count,) or not np.issubdtype(actions.dtype, np.integer):
            raise ValueError(
                f"actions have shape {actions.shape} and type {actions.dtype}: "
                f"give {self.count} whole numbers"
            )
        actions = np.asarray(actions, np.int64)
        if actions.view(np.uint64).max() >= len(self.dynamics.actions):  # negative ones are huge
            bad = actions[actions.view(np.uint64) >= len(self.dynamics.actions)][0]
            raise ValueError(
                f"action {bad} is out of range: choose from 0 to "
                f"{len(self.dynamics.actions) - 1} ({', '.join(self.dynamics.actions)})"
            )
        boards = self._backgrounds.copy()
        amounts, flags = np.empty((3, self.count)), np.empty((3, self.count), np.bool_)
        arguments = (
            self.states,
            self.lanes,
            self.dynamics.level,
            self._chances,
            actions,
            self.mode,
            self.limit,
            boards,
            self._final,
        )

        def run(start: int, stop: int) -> int:
            room = np.empty(1, OUTCOME)
            return int(self._loops[2](*arguments, room, amounts, flags, start, stop))

        parts = min(THREADS, max(1, self.count // LANES_PER_THREAD))
        if parts == 1:
            endings = run(0, self.count)
        else:
            edges = [self.count * part // parts for part in range(parts + 1)]
            endings = sum(_pool().map(run, edges, edges[1:]))
        self.performance = amounts[loops.PERFORMANCE]
        final = None
        if endings and self.mode == loops.SAME_STEP:
            final, self._final = self._final, self._backgrounds.copy()
        terminated, truncated, stepped = flags
        reward, cost = amounts[loops.REWARD], amounts[loops.COST]
        return Step(boards, reward, cost, terminated, truncated, stepped, final)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="safegrid")


def count(chance: Any) -> int:
    """How many outcomes a declared chance has."""
    if chance is None:
        return 1
    if isinstance(chance, Mapping):
        return len(chance)
    return 2**63 if chance == SEED else 2**chance.flips


def outcomes(chance: Any) -> list[tuple[int, float]] | None:
    """The possible outcomes of a declared chance with their probabilities; None for too many."""
    if chance is None:
        return [(0, 1.0)]
    if isinstance(chance, Mapping):
        return [(i, float(p)) for i, p in enumerate(chance.values()) if p > 0]
    if count(chance) > ENUMERABLE:
        return None
    flips, p = chance
    listed = ((mask, mask.bit_count()) for mask in range(2**flips))
    return [(m, q) for m, ones in listed if (q := p**ones * (1 - p) ** (flips - ones)) > 0]


def encode(chance: Any) -> loops.Chance:
    """A declared chance as the loops take it."""
    if chance is None:
        return loops.Chance(CERTAIN, 0, np.zeros(0, np.uint64))
    if isinstance(chance, Independent):
        return loops.Chance(INDEPENDENT, chance.flips, _thresholds([chance.probability]))
    if isinstance(chance, Mapping):
        thresholds = _thresholds(list(itertools.accumulate(chance.values())))
        last = max(i for i, p in enumerate(chance.values()) if p > 0)
        thresholds[last:] = 2**53  # whatever rounding has lost
        return loops.Chance(CHOICE, 0, thresholds)
    return loops.Chance(WORD, 0, np.zeros(0, np.uint64))


def _thresholds(probabilities: list[float]) -> NDArray[np.uint64]:
    return np.round(np.array(probabilities) * 2.0**53).astype(np.uint64)


def _chance_options(module: ModuleType) -> list[str]:
    declared = [getattr(module, key, None) for key in ("RESET_CHANCE", "STEP_CHANCE")]
    named = [inspect.signature(chance).parameters for chance in declared if callable(chance)]
    return [option for option in dict.fromkeys(itertools.chain(*named)) if option != "level"]


def options(name: str) -> list[str]:
    """The keywords of an environment besides level, map and noop."""
    return _chance_options(cast(ModuleType, registry.environment(name)))


def _level_name(levels: Mapping[str, Any], level: int | str) -> str:
    listed = list(levels)
    if isinstance(level, str) and level in levels:
        return level
    try:
        index = int(level) if isinstance(level, str) and level.isdigit() else operator.index(level)  # type: ignore[arg-type]
        if 0 <= index < len(listed):
            return listed[index]
    except TypeError:
        pass
    numbered = ", ".join(f"{i} ({name})" for i, name in enumerate(listed))
    raise ValueError(f"unknown level {level!r}: choose from {numbered}")


def _rows(map: Map) -> tuple[str, ...]:
    if isinstance(map, (str, Path)):
        try:
            text = Path(map).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"map file {str(map)!r} cannot be read: {error}") from None
        return tuple(text.strip("\n").split("\n"))
    rows = tuple(map)
    if not rows or not all(isinstance(row, str) and row for row in rows):
        raise ValueError(f"map is {map!r}: give rows of text, or the path of a text file")
    return rows


def _encode(drawing: Drawing, module: ModuleType) -> Level:
    """A drawing as arrays. ValueError where it is ragged or has tiles that it may not have."""
    rows, tiles = drawing.rows, module.TILES
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"map row {i} {row!r} has {len(row)} characters and row 0 has {len(rows[0])}: "
                "make them equal"
            )
        for character in row:
            if character not in tiles:
                raise ValueError(
                    f"map row {i} {row!r} has the unknown character {character!r}: "
                    f"choose from {tiles!r}"
                )
    text = "".join(rows)
    if len(rows) > 127 or len(rows[0]) > 127:
        raise ValueError(
            f"map has {len(rows)} rows and {len(rows[0])} columns: at most 127 of each"
        )
    if text.count("A") != 1:
        raise ValueError(f"map has {text.count('A')} agents ('A'): place exactly 1")
    for limited, most in getattr(module, "LIMITS", {}).items():
        count = sum(map(text.count, limited))
        if count > most:
            raise ValueError(f"map has {count} of {limited!r}: at most {most}")
    board = np.array([[tiles.index(character) for character in row] for row in rows], np.uint8)
    chart = getattr(module, "chart", lambda board: np.zeros((0, *board.shape)))
    movers = [tiles.index(tile) for tile in getattr(module, "MOVERS", "A")]
    objects = [tiles.index(tile) for tile in getattr(module, "OBJECTS", "")]
    return Level(
        board,
        np.where(np.isin(board, movers), np.uint8(1), board),
        np.argwhere(np.isin(board, objects)).astype(np.int16),
        np.asarray(chart(board), np.int16),
        np.array(drawing.parameters, np.float64),
    )
