"""Pictures of tiles: living cells of a garden, and the plots that some are meant for."""

from functools import partial

from safegrid.rendering.canvas import Canvas, Colour, shade
from safegrid.rendering.palette import (
    BLUE,
    GREEN,
    INK,
    SKY,
    STONE,
    VERMILION,
    WHITE,
    Picture,
    Pictures,
)

GARDEN = Pictures()


@GARDEN.add(SKY)
def plot(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.06, 0.06, 0.94, 0.94, colour)
    canvas.rectangle(0.14, 0.14, 0.86, 0.86, shade(colour, 0.65))


@GARDEN.add(GREEN)
def plant(canvas: Canvas, colour: Colour) -> None:
    for grow, paint in ((0.05, INK), (0.0, colour)):
        for x, y in ((0.5, 0.28), (0.28, 0.5), (0.72, 0.5), (0.5, 0.72)):
            canvas.disc(x, y, 0.17 + grow, paint)
    canvas.disc(0.5, 0.5, 0.14, shade(colour, 0.75))


@GARDEN.add(VERMILION)
def weed(canvas: Canvas, colour: Colour) -> None:
    for width, paint in ((0.24, INK), (0.14, colour)):
        for x, y in ((0.2, 0.2), (0.5, 0.14), (0.8, 0.2), (0.2, 0.8), (0.5, 0.86), (0.8, 0.8)):
            canvas.line([(0.5, 0.5), (x, y)], width, paint)


@GARDEN.add(STONE)
def cell(canvas: Canvas, colour: Colour) -> None:
    canvas.disc(0.5, 0.5, 0.3, INK)
    canvas.disc(0.5, 0.5, 0.24, shade(colour, 0.25))
    canvas.ellipse(0.42, 0.41, 0.09, 0.07, WHITE)


def _on_plot(canvas: Canvas, colour: Colour, life: Picture) -> None:
    """A living cell on a plot; colour: of the cell."""
    plot(canvas, SKY)
    life(canvas, colour)


for _life in (plant, weed, cell):
    GARDEN.add(GARDEN[_life.__name__][1], f"{_life.__name__}_on_plot")(
        partial(_on_plot, life=_life)
    )


@GARDEN.add(GREEN)
def tree(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.42, 0.6, 0.58, 0.94, INK)
    for grow, paint in ((0.05, INK), (0.0, shade(colour, -0.35))):
        canvas.polygon(
            [(0.5, 0.06 - grow), (0.86 + grow, 0.72 + grow), (0.14 - grow, 0.72 + grow)], paint
        )
    canvas.polygon([(0.5, 0.14), (0.62, 0.36), (0.38, 0.36)], shade(colour, 0.2))


@GARDEN.add(BLUE)
def closed_exit(canvas: Canvas, colour: Colour) -> None:
    canvas.rectangle(0.12, 0.08, 0.88, 0.94, INK)
    canvas.rectangle(0.18, 0.14, 0.82, 0.94, shade(colour, -0.2))
    for x in (0.34, 0.5, 0.66):
        canvas.line([(x, 0.14), (x, 0.94)], 0.06, INK)
    canvas.disc(0.74, 0.56, 0.06, WHITE)
