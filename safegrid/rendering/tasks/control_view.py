"""Draws a control task from the side: its body, its limits, and the trail of the body's end."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import ControlDynamics
from safegrid.rendering import palette
from safegrid.rendering.canvas import Canvas, Colour, Point, shade
from safegrid.rendering.palette import PAPER
from safegrid.rendering.tasks.sprites import character

TILE = 0.5  # m: the length that is `tile_size` pixels long
TRAIL = 100  # states at most whose end is part of a trail
STEP = 0.02  # m, between two points of a line in a text
CHARACTERS = 4, 2  # of a tile in a text, across and down
BACKGROUNDS = PAPER, (246, 246, 246)  # by theme
# by theme: distinct under every kind of colour vision; similar to those of the originals
COLOURS: dict[str, tuple[Colour, Colour]] = {
    "rail": (palette.GREY, (90, 110, 130)),
    "limit": (palette.VERMILION, (220, 60, 40)),
    "goal": (palette.GREEN, (40, 160, 60)),
    "cart": (palette.BLUE, (60, 80, 110)),
    "pole": (palette.ORANGE, (200, 150, 60)),
    "hinge": (palette.SLATE, (60, 80, 110)),
    "body": (palette.BLUE, (60, 80, 110)),
    "thrust": (palette.ORANGE, (200, 150, 60)),
}


class ControlRenderer:
    """Draws the states of one level of a control task.

    dynamics: of the level; theme: "okabe_ito" or "paper"; tile_size: pixels of half a metre. The
    image shows what lies in the task's VIEW.
    """

    def __init__(self, dynamics: ControlDynamics, theme: str, tile_size: int):
        self.dynamics, self.theme, self.tile_size = dynamics, theme, tile_size
        paper = theme == "paper"
        self._colours = {name: both[paper] for name, both in COLOURS.items()}
        self._background = BACKGROUNDS[paper]
        left, bottom, right, top = dynamics.spec.view
        self.corner = left, -top
        self.shape = round((top - bottom) / TILE), round((right - left) / TILE)

    def __call__(self, state: Any, trail: Sequence[Point] = ()) -> NDArray[np.uint8]:
        """A state as an image uint8[height, width, 3].

        `trail`: earlier positions (x, y) of the body's end in metres, oldest first.
        """
        high, wide = (count * self.tile_size for count in self.shape)
        empty = np.full((high, wide, 3), self._background, np.uint8)
        canvas = Canvas(self.tile_size, self._background, empty, self.corner, TILE)
        items = self._items(state)
        canvas.line([(x, -y) for x, y in trail], 0.02, shade(self._colours[items[-1][0]], 0.5))
        for name, points, width in items:
            places, colour = [(x, -y) for x, y in points.tolist()], self._colours[name]
            for place in places:
                canvas.disc(*place, width / 2, colour)
            canvas.line(places, width, colour)
        return canvas.image()

    def trailed(self, states: Sequence[Any]) -> NDArray[np.uint8]:
        """The last of some states as an image, with the trail of the body's end."""
        ends = [self._items(state)[-1][1][-1].tolist() for state in states[-TRAIL:]]
        return self(states[-1], [(x, y) for x, y in ends])

    def frame(self, state: Any, action: Any = None) -> NDArray[np.uint8]:
        """A state as an image; the action has no effect."""
        return self(state)

    def text(self, state: Any) -> str:
        """A state as a map of characters, each 1/8 m wide and 1/4 m high."""
        down, across = self.shape[0] * CHARACTERS[1], self.shape[1] * CHARACTERS[0]
        cells = np.full((down, across), ".")
        for name, points, _ in self._items(state):
            ends = points[[*range(1, len(points)), -1]]
            for (x, y), (to_x, to_y) in zip(points.tolist(), ends.tolist(), strict=True):
                count = 2 + int(np.hypot(to_x - x, to_y - y) / STEP)
                columns = (np.linspace(x, to_x, count) - self.corner[0]) / TILE * CHARACTERS[0]
                rows = (-np.linspace(y, to_y, count) - self.corner[1]) / TILE * CHARACTERS[1]
                inside = (columns >= 0) & (columns < across) & (rows >= 0) & (rows < down)
                cells[rows[inside].astype(int), columns[inside].astype(int)] = character(name)
        return "\n".join(map("".join, cells.tolist()))

    def _items(self, state: Any) -> list[tuple[str, NDArray[np.float64], float]]:
        """Name, points [n, 2] of a line (x, y) and width (m) of what is drawn, lowest first."""
        return self.dynamics.spec.scene(state, self.dynamics.task)  # type: ignore[no-any-return]
