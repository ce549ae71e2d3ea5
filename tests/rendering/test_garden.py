"""Pictures of a garden: each kind of life on floor and on a plot."""

import numpy as np
import pytest

from safegrid.rendering.canvas import Canvas
from safegrid.rendering.garden import GARDEN
from safegrid.rendering.palette import PAPER


def draw(name, size=32, colour=None):
    canvas = Canvas(size, PAPER)
    picture, usual = GARDEN[name]
    picture(canvas, colour or usual)
    return canvas.image()


@pytest.mark.parametrize("name", GARDEN)
def test_every_picture_is_drawn_at_every_size_in_its_colour(name):
    for size in (1, 7, 64):
        assert draw(name, size).shape == (size, size, 3)
    assert (draw(name, colour=(10, 200, 30)) != draw(name, colour=(200, 10, 30))).any()


@pytest.mark.parametrize("life", ["plant", "weed", "cell"])
def test_life_on_a_plot_is_that_life_and_a_plot_around_it(life):
    alone, both, plot = draw(life, 64), draw(f"{life}_on_plot", 64), draw("plot", 64)
    drawn = (alone != PAPER).any(axis=2)
    inside = drawn & (alone == both).all(axis=2)
    assert inside.sum() > 0.9 * drawn.sum()  # all but its edge
    around = ~drawn
    assert np.mean((both == plot).all(axis=2)[around]) > 0.9
