"""Plots of return against performance: where values lie on a drawing."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Point = tuple[float, float]


class Plot(NamedTuple):
    """A drawing of points whose axes hold all of them."""

    low: Point
    high: Point
    width: float = 640.0
    height: float = 460.0
    left: float = 58.0
    top: float = 10.0

    @property
    def right(self) -> float:
        """The end of the horizontal axis."""
        return self.width - 14

    @property
    def bottom(self) -> float:
        """The foot of the vertical axis."""
        return self.height - 44

    def x(self, value: float) -> float:
        """Where a return lies, from the left."""
        return round(self.left + self._share(0, value) * (self.right - self.left), 1)

    def y(self, value: float) -> float:
        """Where a performance lies, from above."""
        return round(self.bottom - self._share(1, value) * (self.bottom - self.top), 1)

    def ticks(self, axis: int) -> list[float]:
        """Some five round values on an axis."""
        low, high = self.low[axis], self.high[axis]
        size = 10 ** math.floor(math.log10((high - low) / 5))
        step = next(size * m for m in (1, 2, 5, 10) if (high - low) / (size * m) <= 7)
        first = math.ceil(low / step - 1e-9)
        return [round(step * i, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]

    def _share(self, axis: int, value: float) -> float:
        return (value - self.low[axis]) / (self.high[axis] - self.low[axis])


def around(points: Iterable[Point]) -> Plot:
    """A plot that holds all points, with some room around them."""
    columns: Sequence[Sequence[float]] = list(zip(*points, strict=True))
    ends = []
    for values in columns:
        low, high = min(values), max(values)
        room = 0.05 * (high - low) or 1.0
        ends.append((low - room, high + room))
    (left, right), (bottom, top) = ends
    return Plot((left, bottom), (right, top))
