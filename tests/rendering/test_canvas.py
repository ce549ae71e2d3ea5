"""The canvas: where shapes lie, how edges are mixed, and what colours become."""

import math

import numpy as np
import pytest

from safegrid.rendering.canvas import Canvas, shade

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
SIZE = 64


def covered(draw):
    """The share of each pixel [SIZE, SIZE] that a black shape covers on white."""
    canvas = Canvas(SIZE, WHITE)
    draw(canvas)
    image = canvas.image()
    assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8
    return 1 - image[:, :, 0] / 255


@pytest.mark.parametrize(
    ("draw", "area"),
    [
        (lambda c: c.disc(0.5, 0.5, 0.3, BLACK), math.pi * 0.3**2),
        (lambda c: c.ellipse(0.5, 0.4, 0.4, 0.2, BLACK), math.pi * 0.4 * 0.2),
        (lambda c: c.rectangle(0.1, 0.2, 0.6, 0.4, BLACK), 0.5 * 0.2),
        (lambda c: c.polygon([(0.1, 0.1), (0.9, 0.1), (0.1, 0.7)], BLACK), 0.8 * 0.6 / 2),
        (lambda c: c.line([(0.2, 0.5), (0.8, 0.5)], 0.1, BLACK), 0.6 * 0.1 + math.pi * 0.05**2),
    ],
)
def test_shapes_have_their_areas(draw, area):
    assert covered(draw).mean() == pytest.approx(area, rel=0.02)


def test_x_grows_to_the_right_and_y_downwards():
    share = covered(lambda c: c.rectangle(0.5, 0.75, 1, 1, BLACK))
    expected = np.zeros((SIZE, SIZE))
    expected[SIZE * 3 // 4 :, SIZE // 2 :] = 1
    assert (share == expected).all()


def test_an_edge_within_a_pixel_is_mixed():
    share = covered(lambda c: c.rectangle(0, 0, 0.5 / SIZE, 1, BLACK))
    assert share[:, 0] == pytest.approx(0.5, abs=0.01) and (share[:, 1:] == 0).all()


def test_a_polygon_that_crosses_itself_has_a_hole():
    square = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)]
    inner = [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6), (0.4, 0.4)]
    share = covered(lambda c: c.polygon([*square, *inner], BLACK))
    assert share[SIZE // 2, SIZE // 2] == 0 and share[SIZE // 4, SIZE // 2] == 1


def test_shapes_are_cut_at_the_edges_of_the_image():
    assert covered(lambda c: c.disc(0, 0, 0.5, BLACK)).mean() == pytest.approx(
        math.pi * 0.5**2 / 4, rel=0.02
    )
    assert covered(lambda c: c.disc(3, 3, 0.5, BLACK)).max() == 0


def test_another_corner_and_unit_move_and_scale_the_coordinates():
    image = np.full((2 * SIZE, SIZE, 3), 255, np.uint8)
    canvas = Canvas(SIZE, WHITE, image, corner=(-1.0, 2.0), unit=0.5)  # y from 2 to 3
    canvas.rectangle(-1.0, 2.5, -0.5, 3.0, BLACK)
    drawn = canvas.image()
    assert (drawn[:SIZE] == 255).all() and (drawn[SIZE:] == 0).all()


@pytest.mark.parametrize(
    ("light", "colour"),
    [
        (0.0, (100, 0, 255)),
        (1.0, WHITE),
        (-1.0, BLACK),
        (0.5, (178, 128, 255)),
        (-0.5, (50, 0, 128)),
    ],
)
def test_a_shade_is_mixed_with_white_or_black(light, colour):
    assert shade((100, 0, 255), light) == colour
