"""Random cells of a generated map, and what can be reached on it, compiled for `reset`."""

import numpy as np

from safegrid.engine.chance import mix
from safegrid.engine.compiling import njit, njit_called
from safegrid.engine.generation.generators import below
from safegrid.engine.gridworld import FLOOR

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
def clear_marks(cells):
    """Takes the marks of `flood` off all cells."""
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            cells[row, column] &= MARK - 1
