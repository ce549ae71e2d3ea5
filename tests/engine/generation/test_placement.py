"""Random cells and what can be reached from them."""

import numpy as np
import pytest
from scipy import ndimage, stats

from safegrid.engine.generation import generators, placement
from safegrid.engine.gridworld import FLOOR, WALL

KEYS = range(10_000)


def blocks(key, share=0.4):
    cells = np.zeros((9, 11), np.uint8)
    generators.blocks(cells, np.uint64(key), share)
    return cells


def test_random_cells_are_on_the_floor_of_the_square_all_equally_likely():
    cells = blocks(3)
    free = np.argwhere(cells[:6, :6] == FLOOR).tolist()
    drawn = [placement.random_floor(cells, np.uint64(key), 5) for key in KEYS]
    counts = [drawn.count(tuple(place)) for place in free]
    assert sum(counts) == len(KEYS)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.fast
def test_flood_marks_what_is_connected_and_is_taken_back():
    for key in range(50):
        cells = blocks(key)
        row, column = placement.random_floor(cells, np.uint64(key), 7)
        regions = ndimage.label(cells == FLOOR)[0]
        marked = cells.copy()
        placement.flood(marked, row, column)
        assert ((marked >= placement.MARK) == (regions == regions[row, column])).all()
        beside = ndimage.binary_dilation(regions == regions[row, column])
        for each in np.argwhere(cells[1:-1, 1:-1] == WALL) + 1:
            assert placement.is_beside(marked, *each) == beside[tuple(each)]
        placement.clear_marks(marked)
        assert (marked == cells).all()
