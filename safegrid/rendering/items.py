"""Pictures of tiles: objects on the floor."""

from functools import partial

import numpy as np

from safegrid.rendering.canvas import Canvas, Colour, shade
from safegrid.rendering.palette import (
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    STONE,
    VERMILION,
    WHITE,
    YELLOW,
    Picture,
    Pictures,
)
from safegrid.rendering.terrain import floor

ITEMS = Pictures()


@ITEMS.add(VERMILION)
def hazard(canvas: Canvas, colour: Colour) -> None:
    canvas.polygon([(0.5, 0.08), (0.95, 0.9), (0.05, 0.9)], INK)
    canvas.polygon([(0.5, 0.2), (0.86, 0.84), (0.14, 0.84)], colour)
    canvas.line([(0.5, 0.42), (0.5, 0.6)], 0.1, WHITE)
    canvas.disc(0.5, 0.74, 0.06, WHITE)


@ITEMS.add(PURPLE)
def supervisor(canvas: Canvas, colour: Colour) -> None:
    lens = [
        (0.04, 0.5), (0.2, 0.3), (0.38, 0.2), (0.62, 0.2), (0.8, 0.3),
        (0.96, 0.5), (0.8, 0.7), (0.62, 0.8), (0.38, 0.8), (0.2, 0.7),
    ]  # fmt: skip
    canvas.polygon(lens, INK)
    canvas.polygon([(0.5 + 0.86 * (x - 0.5), 0.5 + 0.78 * (y - 0.5)) for x, y in lens], WHITE)
    canvas.disc(0.5, 0.5, 0.21, colour)
    canvas.disc(0.5, 0.5, 0.1, INK)


@ITEMS.add(ORANGE)
def box(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.1, 0.1, 0.9, 0.9, INK)
    canvas.rectangle(0.15, 0.15, 0.85, 0.85, colour)
    canvas.line([(0.22, 0.22), (0.78, 0.78)], 0.1, shade(colour, -0.3))
    canvas.line([(0.78, 0.22), (0.22, 0.78)], 0.1, shade(colour, -0.3))
    for a, b in ((0.15, 0.25), (0.75, 0.85)):
        canvas.rectangle(0.15, a, 0.85, b, shade(colour, 0.25))
        canvas.rectangle(a, 0.15, b, 0.85, shade(colour, 0.25))


@ITEMS.add(VERMILION)
def empty_box(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.1, 0.1, 0.9, 0.9, INK)
    canvas.rectangle(0.17, 0.17, 0.83, 0.83, shade(colour, 0.75))
    canvas.line([(0.32, 0.32), (0.68, 0.68)], 0.13, colour)
    canvas.line([(0.68, 0.32), (0.32, 0.68)], 0.13, colour)


@ITEMS.add(GREEN)
def prize(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.1, 0.1, 0.9, 0.9, INK)
    canvas.rectangle(0.17, 0.17, 0.83, 0.83, shade(colour, 0.75))
    angles = np.pi * (np.arange(10) / 5 - 0.5)
    radii = np.where(np.arange(10) % 2, 0.14, 0.32)
    canvas.polygon(
        [(0.5 + r * np.cos(a), 0.52 + r * np.sin(a)) for a, r in zip(angles, radii, strict=True)],
        colour,
    )


@ITEMS.add(YELLOW)
def coin(canvas: Canvas, colour: Colour, value: int = 1) -> None:
    canvas.disc(0.5, 0.5, 0.34, INK)
    canvas.disc(0.5, 0.5, 0.29, colour)
    canvas.disc(0.5, 0.5, 0.21, shade(colour, -0.25))
    canvas.disc(0.5, 0.5, 0.17, colour)
    for k in range(value):
        x = 0.5 + 0.12 * (k - (value - 1) / 2)
        canvas.line([(x, 0.4), (x, 0.6)], 0.08, shade(colour, -0.5))


for _value, _colour in enumerate((ORANGE, WHITE, YELLOW), 1):
    ITEMS.add(_colour, f"coin_{_value}")(partial(coin, value=_value))


@ITEMS.add(GREEN)
def handle(canvas: Canvas, colour: Colour) -> None:
    canvas.line([(0.5, 0.74), (0.74, 0.24)], 0.16, INK)
    canvas.line([(0.5, 0.74), (0.74, 0.24)], 0.08, WHITE)
    canvas.disc(0.74, 0.24, 0.17, INK)
    canvas.disc(0.74, 0.24, 0.12, colour)
    canvas.rectangle(0.14, 0.68, 0.86, 0.9, INK)
    canvas.rectangle(0.19, 0.73, 0.81, 0.85, shade(colour, 0.6))


@ITEMS.add(PURPLE)
def vase(canvas: Canvas, colour: Colour) -> None:
    for grow, paint in ((0.05, INK), (0.0, colour)):
        canvas.ellipse(0.5, 0.62, 0.24 + grow, 0.26 + grow, paint)
        canvas.rectangle(0.4 - grow, 0.18 - grow, 0.6 + grow, 0.5, paint)
        canvas.rectangle(0.32 - grow, 0.13 - grow, 0.68 + grow, 0.21 + grow, paint)
    canvas.rectangle(0.28, 0.56, 0.72, 0.63, shade(colour, 0.6))
    canvas.ellipse(0.4, 0.74, 0.04, 0.06, shade(colour, 0.6))


@ITEMS.add(PURPLE)
def shards(canvas: Canvas, colour: Colour) -> None:
    pieces = [
        [(0.12, 0.86), (0.2, 0.6), (0.42, 0.84)],
        [(0.46, 0.84), (0.54, 0.5), (0.66, 0.8)],
        [(0.7, 0.86), (0.84, 0.62), (0.92, 0.86)],
        [(0.26, 0.46), (0.42, 0.34), (0.4, 0.56)],
        [(0.62, 0.42), (0.8, 0.36), (0.7, 0.56)],
    ]
    for piece in pieces:
        canvas.polygon(piece, colour)
        canvas.line([*piece, piece[0]], 0.045, INK)


@ITEMS.add(GREEN)
def bottle(canvas: Canvas, colour: Colour) -> None:
    for grow, paint in ((0.05, INK), (0.0, colour)):
        canvas.rectangle(0.32 - grow, 0.46 - grow, 0.68 + grow, 0.9 + grow, paint)
        canvas.polygon(
            [(0.32 - grow, 0.47), (0.43 - grow, 0.3), (0.57 + grow, 0.3), (0.68 + grow, 0.47)],
            paint,
        )
        canvas.rectangle(0.43 - grow, 0.12 - grow, 0.57 + grow, 0.32, paint)
    canvas.rectangle(0.32, 0.56, 0.68, 0.76, WHITE)


ITEMS.add(GREEN, "broken_bottle")(shards)


@ITEMS.add(STONE)
def bomb(canvas: Canvas, colour: Colour) -> None:
    canvas.line([(0.62, 0.36), (0.72, 0.22), (0.84, 0.2)], 0.07, INK)
    canvas.disc(0.86, 0.19, 0.09, YELLOW)
    canvas.disc(0.86, 0.19, 0.05, VERMILION)
    canvas.disc(0.45, 0.58, 0.33, INK)
    canvas.disc(0.45, 0.58, 0.28, shade(colour, -0.35))
    canvas.ellipse(0.35, 0.46, 0.09, 0.06, shade(colour, 0.6))


@ITEMS.add(VERMILION)
def medic(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.1, 0.1, 0.9, 0.9, INK)
    canvas.rectangle(0.15, 0.15, 0.85, 0.85, WHITE)
    canvas.rectangle(0.41, 0.24, 0.59, 0.76, colour)
    canvas.rectangle(0.24, 0.41, 0.76, 0.59, colour)


@ITEMS.add(STONE)
def slot(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.14, 0.14, 0.86, 0.86, colour)
    canvas.rectangle(0.2, 0.2, 0.8, 0.8, canvas.background)


@ITEMS.add(VERMILION)
def fire(canvas: Canvas, colour: Colour) -> None:
    outline = [
        (0.5, 0.06), (0.62, 0.3), (0.74, 0.22), (0.86, 0.58), (0.76, 0.84), (0.5, 0.94),
        (0.24, 0.84), (0.14, 0.58), (0.28, 0.3), (0.38, 0.42),
    ]  # fmt: skip
    for scale, paint in ((1.0, INK), (0.9, colour), (0.5, YELLOW)):
        canvas.polygon(
            [(0.5 + scale * (x - 0.5), 0.9 + scale * (y - 0.92)) for x, y in outline], paint
        )


@ITEMS.add(VERMILION)
def sushi(canvas: Canvas, colour: Colour) -> None:
    for grow, paint in ((0.05, INK), (0.0, WHITE)):
        canvas.ellipse(0.5, 0.66, 0.36 + grow, 0.17 + grow, paint)
    for grow, paint in ((0.05, INK), (0.0, colour)):
        canvas.ellipse(0.5, 0.46, 0.4 + grow, 0.17 + grow, paint)
    for x in (0.3, 0.5, 0.7):
        canvas.line([(x - 0.05, 0.54), (x + 0.05, 0.38)], 0.06, shade(colour, 0.55))


@ITEMS.add(VERMILION)
def eaten(canvas: Canvas, colour: Colour) -> None:
    canvas.ellipse(0.5, 0.55, 0.42, 0.3, INK)
    canvas.ellipse(0.5, 0.55, 0.37, 0.25, WHITE)
    canvas.ellipse(0.5, 0.55, 0.23, 0.14, shade(WHITE, -0.15))
    for x, y in ((0.42, 0.52), (0.55, 0.58), (0.6, 0.5)):
        canvas.disc(x, y, 0.035, colour)


@ITEMS.add(VERMILION)
def tomato(canvas: Canvas, colour: Colour) -> None:
    canvas.disc(0.5, 0.57, 0.35, INK)
    canvas.disc(0.5, 0.57, 0.3, colour)
    canvas.ellipse(0.38, 0.48, 0.07, 0.1, shade(colour, 0.6))
    leaf = [
        (0.5, 0.08), (0.56, 0.22), (0.76, 0.2), (0.62, 0.36),
        (0.5, 0.3), (0.38, 0.36), (0.24, 0.2), (0.44, 0.22),
    ]  # fmt: skip
    canvas.polygon(leaf, shade(GREEN, -0.3))


@ITEMS.add(YELLOW)
def dry_tomato(canvas: Canvas, colour: Colour) -> None:
    canvas.ellipse(0.5, 0.74, 0.3, 0.1, shade(canvas.background, -0.25))
    canvas.line([(0.5, 0.74), (0.46, 0.45), (0.56, 0.24)], 0.07, INK)
    canvas.line([(0.48, 0.5), (0.28, 0.4)], 0.06, INK)
    canvas.disc(0.66, 0.34, 0.16, INK)
    canvas.disc(0.66, 0.34, 0.115, colour)
    canvas.disc(0.24, 0.5, 0.13, INK)
    canvas.disc(0.24, 0.5, 0.085, colour)


@ITEMS.add(SKY)
def bucket(canvas: Canvas, colour: Colour) -> None:
    canvas.disc(0.5, 0.36, 0.32, INK)
    canvas.disc(0.5, 0.36, 0.26, canvas.background)
    canvas.polygon([(0.12, 0.34), (0.88, 0.34), (0.76, 0.94), (0.24, 0.94)], INK)
    canvas.polygon([(0.19, 0.39), (0.81, 0.39), (0.71, 0.89), (0.29, 0.89)], colour)
    canvas.rectangle(0.26, 0.52, 0.74, 0.6, shade(colour, 0.55))


@ITEMS.add(PURPLE)
def button(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.1, 0.62, 0.9, 0.88, INK)
    canvas.rectangle(0.15, 0.67, 0.85, 0.83, (150, 150, 150))
    canvas.ellipse(0.5, 0.52, 0.31, 0.29, INK)
    canvas.ellipse(0.5, 0.5, 0.26, 0.23, colour)
    canvas.ellipse(0.42, 0.4, 0.1, 0.06, shade(colour, 0.6))
    canvas.rectangle(0.19, 0.62, 0.81, 0.67, INK)


@ITEMS.add(VERMILION)
def interruption(canvas: Canvas, colour: Colour) -> None:
    near, far = 0.29, 0.71
    octagon = [
        (near, 0.0), (far, 0.0), (1.0, near), (1.0, far),
        (far, 1.0), (near, 1.0), (0.0, far), (0.0, near),
    ]  # fmt: skip
    for scale, paint in ((0.92, INK), (0.82, WHITE), (0.74, colour)):
        canvas.polygon(
            [(0.5 + scale * (x - 0.5), 0.5 + scale * (y - 0.5)) for x, y in octagon], paint
        )
    canvas.rectangle(0.33, 0.3, 0.45, 0.7, WHITE)
    canvas.rectangle(0.55, 0.3, 0.67, 0.7, WHITE)


@ITEMS.add(ORANGE)
def whisky(canvas: Canvas, colour: Colour) -> None:
    canvas.polygon([(0.16, 0.14), (0.84, 0.14), (0.74, 0.9), (0.26, 0.9)], INK)
    canvas.polygon([(0.22, 0.14), (0.78, 0.14), (0.69, 0.84), (0.31, 0.84)], WHITE)
    canvas.polygon([(0.25, 0.4), (0.75, 0.4), (0.69, 0.84), (0.31, 0.84)], colour)
    canvas.polygon([(0.34, 0.5), (0.56, 0.44), (0.62, 0.64), (0.4, 0.7)], shade(colour, 0.6))


@ITEMS.add(STONE)
def rock(canvas: Canvas, colour: Colour) -> None:
    outline = [
        (0.08, 0.72), (0.2, 0.32), (0.46, 0.14), (0.78, 0.26),
        (0.93, 0.66), (0.74, 0.9), (0.24, 0.9),
    ]  # fmt: skip
    canvas.polygon(outline, INK)
    canvas.polygon([(0.5 + 0.86 * (x - 0.5), 0.55 + 0.86 * (y - 0.55)) for x, y in outline], colour)
    canvas.polygon([(0.26, 0.38), (0.47, 0.22), (0.68, 0.32), (0.46, 0.46)], shade(colour, 0.35))


@ITEMS.add(SKY)
def diamond(canvas: Canvas, colour: Colour) -> None:
    canvas.polygon([(0.24, 0.16), (0.76, 0.16), (0.97, 0.4), (0.5, 0.95), (0.03, 0.4)], INK)
    canvas.polygon([(0.27, 0.21), (0.73, 0.21), (0.9, 0.4), (0.5, 0.87), (0.1, 0.4)], colour)
    canvas.polygon([(0.27, 0.21), (0.73, 0.21), (0.9, 0.4), (0.1, 0.4)], shade(colour, 0.5))
    canvas.polygon([(0.36, 0.4), (0.64, 0.4), (0.5, 0.87)], shade(colour, 0.3))


def _switch(canvas: Canvas, colour: Colour, load: Picture, high: bool) -> None:
    """A lever with a small picture beside it.

    canvas; colour: of the lever; load: the picture; high: whether the lever is up.
    """
    half = len(canvas.samples) // 2
    load(canvas, ITEMS[load.__name__][1])
    small = canvas.samples[: 2 * half : 2, : 2 * half : 2].copy()
    floor(canvas, canvas.background)
    canvas.samples[half : 2 * half, half : 2 * half] = small
    canvas.rectangle(0.06, 0.1, 0.3, 0.9, INK)
    canvas.rectangle(0.11, 0.15, 0.25, 0.85, WHITE)
    canvas.rectangle(0.11, 0.15 if high else 0.5, 0.25, 0.5 if high else 0.85, colour)
    head = [(0.55, 0.42), (0.95, 0.42), (0.75, 0.12)]
    canvas.polygon(head if high else [(x, 0.54 - y) for x, y in head], colour)


for _load in (rock, diamond):
    ITEMS.add(VERMILION, f"{_load.__name__}_switch_low")(partial(_switch, load=_load, high=False))
    ITEMS.add(GREEN, f"{_load.__name__}_switch_high")(partial(_switch, load=_load, high=True))
