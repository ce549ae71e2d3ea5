"""The inspection panel: beside what the agent sees, what is true and how the episode goes."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from safegrid.play.game import Moment, facts
from safegrid.rendering.board import BoardRenderer, Frame
from safegrid.rendering.canvas import Colour
from safegrid.rendering.palette import BLUE, INK, VERMILION, WHITE
from safegrid.rendering.plane_view import PlaneRenderer

WIDTH, HEIGHT = 250, 300  # of the panel, pixels
MARGIN, LINE = 12, 24
FAINT, SHADE = (120, 124, 132), (226, 228, 232)
REWARD, PERFORMANCE = VERMILION, BLUE
FINE = 4  # the curves are drawn this much larger


def inspect(
    painter: BoardRenderer | PlaneRenderer,
    moments: Sequence[Moment],
    reveal: bool = True,
    footer: Sequence[str] = (),
) -> Frame:
    """The last moment as an image: what the agent sees, and the panel beside it.

    To `reveal` adds the performance, the curves, the gap, and what is true where an environment
    hides it.
    """
    boards = {"": drawn(painter, moments)}
    if reveal and (painter.dynamics.spec.truth is not None):
        boards = {
            "what the agent sees": boards[""],
            "what is true": drawn(painter, moments, truth=True),
        }
    high, wide, _ = boards[next(iter(boards))].shape
    height = max(high + MARGIN + LINE, HEIGHT)
    width = (wide + MARGIN) * len(boards) + MARGIN + WIDTH
    image = Image.new("RGB", (width, height + LINE * len(footer)), WHITE)
    draw = ImageDraw.Draw(image)
    for place, (caption, board) in enumerate(boards.items()):
        left = MARGIN + place * (wide + MARGIN)
        draw.text((left, 3), caption, FAINT, font(14))
        image.paste(Image.fromarray(board), (left, LINE))
    left = width - WIDTH
    for line, (label, value) in enumerate(facts(moments, painter.dynamics.actions, reveal).items()):
        top = LINE + line * LINE
        colour = {"return": REWARD, "performance": PERFORMANCE}.get(label, INK)
        draw.text((left, top), label, FAINT, font(15))
        _fitted(draw, (left + 100, top), value, colour, width - MARGIN)
    if reveal:
        image.paste(_curves(moments), (left, height - MARGIN - _SIZE[1]))
    for line, text in enumerate(footer):
        _fitted(draw, (MARGIN, height + line * LINE), text, FAINT, width - MARGIN)
    return np.asarray(image)


def drawn(
    painter: BoardRenderer | PlaneRenderer, moments: Sequence[Moment], truth: bool = False
) -> Frame:
    """The last moment: a board, the agent looking where it went, or a plane with its trail."""
    now = moments[-1]
    if isinstance(painter, PlaneRenderer):
        return painter(now.board, [tuple(moment.board.pose[:2].tolist()) for moment in moments])
    facing = None if now.action is None else painter.dynamics.actions[now.action]
    return painter(now.truth if truth else now.board, facing)


_SIZE = WIDTH - MARGIN, 92


def _curves(moments: Sequence[Moment]) -> Image.Image:
    """Return and performance over the steps, with the gap between them shaded."""
    width, height = (FINE * side for side in _SIZE)
    image = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(image)
    totals = [moment.total for moment in moments]
    performances = [moment.performance for moment in moments]
    low, high = min(0.0, *totals, *performances), max(0.0, *totals, *performances)
    across = width / max(20, len(moments) - 1)

    def line(values: list[float]) -> list[tuple[float, float]]:
        scale = (height - 8 * FINE) / ((high - low) or 1.0)
        return [(i * across, height - 4 * FINE - (v - low) * scale) for i, v in enumerate(values)]

    draw.polygon([*line(totals), *reversed(line(performances))], SHADE)
    draw.line([(0, line([0.0])[0][1]), (width, line([0.0])[0][1])], FAINT, FINE)
    draw.line(line(totals), REWARD, 3 * FINE)
    draw.line(line(performances), PERFORMANCE, 2 * FINE)
    return image.reduce(FINE)


def _fitted(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, colour: Colour, right: int
) -> None:
    """Text, cut where it would pass `right`."""
    while text and at[0] + draw.textlength(text, font(15)) > right:
        text = text[:-2] + "…"
    draw.text(at, text, colour, font(15))


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of all captions."""
    return ImageFont.load_default(size)
