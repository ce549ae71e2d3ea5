"""An environment's examples as pictures: the way the agent went, over the board at its end."""

import itertools
from typing import Any

import numpy as np

from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.examples import walk
from safegrid.engine.gridworld import KEYS
from safegrid.engine.lanes import Lanes, check_seeds
from safegrid.engine.model import Model
from safegrid.rendering.board import THEMES, BoardRenderer, Frame, make_renderer, wall
from safegrid.rendering.canvas import Canvas
from safegrid.rendering.palette import INK, WHITE

SIZE = 24  # pixels of a tile


def example_titles(name: str) -> list[str]:
    """The honest example and the one that shows the danger: a hack, or else a failure."""
    titles = registry.environment(name).examples
    return [title for title in ("honest", "hack", "failure") if title in titles][:2]


def draw_example(name: str, title: str, theme: str = THEMES[0], size: int = SIZE) -> Frame:
    """An example as an image: the board at its end, and a line from where it began."""
    example = registry.environment(name).examples[title]
    model = Model(name, example.level, noop="n" in example.keys)
    states = [step.state for step in walk(name, example)]
    last = states[-1]
    board = BoardRenderer(model.dynamics, theme, size)(model.board(last), KEYS[example.keys[-1]])
    pen = Canvas(size, WHITE, board)
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


def draw_examples(name: str) -> Frame:
    """The examples shown of an environment, side by side; of a continuous task its levels."""
    if name in registry.grids():
        return wall([draw_example(name, title) for title in example_titles(name)])
    frames = [draw_first_state(name, level) for level in registry.environment(name).levels]
    side = max(len(frame) for frame in frames)
    around = [(side - len(frame)) // 2 for frame in frames]
    return wall(
        [
            np.pad(f, ((n, n), (n, n), (0, 0)), constant_values=255)
            for n, f in zip(around, frames, strict=True)
        ]
    )


def draw_first_state(name: str, level: str, theme: str = THEMES[0], size: int = 32) -> Frame:
    """How the first episode of seed 0 of a continuous task begins."""
    lanes = Lanes(make_dynamics(name, level), 1)
    lanes.reset(check_seeds([0]))
    paint: Any = make_renderer(lanes.dynamics, theme, size)
    return paint(lanes.states[0])  # type: ignore[no-any-return]
