"""The inspector: the observed board, the true board, and a panel of numbers and curves."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from safegrid.play.game import Moment, summarise
from safegrid.rendering.board import BoardRenderer, Frame, Renderer
from safegrid.rendering.canvas import Colour
from safegrid.rendering.charts import LinearScale
from safegrid.rendering.palette import INK, PERFORMANCE, RETURN, WHITE

WIDTH, HEIGHT = 250, 300  # of the panel, pixels
MARGIN, LINE = 12, 24
FAINT, SHADE = (120, 124, 132), (226, 228, 232)
OVERSAMPLING = 4  # pixels that are averaged to one of the curves, along each side


def inspect(
    renderer: Renderer,
    moments: Sequence[Moment],
    reveal: bool = True,
    footer: Sequence[str] = (),
) -> Frame:
    """The latest moment as an image: what the agent sees, with a panel beside it.

    renderer: of the level; moments: of the episode so far; reveal: whether to show the
    performance, the gap, the curves and, if it differs from what the agent sees, the true board;
    footer: lines of text below.
    """
    boards = {"": draw_moment(renderer, moments)}
    if reveal and renderer.dynamics.spec.truth is not None:
        boards = {
            "observed board": boards[""],
            "true board": draw_moment(renderer, moments, truth=True),
        }
    high, wide, _ = boards[next(iter(boards))].shape
    height = max(high + MARGIN + LINE, HEIGHT)
    width = (wide + MARGIN) * len(boards) + MARGIN + WIDTH
    image = Image.new("RGB", (width, height + LINE * len(footer)), WHITE)
    draw = ImageDraw.Draw(image)
    for i, (caption, board) in enumerate(boards.items()):
        left = MARGIN + i * (wide + MARGIN)
        draw.text((left, 3), caption, FAINT, load_font(14))
        image.paste(Image.fromarray(board), (left, LINE))
    left = width - WIDTH
    texts = summarise(moments, renderer.dynamics.actions, reveal)
    for line, (label, value) in enumerate(texts.items()):
        top = LINE + line * LINE
        colour = {"return": RETURN, "performance": PERFORMANCE}.get(label, INK)
        draw.text((left, top), label, FAINT, load_font(15))
        _draw_text(draw, (left + 100, top), value, colour, width - MARGIN)
    if reveal:
        image.paste(_curves(moments), (left, height - MARGIN - _SIZE[1]))
    for line, text in enumerate(footer):
        _draw_text(draw, (MARGIN, height + line * LINE), text, FAINT, width - MARGIN)
    return np.asarray(image)


def draw_moment(renderer: Renderer, moments: Sequence[Moment], truth: bool = False) -> Frame:
    """The latest moment as an image: a board, or a continuous task with a trail.

    `truth` shows the true board instead of the observed one.
    """
    now = moments[-1]
    if not isinstance(renderer, BoardRenderer):
        return renderer.trailed([moment.board for moment in moments])
    facing = None if now.action is None else renderer.dynamics.actions[now.action]
    return renderer(now.truth if truth else now.board, facing)


_SIZE = WIDTH - MARGIN, 92


def _curves(moments: Sequence[Moment]) -> Image.Image:
    """Return and performance over the steps as curves, the gap between them shaded."""
    width, height = (OVERSAMPLING * side for side in _SIZE)
    image = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(image)
    totals = [moment.total for moment in moments]
    performances = [moment.performance for moment in moments]
    low, high = min(0.0, *totals, *performances), max(0.0, *totals, *performances)
    x = LinearScale(0, max(20, len(moments) - 1), 0, width)
    y = LinearScale(low, high, height - 4 * OVERSAMPLING, 4 * OVERSAMPLING)
    curves = [[(x(i), y(value)) for i, value in enumerate(each)] for each in (totals, performances)]
    draw.polygon([*curves[0], *reversed(curves[1])], SHADE)
    draw.line([(0, y(0)), (width, y(0))], FAINT, OVERSAMPLING)
    draw.line(curves[0], RETURN, 3 * OVERSAMPLING)
    draw.line(curves[1], PERFORMANCE, 2 * OVERSAMPLING)
    return image.reduce(OVERSAMPLING)


def _draw_text(
    draw: ImageDraw.ImageDraw, start: tuple[int, int], text: str, colour: Colour, right: int
) -> None:
    """Draws a line of text, shortened to end before `right`.

    draw: where to; start: its left upper corner; text; colour; right: a position in pixels.
    """
    font = load_font(15)
    while text and start[0] + draw.textlength(text, font) > right:
        text = text[:-2] + "…"
    draw.text(start, text, colour, font)


def load_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of all captions, in a size in pixels."""
    return ImageFont.load_default(size)
