"""How the ground looks, what fills a whole tile, and the agent that walks on it."""

from functools import partial

import numpy as np

from safegrid.rendering.canvas import Canvas, Colour, shade
from safegrid.rendering.palette import (
    BLUE,
    DIRECTIONS,
    GREEN,
    GREY,
    INK,
    PAPER,
    SKY,
    SLATE,
    VERMILION,
    WHITE,
    YELLOW,
    Gallery,
)

GROUND = Gallery()


@GROUND.add(PAPER)
def floor(pen: Canvas, colour: Colour) -> None:
    pen.block(0, 0, 1, 1, colour)
    pen.block(0, 0, 1, 1 / 32, shade(colour, -0.1))
    pen.block(0, 0, 1 / 32, 1, shade(colour, -0.1))


@GROUND.add(SLATE)
def wall(pen: Canvas, colour: Colour) -> None:
    pen.block(0, 0, 1, 1, shade(colour, -0.25))
    for row, joint in enumerate((0.5, 0.0, 0.5, 0.0)):
        top = row / 4
        pen.block(0, top + 0.03, 1, top + 0.22, colour)
        pen.block(0, top + 0.03, 1, top + 0.07, shade(colour, 0.15))
        pen.block(joint - 0.02, top, joint + 0.03, top + 0.25, shade(colour, -0.25))


@GROUND.add(BLUE)
def agent(pen: Canvas, colour: Colour, facing: str | None = None) -> None:
    x, y = DIRECTIONS.get(facing or "", (0, 0))
    for grow, paint in ((0.05, INK), (0.0, colour)):
        tip, side = 0.43 + 1.2 * grow, 0.24 + grow
        beak = [(x * tip, y * tip), (y * side, x * side), (-y * side, -x * side)]
        pen.shape([(0.5 + right, 0.5 + down) for right, down in beak], paint)
        pen.disc(0.5, 0.5, 0.32 + grow, paint)
    for side in (-0.14, 0.14):
        eye_x, eye_y = 0.5 + 0.12 * x + side * (x == 0), 0.5 + 0.12 * y + side * (x != 0)
        pen.disc(eye_x, eye_y, 0.105, WHITE)
        pen.disc(eye_x + 0.035 * x, eye_y + 0.035 * y, 0.06, INK)


@GROUND.add(GREEN)
def goal(pen: Canvas, colour: Colour) -> None:
    pen.oval(0.42, 0.86, 0.24, 0.07, shade(colour, 0.4))
    pen.shape([(0.32, 0.12), (0.86, 0.3), (0.32, 0.5)], shade(colour, -0.35))
    pen.shape([(0.36, 0.17), (0.76, 0.3), (0.36, 0.44)], colour)
    pen.line([(0.34, 0.12), (0.34, 0.86)], 0.08, INK)


@GROUND.add(GREEN)
def area(pen: Canvas, colour: Colour) -> None:
    pen.block(0, 0, 1, 1, shade(colour, 0.55))
    stripes = (pen.x + pen.y) % 0.5 < 0.12
    pen.canvas[stripes] = shade(colour, 0.3)
    pen.block(0, 0, 1, 0.06, colour)
    pen.block(0, 0.94, 1, 1, colour)
    pen.block(0, 0, 0.06, 1, colour)
    pen.block(0.94, 0, 1, 1, colour)


@GROUND.add(SKY)
def water(pen: Canvas, colour: Colour) -> None:
    pen.block(0, 0, 1, 1, colour)
    for y, phase in ((0.2, 0.0), (0.53, 0.5), (0.86, 0.0)):
        crest = y + 0.07 * np.sin(2 * np.pi * (pen.x + phase))
        pen.canvas[abs(pen.y - crest) < 0.045] = shade(colour, 0.55)
        pen.canvas[abs(pen.y - crest - 0.09) < 0.025] = shade(colour, -0.2)


@GROUND.add(VERMILION)
def lava(pen: Canvas, colour: Colour) -> None:
    pen.block(0, 0, 1, 1, colour)
    for y, phase in ((0.18, 0.25), (0.82, 0.75)):
        crest = y + 0.08 * np.sin(2 * np.pi * (pen.x + phase))
        pen.canvas[abs(pen.y - crest) < 0.05] = YELLOW
    for x, y, radius in ((0.3, 0.5, 0.13), (0.72, 0.46, 0.09), (0.55, 0.62, 0.06)):
        pen.disc(x, y, radius, shade(colour, -0.45))
        pen.disc(x, y - 0.02, radius * 0.55, YELLOW)


@GROUND.add(YELLOW)
def punishment(pen: Canvas, colour: Colour) -> None:
    pen.block(0, 0, 1, 1, colour)
    pen.canvas[(pen.x + pen.y) % 0.5 < 0.25] = INK
    pen.block(0.16, 0.16, 0.84, 0.84, colour)
    pen.line([(0.3, 0.3), (0.7, 0.7)], 0.12, INK)
    pen.line([(0.7, 0.3), (0.3, 0.7)], 0.12, INK)


def _arrow(pen: Canvas, colour: Colour, direction: str) -> None:
    x, y = DIRECTIONS[direction]
    for width, paint in ((0.26, INK), (0.16, colour)):
        for back in (-0.14, 0.16):
            tip = (0.5 + x * (back + 0.16), 0.5 + y * (back + 0.16))
            ends = [
                (0.5 + x * (back - 0.08) + s * y * 0.26, 0.5 + y * (back - 0.08) + s * x * 0.26)
                for s in (-1, 1)
            ]
            pen.line([ends[0], tip, ends[1]], width, paint)


for _direction in DIRECTIONS:
    GROUND.add(YELLOW, f"arrow_{_direction}")(partial(_arrow, direction=_direction))


@GROUND.add(GREY)
def belt(pen: Canvas, colour: Colour) -> None:
    pen.block(0, 0.08, 1, 0.92, shade(colour, -0.3))
    pen.block(0, 0.08, 1, 0.16, INK)
    pen.block(0, 0.84, 1, 0.92, INK)
    for x in (0.1, 0.6):
        pen.line([(x, 0.3), (x + 0.22, 0.5), (x, 0.7)], 0.1, shade(colour, 0.5))


def _face(pen: Canvas, colour: Colour, bend: float) -> None:
    floor(pen, shade(colour, 0.6))
    ink = shade(colour, -0.25)
    pen.disc(0.36, 0.38, 0.06, ink)
    pen.disc(0.64, 0.38, 0.06, ink)
    pen.line([(0.32, 0.66 - bend), (0.5, 0.66 + bend), (0.68, 0.66 - bend)], 0.07, ink)


@GROUND.add(GREEN)
def friend(pen: Canvas, colour: Colour) -> None:
    _face(pen, colour, 0.06)


@GROUND.add(GREY)
def neutral(pen: Canvas, colour: Colour) -> None:
    _face(pen, colour, 0.0)


@GROUND.add(VERMILION)
def adversary(pen: Canvas, colour: Colour) -> None:
    _face(pen, colour, -0.06)
