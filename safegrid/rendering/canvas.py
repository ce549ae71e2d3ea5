"""Draws shapes into images as exact bytes: the same on every machine, without a display."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]  # red, green and blue, each 0 to 255
Point = tuple[float, float]  # x to the right and y down

SAMPLES = 4  # along each side of a pixel: its colour is the mean of SAMPLES x SAMPLES samples


class Canvas:
    """An image in the making, drawn on at SAMPLES times its resolution.

    size: pixels of an edge of a tile; background: the colour of the empty tile; image:
    uint8[height, width, 3] to draw over, or None for one empty tile; corner: the coordinates of the
    left upper corner; unit: the length of an edge of a tile in coordinates.

    By default the coordinates count tiles: from 0 to 1 over the first one.
    """

    def __init__(
        self,
        size: int,
        background: Colour,
        image: NDArray[np.uint8] | None = None,
        corner: Point = (0.0, 0.0),
        unit: float = 1.0,
    ):
        self.size, self.background = size, background
        if image is None:
            image = np.full((size, size, 3), background, np.uint8)
        self.samples = image.repeat(SAMPLES, axis=0).repeat(SAMPLES, axis=1)
        high, wide, _ = self.samples.shape
        self.scale = size * SAMPLES / unit
        self.x = (corner[0] + (np.arange(wide) + 0.5) / self.scale)[None, :]
        self.y = (corner[1] + (np.arange(high) + 0.5) / self.scale)[:, None]

    def image(self) -> NDArray[np.uint8]:
        """The image as drawn so far, uint8[height, width, 3]."""
        high, wide, _ = self.samples.shape
        pixels = self.samples.reshape(high // SAMPLES, SAMPLES, wide // SAMPLES, SAMPLES, 3)
        total = pixels.sum(axis=(1, 3), dtype=np.uint16)
        mean: NDArray[np.uint16] = (total + SAMPLES**2 // 2) // SAMPLES**2
        return mean.astype(np.uint8)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle. x, y: its centre; radius; colour."""
        px, py, samples = self._near(x - radius, y - radius, x + radius, y + radius)
        samples[(px - x) ** 2 + (py - y) ** 2 <= radius**2] = colour

    def ellipse(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """A filled ellipse. x, y: its centre; wide, high: its half axes; colour."""
        px, py, samples = self._near(x - wide, y - high, x + wide, y + high)
        samples[((px - x) / wide) ** 2 + ((py - y) / high) ** 2 <= 1] = colour

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, colour: Colour
    ) -> None:
        """A filled rectangle. left, top, right, bottom: its edges; colour."""
        px, py, samples = self._near(left, top, right, bottom)
        samples[(px >= left) & (px < right) & (py >= top) & (py < bottom)] = colour

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon: every point that has an odd number of edges to its right."""
        px, py, samples = self._around(points, 0.0)
        inside = np.zeros(samples.shape[:2], np.bool_)
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            if y0 != y1:
                crosses = (py < y0) != (py < y1)
                inside ^= crosses & (px < x0 + (py - y0) * (x1 - x0) / (y1 - y0))
        samples[inside] = colour

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line of a width through all points, with round ends."""
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            px, py, samples = self._around([(x0, y0), (x1, y1)], width / 2)
            along, across = x1 - x0, y1 - y0
            share = ((px - x0) * along + (py - y0) * across) / (along**2 + across**2)
            share = np.clip(share, 0, 1)  # of the segment, up to the point that is nearest
            distance = (px - x0 - share * along) ** 2 + (py - y0 - share * across) ** 2
            samples[distance <= (width / 2) ** 2] = colour

    def _around(self, points: Sequence[Point], margin: float) -> tuple[Any, Any, Any]:
        """As `_near`, for the smallest rectangle around points, with a margin."""
        xs, ys = zip(*points, strict=True)
        return self._near(min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin)

    def _near(self, left: float, top: float, right: float, bottom: float) -> tuple[Any, Any, Any]:
        """The samples within a rectangle: x [1, columns], y [rows, 1], colours [rows, columns, 3].

        A few samples around it are included. left, top, right, bottom: the edges of the rectangle.
        """

        def within(low: float, high: float, first: float, count: int) -> slice:
            ends = math.floor((low - first) * self.scale), math.ceil((high - first) * self.scale)
            begin, end = (min(max(index, 0), count) for index in (ends[0] - 1, ends[1] + 2))
            return slice(begin, end)

        rows = within(top, bottom, self.y[0, 0], self.y.size)
        columns = within(left, right, self.x[0, 0], self.x.size)
        return self.x[:, columns], self.y[rows], self.samples[rows, columns]


def shade(colour: Colour, light: float) -> Colour:
    """A colour mixed with white (light from 0 to 1) or with black (light from 0 to -1)."""
    end = 255 if light > 0 else 0
    red, green, blue = (round(part + abs(light) * (end - part)) for part in colour)
    return red, green, blue
