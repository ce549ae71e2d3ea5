"""Generators of random maps, compiled, for the `reset` of environments whose levels are drawn.

A generator writes a map into `cells`, uint8[rows, columns] with codes WALL and FLOOR and a border
of walls; the same key gives the same map. Draws come from counter-based streams of the key. The
distributions are those of the maze generators of jaxgmg (github.com/matomatical/jaxgmg).
"""

import math

import numpy as np

from safegrid.engine.chance import uniform, word
from safegrid.engine.compiling import njit, njit_called
from safegrid.engine.gridworld import FLOOR, WALL

__all__ = ["below", "blocks", "edges", "noise", "open_room", "scatter", "tree", "uniform", "word"]
DIRECTIONS = 64  # of the gradients of `noise`
ANGLES = [2 * math.pi * k / DIRECTIONS for k in range(DIRECTIONS)]
GRADIENTS = np.array([(math.cos(angle), math.sin(angle)) for angle in ANGLES])


@njit
def below(key, number, count):
    """Uniform draw number `number` of the stream of a 64-bit key, a whole number below `count`.

    Each has the probability 1 / count to within 2**-32.
    """
    return np.int64(((word(key, number) >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32))


@njit_called
def open_room(cells):
    """A room: floor inside the border."""
    rows, columns = cells.shape
    for row in range(rows):
        for column in range(columns):
            inside = 0 < row < rows - 1 and 0 < column < columns - 1
            cells[row, column] = FLOOR if inside else WALL


@njit_called
def blocks(cells, key, share):
    """A room in which each cell is a wall with probability `share`; it may be disconnected."""
    rows, columns = cells.shape
    open_room(cells)
    for row in range(1, rows - 1):
        for column in range(1, columns - 1):
            if uniform(key, row * columns + column) < share:
                cells[row, column] = WALL


@njit_called
def open_nodes(cells):
    """Walls, and floor on the cells whose row and column are odd: the nodes of a maze."""
    rows, columns = cells.shape
    for row in range(rows):
        for column in range(columns):
            node = row % 2 and column % 2 and row < rows - 1 and column < columns - 1
            cells[row, column] = FLOOR if node else WALL


@njit_called
def edges(cells, key, share):
    """A maze in which each wall between two nodes is opened with probability `share`.

    Nodes are the cells whose row and column are odd. The maze may be disconnected.
    """
    rows, columns = cells.shape
    open_nodes(cells)
    for row in range(1, rows - 1):
        for column in range(1, columns - 1):
            if row % 2 != column % 2 and uniform(key, row * columns + column) < share:
                inner = row < rows - 2 if row % 2 == 0 else column < columns - 2
                cells[row, column] = FLOOR if inner else WALL


@njit_called
def tree(cells, key):
    """A maze that is a random spanning tree of its nodes: one way between any two cells.

    Nodes are the cells whose row and column are odd, at most 253 of them. Kruskal's algorithm on
    shuffled edges: edges are drawn with replacement, and those that would close a cycle are
    ignored. While it runs, each node holds the number of its component in place of FLOOR.
    """
    rows, columns = (cells.shape[0] - 1) // 2, (cells.shape[1] - 1) // 2
    open_nodes(cells)
    for row in range(rows):
        for column in range(columns):
            cells[2 * row + 1, 2 * column + 1] = 2 + row * columns + column
    across = rows * (columns - 1)
    left, number = rows * columns - 1, 0
    while left > 0:
        edge = below(key, number, across + (rows - 1) * columns)
        number += 1
        if edge < across:
            row, column = 2 * (edge // (columns - 1)) + 1, 2 * (edge % (columns - 1)) + 2
            one, other = cells[row, column - 1], cells[row, column + 1]
        else:
            row, column = 2 * ((edge - across) // columns) + 2, 2 * ((edge - across) % columns) + 1
            one, other = cells[row - 1, column], cells[row + 1, column]
        if one != other:
            cells[row, column] = FLOOR
            left -= 1
            for each in range(rows * columns):
                if cells[2 * (each // columns) + 1, 2 * (each % columns) + 1] == other:
                    cells[2 * (each // columns) + 1, 2 * (each % columns) + 1] = one
    for each in range(rows * columns):
        cells[2 * (each // columns) + 1, 2 * (each % columns) + 1] = FLOOR


@njit_called
def noise(cells, key, tile, threshold, scale):
    """Puts `tile` on the floor where gradient noise exceeds a threshold, in patches.

    cells: a map. key: of the draws. tile: a code. threshold: the noise is in [-1, 1]. scale: cells
    from one random gradient to the next. Perlin 1985, An image synthesizer, with the smoothing
    polynomial of Perlin 2002, Improving noise.
    """
    for row in range(1, cells.shape[0] - 1):
        for column in range(1, cells.shape[1] - 1):
            if cells[row, column] == FLOOR:
                if gradient_noise(key, (row + 0.5) / scale, (column + 0.5) / scale) > threshold:
                    cells[row, column] = tile


@njit_called
def gradient_noise(key, y, x):
    """Gradient noise at a point, whose lattice of random gradients has distance 1."""
    row, column = np.int64(y), np.int64(x)
    down, right = y - row, x - column
    weight = down * down * down * (down * (6.0 * down - 15.0) + 10.0)
    top = edge_noise(key, row, column, down, right)
    bottom = edge_noise(key, row + 1, column, down - 1.0, right)
    return top + weight * (bottom - top)


@njit
def edge_noise(key, row, column, down, right):
    """The mean of the slopes from two neighbours of the lattice, weighted by the distances."""
    weight = right * right * right * (right * (6.0 * right - 15.0) + 10.0)
    one = slope(key, row, column, down, right)
    other = slope(key, row, column + 1, down, right - 1.0)
    return one + weight * (other - one)


@njit
def slope(key, row, column, down, right):
    """The product of a lattice point's random gradient, of length 1, and an offset from it."""
    direction = below(key, 256 * row + column, DIRECTIONS)
    return GRADIENTS[direction, 0] * down + GRADIENTS[direction, 1] * right


@njit_called
def scatter(cells, key, tile, count):
    """Puts `tile` on `count` distinct random cells of the floor, all sets equally probable.

    At least `count` cells must be floor.
    """
    number = 0
    while count > 0:
        row = 1 + below(key, number, cells.shape[0] - 2)
        column = 1 + below(key, number + 1, cells.shape[1] - 2)
        number += 2
        if cells[row, column] == FLOOR:
            cells[row, column] = tile
            count -= 1
