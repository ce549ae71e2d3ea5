"""Filled shapes: the samples that NumPy says lie in them, and means that are rounded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safegrid.rendering import fill

EDGE, CORNER, SCALE = 24, np.array((-1.0, 0.5)), 8.0
PLACES = st.tuples(st.floats(-2, 4), st.floats(-1, 5))
X, Y = (corner + (np.arange(EDGE) + 0.5) / SCALE for corner in CORNER)
X, Y = X[None, :], Y[:, None]


def inside(kind, points, reach):
    """bool[EDGE, EDGE]: whether a shape holds the middle of each sample."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    if kind == fill.DISC:
        return (X - x0) ** 2 + (Y - y0) ** 2 <= reach[0] ** 2
    if kind == fill.ELLIPSE:
        return ((X - x0) / reach[0]) ** 2 + ((Y - y0) / reach[1]) ** 2 <= 1
    if kind in (fill.RECTANGLE, fill.TINT):
        return (x0 <= X) & (x1 > X) & (y0 <= Y) & (y1 > Y)
    if kind == fill.SEGMENT:
        along, across = x1 - x0, y1 - y0
        share = ((X - x0) * along + (Y - y0) * across) / (along**2 + across**2)
        share = np.clip(share, 0, 1)
        far = (X - x0 - share * along) ** 2 + (Y - y0 - share * across) ** 2
        return far <= reach[0] ** 2
    found = np.zeros((EDGE, EDGE), bool)
    for (ax, ay), (bx, by) in zip([points[-1], *points], points, strict=False):
        if ay != by:
            found ^= ((ay > Y) != (by > Y)) & (ax + (Y - ay) * (bx - ax) / (by - ay) > X)
    return found


@pytest.mark.parametrize("kind", range(6))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_exactly_the_samples_inside_get_the_colour(kind, data):
    count = {fill.DISC: 1, fill.ELLIPSE: 1, fill.POLYGON: 5}.get(kind, 2)
    points = data.draw(st.lists(PLACES, min_size=count, max_size=count, unique=True))
    reach = [0.0, 0.0]
    if kind in (fill.DISC, fill.ELLIPSE, fill.SEGMENT):
        reach = [data.draw(st.floats(0.05, 2))] * 2
    if kind == fill.ELLIPSE:
        reach[1] = data.draw(st.floats(0.05, 2))
    samples = np.full((EDGE, EDGE, 3), 200, np.uint8)
    colour = np.array((10, 20, 31), np.uint8)
    fill.fill(samples, CORNER, SCALE, kind, np.array(points, float), np.array(reach), colour)
    wanted = np.full_like(samples, 200)
    paint = (3 * 200 + colour.astype(int)) // 4 if kind == fill.TINT else colour
    wanted[inside(kind, points, reach)] = paint
    assert (samples == wanted).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_a_pixel_is_the_rounded_mean_of_its_samples(high, wide, n, seed):
    samples = np.random.default_rng(seed).integers(0, 256, (high * n, wide * n, 3), np.uint8)
    image, sums = np.empty((high, wide, 3), np.uint8), np.empty(wide * n * 3, np.uint16)
    fill.average(samples.reshape(high * n, -1), image, sums)
    mean = samples.reshape(high, n, wide, n, 3).mean(axis=(1, 3))
    assert (image == np.floor(mean + 0.5)).all() or n % 2  # a half is rounded up
    assert (abs(image - mean) <= 0.5 + 1e-9).all()
