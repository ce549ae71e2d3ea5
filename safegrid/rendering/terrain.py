"""Pictures of tiles: terrain, which fills a whole tile, and characters such as the agent."""

from functools import partial
from typing import Any

import numpy as np

from safegrid.rendering.canvas import Canvas, Colour, shade
from safegrid.rendering.palette import (
    BLUE,
    DIRECTIONS,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    SLATE,
    STONE,
    VERMILION,
    WHITE,
    YELLOW,
    Pictures,
)

TERRAIN = Pictures()


@TERRAIN.add(PAPER)
def floor(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, colour)
    canvas.rectangle(0, 0, 1, 1 / 32, shade(colour, -0.1))
    canvas.rectangle(0, 0, 1 / 32, 1, shade(colour, -0.1))


@TERRAIN.add(SLATE)
def wall(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, shade(colour, -0.25))
    for row, joint in enumerate((0.5, 0.0, 0.5, 0.0)):
        top = row / 4
        canvas.rectangle(0, top + 0.03, 1, top + 0.22, colour)
        canvas.rectangle(0, top + 0.03, 1, top + 0.07, shade(colour, 0.15))
        canvas.rectangle(joint - 0.02, top, joint + 0.03, top + 0.25, shade(colour, -0.25))


@TERRAIN.add(BLUE)
def agent(canvas: Canvas, colour: Colour, facing: str | None = None) -> None:
    x, y = DIRECTIONS.get(facing or "", (0, 0))
    for grow, paint in ((0.05, INK), (0.0, colour)):
        tip, side = 0.43 + 1.2 * grow, 0.24 + grow
        beak = [(x * tip, y * tip), (y * side, x * side), (-y * side, -x * side)]
        canvas.polygon([(0.5 + right, 0.5 + down) for right, down in beak], paint)
        canvas.disc(0.5, 0.5, 0.32 + grow, paint)
    for side in (-0.14, 0.14):
        eye_x, eye_y = 0.5 + 0.12 * x + side * (x == 0), 0.5 + 0.12 * y + side * (x != 0)
        canvas.disc(eye_x, eye_y, 0.105, WHITE)
        canvas.disc(eye_x + 0.035 * x, eye_y + 0.035 * y, 0.06, INK)


@TERRAIN.add(GREEN)
def goal(canvas: Canvas, colour: Colour) -> None:
    canvas.ellipse(0.42, 0.86, 0.24, 0.07, shade(colour, 0.4))
    canvas.polygon([(0.32, 0.12), (0.86, 0.3), (0.32, 0.5)], shade(colour, -0.35))
    canvas.polygon([(0.36, 0.17), (0.76, 0.3), (0.36, 0.44)], colour)
    canvas.line([(0.34, 0.12), (0.34, 0.86)], 0.08, INK)


@TERRAIN.add(GREEN)
def area(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, shade(colour, 0.55))
    stripes = (canvas.x + canvas.y) % 0.5 < 0.12
    canvas.samples[stripes] = shade(colour, 0.3)
    canvas.rectangle(0, 0, 1, 0.06, colour)
    canvas.rectangle(0, 0.94, 1, 1, colour)
    canvas.rectangle(0, 0, 0.06, 1, colour)
    canvas.rectangle(0.94, 0, 1, 1, colour)


def _patch(canvas: Canvas, colour: Colour, pattern: Any) -> None:
    """A coloured area whose pattern tells it from those of other colours.

    canvas; colour; pattern: a function of x and y, true where it is dark.
    """
    canvas.rectangle(0, 0, 1, 1, colour)
    x, y = np.broadcast_arrays(canvas.x, canvas.y)
    canvas.samples[pattern(x, y) & (np.maximum(abs(x - 0.5), abs(y - 0.5)) < 0.42)] = INK


for _name, _colour, _pattern in (
    ("blue", BLUE, lambda x, y: (x + y) % 0.5 < 0.14),
    ("green", GREEN, lambda x, y: (x - y) % 0.5 < 0.14),
    ("grey", GREY, lambda x, y: abs(x - 0.5) + abs(y - 0.5) < 0.3),
    ("purple", PURPLE, lambda x, y: y % 0.34 < 0.12),
    ("vermilion", VERMILION, lambda x, y: x % 0.34 < 0.12),
    ("yellow", YELLOW, lambda x, y: (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.04),
):
    TERRAIN.add(_colour, f"area_{_name}")(partial(_patch, pattern=_pattern))


@TERRAIN.add(GREY)
def ground(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, shade(colour, 0.4))
    for x, y in ((0.25, 0.25), (0.7, 0.2), (0.5, 0.5), (0.2, 0.75), (0.8, 0.7)):
        canvas.disc(x, y, 0.09, shade(colour, -0.3))


def _station(canvas: Canvas, colour: Colour, number: int) -> None:
    """A coloured floor with as many dots as the number says, 1 to 3."""
    canvas.rectangle(0, 0, 1, 1, shade(colour, -0.3))
    canvas.rectangle(0.06, 0.06, 0.94, 0.94, shade(colour, 0.3))
    for place in ((0.5,), (0.3, 0.7), (0.24, 0.5, 0.76))[number - 1]:
        canvas.disc(place, 1 - place, 0.12, INK)


for _number, _colour in enumerate((GREEN, BLUE, PURPLE), 1):
    TERRAIN.add(_colour, f"station_{_number}")(partial(_station, number=_number))


@TERRAIN.add(STONE)
def hole(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, shade(colour, 0.55))
    canvas.ellipse(0.5, 0.5, 0.44, 0.4, shade(colour, -0.2))
    canvas.ellipse(0.5, 0.56, 0.38, 0.32, INK)


@TERRAIN.add(GREY)
def track(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, shade(colour, 0.6))
    for left in (0.1, 0.43, 0.76):
        canvas.rectangle(left, 0.22, left + 0.12, 0.78, shade(colour, -0.2))
    for top in (0.3, 0.6):
        canvas.rectangle(0, top, 1, top + 0.1, INK)


@TERRAIN.add(GREY)
def track_mark(canvas: Canvas, colour: Colour) -> None:
    track(canvas, colour)
    canvas.polygon([(0.3, 0.0), (0.7, 0.0), (0.5, 0.34)], VERMILION)
    canvas.polygon([(0.3, 1.0), (0.7, 1.0), (0.5, 0.66)], VERMILION)


@TERRAIN.add(SKY)
def water(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, colour)
    for y, phase in ((0.2, 0.0), (0.53, 0.5), (0.86, 0.0)):
        crest = y + 0.07 * np.sin(2 * np.pi * (canvas.x + phase))
        canvas.samples[abs(canvas.y - crest) < 0.045] = shade(colour, 0.55)
        canvas.samples[abs(canvas.y - crest - 0.09) < 0.025] = shade(colour, -0.2)


@TERRAIN.add(VERMILION)
def lava(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, colour)
    for y, phase in ((0.18, 0.25), (0.82, 0.75)):
        crest = y + 0.08 * np.sin(2 * np.pi * (canvas.x + phase))
        canvas.samples[abs(canvas.y - crest) < 0.05] = YELLOW
    for x, y, radius in ((0.3, 0.5, 0.13), (0.72, 0.46, 0.09), (0.55, 0.62, 0.06)):
        canvas.disc(x, y, radius, shade(colour, -0.45))
        canvas.disc(x, y - 0.02, radius * 0.55, YELLOW)


@TERRAIN.add(YELLOW)
def punishment(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0, 1, 1, colour)
    canvas.samples[(canvas.x + canvas.y) % 0.5 < 0.25] = INK
    canvas.rectangle(0.16, 0.16, 0.84, 0.84, colour)
    canvas.line([(0.3, 0.3), (0.7, 0.7)], 0.12, INK)
    canvas.line([(0.7, 0.3), (0.3, 0.7)], 0.12, INK)


def _arrow(canvas: Canvas, colour: Colour, direction: str) -> None:
    x, y = DIRECTIONS[direction]
    for width, paint in ((0.26, INK), (0.16, colour)):
        for back in (-0.14, 0.16):
            tip = (0.5 + x * (back + 0.16), 0.5 + y * (back + 0.16))
            ends = [
                (0.5 + x * (back - 0.08) + s * y * 0.26, 0.5 + y * (back - 0.08) + s * x * 0.26)
                for s in (-1, 1)
            ]
            canvas.line([ends[0], tip, ends[1]], width, paint)


for _direction in DIRECTIONS:
    TERRAIN.add(YELLOW, f"arrow_{_direction}")(partial(_arrow, direction=_direction))


@TERRAIN.add(GREY)
def belt(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0, 0.08, 1, 0.92, shade(colour, -0.3))
    canvas.rectangle(0, 0.08, 1, 0.16, INK)
    canvas.rectangle(0, 0.84, 1, 0.92, INK)
    for x in (0.1, 0.6):
        canvas.line([(x, 0.3), (x + 0.22, 0.5), (x, 0.7)], 0.1, shade(colour, 0.5))


def _face(canvas: Canvas, colour: Colour, bend: float) -> None:
    floor(canvas, shade(colour, 0.6))
    line = shade(colour, -0.25)
    canvas.disc(0.36, 0.38, 0.06, line)
    canvas.disc(0.64, 0.38, 0.06, line)
    canvas.line([(0.32, 0.66 - bend), (0.5, 0.66 + bend), (0.68, 0.66 - bend)], 0.07, line)


@TERRAIN.add(GREEN)
def friend(canvas: Canvas, colour: Colour) -> None:
    _face(canvas, colour, 0.06)


@TERRAIN.add(GREY)
def neutral(canvas: Canvas, colour: Colour) -> None:
    _face(canvas, colour, 0.0)


@TERRAIN.add(VERMILION)
def adversary(canvas: Canvas, colour: Colour) -> None:
    _face(canvas, colour, -0.06)


@TERRAIN.add(ORANGE)
def dog(canvas: Canvas, colour: Colour) -> None:
    for grow, paint in ((0.045, INK), (0.0, colour)):
        canvas.ellipse(0.45, 0.56, 0.27 + grow, 0.15 + grow, paint)
        canvas.disc(0.74, 0.38, 0.16 + grow, paint)
        canvas.ellipse(0.88, 0.43, 0.08 + grow, 0.06 + grow, paint)
        for x in (0.27, 0.4, 0.54, 0.66):
            canvas.rectangle(x - 0.05 - grow, 0.6, x + 0.05 + grow, 0.86 + grow, paint)
        canvas.line([(0.2, 0.52), (0.1, 0.3)], 0.08 + 2 * grow, paint)
    canvas.ellipse(0.65, 0.36, 0.06, 0.12, shade(colour, -0.4))
    canvas.disc(0.79, 0.34, 0.03, INK)


@TERRAIN.add(PURPLE)
def person(canvas: Canvas, colour: Colour) -> None:
    for grow, paint in ((0.05, INK), (0.0, colour)):
        canvas.polygon(
            [(0.2 - grow, 0.92), (0.28 - grow, 0.56), (0.72 + grow, 0.56), (0.8 + grow, 0.92)],
            paint,
        )
    canvas.disc(0.5, 0.34, 0.25, INK)
    canvas.disc(0.5, 0.34, 0.2, shade(colour, 0.7))


def _countdown(canvas: Canvas, colour: Colour, left: int) -> None:
    """As many lamps as steps are left, of two; a cross for none."""
    canvas.rectangle(0, 0, 1, 1, INK)
    canvas.rectangle(0.06, 0.06, 0.94, 0.94, shade(colour, 0.75))
    if not left:
        canvas.line([(0.28, 0.28), (0.72, 0.72)], 0.14, colour)
        canvas.line([(0.72, 0.28), (0.28, 0.72)], 0.14, colour)
    for k in range(left):
        canvas.disc(0.5 + 0.2 * (2 * k + 1 - left), 0.5, 0.15, INK)
        canvas.disc(0.5 + 0.2 * (2 * k + 1 - left), 0.5, 0.11, colour)


for _left, _colour in enumerate((VERMILION, YELLOW, GREEN)):
    TERRAIN.add(_colour, f"countdown_{_left}")(partial(_countdown, left=_left))
