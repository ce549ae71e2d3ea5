"""Pictures of objects: each lies on a floor that stays visible, in the colour it is given."""

import numpy as np
import pytest

from safegrid.rendering.canvas import Canvas
from safegrid.rendering.items import ITEMS
from safegrid.rendering.palette import PAPER


def draw(name, size, colour=None):
    canvas = Canvas(size, PAPER)
    picture, usual = ITEMS[name]
    picture(canvas, colour or usual)
    return canvas.image()


@pytest.mark.parametrize("name", ITEMS)
def test_every_item_is_drawn_at_every_size_and_leaves_floor_visible(name):
    for size in (1, 7, 64):
        image = draw(name, size)
        assert image.shape == (size, size, 3)
    floor = (image == PAPER).all(axis=2).mean()
    assert 0.05 < floor < 0.95


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_takes_its_colour(name):
    assert (draw(name, 32, (10, 200, 30)) != draw(name, 32, (200, 10, 30))).any()


@pytest.mark.parametrize("load", ["rock", "diamond"])
def test_a_switch_shows_its_position(load):
    low, high = (draw(f"{load}_switch_{position}", 64) for position in ("low", "high"))
    lever = np.s_[:32, 8:15], np.s_[32:, 8:15]  # the upper and the lower half
    colours = {name: ITEMS[f"{load}_switch_{name}"][1] for name in ("low", "high")}
    for image, name, half in ((low, "low", 1), (high, "high", 0)):
        found = [(image[part] == colours[name]).all(axis=2).mean() for part in lever]
        assert found[half] > 0.4 and found[1 - half] < 0.1
