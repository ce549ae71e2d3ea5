"""An environment with its options settled: arrays, chances and compiled functions."""

import functools
import inspect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from safegrid import loops, registry
from safegrid.loops import CERTAIN, CHOICE, INDEPENDENT, WORD
from safegrid.world import COLOURS, SEED, Drawing, Independent, Level

ENUMERABLE = 4096  # a chance of more outcomes is not listed

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
        if not isinstance(noop, (bool, np.bool_)):
            raise ValueError(f"noop is {noop!r}: choose True or False")
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
        declared = options_of(self.module)
        if unused := set(options) - set(declared):
            allowed = {"level", "map", "noop", *declared}
            raise registry.unknown(f"option of {name}", min(unused), sorted(allowed))
        for option, value in options.items():
            number = isinstance(value, Real) and not isinstance(value, bool)
            if isinstance(declared[option], float) and not (number and 0 <= value <= 1):
                raise ValueError(f"{option} is {value!r}: choose a probability, 0 to 1")
        self.reset_chance = self._chance("RESET_CHANCE", options)
        self.step_chance = self._chance("STEP_CHANCE", options)

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
    return loops.specialise(template, cast(ModuleType, registry.environment(name)))


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
        threshold = np.array([round(chance.probability * 2**32)], np.uint64)
        return loops.Chance(INDEPENDENT, chance.flips, threshold)
    if isinstance(chance, Mapping):
        cumulative = np.array(list(itertools.accumulate(chance.values())))
        thresholds = np.round(cumulative * 2.0**53).astype(np.uint64)
        last = max(i for i, p in enumerate(chance.values()) if p > 0)
        thresholds[last:] = 2**53  # whatever rounding has lost
        return loops.Chance(CHOICE, 0, thresholds)
    return loops.Chance(WORD, 0, np.zeros(0, np.uint64))


def options_of(module: ModuleType) -> dict[str, Any]:
    """The keywords of an environment besides level, map and noop, and their defaults."""
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
    chart = getattr(module, "chart", lambda board: np.zeros((0, *board.shape)))
    movers = [tiles.index(tile) for tile in getattr(module, "MOVERS", "A")]
    objects = [tiles.index(tile) for tile in getattr(module, "OBJECTS", "")]
    return Level(
        board,
        np.where(np.isin(board, movers), np.uint8(1), board),
        np.flatnonzero(np.isin(board, objects)),
        np.asarray(chart(board), np.int16),
        np.array(drawing.parameters, np.float64),
    )
