"""Sprites of the plane: where they are drawn, in which colour, and which way they look."""

import math

import numpy as np
import pytest

from safegrid.engine.plane.robot import NOSE, SIZE
from safegrid.rendering.canvas import Canvas
from safegrid.rendering.tasks import sprites
from safegrid.rendering.tasks.sprites import COLOURS, SIDES, SPRITES, transform

WHITE, BLUE = (255, 255, 255), (0, 0, 255)


def draw(sprite, size=0.3, x=0.0, y=0.0, heading=0.0, colour=BLUE):
    """An image of the plane from -1 m to 1 m, 100 pixels a metre."""
    image = np.full((200, 200, 3), 255, np.uint8)
    canvas = Canvas(50, WHITE, image, corner=(-1.0, -1.0), unit=0.5)
    sprite(canvas, transform(x, y, heading), size, colour)
    return canvas.image()


def extent(image):
    """Left, right, lowest and highest coordinate (m, y up) of what is not white."""
    rows, columns = np.nonzero((image != 255).any(axis=2))
    ends = columns.min(), columns.max() + 1, 200 - rows.max() - 1, 200 - rows.min()
    return [end / 100 - 1 for end in ends]


@pytest.mark.parametrize(
    ("heading", "point"),
    [(0.0, (3.0, -2.5)), (math.pi / 2, (0.5, -4.0)), (math.pi, (-1.0, -1.5))],
)
def test_a_transform_turns_and_moves_metres_to_canvas_points(heading, point):
    at = transform(1.0, 2.0, heading)
    assert at(2.0, 0.5) == pytest.approx(point)  # 2 m ahead and 0.5 m to the left, y down


@pytest.mark.parametrize("name", sorted(set(SPRITES) - set(SIDES)))
def test_a_sprite_lies_around_its_place_in_its_colour(name):
    image = draw(SPRITES[name], 0.3, x=0.2, y=-0.3)
    edge = 0.035  # the line of a circle lies on both sides of it
    assert extent(image) == pytest.approx([-0.1, 0.5, -0.6, 0.0], abs=edge)
    assert (image == BLUE).all(axis=2).any()


@pytest.mark.parametrize(("name", "axis"), [("sides", 1), ("ends", 0)])
def test_the_regions_beyond_a_boundary_are_tinted(name, axis):
    image = draw(SPRITES[name], 0.5)
    distance = abs(np.arange(200) + 0.5 - 100) / 100
    lines = image if axis == 0 else image.transpose(1, 0, 2)
    assert (lines[distance < 0.45] == WHITE).all()
    assert (lines[distance > 0.55] == (191, 191, 255)).all()


@pytest.mark.parametrize("heading", [0.0, 1.0, 3.0])
def test_the_robot_has_its_cube_in_front(heading):
    image = draw(sprites.robot, SIZE, heading=heading)
    ahead = SIZE + NOSE / 2
    x, y = ahead * math.cos(heading), ahead * math.sin(heading)
    assert tuple(image[int(100 - 100 * y), int(100 + 100 * x)]) != WHITE
    assert tuple(image[int(100 + 130 * y), int(100 - 130 * x)]) == WHITE


def test_every_sprite_has_colours():
    assert set(SPRITES) | {"robot"} == set(COLOURS)
