"""The geometry of the attainable polygon: points of expected return and performance."""

import numpy as np
from numpy.typing import NDArray

from safegrid.solver.backward_induction import TOLERANCE

Point = tuple[float, float]  # expected return and performance


def outward(one: Point, other: Point) -> NDArray[np.float64]:
    """The weights [3] of the outward normal of a polygon's edge; zero between equal points."""
    outward = np.array([other[1] - one[1], one[0] - other[0], 0.0])
    size = np.abs(outward).max()
    if size <= TOLERANCE:
        return np.zeros(3)
    return outward if not (outward % 1).any() else outward / size  # whole ones are summed exactly


def between(polygon: list[Point], start: Point, end: Point) -> list[Point]:
    """A polygon's vertices above the line from `start` to `end`, which lies to its lower right."""
    vertices = [
        point for point in polygon
        if start[0] - TOLERANCE <= point[0] <= end[0] + TOLERANCE and point[1] >= end[1] - TOLERANCE
    ]  # fmt: skip
    slope = (end[1] - start[1]) / (end[0] - start[0]) if end[0] > start[0] + TOLERANCE else 0.0
    above = [p for p in vertices if p[1] >= start[1] + slope * (p[0] - start[0]) - 1e-7]
    return sorted(above)
