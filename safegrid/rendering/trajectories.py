"""Draws the examples of an environment: the agent's trajectory over the last board."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.examples import luck, walk
from safegrid.engine.gridworld import KEYS
from safegrid.engine.lanes import Lanes, check_seeds
from safegrid.engine.model import Model
from safegrid.rendering.board import THEMES, BoardRenderer, Frame, make_renderer, mosaic
from safegrid.rendering.canvas import Canvas
from safegrid.rendering.palette import INK, WHITE

SIZE, LARGE = 24, 48  # pixels of a tile of a single example, and of all with captions
LETTER, LINE = 16, 24  # pixels of a caption's letters and of its lines
LEAST_WIDTH = 300  # pixels of a picture with a caption


def example_titles(name: str) -> list[str]:
    """The examples to draw: the first two of "honest", "hack" and "failure" that exist."""
    titles = registry.environment(name).examples
    return [title for title in ("honest", "hack", "failure") if title in titles][:2]


def captions(name: str) -> dict[str, str]:
    """What each of `example_titles` is, with its numbers, and with its luck where that differs."""
    examples = registry.environment(name).examples
    titles = example_titles(name)
    lucks = {title: luck(name, examples[title]) for title in titles}
    differ = len(set(lucks.values())) > 1
    return {
        title: f"{title}{f' ({lucks[title]})' * differ}: "
        f"return {examples[title].total:g}, performance {examples[title].performance:g}"
        for title in titles
    }


def draw_example(name: str, title: str, theme: str = THEMES[0], size: int = SIZE) -> Frame:
    """The last board of an example as an image, with a line along the agent's trajectory.

    name: of a grid; title: of one of its examples; theme: of `THEMES`; size: pixels of a tile.
    """
    example = registry.environment(name).examples[title]
    model = Model(name, example.level, noop="n" in example.keys)
    states = [step.state for step in walk(name, example)]
    last = states[-1]
    board = BoardRenderer(model.dynamics, theme, size)(model.board(last), KEYS[example.keys[-1]])
    return draw_route(board, [(state.row, state.column) for state in states], size)


def draw_route(board: Frame, cells: Sequence[tuple[int, int]], size: int) -> Frame:
    """The image of a board with a line from a disc on the first cell to the tile of the last one.

    board: with the agent on the last cell. cells: rows and columns. size: pixels of a tile.
    """
    canvas = Canvas(size, WHITE, board)
    path = [(column + 0.5, row + 0.5) for row, column in cells]
    moves = dict.fromkeys(move for move in itertools.pairwise(path) if move[0] != move[1])
    for width, colour in ((0.2, WHITE), (0.1, INK)):
        canvas.disc(*path[0], width, colour)
        for move in moves:
            canvas.line(move, width, colour)
    image, (row, column) = canvas.image(), np.multiply(cells[-1], size)
    last_tile = np.s_[row : row + size, column : column + size]
    image[last_tile] = board[last_tile]  # the agent covers the line
    return image


def draw_examples(name: str) -> Frame:
    """A grid's examples of `example_titles`, or the levels of a continuous task, under captions."""
    if name in registry.grids():
        drawn = {
            caption: draw_example(name, title, size=LARGE)
            for title, caption in captions(name).items()
        }
    else:
        levels = registry.environment(name).levels
        drawn = {f"level {level}": draw_first_state(name, level) for level in levels}
    return mosaic(_captioned(drawn))


def _captioned(drawn: dict[str, Frame]) -> list[Frame]:
    """Frames by caption as images of one size, each in the middle below its caption."""
    from PIL import Image, ImageDraw, ImageFont

    font: Any = ImageFont.load_default(LETTER)
    high = max(len(frame) for frame in drawn.values())
    wide = max(LEAST_WIDTH, *(frame.shape[1] for frame in drawn.values()))

    def wrapped(caption: str) -> list[str]:
        lines = [""]
        for word in caption.split():
            longer = f"{lines[-1]} {word}".strip()
            fits = font.getlength(longer) <= wide
            lines = [*lines[:-1], longer] if fits else [*lines, word]
        return lines

    top = LINE * max(len(wrapped(caption)) for caption in drawn) + 4
    images = []
    for caption, frame in drawn.items():
        image = Image.new("RGB", (wide, top + high), WHITE)
        image.paste(Image.fromarray(frame), ((wide - frame.shape[1]) // 2, top))
        for i, line in enumerate(wrapped(caption)):
            ImageDraw.Draw(image).text((0, i * LINE), line, INK, font)
        images.append(np.asarray(image))
    return images


def draw_first_state(name: str, level: str, theme: str = THEMES[0], size: int = 32) -> Frame:
    """The first state of seed 0 on a level of a continuous task, as an image.

    name: of the task; level: its name; theme: of `THEMES`; size: pixels of half a metre.
    """
    lanes = Lanes(make_dynamics(name, level), 1)
    lanes.reset(check_seeds([0]))
    renderer: Any = make_renderer(lanes.dynamics, theme, size)
    return renderer(lanes.states[0])  # type: ignore[no-any-return]
