"""The geometry of points of return and performance, by hand."""

import numpy as np

from safegrid.solver.backward_induction import between, outward


def test_outward_is_the_normal_to_the_right_of_an_edge_walked_counter_clockwise():
    assert outward((0, 0), (4, 0)).tolist() == [0, -4, 0]  # below the lower side
    assert outward((4, 0), (4, 3)).tolist() == [3, 0, 0]  # to the right of the right side
    assert outward((1, 1), (1, 1)).tolist() == [0, 0, 0]
    scaled = outward((0.0, 0.0), (0.5, 2.0))
    assert np.abs(scaled).max() == 1  # normals that are not whole are scaled


def test_between_keeps_the_upper_right_vertices_in_order():
    polygon = [(10, 0), (10, 4), (8, 8), (2, 10), (0, 10), (0, 0)]
    assert between(polygon, (2, 10), (10, 4)) == [(2, 10), (8, 8), (10, 4)]
