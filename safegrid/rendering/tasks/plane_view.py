"""Draws a plane task from above: its objects, the robot, the robot's lidars and its trail."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels
from safegrid.engine.dynamics import PlaneDynamics
from safegrid.engine.plane.lidars import BINS
from safegrid.engine.plane.robot import SENSORS, SIZE
from safegrid.rendering import palette
from safegrid.rendering.canvas import Canvas, Point, shade
from safegrid.rendering.palette import PAPER
from safegrid.rendering.tasks import sprites
from safegrid.rendering.tasks.sprites import COLOURS, SIDES, SPRITES, character, transform

TILE = 0.5  # m: the length that is `tile_size` pixels long
MARGIN = 0.5  # m around the area of all objects, and between the robot and the image's edge
LEAST_REACH = 1.5  # m from the middle that are shown at least, without the margin
CHARACTERS = 4, 2  # of a tile in a text, across and down
RING, RING_GAP = 0.3, 0.08  # m: radius of the innermost lidar's dots; between two lidars' dots
STRIDE = 0.03  # m, between two points of a trail
LINE = 0.012  # m, width of the grid lines
BACKGROUNDS = PAPER, (246, 246, 246)  # by theme


class PlaneRenderer:
    """Draws the states of one level of a plane task.

    dynamics: of the level; theme: "okabe_ito" or "paper"; tile_size: pixels of half a metre. The
    image shows the whole area in which objects are placed, and follows a robot that leaves it.
    """

    def __init__(self, dynamics: PlaneDynamics, theme: str, tile_size: int):
        self.dynamics, self.theme, self.tile_size = dynamics, theme, tile_size
        paper = theme == "paper"
        self._colours = {name: both[paper] for name, both in COLOURS.items()}
        level, blank = dynamics.level, np.zeros(1, dynamics.state_type)
        placed = (level.areas[:, 2] + level.keepouts).max()
        reach = max(LEAST_REACH, placed, *(size for _, _, size in self._objects(blank[0])))
        self.half = math.ceil((reach + MARGIN) / TILE) * TILE
        self.shape = (round(2 * self.half / TILE),) * 2

    def __call__(self, state: Any, trail: Sequence[Point] = ()) -> NDArray[np.uint8]:
        """A state as an image uint8[height, width, 3].

        `trail`: earlier positions (x, y) of the robot in metres, oldest first.
        """
        canvas = self._floor(state)
        for name, places, size in self._objects(state):
            for place in places.tolist():
                SPRITES[name](canvas, transform(*place[:2], *place[2:3]), size, self._colours[name])
        colour, kept = self._colours["robot"], list(trail[:1])
        for point in trail:
            if math.dist(kept[-1], point) >= STRIDE:
                kept.append(point)
        canvas.line([(x, -y) for x, y in kept], 0.03, shade(colour, 0.35))
        at = transform(*state.pose[:3].tolist())
        sprites.robot(canvas, at, SIZE, colour)
        for ring, (name, readings) in enumerate(self.lidars(state)):
            for bin, value in enumerate(readings.tolist()):
                angle, far = (bin + 0.5) * 2 * math.pi / BINS, RING + ring * RING_GAP
                dot = shade(self._colours[name], -0.1) if value else palette.GREY
                place = at(far * math.cos(angle), far * math.sin(angle))
                canvas.disc(*place, 0.012 + 0.028 * math.sqrt(value), dot)
        return canvas.image()

    def trailed(self, states: Sequence[Any]) -> NDArray[np.uint8]:
        """The last of some states as an image, with the trail of the robot in all of them."""
        return self(states[-1], [(state.pose[0].item(), state.pose[1].item()) for state in states])

    def frame(self, state: Any, action: Any = None) -> NDArray[np.uint8]:
        """A state as an image; the action has no effect, because the state holds the heading."""
        return self(state)

    def lidars(self, state: Any) -> list[tuple[str, NDArray[np.float64]]]:
        """The name and the readings float64[16] of every lidar of the level."""
        states, vector = np.zeros(1, self.dynamics.state_type), self.dynamics.level.background
        states[0], vectors = state, vector[None].copy()
        self.dynamics.compiled(kernels.observe_states)(states, self.dynamics.level, vectors)
        readings = vectors[0, SENSORS:].reshape(-1, BINS)
        names: Sequence[str] = self.dynamics.spec.lidars
        if len(names) > len(readings):  # a level has no lidar for an object that it lacks
            present = {name for name, places, _ in self._objects(state) if len(places)}
            names = [name for name in names if name in present]
        return list(zip(names, readings, strict=True))

    def text(self, state: Any) -> str:
        """A state as a map of characters, each 1/8 m wide and 1/4 m high."""
        left, top = self._corner(state)
        across, down = (count * part for count, part in zip(self.shape, CHARACTERS, strict=True))
        x = (left + (np.arange(across) + 0.5) * TILE / CHARACTERS[0])[None, :]
        y = -(top + (np.arange(down) + 0.5) * TILE / CHARACTERS[1])[:, None]
        cells = np.full((down, across), ".")
        for name, places, size in self._objects(state):
            for place in places:
                far = np.hypot(x - place[0], y - place[1])
                inside = far < max(size, 0.14)  # at least one character
                if name in SIDES:
                    inside = np.broadcast_to(abs(x if name == "sides" else y) > size, cells.shape)
                elif name == "circle":
                    inside = abs(far - size) < 0.1
                cells[inside] = character(name)
        px, py, heading = state.pose[:3].tolist()
        row, column = (
            int((-py - top) * CHARACTERS[1] / TILE),
            int((px - left) * CHARACTERS[0] / TILE),
        )
        cells[row, column] = ">^<v"[round(heading / (math.pi / 2)) % 4]
        return "\n".join(map("".join, cells.tolist()))

    def _objects(self, state: Any) -> list[tuple[str, NDArray[np.float64], float]]:
        """Name, places [n, 2 or more] (x, y, heading) and size (m) of all objects, lowest first."""
        return self.dynamics.spec.scene(state, self.dynamics.task)  # type: ignore[no-any-return]

    def _corner(self, state: Any) -> Point:
        """The left upper corner of the image in metres, y down."""
        free = self.half - MARGIN  # the image stays where it is while the robot is nearer than this
        x, y = (part - min(max(part, -free), free) for part in state.pose[:2].tolist())
        return x - self.half, -y - self.half

    def _floor(self, state: Any) -> Canvas:
        """The empty plane with a grid line every half metre."""
        left, top = corner = self._corner(state)
        background, long = BACKGROUNDS[self.theme == "paper"], 2 * self.half
        canvas = Canvas(self.tile_size, background, None, corner, TILE, self.shape[0])
        colour = shade(background, -0.07)
        for k in range(self.shape[0] + 1):
            x, y = (math.ceil(edge / TILE + k) * TILE for edge in (left, top))
            canvas.rectangle(x, top, x + LINE, top + long, colour)
            canvas.rectangle(left, y, left + long, y + LINE, colour)
        return canvas
