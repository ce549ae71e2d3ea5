"""Pictures of the objects of a plane task, drawn in metres at any position and heading.

Every function of SPRITES draws one object. canvas: with coordinates in metres; at: the canvas point
of (metres ahead, metres to the left) of the object's centre; size: the object's radius, half of its
edge, or the distance of its boundary from the origin, in metres; colour: its main colour.
"""

import math
from collections.abc import Callable

from safegrid.engine.plane.robot import NOSE, cos_sin
from safegrid.rendering import palette
from safegrid.rendering.canvas import Canvas, Colour, Point, shade
from safegrid.rendering.palette import INK, WHITE

EDGE = 0.02  # m, half the width of a boundary
SIDES = ("sides", "ends")  # the regions beyond a boundary in x and in y
# by theme: distinct under every kind of colour vision; similar to those of Safety-Gymnasium
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
    **{"limit": "!", "rail": "-", "pole": "|", "thrust": "^"},  # of control tasks
}

Transform = Callable[[float, float], Point]  # (metres ahead, metres to the left) -> canvas point


def transform(x: float, y: float, heading: float = 0.0) -> Transform:
    """The canvas points, y down, around an object at (x, y) with a heading in radians."""
    cosine, sine = cos_sin(heading)
    return lambda ahead, left: (
        x + cosine * ahead - sine * left,
        -(y + sine * ahead + cosine * left),
    )


def character(name: str) -> str:
    """The character of an object in a text, by the name of its picture."""
    return LETTERS.get(name, name[0].upper())


def _square(canvas: Canvas, at: Transform, half: float, colour: Colour) -> None:
    """A filled square.

    canvas, at: as for a sprite; half: half of the length of an edge in metres; colour.
    """
    corners = (-half, -half), (half, -half), (half, half), (-half, half)
    canvas.polygon([at(*corner) for corner in corners], colour)


def robot(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """The robot: a sphere with a cube at its front."""
    for edge, paint in ((0.02, WHITE), (0.0, shade(colour, -0.35))):
        canvas.disc(*at(0, 0), size + edge, paint)
        _square(canvas, lambda ahead, left: at(size + ahead, left), NOSE + edge, paint)
    canvas.disc(*at(0, 0), size - 0.02, colour)


def goal(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """The goal: a disc with rings."""
    for part, light in ((1.0, 0.0), (0.88, 0.7), (0.5, 0.0), (0.38, 0.7)):
        canvas.disc(*at(0, 0), part * size, shade(colour, light))


def hazards(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """A hazard: a flat disc with two strokes."""
    canvas.disc(*at(0, 0), size, shade(colour, 0.3))
    canvas.disc(*at(0, 0), size - 0.025, shade(colour, 0.6))
    for part in (-0.45, 0.45):
        canvas.line([at(-0.45 * size, -part * size), at(0.45 * size, part * size)], 0.03, colour)


def buttons(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """A button: three discs, the smallest one lightest."""
    for part, light in ((1.0, -0.45), (0.8, 0.0), (0.4, 0.5)):
        canvas.disc(*at(0, 0), part * size, shade(colour, light))


def pillars(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """A pillar, seen from above."""
    for part, light in ((1.0, -0.4), (0.9, 0.0), (0.6, 0.2)):
        canvas.disc(*at(0, 0), part * size, shade(colour, light))


def vases(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """A vase: a cube with a round opening."""
    for part, light in ((1.0, -0.4), (0.78, 0.0)):
        _square(canvas, at, part * size, shade(colour, light))
    canvas.disc(*at(0, 0), 0.45 * size, shade(colour, 0.6))


def gremlins(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """A gremlin: a cube with eyes in the direction of its heading."""
    for part, light in ((1.0, -0.4), (0.78, 0.0)):
        _square(canvas, at, part * size, shade(colour, light))
    for side in (-0.36, 0.36):
        canvas.disc(*at(0.25 * size, side * size), 0.28 * size, WHITE)
        canvas.disc(*at(0.35 * size, side * size), 0.14 * size, INK)


def push_box(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """The box to push, with posts at its corners."""
    for part, light in ((1.0, -0.4), (0.88, 0.0)):
        _square(canvas, at, part * size, shade(colour, light))
    for ahead in (-size, size):
        for left in (-size, size):
            canvas.disc(*at(0.75 * ahead, 0.75 * left), 0.12 * size, shade(colour, -0.4))


def circle(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """The outline of a circle."""
    angles = [k * math.pi / 48 for k in range(97)]
    canvas.line([at(size * math.cos(a), size * math.sin(a)) for a in angles], 0.05, colour)


def sides(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """The regions farther than `size` to the left and to the right of the origin."""
    (x, _), (left, top), (right, bottom) = at(0, 0), canvas.corner, canvas.end
    canvas.tint(left, top, x - size, bottom, colour)
    canvas.tint(x + size, top, right, bottom, colour)
    for edge in (x - size, x + size):
        canvas.rectangle(edge - EDGE, top, edge + EDGE, bottom, colour)


def ends(canvas: Canvas, at: Transform, size: float, colour: Colour) -> None:
    """The regions farther than `size` above and below the origin."""
    (_, y), (left, top), (right, bottom) = at(0, 0), canvas.corner, canvas.end
    canvas.tint(left, top, right, y - size, colour)
    canvas.tint(left, y + size, right, bottom, colour)
    for edge in (y - size, y + size):
        canvas.rectangle(left, edge - EDGE, right, edge + EDGE, colour)


SPRITES: dict[str, Callable[[Canvas, Transform, float, Colour], None]] = {
    sprite.__name__: sprite
    for sprite in (
        *(goal, hazards, buttons, pillars, vases, gremlins, push_box),
        *(circle, sides, ends),
    )
}
