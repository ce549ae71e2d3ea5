"""Pictures of tiles: devices that the agent operates, and things that it fetches."""

from safegrid.rendering.canvas import Canvas, Colour, shade
from safegrid.rendering.palette import (
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WHITE,
    YELLOW,
    Pictures,
)

DEVICES = Pictures()


@DEVICES.add(SKY)
def sprinkler(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.42, 0.5, 0.58, 0.92, INK)
    canvas.rectangle(0.28, 0.84, 0.72, 0.94, INK)
    canvas.rectangle(0.34, 0.38, 0.66, 0.56, INK)
    canvas.rectangle(0.38, 0.42, 0.62, 0.52, colour)
    for x, y in ((0.12, 0.4), (0.2, 0.2), (0.38, 0.1), (0.62, 0.1), (0.8, 0.2), (0.88, 0.4)):
        canvas.disc(x, y, 0.09, INK)
        canvas.disc(x, y, 0.06, colour)


@DEVICES.add(VERMILION)
def lever(canvas: Canvas, colour: Colour) -> None:
    for top in (0.04, 0.88):  # warning tape above and below
        canvas.rectangle(0, top, 1, top + 0.08, YELLOW)
        for left in (0.0, 0.25, 0.5, 0.75):
            canvas.rectangle(left, top, left + 0.12, top + 0.08, INK)
    canvas.rectangle(0.2, 0.62, 0.8, 0.82, INK)
    canvas.rectangle(0.25, 0.67, 0.75, 0.77, WHITE)
    canvas.line([(0.5, 0.64), (0.7, 0.32)], 0.1, INK)
    canvas.disc(0.7, 0.3, 0.14, INK)
    canvas.disc(0.7, 0.3, 0.1, colour)


@DEVICES.add(ORANGE)
def test(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.16, 0.06, 0.84, 0.94, INK)
    canvas.rectangle(0.21, 0.11, 0.79, 0.89, WHITE)
    canvas.rectangle(0.21, 0.11, 0.79, 0.27, colour)
    canvas.line([(0.32, 0.58), (0.46, 0.74), (0.7, 0.4)], 0.1, shade(colour, -0.3))


@DEVICES.add(PURPLE)
def report(canvas: Canvas, colour: Colour) -> None:
    canvas.line([(0.24, 0.12), (0.24, 0.92)], 0.08, INK)
    canvas.polygon([(0.24, 0.1), (0.9, 0.22), (0.9, 0.58), (0.24, 0.6)], INK)
    canvas.polygon([(0.28, 0.16), (0.85, 0.26), (0.85, 0.53), (0.28, 0.54)], colour)


@DEVICES.add(GREEN)
def register(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.08, 0.08, 0.92, 0.92, INK)
    canvas.rectangle(0.13, 0.13, 0.87, 0.87, colour)
    canvas.disc(0.5, 0.5, 0.3, INK)
    canvas.disc(0.5, 0.5, 0.26, WHITE)
    canvas.line([(0.5, 0.5), (0.64, 0.34)], 0.06, VERMILION)
    canvas.disc(0.5, 0.5, 0.06, INK)


@DEVICES.add(YELLOW)
def cheese(canvas: Canvas, colour: Colour) -> None:
    canvas.polygon([(0.06, 0.56), (0.7, 0.14), (0.94, 0.4), (0.94, 0.84), (0.06, 0.84)], INK)
    canvas.polygon([(0.14, 0.54), (0.69, 0.19), (0.88, 0.4), (0.88, 0.54)], shade(colour, 0.4))
    canvas.rectangle(0.11, 0.57, 0.89, 0.79, colour)
    for x, y, radius in ((0.3, 0.68, 0.07), (0.56, 0.71, 0.05), (0.74, 0.64, 0.06)):
        canvas.disc(x, y, radius, shade(colour, -0.35))


@DEVICES.add(SKY)
def dish(canvas: Canvas, colour: Colour) -> None:
    canvas.ellipse(0.5, 0.56, 0.44, 0.32, INK)
    canvas.ellipse(0.5, 0.54, 0.4, 0.28, colour)
    canvas.ellipse(0.5, 0.56, 0.26, 0.17, shade(colour, -0.3))
    canvas.ellipse(0.5, 0.57, 0.23, 0.14, shade(colour, 0.5))


@DEVICES.add(YELLOW)
def key(canvas: Canvas, colour: Colour) -> None:
    canvas.disc(0.3, 0.34, 0.22, INK)
    canvas.line([(0.34, 0.38), (0.82, 0.86)], 0.17, INK)
    canvas.line([(0.66, 0.7), (0.82, 0.54)], 0.15, INK)
    canvas.disc(0.3, 0.34, 0.18, colour)
    canvas.line([(0.36, 0.4), (0.8, 0.84)], 0.08, colour)
    canvas.line([(0.68, 0.68), (0.8, 0.56)], 0.07, colour)
    canvas.disc(0.27, 0.31, 0.08, INK)


@DEVICES.add(ORANGE)
def chest(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.08, 0.2, 0.92, 0.86, INK)
    canvas.rectangle(0.13, 0.25, 0.87, 0.46, shade(colour, -0.25))
    canvas.rectangle(0.13, 0.51, 0.87, 0.81, colour)
    canvas.disc(0.5, 0.5, 0.11, INK)
    canvas.disc(0.5, 0.5, 0.07, WHITE)


@DEVICES.add(VERMILION)
def trap(canvas: Canvas, colour: Colour) -> None:
    canvas.ellipse(0.5, 0.6, 0.42, 0.28, INK)
    canvas.ellipse(0.5, 0.6, 0.36, 0.22, shade(colour, -0.45))
    for x, high in ((0.22, 0.36), (0.41, 0.24), (0.59, 0.24), (0.78, 0.36)):
        canvas.polygon([(x - 0.1, 0.66), (x, high), (x + 0.1, 0.66)], INK)
        canvas.polygon([(x - 0.06, 0.64), (x, high + 0.08), (x + 0.06, 0.64)], colour)


@DEVICES.add(VERMILION)
def apple(canvas: Canvas, colour: Colour) -> None:
    canvas.line([(0.5, 0.36), (0.56, 0.12)], 0.08, INK)
    for x in (0.36, 0.64):
        canvas.ellipse(x, 0.58, 0.28, 0.32, INK)
    for x in (0.36, 0.64):
        canvas.ellipse(x, 0.58, 0.23, 0.27, colour)
    canvas.ellipse(0.3, 0.48, 0.06, 0.09, shade(colour, 0.5))


@DEVICES.add(SKY)
def shield(canvas: Canvas, colour: Colour) -> None:
    canvas.polygon([(0.12, 0.12), (0.88, 0.12), (0.88, 0.5), (0.5, 0.92), (0.12, 0.5)], INK)
    canvas.polygon([(0.18, 0.18), (0.82, 0.18), (0.82, 0.48), (0.5, 0.84), (0.18, 0.48)], colour)
    canvas.polygon([(0.44, 0.18), (0.56, 0.18), (0.56, 0.77), (0.5, 0.84), (0.44, 0.77)], WHITE)


@DEVICES.add(PURPLE)
def monster(canvas: Canvas, colour: Colour) -> None:
    for x in (0.26, 0.74):
        canvas.polygon([(x - 0.12, 0.4), (x, 0.08), (x + 0.12, 0.4)], INK)
    canvas.disc(0.5, 0.54, 0.38, INK)
    canvas.disc(0.5, 0.54, 0.33, colour)
    for x in (0.37, 0.63):
        canvas.disc(x, 0.46, 0.09, WHITE)
        canvas.disc(x, 0.46, 0.04, INK)
    canvas.line([(0.34, 0.68), (0.66, 0.68)], 0.08, INK)


@DEVICES.add(PURPLE)
def monster_apple(canvas: Canvas, colour: Colour) -> None:
    monster(canvas, colour)
    canvas.disc(0.74, 0.76, 0.2, INK)
    canvas.disc(0.74, 0.76, 0.15, VERMILION)


@DEVICES.add(PURPLE)
def monster_shield(canvas: Canvas, colour: Colour) -> None:
    monster(canvas, colour)
    canvas.polygon([(0.5, 0.54), (0.96, 0.54), (0.96, 0.78), (0.73, 0.98), (0.5, 0.78)], INK)
    canvas.polygon([(0.56, 0.6), (0.9, 0.6), (0.9, 0.76), (0.73, 0.91), (0.56, 0.76)], SKY)
