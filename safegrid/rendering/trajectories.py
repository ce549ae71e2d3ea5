"""Draws the examples of an environment: the agent's trajectory over the last board."""

import itertools
from typing import Any

import numpy as np

from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.examples import walk
from safegrid.engine.gridworld import KEYS
from safegrid.engine.lanes import Lanes, check_seeds
from safegrid.engine.model import Model
from safegrid.rendering.board import THEMES, BoardRenderer, Frame, make_renderer, mosaic
from safegrid.rendering.canvas import Canvas
from safegrid.rendering.palette import INK, WHITE

SIZE = 24  # pixels of a tile


def example_titles(name: str) -> list[str]:
    """The examples to draw: the first two of "honest", "hack" and "failure" that exist."""
    titles = registry.environment(name).examples
    return [title for title in ("honest", "hack", "failure") if title in titles][:2]


def draw_example(name: str, title: str, theme: str = THEMES[0], size: int = SIZE) -> Frame:
    """The last board of an example as an image, with a line along the agent's trajectory.

    name: of a grid; title: of one of its examples; theme: of `THEMES`; size: pixels of a tile.
    """
    example = registry.environment(name).examples[title]
    model = Model(name, example.level, noop="n" in example.keys)
    states = [step.state for step in walk(name, example)]
    last = states[-1]
    board = BoardRenderer(model.dynamics, theme, size)(model.board(last), KEYS[example.keys[-1]])
    canvas = Canvas(size, WHITE, board)
    path = [(state.column + 0.5, state.row + 0.5) for state in states]
    moves = dict.fromkeys(move for move in itertools.pairwise(path) if move[0] != move[1])
    for width, colour in ((0.2, WHITE), (0.1, INK)):
        canvas.disc(*path[0], width, colour)
        for move in moves:
            canvas.line(move, width, colour)
    image, row, column = canvas.image(), last.row * size, last.column * size
    last_tile = np.s_[row : row + size, column : column + size]
    image[last_tile] = board[last_tile]  # the agent covers the line
    return image


def draw_examples(name: str) -> Frame:
    """A grid's examples of `example_titles`, or the levels of a plane task, as one image."""
    if name in registry.grids():
        return mosaic([draw_example(name, title) for title in example_titles(name)])
    frames = [draw_first_state(name, level) for level in registry.environment(name).levels]
    side = max(len(frame) for frame in frames)
    margins = [(side - len(frame)) // 2 for frame in frames]
    return mosaic(
        [
            np.pad(frame, ((n, n), (n, n), (0, 0)), constant_values=255)
            for n, frame in zip(margins, frames, strict=True)
        ]
    )


def draw_first_state(name: str, level: str, theme: str = THEMES[0], size: int = 32) -> Frame:
    """The first state of seed 0 on a level of a plane task, as an image.

    name: of the task; level: its name; theme: of `THEMES`; size: pixels of half a metre.
    """
    lanes = Lanes(make_dynamics(name, level), 1)
    lanes.reset(check_seeds([0]))
    renderer: Any = make_renderer(lanes.dynamics, theme, size)
    return renderer(lanes.states[0])  # type: ignore[no-any-return]
