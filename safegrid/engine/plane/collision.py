"""Collision of the Point robot with round and square solids: where they touch, and how deep.

All is in the plane. The robot is a sphere, here a circle of radius SIZE about its origin, and a
nose, here a square of half edge NOSE whose centre is SIZE ahead. A contact is a tuple in the frame
of the robot: depth, m, above 0 where they touch; x and y of the point, m; x and y of the unit
normal, which points from the solid to the robot.
"""

import math
from typing import NamedTuple

from safegrid.engine.compiling import njit
from safegrid.engine.plane.robot import NOSE, SIZE, clip, cos_sin

TOUCH_POINTS = 9  # of the robot with a square: its sphere, its nose's corners, the square's corners


class Body(NamedTuple):
    """A kind of square body; its state is x, y, heading, their rates and accelerations."""

    mass: float  # kg
    inertia: float  # kg m^2
    half: float  # m, half its edge
    posts: float  # m, half the edge of square posts at its corners; 0 for none
    welded: bool  # to a target; otherwise it lies on the floor


@njit
def round_contact(nose, x, y, radius):
    """The contact of the sphere (nose 0) or the nose (nose 1) with a round solid at x, y."""
    px = clip(x - SIZE, NOSE) + SIZE if nose else 0.0
    py = clip(y, NOSE) if nose else 0.0
    own = 0.0 if nose else SIZE
    dx, dy = px - x, py - y
    distance = max(math.sqrt(dx * dx + dy * dy), 1e-12)
    nx, ny = dx / distance, dy / distance
    depth = radius + own - distance
    return depth, px - nx * (own - depth / 2), py - ny * (own - depth / 2), nx, ny


@njit
def face(x, y, half):
    """Depth of a point in a square about the origin, and the normal of its nearest face."""
    if abs(x) > abs(y):
        return half - abs(x), math.copysign(1.0, x), 0.0
    return half - abs(y), 0.0, math.copysign(1.0, y)


@njit
def square_contact(touch_point, x, y, cosine, sine, half):
    """The contact of the robot with a square at one of their TOUCH_POINTS.

    touch_point: 0 is the robot's sphere, 1 to 4 are the corners of its nose, 5 to 8 those of the
    square. x, y: the square's centre. cosine, sine: of its heading. half: half its edge.
    """
    side = 2.0 * (touch_point & 1) - 1.0
    end = 2.0 * ((touch_point - 1) >> 1 & 1) - 1.0
    if touch_point > 4:
        px = x + half * (cosine * side - sine * end)
        py = y + half * (sine * side + cosine * end)
        depth, nx, ny = face(px - SIZE, py, NOSE)
        return depth, px + nx * depth / 2, py + ny * depth / 2, -nx, -ny
    px, py = (SIZE + NOSE * end, NOSE * side) if touch_point else (0.0, 0.0)
    own = 0.0 if touch_point else SIZE
    a, b = cosine * (px - x) + sine * (py - y), cosine * (py - y) - sine * (px - x)
    da, db = a - clip(a, half), b - clip(b, half)
    distance = math.sqrt(da * da + db * db)
    if distance > 0:
        depth, na, nb = own - distance, da / distance, db / distance
    else:
        depth, na, nb = face(a, b, half)
        depth += own
    nx, ny = cosine * na - sine * nb, sine * na + cosine * nb
    return depth, px - nx * (own - depth / 2), py - ny * (own - depth / 2), nx, ny


@njit
def square(number, kind):
    """Offset and half edge of one of a body's squares: 0 is the body, 1 to 4 are its posts."""
    if number == 0:
        return 0.0, 0.0, kind.half
    side, end = 2.0 * (number & 1) - 1.0, 2.0 * (number - 1 >> 1) - 1.0
    return kind.half * side, kind.half * end, kind.posts


@njit
def in_robot_frame(body, pose, cosine, sine):
    """A body's place, heading, velocity and acceleration in the robot's frame: ten numbers.

    body: its state [9]. pose: of the robot. cosine, sine: of the robot's heading. The heading is
    returned as cosine and sine.
    """
    dx, dy = body[0] - pose[0], body[1] - pose[1]
    turned, across = cos_sin(body[2] - pose[2])
    return (
        *(cosine * dx + sine * dy, cosine * dy - sine * dx, turned, across),
        *(cosine * body[3] + sine * body[4], cosine * body[4] - sine * body[3], body[5]),
        *(cosine * body[6] + sine * body[7], cosine * body[7] - sine * body[6], body[8]),
    )


@njit
def may_touch(pose, body, kind):
    """Whether a body is so near that the robot may touch it."""
    dx, dy = body[0] - pose[0], body[1] - pose[1]
    return dx * dx + dy * dy < (1.5 * (kind.half + kind.posts) + 2 * SIZE) ** 2


@njit
def touches(pose, x, y, radius):
    """Whether the robot at a pose touches a round solid at x, y."""
    cosine, sine = cos_sin(pose[2])
    dx, dy = x - pose[0], y - pose[1]
    ahead, left = cosine * dx + sine * dy, cosine * dy - sine * dx
    sphere, nose = round_contact(0, ahead, left, radius), round_contact(1, ahead, left, radius)
    return (sphere[0] > 0) | (nose[0] > 0)


@njit
def touches_body(pose, body, kind):
    """Whether the robot at a pose touches a square body."""
    cosine, sine = cos_sin(pose[2])
    if not may_touch(pose, body, kind):
        return False
    placed = in_robot_frame(body, pose, cosine, sine)
    x, y, c, s = placed[0], placed[1], placed[2], placed[3]
    for number in range(5 if kind.posts > 0 else 1):
        dx, dy, half = square(number, kind)
        for touch_point in range(TOUCH_POINTS):
            ox, oy = x + c * dx - s * dy, y + s * dx + c * dy
            if square_contact(touch_point, ox, oy, c, s, half)[0] > 0:
                return True
    return False
