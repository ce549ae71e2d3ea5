"""The grid kit: types and functions that environment files of grids are written with.

A map is rows of characters. The code of a character is its position in TILES, the environment's own
string of characters. Code 0 is always the wall `#`, code 1 the floor.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import ENUMERABLE, SEED, Independent
from safegrid.engine.compiling import njit

__all__ = ["SEED", "Independent", "njit"]  # imported here for environment files

MOVES = ("up", "down", "left", "right")
UP, DOWN, LEFT, RIGHT, NOOP = range(5)
ROW_STEP = np.array([-1, 1, 0, 0, 0])
COLUMN_STEP = np.array([0, 0, -1, 1, 0])
WALL, FLOOR = 0, 1
KEYS = {"u": "up", "d": "down", "l": "left", "r": "right", "n": "noop"}  # letters of an Example
KEYS |= {key.upper(): f"toggle_{KEYS[key]}" for key in "udlr"}
MOST_SEED = 2**53  # of a generated level, which is kept as a float64
MOST_CELLS = 127  # rows or columns of a map
Map = str | Path | Sequence[str]  # rows, a text of several lines, or the path of a text file
COLOURS = {"#": (152, 152, 152), " ": (219, 219, 219), "A": (0, 180, 255), "G": (0, 210, 50)}


class Level(NamedTuple):
    """A level as the compiled functions take it: arrays only, so that all levels have one type."""

    board: NDArray[np.uint8]  # [rows, columns] the map, codes into TILES
    background: NDArray[np.uint8]  # [rows, columns] the map with floor under everything in MOVERS
    objects: NDArray[np.int64]  # [n] the cells with a tile in OBJECTS, as indexes of board.flat
    cell_data: NDArray[np.int16]  # [k, rows, columns] what the environment's `cell_data` returns
    parameters: NDArray[np.float64]  # [n] numbers that change the rules but not the map


class Drawing(NamedTuple):
    """A level as an environment file writes it."""

    rows: tuple[str, ...]
    parameters: tuple[float, ...] = ()
    generated: bool = False  # whether `reset` draws the map, on a board of the size of `rows`


class Example(NamedTuple):
    """An episode and its expected sums: tests and `safegrid check` play it, `show` prints it."""

    keys: str  # one letter for each action, see KEYS: u d l r, n for noop
    total: float  # the return
    performance: float
    level: str | int = 0
    reset_chance: int = 0
    step_chances: tuple[int, ...] = ()  # one for each step; empty for 0 in every step


OUTCOME = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("reward", np.float64),  # visible to the agent
                (
                    "performance",
                    np.float64,
                ),  # hidden: what is wanted, as the increment of this step
                ("cost", np.float64),  # of a constrained task, visible to the agent
                ("kinds", np.uint8),  # what the cost is for: bit k is the k-th of the task's COSTS
                ("terminated", np.bool_),
                ("violation", np.bool_),  # set by `kernels.step_states`, not by `step`
            ],
            align=True,
        ),
    )
)


def state_dtype(*fields: Any) -> np.dtype[np.record]:
    """The record of a grid state: where the agent is, whether the episode has ended, `fields`."""
    common: list[Any] = [("row", np.int16), ("column", np.int16), ("ended", np.bool_)]
    return np.dtype((np.record, np.dtype(common + list(fields), align=True)))  # type: ignore[return-value]


def level(text: str, *parameters: float) -> Drawing:
    """A level from its drawing and numbers; blank lines around the drawing are ignored."""
    return Drawing(tuple(text.strip("\n").split("\n")), parameters)


def generated(size: int, *parameters: float) -> Drawing:
    """A level whose maps are drawn by `reset`, on a square board with `size` rows.

    parameters: of the distribution; the engine adds one, the first seed of `level_seeds`.
    """
    inside = "#" + " " * (size - 2) + "#"
    rows = ("#" * size, inside.replace(" ", "A", 1), *[inside] * (size - 3), "#" * size)
    return Drawing(rows, (*parameters, 0.0), generated=True)


def level_seeds(level_seed: Any = None, level_count: Any = 1) -> Any:
    """The RESET_CHANCE of generated levels: any 64-bit seed, or one of `level_count` in a row.

    level_seed: the first of them, or None for any. ValueError for numbers out of range.
    """
    first = 0 if level_seed is None else level_seed
    for name, value, least, most in (
        ("level_seed", first, 0, MOST_SEED),
        ("level_count", level_count, 1, ENUMERABLE),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"{name} is {value!r}: choose a whole number from {least} to {most}")
    if level_seed is None and level_count > 1:
        raise ValueError(f"level_count is {level_count}: name the first of them by level_seed")
    if level_seed is None:
        return SEED
    return {f"level seed {first + k}": 1 / level_count for k in range(level_count)}


def encode_level(
    drawing: Drawing,
    tiles: str,
    limits: Mapping[str, int | tuple[int, int]],
    movers: str,
    objects: str,
    cell_data: Any,
) -> Level:
    """A drawing as arrays.

    drawing: rows of characters. tiles: the characters that it may have. limits: the most, or the
    least and the most, that there may be of some. movers: characters that are not part of the
    background. objects: characters whose cells are listed. cell_data: a function of the board, or
    None. ValueError for rows of different lengths, a map that is too large, other characters, more
    or less of one than its limits, and any number of agents but one.
    """
    rows = drawing.rows
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
    if max(len(rows), len(rows[0])) > MOST_CELLS:
        raise ValueError(
            f"map has {len(rows)} rows and {len(rows[0])} columns: at most {MOST_CELLS} of each"
        )
    if text.count("A") != 1:
        raise ValueError(f"map has {text.count('A')} agents ('A'): place exactly 1")
    for limited, limit in limits.items():
        least, most = limit if isinstance(limit, tuple) else (0, limit)
        if not least <= (count := sum(map(text.count, limited))) <= most:
            wanted = f"at most {most}" if least == 0 else f"place {least} to {most}"
            wanted = f"place exactly {most}" if least == most > 0 else wanted
            raise ValueError(f"map has {count} of {limited!r}: {wanted}")
    board = np.array([[tiles.index(character) for character in row] for row in rows], np.uint8)
    moving, listed = ([tiles.index(tile) for tile in some] for some in (movers, objects))
    data = np.zeros((0, *board.shape)) if cell_data is None else cell_data(board)
    return Level(
        board,
        np.where(np.isin(board, moving), np.uint8(FLOOR), board),
        np.flatnonzero(np.isin(board, listed)),
        np.asarray(data, np.int16),
        np.array(drawing.parameters, np.float64),
    )


@njit
def find(board, tile):
    """Row and column of the first cell that holds `tile`; (-1, -1) where none does."""
    for row in range(board.shape[0]):
        for column in range(board.shape[1]):
            if board[row, column] == tile:
                return row, column
    return -1, -1


@njit
def next_cell(row, column, action):
    """The cell one move away; the same cell for an action that is no move."""
    return row + ROW_STEP[action], column + COLUMN_STEP[action]


@njit
def is_blocked(board, row, column):
    """Whether a cell cannot be entered: a wall, or beyond the edge of the map."""
    rows, columns = board.shape
    outside = row < 0 or column < 0 or row >= rows or column >= columns
    return outside or board[row, column] == WALL


@njit
def move(board, row, column, action):
    """The cell after a move: the next one, or the same where a wall or the map's edge stops it.

    Computed without a branch, which the processor could not predict on random play.
    """
    to_row, to_column = next_cell(row, column, action)
    free = np.int64(not is_blocked(board, to_row, to_column))
    return row + free * (to_row - row), column + free * (to_column - column)


def redraw(drawing: Drawing, map: Map | None, level_seed: Any) -> Drawing:
    """A level's drawing with another map, or, where maps are generated, with a first seed.

    map, level_seed: None for none. ValueError for a map that is none, and where maps are generated.
    """
    if drawing.generated:
        if map is not None:
            raise ValueError("this level's maps are generated: choose one by level_seed")
        is_valid = isinstance(level_seed, int) and 0 <= level_seed <= MOST_SEED
        first = level_seed if is_valid else 0  # `level_seeds` refuses others
        return drawing._replace(parameters=(*drawing.parameters[:-1], float(first)))
    return drawing if map is None else Drawing(map_rows(map), drawing.parameters)


def map_rows(map: Map) -> tuple[str, ...]:
    """The rows of a map. ValueError where it is no map, and for a file that cannot be read."""
    if isinstance(map, (str, Path)):
        try:
            is_text = isinstance(map, str) and "\n" in map
            text = str(map) if is_text else Path(map).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(f"map file {str(map)!r} cannot be read: {reason}") from None
        text = text.removeprefix("\ufeff").replace("\r\n", "\n")  # of some editors
        return tuple(text.strip("\n").split("\n"))
    rows = tuple(map) if isinstance(map, Iterable) else ()
    if not rows or not all(isinstance(row, str) and row for row in rows):
        raise ValueError(f"map is {map!r}: give rows of text, or the path of a text file")
    return tuple(str(row) for row in rows)  # NumPy's text as Python's own
