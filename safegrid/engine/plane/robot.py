"""The Point robot: its motion and sensors.

Safety-Gymnasium's robot (Ji et al. 2023, arXiv:2310.12567), without MuJoCo. It is a sphere with a
cube at its front, pushed along its heading and turned by a speed servo. The equations are those
that MuJoCo 2.3.3 integrates (semi-implicit Euler, ten substeps of 2 ms, implicit damping). Away
from other bodies the results agree with MuJoCo's to rounding. The servo is unstable at this
timestep, so that the yaw rate is chaotic, in MuJoCo as here: single steps agree, long runs agree in
distribution.

No function of the C library is used, since their last digits depend on the platform.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.compiling import njit

ACTIONS = ("forward", "turn")  # each from -1 to 1
SUBSTEPS, TIMESTEP = 10, 0.002  # s
SIZE = 0.1  # m: radius of the robot's sphere, and how far ahead of it the cube's centre is
NOSE = 0.05  # m: half the cube's edge
SPHERE, CUBE = 4 / 3 * math.pi * SIZE**3, (2 * NOSE) ** 3  # kg, of density 1
MASS = SPHERE + CUBE
LEVER = CUBE * SIZE  # kg m: mass times the distance from the origin to the centre of mass
INERTIA = SPHERE * 2 / 5 * SIZE**2 + CUBE * (2 / 3 * NOSE**2 + SIZE**2)  # kg m^2, at the origin
DRAG, SPIN_DRAG = 0.01, 0.005  # N s/m, N m s/rad
GEAR, STRENGTH = 0.3, 0.05  # of both motors: force or torque for a control, its most
HEAVY = MASS + TIMESTEP * DRAG  # the implicit damping adds to the mass
SPIN = INERTIA + TIMESTEP * SPIN_DRAG - LEVER**2 / HEAVY
FREE_SPIN = INERTIA - LEVER**2 / MASS  # without implicit damping, for the accelerometer
GRAVITY = 9.81  # m/s^2
SENSORS = 12  # numbers of accelerometer, velocimeter, gyro and magnetometer, three each
PI_2, PI_2_REST = 1.5707963267341256, 6.077100506506192e-11  # sum to pi/2; few bits in the first


@njit
def small_cos_sin(angle):
    """Cosine and sine of an angle up to pi/4, by Taylor series, to rounding."""
    z = angle * angle
    rest = 1 / 479001600 + z * (-1 / 87178291200 + z / 20922789888000)
    rest = -1 / 720 + z * (1 / 40320 + z * (-1 / 3628800 + z * rest))
    cosine = 1.0 + z * (-1 / 2 + z * (1 / 24 + z * rest))
    rest = 1 / 362880 + z * (-1 / 39916800 + z * (1 / 6227020800 - z / 1307674368000))
    sine = angle * (1.0 + z * (-1 / 6 + z * (1 / 120 + z * (-1 / 5040 + z * rest))))
    return cosine, sine


@njit
def tiny_cos_sin(angle):
    """Cosine and sine of an angle up to 0.05 rad, a substep at 25 rad/s, to rounding."""
    z = angle * angle
    cosine = 1.0 + z * (-1 / 2 + z * (1 / 24 + z * (-1 / 720 + z / 40320)))
    return cosine, angle * (1.0 + z * (-1 / 6 + z * (1 / 120 + z * (-1 / 5040))))


@njit
def cos_sin(angle):
    """Cosine and sine of any angle, to rounding."""
    turns = np.rint(angle * (2 / math.pi))
    cosine, sine = small_cos_sin((angle - turns * PI_2) - turns * PI_2_REST)
    quarter = np.int64(turns) & 3
    if quarter & 1:
        cosine, sine = -sine, cosine
    if quarter & 2:
        cosine, sine = -cosine, -sine
    return cosine, sine


@njit
def clip(value, bound):
    """The nearest number from -bound to bound."""
    return min(max(value, -bound), bound)


@njit
def drive(pose, action):
    """Moves the robot, in place, by one step of 0.02 s.

    pose: [6]. action: [2], each from -1 to 1. Returns forward and left acceleration after the step,
    m/s^2, in the robot's frame.

    In that frame the equations of motion do not contain the heading, and its change in a substep is
    so small that a short series gives cosine and sine.
    """
    x, y, heading, vx, vy, spin = pose[0], pose[1], pose[2], pose[3], pose[4], pose[5]
    cosine, sine = cos_sin(heading)
    push = GEAR * clip(action[0], STRENGTH)
    for _ in range(SUBSTEPS):
        ahead, left = cosine * vx + sine * vy, cosine * vy - sine * vx
        twist = GEAR * clip(action[1] - GEAR * spin, STRENGTH)
        turn = (twist - SPIN_DRAG * spin + LEVER * DRAG / HEAVY * left) * (1 / SPIN)
        ahead += TIMESTEP / HEAVY * (push - DRAG * ahead + LEVER * spin * spin)
        left -= TIMESTEP / HEAVY * (DRAG * left + LEVER * turn)
        vx, vy = cosine * ahead - sine * left, sine * ahead + cosine * left
        spin += TIMESTEP * turn
        x += TIMESTEP * vx
        y += TIMESTEP * vy
        heading += TIMESTEP * spin
        by, across = tiny_cos_sin(TIMESTEP * spin)
        cosine, sine = cosine * by - sine * across, sine * by + cosine * across
    pose[0], pose[1], pose[2], pose[3], pose[4], pose[5] = x, y, heading, vx, vy, spin
    return accelerometer(cosine * vx + sine * vy, cosine * vy - sine * vx, spin, push, action[1])


@njit
def accelerometer(ahead, left, spin, push, target):
    """Forward and left acceleration of a free robot, m/s^2, in its frame.

    ahead, left, spin: its velocities, m/s and rad/s. push: force, N. target: control of the servo.
    """
    twist = GEAR * clip(target - GEAR * spin, STRENGTH)
    turn = (twist - SPIN_DRAG * spin + LEVER * DRAG / MASS * left) / FREE_SPIN
    return (push - DRAG * ahead + LEVER * spin * spin) / MASS, -(DRAG * left + LEVER * turn) / MASS


@njit
def sense(pose, acceleration, vector):
    """Writes the twelve sensors into `vector`; returns cosine and sine of the heading.

    pose: [6]. acceleration: [2], of `drive`. vector: [12 or more] zeros.
    """
    cosine, sine = cos_sin(pose[2])
    vector[0], vector[1], vector[2] = acceleration[0], acceleration[1], GRAVITY
    vector[3], vector[4] = cosine * pose[3] + sine * pose[4], cosine * pose[4] - sine * pose[3]
    vector[8] = pose[5]
    vector[9], vector[10] = -0.5 * sine, -0.5 * cosine
    return cosine, sine


def advance(pose: NDArray[Any], action: NDArray[Any]) -> NDArray[np.float64]:
    """The free robot's pose float64[6] one environment step (0.02 s) later.

    pose: x, y, heading, vx, vy, spin in the world's frame and SI units. action: two numbers,
    clipped to -1 and 1. ValueError for another shape, or a number that is not finite.
    """
    moved = numbers("pose", pose, (6,))
    drive(moved, np.clip(numbers("action", action, (2,)), -1, 1))
    return moved


def sensors(pose: NDArray[Any], action: NDArray[Any]) -> NDArray[np.float64]:
    """float64[12]: accelerometer, velocimeter, gyro, magnetometer of a free robot under `action`.

    Three numbers each, in the robot's frame: ahead, left, up; m/s^2, m/s, rad/s, and a field of
    0.5. ValueError as for `advance`.
    """
    pose, vector = numbers("pose", pose, (6,)), np.zeros(SENSORS)
    force, target = np.clip(numbers("action", action, (2,)), -1, 1)
    sense(pose, np.zeros(2), vector)
    vector[:2] = accelerometer(vector[3], vector[4], pose[5], GEAR * clip(force, STRENGTH), target)
    return vector


def numbers(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A new float64 array of finite numbers. ValueError for another shape or other numbers.

    name: for the error. value: to convert. shape: that it must have.
    """
    array = np.array(value, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} has shape {array.shape}: give {shape}, and finite numbers only")
    return array
