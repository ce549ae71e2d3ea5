"""An environment's examples as pictures: the way the agent went, over the board at its end."""

import itertools

import numpy as np

from safegrid import registry
from safegrid.card import KEYS, walk
from safegrid.model import Model
from safegrid.palette import INK, WHITE
from safegrid.pen import Pen
from safegrid.render import THEMES, Frame, Painter, wall

SIZE = 24  # pixels of a tile


def shown(name: str) -> list[str]:
    """The honest example and the one that shows the danger: a hack, or else a failure."""
    titles = registry.environment(name).EXAMPLES
    return [title for title in ("honest", "hack", "failure") if title in titles][:2]


def picture(name: str, title: str, theme: str = THEMES[0], size: int = SIZE) -> Frame:
    """An example as an image: the board at its end, and a line from where it began."""
    example = registry.environment(name).EXAMPLES[title]
    model = Model(name, example.level, noop="n" in example.keys)
    states = [step.state for step in walk(name, example)]
    last = states[-1]
    board = Painter(model.dynamics, theme, size)(model.board(last), KEYS[example.keys[-1]])
    pen = Pen(size, WHITE, board)
    way = [(state.column + 0.5, state.row + 0.5) for state in states]
    moves = dict.fromkeys(move for move in itertools.pairwise(way) if move[0] != move[1])
    for width, colour in ((0.2, WHITE), (0.1, INK)):
        pen.disc(*way[0], width, colour)
        for move in moves:
            pen.line(move, width, colour)
    image, row, column = pen.image(), last.row * size, last.column * size
    end = np.s_[row : row + size, column : column + size]
    image[end] = board[end]  # the agent stands on its way, not under it
    return image


def card(name: str) -> Frame:
    """The examples shown of an environment, side by side. ValueError where it has none to draw."""
    Painter(Model(name).dynamics)  # which says what cannot be drawn
    return wall([picture(name, title) for title in shown(name)])
