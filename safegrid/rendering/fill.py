"""Compiled loops that fill shapes into samples and average samples to pixels."""

import math

import numpy as np

from safegrid.engine.compiling import keep, njit

DISC, ELLIPSE, RECTANGLE, TINT, POLYGON, SEGMENT = range(6)  # kinds of shapes


def fill_shape(samples, corner, scale, kind, points, reach, colour):  # type: ignore[no-untyped-def]
    """Gives a colour to all samples whose middles lie in a shape.

    samples: uint8[rows, columns, 3], changed in place
    corner: float64[2] x and y of the left upper corner of the first sample
    scale: samples a unit
    kind: DISC around a point, ELLIPSE around a point, RECTANGLE and TINT between two points (its
        left and upper edges belong to it; TINT mixes one part of the colour with three of what is
        there), POLYGON of points (all that have an odd number of edges to their right), or SEGMENT
        between two points
    points: float64[n, 2] x and y
    reach: float64[2] radius of a DISC, half axes of an ELLIPSE, half the width of a SEGMENT
    colour: uint8[3]
    """
    rows, columns, _ = samples.shape
    left, top = points[0, 0] - reach[0], points[0, 1] - reach[1]
    right, bottom = points[0, 0] + reach[0], points[0, 1] + reach[1]
    for k in range(1, len(points)):
        left, top = min(left, points[k, 0] - reach[0]), min(top, points[k, 1] - reach[1])
        right, bottom = max(right, points[k, 0] + reach[0]), max(bottom, points[k, 1] + reach[1])
    first_row = min(max(math.floor((top - corner[1]) * scale) - 1, 0), rows)
    last_row = min(max(math.ceil((bottom - corner[1]) * scale) + 1, 0), rows)
    first_column = min(max(math.floor((left - corner[0]) * scale) - 1, 0), columns)
    last_column = min(max(math.ceil((right - corner[0]) * scale) + 1, 0), columns)
    x0, y0 = points[0, 0], points[0, 1]
    x1, y1 = points[-1, 0], points[-1, 1]
    along, across = x1 - x0, y1 - y0
    if kind in (RECTANGLE, TINT):
        while first_row < last_row and corner[1] + (first_row + 0.5) / scale < y0:
            first_row += 1
        while first_row < last_row and corner[1] + (last_row - 0.5) / scale >= y1:
            last_row -= 1
        while first_column < last_column and corner[0] + (first_column + 0.5) / scale < x0:
            first_column += 1
        while first_column < last_column and corner[0] + (last_column - 0.5) / scale >= x1:
            last_column -= 1
    for i in range(first_row, last_row):
        y = corner[1] + (i + 0.5) / scale
        for j in range(first_column, last_column):
            x = corner[0] + (j + 0.5) / scale
            inside = kind in (RECTANGLE, TINT)
            if kind == DISC:
                inside = (x - x0) ** 2 + (y - y0) ** 2 <= reach[0] ** 2
            elif kind == ELLIPSE:
                inside = ((x - x0) / reach[0]) ** 2 + ((y - y0) / reach[1]) ** 2 <= 1
            elif kind == SEGMENT:
                share = ((x - x0) * along + (y - y0) * across) / (along**2 + across**2)
                share = min(max(share, 0.0), 1.0)  # of the segment, up to the nearest point
                far = (x - x0 - share * along) ** 2 + (y - y0 - share * across) ** 2
                inside = far <= reach[0] ** 2
            elif kind == POLYGON:
                for k in range(len(points)):
                    ax, ay = points[k - 1, 0], points[k - 1, 1]
                    bx, by = points[k, 0], points[k, 1]
                    if (y < ay) != (y < by) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                        inside = not inside
            if inside and kind == TINT:
                for c in range(3):
                    samples[i, j, c] = (3 * np.int64(samples[i, j, c]) + colour[c]) // 4
            elif inside:
                for c in range(3):
                    samples[i, j, c] = colour[c]


def average_samples(samples, image, sums):  # type: ignore[no-untyped-def]
    """Fills an image uint8[high, wide, 3] with the rounded means of its pixels' samples.

    samples: uint8[n * high, n * wide * 3], of which n x n are those of a pixel
    sums: uint16[n * wide * 3], overwritten; the sums over rows come first, which is fast
    """
    high, wide, _ = image.shape
    n = len(samples) // high
    for i in range(high):
        for k in range(len(sums)):
            sums[k] = 0
        for row in range(n * i, n * i + n):
            for k in range(len(sums)):
                sums[k] += samples[row, k]
        for j in range(wide):
            for c in range(3):
                total = n * n // 2
                for k in range(n):
                    total += sums[3 * (n * j + k) + c]
                image[i, j, c] = total // (n * n)


fill = keep(lambda **options: njit(fill_shape, nogil=True, **options))
average = keep(lambda **options: njit(average_samples, nogil=True, **options))
