"""An environment with its options settled: arrays, chances and compiled functions."""

import functools
import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels, registry
from safegrid.engine.chance import SEED
from safegrid.engine.compiling import specialise
from safegrid.engine.gridworld import COLOURS, Drawing, Level

KINDS = {bool: "True or False", int: "a whole number, 0 or more", float: "a number, 0 or more"}

Map = str | Path | Sequence[str]


class Dynamics:
    """One level of an environment under given options: arrays, chances and compiled functions.

    `map` replaces the level's drawing: rows of characters, or the path of a text file. A
    continuous task has neither map nor noop; its options are the numbers of its level. ValueError
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
        if not isinstance(noop, (bool, np.bool_)):
            raise ValueError(f"noop is {noop!r}: choose True or False")
        self.name = name
        self.environment = registry.environment(name)
        self.module = cast(ModuleType, self.environment)
        self.continuous = not hasattr(self.module, "TILES")
        self.tiles = "" if self.continuous else self.environment.TILES
        self.actions = (*self.environment.ACTIONS, *(["noop"] if noop else []))
        self.level_name = _level_name(self.environment.LEVELS, level)
        self.options: dict[str, Any] = {**({"noop": True} if noop else {}), **options}
        declared = options_of(self.module)
        if unused := set(options) - set(declared):
            allowed = {"level", *(() if self.continuous else ("map", "noop")), *declared}
            raise registry.unknown(f"option of {name}", min(unused), sorted(allowed))
        drawing = self.environment.LEVELS[self.level_name]
        if self.continuous:
            self._settle(drawing, map is not None or noop)
            return
        if map is not None:
            drawing = Drawing(_rows(map), drawing.parameters)
            self.options["map"] = drawing.rows
        self.level: Any = _encode(drawing, self.module)
        self.state_type: np.dtype[Any] = self.environment.STATE
        for option, value in options.items():
            number = isinstance(value, Real) and not isinstance(value, bool)
            if isinstance(declared[option], float) and not (number and 0 <= value <= 1):
                raise ValueError(f"{option} is {value!r}: choose a probability, 0 to 1")
        self.reset_chance = self._chance("RESET_CHANCE", options)
        self.step_chance = self._chance("STEP_CHANCE", options)

    def _settle(self, task: Any, drawn: bool) -> None:
        """A continuous task with the user's numbers in the level's."""
        if drawn:
            raise ValueError(f"{self.name} is no grid: it takes neither map nor noop")
        for option, value in self.options.items():
            kind = type(getattr(task, option))
            fitting = isinstance(value, bool if kind is bool else Integral if kind is int else Real)
            if not fitting or not 0 <= value < math.inf:
                raise ValueError(f"{option} is {value!r}: choose {KINDS[kind]}")
        self.task = task = task._replace(**self.options)
        self.level, self.state_type = self.module.arena(task), self.module.STATE(task)
        self.reset_chance = self.step_chance = SEED
        states = np.zeros(2 if self.options else 0, self.state_type)
        self.compiled(kernels.reset_states)(states, self.level, np.arange(len(states)))
        if np.isnan(states["pose"]).any():
            raise ValueError(
                f"the objects of {self.name} do not fit under {self.options}: choose fewer or "
                "smaller ones, or more room"
            )

    def clip(self, actions: NDArray[Any], count: int) -> NDArray[np.float64]:
        """`count` actions of a continuous task, each number cut to -1 to 1. ValueError for NaN."""
        shape = (count, len(self.actions))
        if actions.shape != shape or actions.dtype.kind not in "fiu":
            raise ValueError(
                f"actions have shape {actions.shape} and type {actions.dtype}: "
                f"give numbers of shape {shape} ({', '.join(self.actions)})"
            )
        if np.isnan(actions).any():
            raise ValueError(f"action {actions[np.isnan(actions).any(axis=1)][0]} is not a number")
        clipped: NDArray[np.float64] = np.clip(actions, -1, 1, dtype=np.float64)
        return clipped

    def _chance(self, key: str, options: Mapping[str, Any]) -> Any:
        """The distribution that the environment declares, with the user's probabilities in it."""
        declared = getattr(self.module, key, None)
        if not callable(declared):
            return declared
        given = {**options, "level": self.level}
        parameters = inspect.signature(declared).parameters
        return declared(**{name: value for name, value in given.items() if name in parameters})

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.name, self.level_name, self.options)

    @functools.cached_property
    def colours(self) -> NDArray[np.uint8]:
        """[tiles, 3] red, green and blue of each tile; common tiles look the same everywhere."""
        own = getattr(self.module, "COLOURS", {}) | COLOURS
        return np.array([own[tile] for tile in self.tiles], np.uint8)

    def compiled(self, template: Any) -> Any:
        """A loop that runs this environment's functions, compiled once per process."""
        return _specialise(template, self.name)


def _restore(name: str, level: str, options: dict[str, Any]) -> Dynamics:
    return Dynamics(name, level, **options)


@functools.cache
def _specialise(template: Any, name: str) -> Any:
    return specialise(template, cast(ModuleType, registry.environment(name)))


def options_of(module: ModuleType) -> dict[str, Any]:
    """The keywords of an environment besides level, map and noop, and their defaults."""
    task = next(iter(module.LEVELS.values()))
    if not isinstance(task, Drawing):
        return dict(task._asdict())
    declared = [getattr(module, key, None) for key in ("RESET_CHANCE", "STEP_CHANCE")]
    return {
        option: parameter.default
        for chance in declared
        if callable(chance)
        for option, parameter in inspect.signature(chance).parameters.items()
        if option != "level"
    }


def _level_name(levels: Mapping[str, Any], level: int | str) -> str:
    listed = list(levels)
    if isinstance(level, str) and level in levels:
        return level
    by_number = {str(i): name for i, name in enumerate(listed)}
    if not isinstance(level, bool) and str(level) in by_number:
        return by_number[str(level)]
    numbered = ", ".join(f"{i} ({name})" for i, name in enumerate(listed))
    raise ValueError(f"unknown level {level!r}: choose from {numbered}")


def _rows(map: Map) -> tuple[str, ...]:
    if isinstance(map, (str, Path)):
        try:
            text = Path(map).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"map file {str(map)!r} cannot be read: {error}") from None
        return tuple(text.strip("\n").split("\n"))
    rows = tuple(map) if isinstance(map, Iterable) else ()
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
    cell_data = getattr(module, "cell_data", lambda board: np.zeros((0, *board.shape)))
    movers = [tiles.index(tile) for tile in getattr(module, "MOVERS", "A")]
    objects = [tiles.index(tile) for tile in getattr(module, "OBJECTS", "")]
    return Level(
        board,
        np.where(np.isin(board, movers), np.uint8(1), board),
        np.flatnonzero(np.isin(board, objects)),
        np.asarray(cell_data(board), np.int16),
        np.array(drawing.parameters, np.float64),
    )
