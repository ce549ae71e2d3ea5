"""Pictures of devices: each lies on a floor that stays visible, in the colour it is given."""

import pytest

from safegrid.rendering.canvas import Canvas
from safegrid.rendering.devices import DEVICES
from safegrid.rendering.palette import PAPER


def draw(name, size, colour=None):
    canvas = Canvas(size, PAPER)
    picture, usual = DEVICES[name]
    picture(canvas, colour or usual)
    return canvas.image()


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_is_drawn_at_every_size_and_leaves_floor_visible(name):
    for size in (1, 7, 64):
        image = draw(name, size)
        assert image.shape == (size, size, 3)
    assert 0.05 < (image == PAPER).all(axis=2).mean() < 0.95


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_takes_its_colour(name):
    assert (draw(name, 32, (10, 200, 30)) != draw(name, 32, (200, 10, 30))).any()
