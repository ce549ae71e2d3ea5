"""Draws shapes into images as exact bytes: the same on every machine, without a display."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from safegrid.rendering import fill

Colour = tuple[int, int, int]  # red, green and blue, each 0 to 255
Point = tuple[float, float]  # x to the right and y down

SAMPLES = 4  # along each side of a pixel: its colour is the mean of SAMPLES x SAMPLES samples


class Canvas:
    """An image in the making, drawn on at SAMPLES times its resolution.

    size: pixels of an edge of a tile; background: the colour of the empty tile; image:
    uint8[height, width, 3] to draw over, or None for empty tiles; corner: the coordinates of the
    left upper corner; unit: the length of an edge of a tile in coordinates; tiles: along each edge
    of an empty image.

    By default the coordinates count tiles: from 0 to 1 over the first one.
    """

    def __init__(
        self,
        size: int,
        background: Colour,
        image: NDArray[np.uint8] | None = None,
        corner: Point = (0.0, 0.0),
        unit: float = 1.0,
        tiles: int = 1,
    ):
        self.size, self.background = size, background
        if image is None:
            edge = size * tiles * SAMPLES
            rows = np.empty((edge, edge * 3), np.uint8)
            rows[:] = np.tile(np.array(background, np.uint8), edge)
            self.samples = rows.reshape(edge, edge, 3)
        else:
            self.samples = image.repeat(SAMPLES, axis=0).repeat(SAMPLES, axis=1)
        self.scale, self.corner = size * SAMPLES / unit, np.array(corner, np.float64)
        high, wide, _ = self.samples.shape
        self.x = (corner[0] + (np.arange(wide) + 0.5) / self.scale)[None, :]
        self.y = (corner[1] + (np.arange(high) + 0.5) / self.scale)[:, None]

    @property
    def end(self) -> NDArray[np.float64]:
        """Coordinates of the right lower corner."""
        high, wide, _ = self.samples.shape
        return self.corner + np.array((wide, high)) / self.scale

    def image(self) -> NDArray[np.uint8]:
        """The image as drawn so far, uint8[height, width, 3]."""
        high, wide, _ = self.samples.shape
        image = np.empty((high // SAMPLES, wide // SAMPLES, 3), np.uint8)
        rows = self.samples.reshape(high, wide * 3)
        fill.average(rows, image, np.empty(wide * 3, np.uint16))
        return image

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle. x, y: its centre; radius; colour."""
        self._fill(fill.DISC, [(x, y)], (radius, radius), colour)

    def ellipse(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """A filled ellipse. x, y: its centre; wide, high: its half axes; colour."""
        self._fill(fill.ELLIPSE, [(x, y)], (wide, high), colour)

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, colour: Colour
    ) -> None:
        """A filled rectangle. left, top, right, bottom: its edges; colour."""
        self._fill(fill.RECTANGLE, [(left, top), (right, bottom)], (0, 0), colour)

    def tint(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Mixes a quarter of a colour into a rectangle. left, top, right, bottom: its edges."""
        self._fill(fill.TINT, [(left, top), (right, bottom)], (0, 0), colour)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon: every point that has an odd number of edges to its right."""
        self._fill(fill.POLYGON, points, (0, 0), colour)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line of a width through all points, with round ends."""
        for ends in itertools.pairwise(points):
            self._fill(fill.SEGMENT, ends, (width / 2, width / 2), colour)

    def _fill(self, kind: int, points: Sequence[Point], reach: Point, colour: Colour) -> None:
        places, paint = np.array(points, np.float64), np.array(colour, np.uint8)
        sizes = np.array(reach, np.float64)
        fill.fill(self.samples, self.corner, self.scale, kind, places, sizes, paint)


def shade(colour: Colour, light: float) -> Colour:
    """A colour mixed with white (light from 0 to 1) or with black (light from 0 to -1)."""
    end = 255 if light > 0 else 0
    red, green, blue = (round(part + abs(light) * (end - part)) for part in colour)
    return red, green, blue
