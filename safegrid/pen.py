"""A pen that draws one tile as exact bytes: the same on every machine, with no display."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Point = tuple[float, float]

SAMPLES = 4  # a pixel is the mean of this many points squared


class Pen:
    """Draws one tile of `size` pixels on a ground of one colour, or over an image of many tiles.

    Coordinates count tiles: from 0 to 1 over the first one, x to the right and y down.
    """

    def __init__(self, size: int, ground: Colour, image: NDArray[np.uint8] | None = None):
        self.size, self.ground = size, ground
        if image is None:
            image = np.full((size, size, 3), ground, np.uint8)
        self.canvas = image.repeat(SAMPLES, axis=0).repeat(SAMPLES, axis=1)
        high, wide, _ = self.canvas.shape
        self.x = ((np.arange(wide) + 0.5) / (size * SAMPLES))[None, :]
        self.y = ((np.arange(high) + 0.5) / (size * SAMPLES))[:, None]

    def image(self) -> NDArray[np.uint8]:
        """What has been drawn, [height, width, 3]."""
        high, wide, _ = self.canvas.shape
        points = self.canvas.reshape(high // SAMPLES, SAMPLES, wide // SAMPLES, SAMPLES, 3)
        total = points.astype(np.int64).sum(axis=(1, 3))
        mean: NDArray[np.int64] = (total + SAMPLES**2 // 2) // SAMPLES**2
        return mean.astype(np.uint8)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self.canvas[(self.x - x) ** 2 + (self.y - y) ** 2 <= radius**2] = colour

    def oval(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """A filled ellipse; `wide` and `high` are its half axes."""
        self.canvas[((self.x - x) / wide) ** 2 + ((self.y - y) / high) ** 2 <= 1] = colour

    def block(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        inside = (self.x >= left) & (self.x < right) & (self.y >= top) & (self.y < bottom)
        self.canvas[inside] = colour

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon: what an odd number of edges lies to the left of."""
        inside = np.zeros(self.canvas.shape[:2], np.bool_)
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            if y0 != y1:
                crosses = (self.y < y0) != (self.y < y1)
                inside ^= crosses & (self.x < x0 + (self.y - y0) * (x1 - x0) / (y1 - y0))
        self.canvas[inside] = colour

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line through the points, with round ends."""
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            along, across = x1 - x0, y1 - y0
            place = ((self.x - x0) * along + (self.y - y0) * across) / (along**2 + across**2)
            place = np.clip(place, 0, 1)
            far = (self.x - x0 - place * along) ** 2 + (self.y - y0 - place * across) ** 2
            self.canvas[far <= (width / 2) ** 2] = colour


def shade(colour: Colour, light: float) -> Colour:
    """A colour nearer to white (light up to 1) or to black (down to -1)."""
    end = 255 if light > 0 else 0
    red, green, blue = (round(part + abs(light) * (end - part)) for part in colour)
    return red, green, blue
