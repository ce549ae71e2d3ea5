"""What a plane's pictures are made of: its things, each drawn in metres wherever it is turned."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.plane.robot import NOSE, cos_sin
from safegrid.rendering import palette
from safegrid.rendering.canvas import Canvas, Colour, Point, shade
from safegrid.rendering.palette import INK, WHITE

SIDES = ("sides", "ends")  # what lies beyond a bound in x, in y
# by theme: to be told apart with any colour vision, and about as Safety-Gymnasium paints them
COLOURS: dict[str, tuple[Colour, Colour]] = {
    "robot": (palette.BLUE, (222, 40, 40)),
    "goal": (palette.GREEN, (40, 200, 40)),
    "circle": (palette.GREEN, (40, 200, 40)),
    "hazards": (palette.VERMILION, (50, 70, 235)),
    "vases": (palette.SKY, (30, 205, 215)),
    "buttons": (palette.ORANGE, (255, 128, 0)),
    "gremlins": (palette.PURPLE, (128, 20, 235)),
    "pillars": (palette.SLATE, (128, 128, 255)),
    "push_box": (palette.YELLOW, (240, 225, 20)),
    **dict.fromkeys(SIDES, (palette.VERMILION, (235, 190, 20))),
}
LETTERS = {
    "circle": "o",
    "hazards": "~",
    "gremlins": "g",
    "push_box": "X",
    **dict.fromkeys(SIDES, "!"),
}

Place = Callable[[float, float], Point]  # of metres ahead and to the left of a thing


def turned(x: float, y: float, heading: float = 0.0) -> Place:
    """The places around a thing, as a pen takes them: y down."""
    cosine, sine = cos_sin(heading)
    return lambda ahead, left: (
        x + cosine * ahead - sine * left,
        -(y + sine * ahead + cosine * left),
    )


def _square(pen: Canvas, at: Place, half: float, colour: Colour) -> None:
    corners = (-half, -half), (half, -half), (half, half), (-half, half)
    pen.shape([at(*corner) for corner in corners], colour)


def robot(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """A sphere with a cube at its front."""
    for edge, paint in ((0.02, WHITE), (0.0, shade(colour, -0.35))):
        pen.disc(*at(0, 0), size + edge, paint)
        _square(pen, lambda ahead, left: at(size + ahead, left), NOSE + edge, paint)
    pen.disc(*at(0, 0), size - 0.02, colour)


def goal(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """Rings to end on."""
    for part, light in ((1.0, 0.0), (0.88, 0.7), (0.5, 0.0), (0.38, 0.7)):
        pen.disc(*at(0, 0), part * size, shade(colour, light))


def hazards(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """A flat disc, crossed out."""
    pen.disc(*at(0, 0), size, shade(colour, 0.3))
    pen.disc(*at(0, 0), size - 0.025, shade(colour, 0.6))
    for part in (-0.45, 0.45):
        pen.line([at(-0.45 * size, -part * size), at(0.45 * size, part * size)], 0.03, colour)


def buttons(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """A knob."""
    for part, light in ((1.0, -0.45), (0.8, 0.0), (0.4, 0.5)):
        pen.disc(*at(0, 0), part * size, shade(colour, light))


def pillars(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """A post from above."""
    for part, light in ((1.0, -0.4), (0.9, 0.0), (0.6, 0.2)):
        pen.disc(*at(0, 0), part * size, shade(colour, light))


def vases(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """A cube with an opening."""
    for part, light in ((1.0, -0.4), (0.78, 0.0)):
        _square(pen, at, part * size, shade(colour, light))
    pen.disc(*at(0, 0), 0.45 * size, shade(colour, 0.6))


def gremlins(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """A cube that looks where it is turned."""
    for part, light in ((1.0, -0.4), (0.78, 0.0)):
        _square(pen, at, part * size, shade(colour, light))
    for side in (-0.36, 0.36):
        pen.disc(*at(0.25 * size, side * size), 0.28 * size, WHITE)
        pen.disc(*at(0.35 * size, side * size), 0.14 * size, INK)


def push_box(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """A box with posts at its corners."""
    for part, light in ((1.0, -0.4), (0.88, 0.0)):
        _square(pen, at, part * size, shade(colour, light))
    for ahead in (-size, size):
        for left in (-size, size):
            pen.disc(*at(0.75 * ahead, 0.75 * left), 0.12 * size, shade(colour, -0.4))


def circle(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """The line of a circle."""
    turns = [k * math.pi / 48 for k in range(97)]
    pen.line([at(size * math.cos(t), size * math.sin(t)) for t in turns], 0.05, colour)


def sides(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """What lies farther than `size` to the left and right."""
    _beyond(pen.canvas.swapaxes(0, 1), abs(pen.x[0] - at(0, 0)[0]), size, colour)


def ends(pen: Canvas, at: Place, size: float, colour: Colour) -> None:
    """What lies farther than `size` up and down."""
    _beyond(pen.canvas, abs(pen.y[:, 0] - at(0, 0)[1]), size, colour)


def _beyond(lines: NDArray[np.uint8], far: NDArray[Any], size: float, colour: Colour) -> None:
    ground = lines[far > size].astype(np.uint16)
    lines[far > size] = (3 * ground + np.array(colour, np.uint16)) // 4
    lines[abs(far - size) < 0.02] = colour


PICTURES: dict[str, Callable[[Canvas, Place, float, Colour], None]] = {
    picture.__name__: picture
    for picture in (
        *(goal, hazards, buttons, pillars, vases, gremlins, push_box),
        *(circle, sides, ends),
    )
}
