"""Contact of the Point robot with round pillars that stand fast and with square bodies that move.

What MuJoCo 2.3.3 solves for the robot (MuJoCo documentation, "Computation": soft contacts with
pyramidal friction cones): the accelerations that least change those without contact, where each
edge of a contact's pyramid pays for what it falls short of pushing apart. All is seen in the plane,
in the robot's own frame. Exact for fixed round solids of the robot's height. Approximate for
bodies: they neither tilt nor hop, the floor holds them by Coulomb friction at their corners, and
bodies do not touch each other. What that leaves is measured in tests/test_contact.py, step by
step, and by experiments/contact.py in rates over episodes: a vase stays in touch for a third longer
than the original's.
"""

import math
from typing import NamedTuple

from safegrid.engine.gridworld import njit
from safegrid.engine.plane.robot import (
    DRAG,
    FREE_SPIN,
    GEAR,
    GRAVITY,
    HEAVY,
    INERTIA,
    LEVER,
    MASS,
    NOSE,
    SIZE,
    SPIN,
    SPIN_DRAG,
    STRENGTH,
    SUBSTEPS,
    TIMESTEP,
    clip,
    cos_sin,
)

HARD = 0.95  # impedance of a constraint that is violated by a millimetre or more
STIFFNESS, DAMPING = 1 / (HARD * 0.02) ** 2, 2 / (HARD * 0.02)  # 1/s^2, 1/s: back in 0.02 s
WELD = STIFFNESS / 1.5**2  # 1/s^2, of a weld with damping ratio 1.5
ROLLING = 1e-4  # m, friction of turning on the spot
LIGHTNESS = 2 / (3 * MASS)  # 1/kg: the mean of the robot's inverse mass over three axes
SWEEPS = 100
SLIDE = DAMPING / 3  # 1/s, at which slow corners come to rest on the floor, as recorded ones do
SPOTS = 9  # where a square may touch the robot


class Body(NamedTuple):
    """A kind of square body; its state is x, y, heading, their rates and accelerations."""

    mass: float  # kg
    inertia: float  # kg m^2
    half: float  # m, of its edge
    posts: float  # m, half the edge of square posts at its corners; 0 for none
    welded: bool  # to a target; else it lies on the floor


@njit
def impedance(depth):
    """How hard a contact is: 0.9 where it begins, 0.95 from a millimetre on."""
    x = min(1.0, depth / 0.001)
    return 0.9 + 0.05 * (2 * x * x if x < 0.5 else 1 - 2 * (1 - x) ** 2)


@njit
def round_contact(nose, x, y, radius):
    """Depth, point and normal of the sphere or the nose on a round solid at x, y."""
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
    """How deep a point lies in a square about the origin, and the normal of the nearest side."""
    if abs(x) > abs(y):
        return half - abs(x), math.copysign(1.0, x), 0.0
    return half - abs(y), 0.0, math.copysign(1.0, y)


@njit
def square_contact(spot, x, y, cosine, sine, half):
    """Depth, point and normal of the robot on a square at x, y, turned by cosine and sine.

    Spot 0 is the sphere, 1 to 4 are the nose's corners, 5 to 8 those of the square.
    """
    side, end = 2.0 * (spot & 1) - 1.0, 2.0 * ((spot - 1) >> 1 & 1) - 1.0
    if spot > 4:
        px = x + half * (cosine * side - sine * end)
        py = y + half * (sine * side + cosine * end)
        depth, nx, ny = face(px - SIZE, py, NOSE)
        return depth, px + nx * depth / 2, py + ny * depth / 2, -nx, -ny
    px, py = (SIZE + NOSE * end, NOSE * side) if spot else (0.0, 0.0)
    own = 0.0 if spot else SIZE
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
def add_facet(sums, weight, short, a, b, c):
    """Adds one edge of a pyramid, where it falls short, to a quadratic form and its gradient."""
    w = weight if short < 0 else 0.0
    return (
        *(sums[0] + w * a * a, sums[1] + w * a * b, sums[2] + w * a * c),
        *(sums[3] + w * b * b, sums[4] + w * b * c, sums[5] + w * c * c),
        *(sums[6] + w * short * a, sums[7] + w * short * b, sums[8] + w * short * c),
    )


@njit
def pyramid(sums, contact, lightness, rate, pull, own, x, y):
    """Adds the ten edges of a contact for the robot (own 1) or for a body at x, y (own -1).

    `rate` and `pull` are the velocity and acceleration of the robot less the body's: along, across
    at the contact, and turning.
    """
    depth, px, py, nx, ny = contact
    hard = impedance(depth)
    weight = hard / (4 * lightness * (1 - hard))
    short = nx * pull[0] + ny * pull[1] + DAMPING * (nx * rate[0] + ny * rate[1])
    short -= STIFFNESS * hard * depth
    slip = nx * pull[1] - ny * pull[0] + DAMPING * (nx * rate[1] - ny * rate[0])
    roll = ROLLING * (pull[2] + DAMPING * rate[2])
    lever, cross = (px - x) * ny - (py - y) * nx, (px - x) * nx + (py - y) * ny
    a, b, c = own * nx, own * ny, own * lever
    sums = add_facet(sums, 6 * weight, short, a, b, c)
    for sign in (1.0, -1.0):
        t = sign * own
        sums = add_facet(sums, weight, short + sign * slip, a - t * ny, b + t * nx, c + t * cross)
        sums = add_facet(sums, weight, short + sign * roll, a, b, c + t * ROLLING)
    return sums


@njit
def solve(sums):
    """What to take from three numbers to bring a quadratic form to its least."""
    a, b, c, d, e, f, x, y, z = sums
    p, q = b / a, c / a
    d, e, f = d - p * b, e - p * c, f - q * c
    y, z = y - p * x, z - q * x
    r = e / d
    z = (z - r * y) / (f - r * e)
    y = y / d - r * z
    return x / a - p * y - q * z, y, z


@njit
def corner(post, kind):
    """Offset and half edge of the body's square number `post`: itself, then its posts."""
    if post == 0:
        return 0.0, 0.0, kind[2]
    return kind[2] * (2.0 * (post & 1) - 1.0), kind[2] * (2.0 * (post - 1 >> 1) - 1.0), kind[3]


@njit
def accumulate_contacts(sums, robot, body, kind, pull, own):
    """Adds the contacts of the robot with one body, for the one or the other."""
    x, y, cosine, sine, rx, ry, turn, ax, ay, spin = body
    for post in range(5 if kind[3] > 0 else 1):
        dx, dy, half = corner(post, kind)
        ox, oy = x + cosine * dx - sine * dy, y + sine * dx + cosine * dy
        if ox * ox + oy * oy > (2 * SIZE + 1.5 * half) ** 2:
            continue
        for spot in range(SPOTS):
            contact = square_contact(spot, ox, oy, cosine, sine, half)
            if contact[0] > 0:
                px, py = contact[1], contact[2]
                rate = (
                    robot[0] - robot[2] * py - rx + turn * (py - y),
                    robot[1] + robot[2] * px - ry - turn * (px - x),
                    robot[2] - turn,
                )
                gap = (
                    pull[0] - pull[2] * py - ax + spin * (py - y),
                    pull[1] + pull[2] * px - ay - spin * (px - x),
                    pull[2] - spin,
                )
                at = (0.0, 0.0) if own > 0 else (x, y)
                sums = pyramid(sums, contact, LIGHTNESS + 1 / kind[0], rate, gap, own, *at)
    return sums


@njit
def idle(body, kind, target):
    """The acceleration of a body that the robot does not touch, in the world's frame."""
    if kind[4]:
        return (
            HARD * -(DAMPING * body[3] + WELD * (body[0] - target[0])),
            HARD * -(DAMPING * body[4] + WELD * (body[1] - target[1])),
            HARD * -(DAMPING * body[5] + WELD * (body[2] - target[2])),
        )
    cosine, sine = cos_sin(body[2])
    reach = kind[2] + kind[3]
    ahead, across, turning = 0.0, 0.0, 0.0
    for corner in range(4):
        u, v = reach * (2.0 * (corner & 1) - 1.0), reach * (2.0 * (corner >> 1) - 1.0)
        dx, dy = cosine * u - sine * v, sine * u + cosine * v
        vx, vy = body[3] - body[5] * dy, body[4] + body[5] * dx
        brake = min(GRAVITY / max(math.sqrt(vx * vx + vy * vy), 1e-12), SLIDE) / 4
        ahead -= brake * vx
        across -= brake * vy
        turning -= brake * (dx * vy - dy * vx)
    return ahead, across, turning * kind[0] / kind[1]


@njit
def seen(body, pose, cosine, sine):
    """A body's place, heading, velocity and acceleration in the robot's frame."""
    dx, dy = body[0] - pose[0], body[1] - pose[1]
    turned, across = cos_sin(body[2] - pose[2])
    return (
        *(cosine * dx + sine * dy, cosine * dy - sine * dx, turned, across),
        *(cosine * body[3] + sine * body[4], cosine * body[4] - sine * body[3], body[5]),
        *(cosine * body[6] + sine * body[7], cosine * body[7] - sine * body[6], body[8]),
    )


@njit
def near(body, pose, kind):
    """Whether the robot may touch a body."""
    dx, dy = body[0] - pose[0], body[1] - pose[1]
    return dx * dx + dy * dy < (1.5 * (kind[2] + kind[3]) + 2 * SIZE) ** 2


@njit
def relax_body(body, robot, pull, pose, cosine, sine, kind, free):
    """One step of a touched body towards its acceleration, in place."""
    stiff = 1 / (1 - HARD) if kind[4] else 1.0  # a weld adds 19 times its own mass
    mass, inertia = stiff * kind[0], stiff * kind[1]
    ax, ay, spin = body[6] - free[0], body[7] - free[1], body[8] - free[2]
    gx, gy = mass * (cosine * ax + sine * ay), mass * (cosine * ay - sine * ax)
    sums = (mass, 0.0, 0.0, mass, 0.0, inertia, gx, gy, inertia * spin)
    sums = accumulate_contacts(sums, robot, seen(body, pose, cosine, sine), kind, pull, -1.0)
    dx, dy, turn = solve(sums)
    body[6] -= cosine * dx - sine * dy
    body[7] -= sine * dx + cosine * dy
    body[8] -= turn


@njit
def solve_contacts(pose, cosine, sine, action, solids, radius, bodies, kind, targets):
    """The accelerations of the robot (returned, in its frame) and of the bodies (in their rows)."""
    robot = cosine * pose[3] + sine * pose[4], cosine * pose[4] - sine * pose[3], pose[5]
    twist = GEAR * clip(action[1] - GEAR * robot[2], STRENGTH) - SPIN_DRAG * robot[2]
    push = GEAR * clip(action[0], STRENGTH) - DRAG * robot[0] + LEVER * robot[2] * robot[2]
    turn = (twist + LEVER / MASS * DRAG * robot[1]) / FREE_SPIN
    free = push / MASS, -(DRAG * robot[1] + LEVER * turn) / MASS, turn
    pull = free
    for k in range(bodies.shape[0]):
        bodies[k, 6], bodies[k, 7], bodies[k, 8] = idle(bodies[k], kind, targets[k])
    for _ in range(SWEEPS):
        da, db, dc = pull[0] - free[0], pull[1] - free[1], pull[2] - free[2]
        g = MASS * da, MASS * db + LEVER * dc, LEVER * db + INERTIA * dc
        bare = (MASS, 0.0, 0.0, MASS, LEVER, INERTIA, *g)
        sums = bare
        for k in range(solids.shape[0]):
            dx, dy = solids[k, 0] - pose[0], solids[k, 1] - pose[1]
            if dx * dx + dy * dy < (radius + 2 * SIZE) ** 2:
                x, y = cosine * dx + sine * dy, cosine * dy - sine * dx
                for nose in range(2):
                    contact = round_contact(nose, x, y, radius)
                    if contact[0] > 0:
                        px, py = contact[1], contact[2]
                        rate = robot[0] - robot[2] * py, robot[1] + robot[2] * px, robot[2]
                        gap = pull[0] - pull[2] * py, pull[1] + pull[2] * px, pull[2]
                        sums = pyramid(sums, contact, LIGHTNESS, rate, gap, 1.0, 0.0, 0.0)
        for k in range(bodies.shape[0]):
            if near(bodies[k], pose, kind):
                sums = accumulate_contacts(
                    sums, robot, seen(bodies[k], pose, cosine, sine), kind, pull, 1.0
                )
        da, db, dc = solve(sums)
        pull = pull[0] - da, pull[1] - db, pull[2] - dc
        if abs(da) + abs(db) + abs(dc) < 1e-9:
            break
        for k in range(bodies.shape[0]):
            if near(bodies[k], pose, kind):
                rest = idle(bodies[k], kind, targets[k])
                relax_body(bodies[k], robot, pull, pose, cosine, sine, kind, rest)
    return pull


@njit
def drive_among(pose, action, solids, radius, bodies, kind, targets):
    """Moves the robot and the bodies by 0.02 s; returns how it feels its acceleration, m/s^2.

    As `plane.drive`, with round `solids` [n, 2] of one `radius`, and `bodies` [n, 9] of one `kind`
    (a Body) welded to `targets` [n, 3]: x, y and heading.
    """
    for step in range(SUBSTEPS + 1):
        cosine, sine = cos_sin(pose[2])
        pull = solve_contacts(pose, cosine, sine, action, solids, radius, bodies, kind, targets)
        if step == SUBSTEPS:
            break
        across = MASS * pull[1] + LEVER * pull[2]  # forces, which the implicit damping slows
        turn = (LEVER * pull[1] + INERTIA * pull[2] - LEVER / HEAVY * across) / SPIN
        ahead, left = MASS * pull[0] / HEAVY, (across - LEVER * turn) / HEAVY
        pose[3] += TIMESTEP * (cosine * ahead - sine * left)
        pose[4] += TIMESTEP * (sine * ahead + cosine * left)
        pose[5] += TIMESTEP * turn
        for k in range(3):
            pose[k] += TIMESTEP * pose[3 + k]
        for j in range(bodies.shape[0]):
            for k in range(3):
                bodies[j, 3 + k] += TIMESTEP * bodies[j, 6 + k]
                bodies[j, k] += TIMESTEP * bodies[j, 3 + k]
    return pull[0], pull[1]


@njit
def touches(pose, x, y, radius):
    """Whether the robot touches a round solid."""
    cosine, sine = cos_sin(pose[2])
    dx, dy = x - pose[0], y - pose[1]
    ahead, left = cosine * dx + sine * dy, cosine * dy - sine * dx
    sphere, nose = round_contact(0, ahead, left, radius), round_contact(1, ahead, left, radius)
    return (sphere[0] > 0) | (nose[0] > 0)


@njit
def touches_body(pose, body, kind):
    """Whether the robot touches a square body."""
    cosine, sine = cos_sin(pose[2])
    if not near(body, pose, kind):
        return False
    placed = seen(body, pose, cosine, sine)
    x, y, c, s = placed[0], placed[1], placed[2], placed[3]
    for post in range(5 if kind[3] > 0 else 1):
        dx, dy, half = corner(post, kind)
        for spot in range(SPOTS):
            ox, oy = x + c * dx - s * dy, y + s * dx + c * dy
            if square_contact(spot, ox, oy, c, s, half)[0] > 0:
                return True
    return False
