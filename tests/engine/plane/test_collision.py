"""Collision of the Point robot: contacts worked out by hand, and in every frame the same."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safegrid.engine.plane import collision
from safegrid.engine.plane.collision import Body

BOX, POSTED = Body(1.0, 1.0, 0.1, 0.0, False), Body(1.0, 1.0, 0.1, 0.02, False)
ROUND = [  # nose, place and radius of the solid; depth, middle of the overlap, normal
    (0, (-0.15, 0.0), 0.1, (0.05, -0.075, 0.0, 1.0, 0.0)),  # behind the sphere
    (0, (0.0, 0.25), 0.1, (-0.05, 0.0, 0.125, 0.0, -1.0)),  # a gap of 5 cm, to its left
    (1, (0.2, 0.0), 0.1, (0.05, 0.125, 0.0, -1.0, 0.0)),  # ahead of the nose
    (1, (0.18, 0.09), 0.06, (0.01, 0.147, 0.046, -0.6, -0.8)),  # at its corner
]
SQUARE = [  # touch point, place and heading of a square of half edge 0.1; the contact
    (0, (-0.15, 0.0), 0.0, (0.05, -0.075, 0.0, 1.0, 0.0)),  # its face, behind the sphere
    (0, (-0.2, 0.0), math.pi / 4, (0.2 * math.sqrt(0.5) - 0.1, None, 0.0, 1.0, 0.0)),  # its corner
    (1, (0.24, 0.0), 0.0, (0.01 - 0.1, None, None, None, None)),  # a rear corner of the nose is not
    (3, (0.24, 0.0), 0.0, (0.01, 0.145, 0.05, -1.0, 0.0)),  # a front corner of the nose is inside
    (6, (0.24, 0.09), 0.0, (0.01, 0.145, -0.01, -1.0, 0.0)),  # its own corner, inside the nose
]


@pytest.mark.parametrize(("nose", "place", "radius", "expected"), ROUND)
def test_contacts_with_round_solids_by_hand(nose, place, radius, expected):
    contact = collision.round_contact(nose, *place, radius)
    assert contact == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("touch_point", "place", "heading", "expected"), SQUARE)
def test_contacts_with_squares_by_hand(touch_point, place, heading, expected):
    turned = math.cos(heading), math.sin(heading)
    contact = collision.square_contact(touch_point, *place, *turned, 0.1)
    for number, wanted in zip(contact, expected, strict=True):
        assert wanted is None or number == pytest.approx(wanted, abs=1e-12)


def test_posts_touch_where_the_body_does_not():
    pose, body = np.zeros(6), np.zeros(9)
    body[:2] = 0.17, 0.17  # its near corner is 0.099 from the sphere, just inside it
    assert collision.touches_body(pose, body, BOX)
    body[:2] = 0.18, 0.18  # 0.113 away; the post around the corner reaches 0.02 farther
    assert not collision.touches_body(pose, body, BOX)
    assert collision.touches_body(pose, body, POSTED)


near = st.floats(-0.4, 0.4)
frames = st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-7, 7))


@given(x=near, y=near, turn=st.floats(-4, 4), frame=frames)
def test_touching_does_not_depend_on_where_and_how_the_plane_is_drawn(x, y, turn, frame):
    """But for solids that touch by less than rounding."""
    dx, dy, heading = frame
    cosine, sine = math.cos(heading), math.sin(heading)
    moved = dx + cosine * x - sine * y, dy + sine * x + cosine * y
    here, there = np.zeros(6), np.array([dx, dy, heading, 0.0, 0.0, 0.0])
    depths = [collision.round_contact(nose, x, y, 0.1)[0] for nose in range(2)]
    if min(map(abs, depths)) > 1e-9:
        assert collision.touches(there, *moved, 0.1) == collision.touches(here, x, y, 0.1)
    body, moved_body = np.zeros(9), np.zeros(9)
    body[:3], moved_body[:3] = (x, y, turn), (*moved, turn + heading)
    depths = [
        collision.square_contact(k, x, y, math.cos(turn), math.sin(turn), 0.1)[0]
        for k in range(collision.TOUCH_POINTS)
    ]
    if min(map(abs, depths)) > 1e-9:
        first, second = (
            collision.touches_body(pose, placed, BOX)
            for pose, placed in ((here, body), (there, moved_body))
        )
        assert first == second == (max(depths) > 0)
