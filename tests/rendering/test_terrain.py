"""Pictures of terrain and characters: each is drawn, and directions differ."""

import numpy as np
import pytest

from safegrid.rendering.canvas import Canvas
from safegrid.rendering.palette import DIRECTIONS, PAPER
from safegrid.rendering.terrain import TERRAIN

TURNS = {"left": np.fliplr, "up": np.transpose, "down": lambda image: np.flipud(image.T)}


def draw(name, size=32, **options):
    canvas = Canvas(size, PAPER)
    picture, colour = TERRAIN[name]
    picture(canvas, colour, **options)
    return canvas.image()


@pytest.mark.parametrize("name", TERRAIN)
def test_every_picture_is_drawn_at_every_size(name):
    for size in (1, 7, 64):
        image = draw(name, size)
        assert image.shape == (size, size, 3)
    assert (image != PAPER).any()


def moved(image, others):
    """Where an image differs from the others: its centre of mass from the middle, (x, y)."""
    differs = np.abs(image.astype(int) - others).sum(axis=2)
    y, x = np.indices(differs.shape)
    return tuple((differs * axis).sum() / differs.sum() - 31.5 for axis in (x, y))


def test_the_agent_looks_where_it_faces():
    plain = draw("agent", 64)
    for facing, (x, y) in DIRECTIONS.items():
        right, down = moved(draw("agent", 64, facing=facing), plain)
        assert (right * x + down * y) > 4 and abs(right * y + down * x) < 3


def test_an_arrow_points_in_its_direction():
    images = {facing: draw(f"arrow_{facing}", 64) for facing in DIRECTIONS}
    mean = np.mean(list(images.values()), axis=0)
    assert len({image.tobytes() for image in images.values()}) == 4
    for one, other in (("left", "right"), ("up", "down")):
        flip = np.fliplr if one == "left" else np.flipud
        same = (flip(images[one]) == images[other]).all(axis=2)
        assert same.mean() > 0.98
    assert mean.shape == (64, 64, 3)
