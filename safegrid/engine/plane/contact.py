"""Contact dynamics of the Point robot with fixed round pillars and with square bodies that move.

What MuJoCo 2.3.3 solves for the robot (MuJoCo documentation, "Computation": soft contacts with
pyramidal friction cones): the accelerations that minimise the change from those without contact,
weighted by mass, plus a penalty for each edge of a contact's friction pyramid whose acceleration is
below its reference. All is seen in the plane, in the robot's frame. Exact for fixed round solids of
the robot's height. Approximate for bodies: they neither tilt nor hop, the floor holds them by
Coulomb friction at their corners, and bodies do not touch each other. The remaining differences are
measured step by step in tests/engine/plane/test_contact.py, and as rates over episodes by
experiments/contact.py: a vase stays in touch for a third longer than the original's.
"""

import math

from safegrid.engine.compiling import njit
from safegrid.engine.plane.collision import (
    TOUCH_POINTS,
    in_robot_frame,
    may_touch,
    round_contact,
    square,
    square_contact,
)
from safegrid.engine.plane.robot import (
    DRAG,
    FREE_SPIN,
    GEAR,
    GRAVITY,
    HEAVY,
    INERTIA,
    LEVER,
    MASS,
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
STIFFNESS, DAMPING = 1 / (HARD * 0.02) ** 2, 2 / (HARD * 0.02)  # 1/s^2, 1/s: time constant 0.02 s
WELD = STIFFNESS / 1.5**2  # 1/s^2, of a weld with damping ratio 1.5
ROLLING = 1e-4  # m, friction of turning at a point
LIGHTNESS = 2 / (3 * MASS)  # 1/kg: the mean of the robot's inverse mass over three axes
SWEEPS = 100  # of the solver, at most
SLIDE = DAMPING / 3  # 1/s, at which slow corners come to rest on the floor, as recorded ones do


@njit
def impedance(depth):
    """The impedance of a contact: 0.9 where it begins, 0.95 from a depth of a millimetre on."""
    x = min(1.0, depth / 0.001)
    return 0.9 + 0.05 * (2 * x * x if x < 0.5 else 1 - 2 * (1 - x) ** 2)


@njit
def add_facet(sums, weight, residual, a, b, c):
    """Adds one edge of a pyramid, where its residual is negative, to a quadratic form.

    sums: the form's matrix (upper triangle, six numbers) and its gradient (three numbers), in three
    accelerations: forward, left and turning. weight: of the edge. residual: its acceleration less
    the reference. a, b, c: the residual's derivatives by the accelerations.
    """
    w = weight if residual < 0 else 0.0
    return (
        *(sums[0] + w * a * a, sums[1] + w * a * b, sums[2] + w * a * c),
        *(sums[3] + w * b * b, sums[4] + w * b * c, sums[5] + w * c * c),
        *(sums[6] + w * residual * a, sums[7] + w * residual * b, sums[8] + w * residual * c),
    )


@njit
def pyramid(sums, contact, lightness, velocity, acceleration, sign, x, y):
    """Adds the ten edges of a contact's pyramid, six of which act along the normal in the plane.

    sums: as for `add_facet`. contact: of `collision`. lightness: 1/kg, sum of the inverse masses.
    velocity, acceleration: of the robot less those of the solid at the contact: forward, left and
    turning. sign: 1 where the form is in the robot's accelerations, -1 where in the body's. x, y:
    the origin of these, m.
    """
    depth, px, py, nx, ny = contact
    hard = impedance(depth)
    weight = hard / (4 * lightness * (1 - hard))
    residual = (
        nx * acceleration[0]
        + ny * acceleration[1]
        + DAMPING * (nx * velocity[0] + ny * velocity[1])
        - STIFFNESS * hard * depth
    )
    slip = (
        nx * acceleration[1]
        - ny * acceleration[0]
        + DAMPING * (nx * velocity[1] - ny * velocity[0])
    )
    roll = ROLLING * (acceleration[2] + DAMPING * velocity[2])
    lever, cross = (px - x) * ny - (py - y) * nx, (px - x) * nx + (py - y) * ny
    a, b, c = sign * nx, sign * ny, sign * lever
    sums = add_facet(sums, 6 * weight, residual, a, b, c)
    for side in (1.0, -1.0):
        t = side * sign
        sums = add_facet(
            sums, weight, residual + side * slip, a - t * ny, b + t * nx, c + t * cross
        )
        sums = add_facet(sums, weight, residual + side * roll, a, b, c + t * ROLLING)
    return sums


@njit
def solve(sums):
    """The three accelerations to subtract to bring a quadratic form to its minimum."""
    a, b, c, d, e, f, x, y, z = sums
    p, q = b / a, c / a
    d, e, f = d - p * b, e - p * c, f - q * c
    y, z = y - p * x, z - q * x
    r = e / d
    z = (z - r * y) / (f - r * e)
    y = y / d - r * z
    return x / a - p * y - q * z, y, z


@njit
def accumulate_contacts(sums, robot, body, kind, acceleration, sign):
    """Adds all contacts of the robot with one body to a quadratic form.

    sums: as for `add_facet`. robot: its velocities. body: of `in_robot_frame`. kind: a Body.
    acceleration: of the robot. sign: as for `pyramid`.
    """
    x, y, cosine, sine, rx, ry, turn, ax, ay, spin = body
    for number in range(5 if kind.posts > 0 else 1):
        dx, dy, half = square(number, kind)
        ox, oy = x + cosine * dx - sine * dy, y + sine * dx + cosine * dy
        if ox * ox + oy * oy > (2 * SIZE + 1.5 * half) ** 2:
            continue
        for touch_point in range(TOUCH_POINTS):
            contact = square_contact(touch_point, ox, oy, cosine, sine, half)
            if contact[0] > 0:
                px, py = contact[1], contact[2]
                velocity = (
                    robot[0] - robot[2] * py - rx + turn * (py - y),
                    robot[1] + robot[2] * px - ry - turn * (px - x),
                    robot[2] - turn,
                )
                at_contact = (
                    acceleration[0] - acceleration[2] * py - ax + spin * (py - y),
                    acceleration[1] + acceleration[2] * px - ay - spin * (px - x),
                    acceleration[2] - spin,
                )
                origin = (0.0, 0.0) if sign > 0 else (x, y)
                lightness = LIGHTNESS + 1 / kind.mass
                sums = pyramid(sums, contact, lightness, velocity, at_contact, sign, *origin)
    return sums


@njit
def free_acceleration(body, kind, target):
    """The acceleration of a body that the robot does not touch, in the world's frame.

    body: its state [9]. kind: a Body. target: x, y and heading that it is welded to, if it is.
    """
    if kind.welded:
        return (
            HARD * -(DAMPING * body[3] + WELD * (body[0] - target[0])),
            HARD * -(DAMPING * body[4] + WELD * (body[1] - target[1])),
            HARD * -(DAMPING * body[5] + WELD * (body[2] - target[2])),
        )
    cosine, sine = cos_sin(body[2])
    reach = kind.half + kind.posts
    ahead, across, turning = 0.0, 0.0, 0.0
    for corner in range(4):
        u, v = reach * (2.0 * (corner & 1) - 1.0), reach * (2.0 * (corner >> 1) - 1.0)
        dx, dy = cosine * u - sine * v, sine * u + cosine * v
        vx, vy = body[3] - body[5] * dy, body[4] + body[5] * dx
        brake = min(GRAVITY / max(math.sqrt(vx * vx + vy * vy), 1e-12), SLIDE) / 4
        ahead -= brake * vx
        across -= brake * vy
        turning -= brake * (dx * vy - dy * vx)
    return ahead, across, turning * kind.mass / kind.inertia


@njit
def relax_body(body, robot, acceleration, pose, cosine, sine, kind, free):
    """Moves the acceleration of a body that the robot may touch, in place, towards the solution.

    body: its state [9]. robot, acceleration: the robot's velocities and accelerations. pose: of the
    robot. cosine, sine: of its heading. kind: a Body. free: the body's `free_acceleration`.
    """
    stiff = 1 / (1 - HARD) if kind.welded else 1.0  # a weld adds 19 times its own mass
    mass, inertia = stiff * kind.mass, stiff * kind.inertia
    ax, ay, spin = body[6] - free[0], body[7] - free[1], body[8] - free[2]
    gx, gy = mass * (cosine * ax + sine * ay), mass * (cosine * ay - sine * ax)
    sums = (mass, 0.0, 0.0, mass, 0.0, inertia, gx, gy, inertia * spin)
    placed = in_robot_frame(body, pose, cosine, sine)
    sums = accumulate_contacts(sums, robot, placed, kind, acceleration, -1.0)
    dx, dy, turn = solve(sums)
    body[6] -= cosine * dx - sine * dy
    body[7] -= sine * dx + cosine * dy
    body[8] -= turn


@njit
def is_near(pose, solids, radius, bodies, kind):
    """Whether the robot may touch a solid or a body; the parameters are those of `drive_among`."""
    near = False
    for k in range(solids.shape[0]):
        dx, dy = solids[k, 0] - pose[0], solids[k, 1] - pose[1]
        near |= dx * dx + dy * dy < (radius + 2 * SIZE) ** 2
    for k in range(bodies.shape[0]):
        near |= may_touch(pose, bodies[k], kind)
    return near


@njit
def solve_contacts(pose, cosine, sine, action, solids, radius, bodies, kind, targets):
    """The accelerations of the robot (returned, in its frame) and of the bodies (in their rows).

    pose, action: of the robot. cosine, sine: of its heading. solids, radius, bodies, kind, targets:
    as for `drive_among`.
    """
    robot = cosine * pose[3] + sine * pose[4], cosine * pose[4] - sine * pose[3], pose[5]
    twist = GEAR * clip(action[1] - GEAR * robot[2], STRENGTH) - SPIN_DRAG * robot[2]
    push = GEAR * clip(action[0], STRENGTH) - DRAG * robot[0] + LEVER * robot[2] * robot[2]
    turn = (twist + LEVER / MASS * DRAG * robot[1]) / FREE_SPIN
    free = push / MASS, -(DRAG * robot[1] + LEVER * turn) / MASS, turn
    acceleration = free
    for k in range(bodies.shape[0]):
        rest = free_acceleration(bodies[k], kind, targets[k])
        bodies[k, 6], bodies[k, 7], bodies[k, 8] = rest
    if not is_near(pose, solids, radius, bodies, kind):
        return free
    for _ in range(SWEEPS):
        da, db, dc = acceleration[0] - free[0], acceleration[1] - free[1], acceleration[2] - free[2]
        gx, gy, turning = MASS * da, MASS * db + LEVER * dc, LEVER * db + INERTIA * dc
        sums = (MASS, 0.0, 0.0, MASS, LEVER, INERTIA, gx, gy, turning)
        for k in range(solids.shape[0]):
            dx, dy = solids[k, 0] - pose[0], solids[k, 1] - pose[1]
            if dx * dx + dy * dy < (radius + 2 * SIZE) ** 2:
                x, y = cosine * dx + sine * dy, cosine * dy - sine * dx
                for nose in range(2):
                    contact = round_contact(nose, x, y, radius)
                    if contact[0] > 0:
                        px, py = contact[1], contact[2]
                        velocity = robot[0] - robot[2] * py, robot[1] + robot[2] * px, robot[2]
                        at_contact = (
                            acceleration[0] - acceleration[2] * py,
                            acceleration[1] + acceleration[2] * px,
                            acceleration[2],
                        )
                        sums = pyramid(
                            sums, contact, LIGHTNESS, velocity, at_contact, 1.0, 0.0, 0.0
                        )
        for k in range(bodies.shape[0]):
            if may_touch(pose, bodies[k], kind):
                placed = in_robot_frame(bodies[k], pose, cosine, sine)
                sums = accumulate_contacts(sums, robot, placed, kind, acceleration, 1.0)
        da, db, dc = solve(sums)
        acceleration = acceleration[0] - da, acceleration[1] - db, acceleration[2] - dc
        if abs(da) + abs(db) + abs(dc) < 1e-9:
            break
        for k in range(bodies.shape[0]):
            if may_touch(pose, bodies[k], kind):
                rest = free_acceleration(bodies[k], kind, targets[k])
                relax_body(bodies[k], robot, acceleration, pose, cosine, sine, kind, rest)
    return acceleration


@njit
def drive_among(pose, action, solids, radius, bodies, kind, targets):
    """Moves the robot and the bodies, in place, by one step of 0.02 s, as `robot.drive` does.

    pose, action: of the robot. solids: [n, 2] m, centres of round solids. radius: of all solids, m.
    bodies: [n, 9] states of square bodies. kind: their Body. targets: [n, 3] x, y and heading that
    each body is welded to, if it is. Returns forward and left acceleration of the robot after the
    step, m/s^2, in its frame.
    """
    for step in range(SUBSTEPS + 1):
        cosine, sine = cos_sin(pose[2])
        acceleration = solve_contacts(
            pose, cosine, sine, action, solids, radius, bodies, kind, targets
        )
        if step == SUBSTEPS:
            break
        across = MASS * acceleration[1] + LEVER * acceleration[2]  # force, before implicit damping
        turn = (LEVER * acceleration[1] + INERTIA * acceleration[2] - LEVER / HEAVY * across) / SPIN
        ahead, left = MASS * acceleration[0] / HEAVY, (across - LEVER * turn) / HEAVY
        pose[3] += TIMESTEP * (cosine * ahead - sine * left)
        pose[4] += TIMESTEP * (sine * ahead + cosine * left)
        pose[5] += TIMESTEP * turn
        for k in range(3):
            pose[k] += TIMESTEP * pose[3 + k]
        for j in range(bodies.shape[0]):
            for k in range(3):
                bodies[j, 3 + k] += TIMESTEP * bodies[j, 6 + k]
                bodies[j, k] += TIMESTEP * bodies[j, 3 + k]
    return acceleration[0], acceleration[1]
