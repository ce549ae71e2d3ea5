"""Random cells and what can be reached from them."""

import networkx
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


def test_a_shortest_way_never_needs_a_nook():
    nooks = 0
    for key in range(12):
        cells = blocks(key, 0.25)
        graph = networkx.grid_2d_graph(*cells.shape)
        graph.remove_nodes_from(map(tuple, np.argwhere(cells == WALL)))
        length = dict(networkx.all_pairs_shortest_path_length(graph))
        for nook in map(tuple, np.argwhere(cells == FLOOR)):
            if placement.is_nook(cells, *nook):
                nooks += 1
                rest = graph.copy()
                rest.remove_node(nook)
                for start, found in networkx.all_pairs_shortest_path_length(rest):
                    assert all(steps == length[start][end] for end, steps in found.items())
    assert nooks > 12


def test_side_ways_of_a_tree_are_what_no_way_between_its_tiles_needs():
    for key in range(50):
        cells = np.zeros((9, 11), np.uint8)
        generators.tree(cells, np.uint64(key))
        graph = networkx.grid_2d_graph(*cells.shape)
        graph.remove_nodes_from(map(tuple, np.argwhere(cells == WALL)))
        ends = [placement.random_floor(cells, np.uint64(k), 7) for k in (2 * key, 2 * key + 1)]
        way = networkx.shortest_path(graph, *ends)
        for end in ends:
            cells[end] = 3
        placement.mark_side_ways(cells)
        unmarked = set(map(tuple, np.argwhere((cells != WALL) & (cells < placement.MARK))))
        assert unmarked == set(way)


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
