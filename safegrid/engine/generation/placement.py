"""Random cells of a generated map, and what can be reached on it, compiled for `reset`."""

import numpy as np

from safegrid.engine.chance import mix
from safegrid.engine.compiling import njit, njit_called
from safegrid.engine.generation.generators import below
from safegrid.engine.gridworld import FLOOR, WALL

MARK = 128  # is added to the code of a cell that `flood` has reached


@njit
def level_key(level, chance):
    """The 64-bit key of a level's map: of its first `level_seed` and the outcome of the reset."""
    return mix(np.uint64(np.int64(level.parameters[-1]) + chance))


@njit_called
def random_floor(cells, key, most):
    """Row and column of a random cell of the floor, uniform among rows and columns 1 to `most`.

    There must be one.
    """
    number = 0
    row = column = np.int64(0)
    while cells[row, column] != FLOOR:
        row, column = 1 + below(key, number, most), 1 + below(key, number + 1, most)
        number += 2
    return row, column


@njit
def is_nook(cells, row, column):
    """Whether no shortest way leads through an inner cell, whatever may be entered around it.

    No two opposite neighbours may be entered, and between two others there is floor, which they can
    be reached by as well.
    """
    up, down = cells[row - 1, column] != WALL, cells[row + 1, column] != WALL
    left, right = cells[row, column - 1] != WALL, cells[row, column + 1] != WALL
    beside = cells[row - 1 if up else row + 1, column - 1 if left else column + 1] == FLOOR
    turns = (up | down) & (left | right)
    return (not (up & down)) & (not (left & right)) & (beside | (not turns))


@njit_called
def flood(cells, row, column):
    """Adds MARK to all cells of the floor that can be reached from one over floor."""
    cells[row, column] = FLOOR + MARK
    rows, columns = cells.shape
    spreads = True
    while spreads:
        spreads = False
        for each in range(1, rows - 1):
            for other in range(1, columns - 1):
                spreads |= spread(cells, each, other)
        for each in range(rows - 2, 0, -1):
            for other in range(columns - 2, 0, -1):
                spreads |= spread(cells, each, other)


@njit
def spread(cells, row, column):
    """Marks a cell of the floor with a marked neighbour; returns whether it did."""
    found = (cells[row, column] == FLOOR) & is_beside(cells, row, column)
    cells[row, column] |= found * MARK
    return found


@njit
def is_beside(cells, row, column):
    """Whether a neighbour of an inner cell is marked."""
    reached = cells[row - 1, column] | cells[row + 1, column]
    reached |= cells[row, column - 1] | cells[row, column + 1]
    return reached >= MARK


@njit_called
def mark_side_ways(cells):
    """Adds MARK to the floor of a tree that lies on no way between two of its other tiles.

    Dead ends are marked until none is left; what is marked counts as closed.
    """
    rows, columns = cells.shape
    found = True
    while found:
        found = False
        for row in range(1, rows - 1):
            for column in range(1, columns - 1):
                if cells[row, column] == FLOOR and exits(cells, row, column) < 2:
                    cells[row, column] = FLOOR + MARK
                    found = True


@njit
def exits(cells, row, column):
    """How many neighbours of an inner cell are neither walls nor marked."""
    vertical = is_open(cells[row - 1, column]) + is_open(cells[row + 1, column])
    return vertical + is_open(cells[row, column - 1]) + is_open(cells[row, column + 1])


@njit
def is_open(code):
    """1 for the code of a cell that is neither a wall nor marked, else 0."""
    return np.int64((code != WALL) & (code < MARK))


@njit_called
def clear_marks(cells):
    """Takes the marks of `flood` off all cells."""
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            cells[row, column] &= MARK - 1


@njit
def paint_map(cells, board):
    """Writes a map over a board of the same size."""
    for cell in range(board.size):
        board.flat[cell] = cells.flat[cell]
