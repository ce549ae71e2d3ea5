"""A pen that draws one tile as exact bytes: the same on every machine, with no display."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Point = tuple[float, float]

SAMPLES = 4  # a pixel is the mean of this many points squared


class Canvas:
    """Draws one tile of `size` pixels on a ground of one colour, or over an image of many tiles.

    Coordinates count tiles: from 0 to 1 over the first one, x to the right and y down. With
    another `corner` (left, top) and `unit`, the edge of a tile, they count something else.
    """

    def __init__(
        self,
        size: int,
        ground: Colour,
        image: NDArray[np.uint8] | None = None,
        corner: Point = (0.0, 0.0),
        unit: float = 1.0,
    ):
        self.size, self.ground = size, ground
        if image is None:
            image = np.full((size, size, 3), ground, np.uint8)
        self.canvas = image.repeat(SAMPLES, axis=0).repeat(SAMPLES, axis=1)
        high, wide, _ = self.canvas.shape
        self.scale = size * SAMPLES / unit
        self.x = (corner[0] + (np.arange(wide) + 0.5) / self.scale)[None, :]
        self.y = (corner[1] + (np.arange(high) + 0.5) / self.scale)[:, None]

    def image(self) -> NDArray[np.uint8]:
        """What has been drawn, [height, width, 3]."""
        high, wide, _ = self.canvas.shape
        points = self.canvas.reshape(high // SAMPLES, SAMPLES, wide // SAMPLES, SAMPLES, 3)
        total = points.sum(axis=(1, 3), dtype=np.uint16)
        mean: NDArray[np.uint16] = (total + SAMPLES**2 // 2) // SAMPLES**2
        return mean.astype(np.uint8)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        px, py, canvas = self._near(x - radius, y - radius, x + radius, y + radius)
        canvas[(px - x) ** 2 + (py - y) ** 2 <= radius**2] = colour

    def oval(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """A filled ellipse; `wide` and `high` are its half axes."""
        px, py, canvas = self._near(x - wide, y - high, x + wide, y + high)
        canvas[((px - x) / wide) ** 2 + ((py - y) / high) ** 2 <= 1] = colour

    def block(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        px, py, canvas = self._near(left, top, right, bottom)
        canvas[(px >= left) & (px < right) & (py >= top) & (py < bottom)] = colour

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon: what an odd number of edges lies to the left of."""
        px, py, canvas = self._around(points, 0.0)
        inside = np.zeros(canvas.shape[:2], np.bool_)
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            if y0 != y1:
                crosses = (py < y0) != (py < y1)
                inside ^= crosses & (px < x0 + (py - y0) * (x1 - x0) / (y1 - y0))
        canvas[inside] = colour

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line through the points, with round ends."""
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            px, py, canvas = self._around([(x0, y0), (x1, y1)], width / 2)
            along, across = x1 - x0, y1 - y0
            place = ((px - x0) * along + (py - y0) * across) / (along**2 + across**2)
            place = np.clip(place, 0, 1)
            far = (px - x0 - place * along) ** 2 + (py - y0 - place * across) ** 2
            canvas[far <= (width / 2) ** 2] = colour

    def _around(self, points: Sequence[Point], far: float) -> tuple[Any, Any, Any]:
        xs, ys = zip(*points, strict=True)
        return self._near(min(xs) - far, min(ys) - far, max(xs) + far, max(ys) + far)

    def _near(self, left: float, top: float, right: float, bottom: float) -> tuple[Any, Any, Any]:
        """x, y and canvas of the samples within a rectangle, and a few around it."""

        def within(low: float, high: float, first: float, count: int) -> slice:
            ends = math.floor((low - first) * self.scale), math.ceil((high - first) * self.scale)
            begin, end = (min(max(place, 0), count) for place in (ends[0] - 1, ends[1] + 2))
            return slice(begin, end)

        rows = within(top, bottom, self.y[0, 0], self.y.size)
        columns = within(left, right, self.x[0, 0], self.x.size)
        return self.x[:, columns], self.y[rows], self.canvas[rows, columns]


def shade(colour: Colour, light: float) -> Colour:
    """A colour nearer to white (light up to 1) or to black (down to -1)."""
    end = 255 if light > 0 else 0
    red, green, blue = (round(part + abs(light) * (end - part)) for part in colour)
    return red, green, blue
