"""The plane of a navigation task from above: what lies there, the robot, its lidars, its trail."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels
from safegrid.engine.dynamics import PlaneDynamics
from safegrid.engine.plane.lidars import BINS
from safegrid.engine.plane.robot import SENSORS, SIZE
from safegrid.rendering import palette, sprites
from safegrid.rendering.canvas import Canvas, Point, shade
from safegrid.rendering.palette import PAPER
from safegrid.rendering.sprites import COLOURS, LETTERS, PICTURES, SIDES, turned

TILE = 0.5  # m: the edge of what `tile_size` counts the pixels of
MARGIN = 0.5  # m, around where anything is placed, and between the robot and the picture's edge
ROOM = 1.5  # m from the middle that are shown at least, and the margin
COARSE = 4, 2  # characters of a tile, across and down
RING, APART = 0.3, 0.08  # m: radius of the innermost lidar's dots, and from one lidar to the next
STRIDE = 0.03  # m, between two points of a trail
LINE = 0.012  # m, how wide those of the ground are
GROUNDS = PAPER, (246, 246, 246)  # by theme


class PlaneRenderer:
    """Draws the states of one level of a continuous task, as `Painter` draws boards.

    `tile_size` is the pixels of half a metre. The picture shows where things are placed, and moves
    along with a robot that leaves it.
    """

    def __init__(self, dynamics: PlaneDynamics, theme: str, tile_size: int):
        self.dynamics, self.theme, self.tile_size = dynamics, theme, tile_size
        paper = theme == "paper"
        self._colours = {name: both[paper] for name, both in COLOURS.items()}
        level, blank = dynamics.level, np.zeros(1, dynamics.state_type)
        placed = (level.areas[:, 2] + level.keepouts).max()
        reach = max(ROOM, placed, *(size for _, _, size in self._things(blank[0])))
        self.half = math.ceil((reach + MARGIN) / TILE) * TILE
        self.shape = (round(2 * self.half / TILE),) * 2

    def __call__(self, state: Any, trail: Sequence[Point] = ()) -> NDArray[np.uint8]:
        """A state as an image; `trail` is where the robot has been, x and y of each point."""
        pen = self._floor(state)
        for name, places, size in self._things(state):
            for place in places.tolist():
                PICTURES[name](pen, turned(*place[:2], *place[2:3]), size, self._colours[name])
        colour, kept = self._colours["robot"], list(trail[:1])
        for point in trail:
            if math.dist(kept[-1], point) >= STRIDE:
                kept.append(point)
        pen.line([(x, -y) for x, y in kept], 0.03, shade(colour, 0.35))
        at = turned(*state.pose[:3].tolist())
        sprites.robot(pen, at, SIZE, colour)
        for ring, (name, readings) in enumerate(self.lidars(state)):
            for bin, value in enumerate(readings.tolist()):
                angle, far = (bin + 0.5) * 2 * math.pi / BINS, RING + ring * APART
                dot = shade(self._colours[name], -0.1) if value else palette.GREY
                place = at(far * math.cos(angle), far * math.sin(angle))
                pen.disc(*place, 0.012 + 0.028 * math.sqrt(value), dot)
        return pen.image()

    def frame(self, state: Any, action: Any = None) -> NDArray[np.uint8]:
        """A state as an image; the robot shows its heading whatever the action."""
        return self(state)

    def lidars(self, state: Any) -> list[tuple[str, NDArray[np.float64]]]:
        """Readings [16] of each lidar, and the name of what it sees."""
        states, vector = np.zeros(1, self.dynamics.state_type), self.dynamics.level.background
        states[0], vectors = state, vector[None].copy()
        self.dynamics.compiled(kernels.observe_states)(states, self.dynamics.level, vectors)
        readings = vectors[0, SENSORS:].reshape(-1, BINS)
        names: Sequence[str] = self.dynamics.spec.lidars
        if len(names) > len(readings):  # a level has none for what is not there
            there = {name for name, places, _ in self._things(state) if len(places)}
            names = [name for name in names if name in there]
        return list(zip(names, readings, strict=True))

    def text(self, state: Any) -> str:
        """A coarse map, a character for an eighth of a metre across and a quarter down."""
        left, top = self._corner(state)
        across, down = (count * part for count, part in zip(self.shape, COARSE, strict=True))
        x = (left + (np.arange(across) + 0.5) * TILE / COARSE[0])[None, :]
        y = -(top + (np.arange(down) + 0.5) * TILE / COARSE[1])[:, None]
        cells = np.full((down, across), ".")
        for name, places, size in self._things(state):
            for place in places:
                far = np.hypot(x - place[0], y - place[1])
                inside = far < max(size, 0.14)  # at least a character
                if name in SIDES:
                    inside = np.broadcast_to(abs(x if name == "sides" else y) > size, cells.shape)
                elif name == "circle":
                    inside = abs(far - size) < 0.1
                cells[inside] = LETTERS.get(name, name[0].upper())
        px, py, heading = state.pose[:3].tolist()
        row, column = int((-py - top) * COARSE[1] / TILE), int((px - left) * COARSE[0] / TILE)
        cells[row, column] = ">^<v"[round(heading / (math.pi / 2)) % 4]
        return "\n".join(map("".join, cells.tolist()))

    def _things(self, state: Any) -> list[tuple[str, NDArray[np.float64], float]]:
        """From the ground up: a name, places [n, 2 or more] (x, y, heading), their size in m."""
        return self.dynamics.spec.scene(state, self.dynamics.task)  # type: ignore[no-any-return]

    def _corner(self, state: Any) -> Point:
        """The picture's left and top, in m, y counted down."""
        free = self.half - MARGIN
        x, y = (part - min(max(part, -free), free) for part in state.pose[:2].tolist())
        return x - self.half, -y - self.half

    def _floor(self, state: Any) -> Canvas:
        """The empty plane, with a line every half metre."""
        side, (left, top) = self.shape[0] * self.tile_size, self._corner(state)
        ground = GROUNDS[self.theme == "paper"]
        image = np.full((side, side, 3), ground, np.uint8)
        pen, long = Canvas(self.tile_size, ground, image, (left, top), TILE), 2 * self.half
        colour = shade(ground, -0.07)
        for k in range(self.shape[0] + 1):
            x, y = (math.ceil(edge / TILE + k) * TILE for edge in (left, top))
            pen.block(x, top, x + LINE, top + long, colour)
            pen.block(left, y, left + long, y + LINE, colour)
        return pen
