"""The 2-D kit: what a navigation task is written with.

Safety-Gymnasium's Point robot (Ji et al. 2023, arXiv:2310.12567), its sensors, its lidar and its
layouts, without MuJoCo. The robot is two bodies in one, a sphere with a cube at its front, pushed
along its heading and turned by a speed servo; the equations are those MuJoCo 2.3.3 integrates
(semi-implicit Euler, ten substeps of 2 ms, damping implicit). Away from other bodies they agree
with it to rounding. The servo is unstable at this step, and the yaw rate therefore chaotic, in
MuJoCo as here: single steps agree, long runs agree in distribution.

Arithmetic is plain: no function of the C library whose last digit depends on the platform.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.world import GOLDEN, mix, njit

ACTIONS = ("forward", "turn")  # each from -1 to 1
SUBSTEPS, TIMESTEP = 10, 0.002  # s
SIZE = 0.1  # m: radius of the robot's sphere, and how far ahead of it the cube's centre is
NOSE = 0.05  # m: half the cube's edge
SPHERE, CUBE = 4 / 3 * math.pi * SIZE**3, (2 * NOSE) ** 3  # kg, of density 1
MASS = SPHERE + CUBE
LEVER = CUBE * SIZE  # kg m: mass times the way from the origin to the centre of mass
INERTIA = SPHERE * 2 / 5 * SIZE**2 + CUBE * (2 / 3 * NOSE**2 + SIZE**2)  # kg m^2, at the origin
DRAG, SPIN_DRAG = 0.01, 0.005  # N s/m, N m s/rad
GEAR, STRENGTH = 0.3, 0.05  # of both motors; what they take before they saturate
HEAVY = MASS + TIMESTEP * DRAG  # the implicit damping adds to the mass
SPIN = INERTIA + TIMESTEP * SPIN_DRAG - LEVER**2 / HEAVY
FREE_SPIN = INERTIA - LEVER**2 / MASS  # the same for forces now, as the accelerometer feels them
GRAVITY = 9.81  # m/s^2
SENSORS = 12  # numbers of accelerometer, velocimeter, gyro and magnetometer, three each
BINS = 16  # of a lidar
PI_2, PI_2_REST = 1.5707963267341256, 6.077100506506192e-11  # pi/2 = their sum, the first short
NARROW, WIDE = (math.cos(math.pi / 16), math.sin(math.pi / 16)), (
    math.cos(3 * math.pi / 16),
    math.sin(3 * math.pi / 16),
)  # fmt: skip
TRIES, RESTARTS = 100, 10_000  # of one object, of a layout
MANY = 10_000  # tries of a new goal


class Arena(NamedTuple):
    """A level of a navigation task as the compiled functions see it."""

    background: NDArray[np.float64]  # [numbers of an observation] zeros, for `observe` to fill
    areas: NDArray[np.float64]  # [1 + objects, 4] m: x, y from and to of the robot and each object
    keepouts: NDArray[np.float64]  # [1 + objects] m: what each keeps free about itself at a reset
    parameters: NDArray[np.float64]  # [n] the task's own numbers


def arena(lidars: int, placed: list[tuple[int, float, float]], *parameters: float) -> Arena:
    """An arena for `placed`: (how many, half the square's edge, keepout) of the robot and others.

    The squares are those the whole object has to fit into with its keepout.
    """
    sizes = [(edge - keepout, keepout) for count, edge, keepout in placed for _ in range(count)]
    areas = [(-reach, -reach, reach, reach) for reach, _ in sizes]
    return Arena(
        np.zeros(SENSORS + BINS * lidars),
        np.array(areas),
        np.array([keepout for _, keepout in sizes]),
        np.array(parameters, np.float64),
    )


def state_dtype(objects: dict[str, int], *fields: Any) -> np.dtype[np.record]:
    """The record of a task's state: the robot, where its objects are, `fields`.

    `layout` is all objects, and the name of each kind is its own part of the same memory.
    """
    count = sum(objects.values())
    common: list[Any] = [
        ("pose", np.float64, (6,)),  # x, y, heading, their rates: m, rad, m/s, rad/s, world frame
        ("acceleration", np.float64, (2,)),  # m/s^2, forward and left, as the robot feels it
        ("layout", np.float64, (max(count, 1), 2)),  # m: x and y of each object
    ]
    plain = np.dtype([*common, *fields, ("ended", np.bool_)], align=True)
    assert plain.names is not None and plain.fields is not None
    names, formats = list(plain.names), [plain[name] for name in plain.names]
    offsets = [int(plain.fields[name][1]) for name in plain.names]
    place = offsets[names.index("layout")]
    for name, number in objects.items():
        if number:
            names.append(name)
            shape = (2,) if name == "goal" else (number, 2)
            formats.append(np.dtype((np.float64, shape)))
            offsets.append(place)
            place += 16 * number
    record = {"names": names, "formats": formats, "offsets": offsets, "itemsize": plain.itemsize}
    return np.dtype((np.record, np.dtype(record)))  # type: ignore[call-overload,no-any-return,return-value]


@njit
def uniform(key, number):
    """The so-manieth number of a chance, from 0 to below 1."""
    bits = mix(np.uint64(key) + (np.uint64(number) + np.uint64(1)) * GOLDEN)
    return np.float64(bits >> np.uint64(11)) * 2.0**-53


@njit
def small_cos_sin(angle):
    """Cosine and sine of an angle below pi/4, as Taylor series that end below rounding."""
    z = angle * angle
    rest = 1 / 479001600 + z * (-1 / 87178291200 + z / 20922789888000)
    rest = -1 / 720 + z * (1 / 40320 + z * (-1 / 3628800 + z * rest))
    cosine = 1.0 + z * (-1 / 2 + z * (1 / 24 + z * rest))
    rest = 1 / 362880 + z * (-1 / 39916800 + z * (1 / 6227020800 - z / 1307674368000))
    sine = angle * (1.0 + z * (-1 / 6 + z * (1 / 120 + z * (-1 / 5040 + z * rest))))
    return cosine, sine


@njit
def tiny_cos_sin(angle):
    """The same, exact below 0.05 rad: what the robot turns in a substep at up to 25 rad/s."""
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
    """Moves the robot by one step of 0.02 s; returns how it then feels its acceleration, m/s^2.

    In the robot's frame the three equations of motion come apart: of the heading only the way is
    left, and that turns by so little in a substep that a short series gives it.
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
    return felt(cosine * vx + sine * vy, cosine * vy - sine * vx, spin, push, action[1])


@njit
def felt(ahead, left, spin, push, target):
    """Forward and left acceleration of a free robot, m/s^2, in its own frame."""
    twist = GEAR * clip(target - GEAR * spin, STRENGTH)
    turn = (twist - SPIN_DRAG * spin + LEVER * DRAG / MASS * left) / FREE_SPIN
    return (push - DRAG * ahead + LEVER * spin * spin) / MASS, -(DRAG * left + LEVER * turn) / MASS


@njit
def sense(pose, acceleration, vector):
    """Writes the twelve sensors; returns cosine and sine of the heading."""
    cosine, sine = cos_sin(pose[2])
    vector[0], vector[1], vector[2] = acceleration[0], acceleration[1], GRAVITY
    vector[3], vector[4] = cosine * pose[3] + sine * pose[4], cosine * pose[4] - sine * pose[3]
    vector[8] = pose[5]
    vector[9], vector[10] = -0.5 * sine, -0.5 * cosine
    return cosine, sine


@njit
def bearing(ahead, left):
    """The direction of a point as a number of bins, from 0 to 16, counter-clockwise.

    Folds the circle into half a quarter, where a direction is at most half a bin from one of two
    known ones, and the series of the arc tangent is short.
    """
    a, b = abs(ahead), abs(left)
    near, far = min(a, b), max(a, b)
    second = near > (math.sqrt(2) - 1) * far
    cosine = WIDE[0] if second else NARROW[0]
    sine = WIDE[1] if second else NARROW[1]
    t = (near * cosine - far * sine) / (far * cosine + near * sine)
    z = t * t
    arc = 1 / 11 - z * (1 / 13 - z * (1 / 15 - z * (1 / 17 - z * (1 / 19 - z / 21))))
    arc = t * (1.0 - z * (1 / 3 - z * (1 / 5 - z * (1 / 7 - z * (1 / 9 - z * arc)))))
    place = (1.5 if second else 0.5) + arc * (8 / math.pi)
    place = 4.0 - place if b > a else place
    place = 8.0 - place if ahead < 0 else place
    return 16.0 - place if left < 0 else place


@njit
def spot(pose, cosine, sine, points, reach, bins):
    """Adds points [n, 2] to a lidar of 16 bins: the nearer, the closer to 1, out of reach 0.

    A point also shows in the two bins beside its own, by its place within its own.
    """
    for k in range(points.shape[0]):
        dx, dy = points[k, 0] - pose[0], points[k, 1] - pose[1]
        ahead, left = cosine * dx + sine * dy, cosine * dy - sine * dx
        distance = math.sqrt(dx * dx + dy * dy)
        value = max(0.0, reach - distance) / reach
        place = bearing(ahead, left) if distance > 0 else 0.0
        bin = np.int64(place)
        part = place - bin
        after, before = (bin + 1) & (BINS - 1), (bin - 1) & (BINS - 1)
        bin = bin & (BINS - 1)
        bins[bin] = max(bins[bin], value)
        bins[after] = max(bins[after], part * value)
        bins[before] = max(bins[before], (1.0 - part) * value)


@njit
def apart(x, y, points, k):
    """How far a point is from one of several, in m."""
    dx, dy = points[k, 0] - x, points[k, 1] - y
    return math.sqrt(dx * dx + dy * dy)


@njit
def fits(pose, layout, keepouts, x, y, one, count):
    """Whether object `one` may be at x, y: away from the robot and the other first `count`."""
    dx, dy = pose[0] - x, pose[1] - y
    if math.sqrt(dx * dx + dy * dy) < keepouts[0] + keepouts[1 + one]:
        return False
    for k in range(count):
        if k != one and apart(x, y, layout, k) < keepouts[1 + k] + keepouts[1 + one]:
            return False
    return True


@njit
def relocate(state, level, one, count, key, first, tries):
    """Places object `one` anew, from number `first` of the chance on.

    Returns how many places were tried, or 0 where none of them was free.
    """
    area = level.areas[1 + one]
    for t in range(tries):
        x = area[0] + (area[2] - area[0]) * uniform(key, first + 2 * t)
        y = area[1] + (area[3] - area[1]) * uniform(key, first + 2 * t + 1)
        if fits(state.pose, state.layout, level.keepouts, x, y, one, count):
            state.layout[one, 0], state.layout[one, 1] = x, y
            return t + 1
    return 0


@njit
def scatter(state, level, key):
    """Places the robot at rest and every object; returns the next number of the chance.

    The robot first, then each object where it keeps away from those before it; where one finds no
    place in 100 tries, all begin again. Where they never all fit, x becomes NaN.
    """
    state.acceleration[:] = 0.0
    state.layout[:] = 0.0
    number = 0
    area, count = level.areas[0], level.keepouts.size - 1
    for _ in range(RESTARTS):
        state.pose[0] = area[0] + (area[2] - area[0]) * uniform(key, number)
        state.pose[1] = area[1] + (area[3] - area[1]) * uniform(key, number + 1)
        state.pose[2] = 2 * math.pi * uniform(key, number + 2)
        state.pose[3:] = 0.0
        number += 3
        placed = 0
        for one in range(count):
            tried = relocate(state, level, one, one, key, number, TRIES)
            number += 2 * (tried if tried else TRIES)
            if tried == 0:
                break
            placed += 1
        if placed == count:
            return number
    state.pose[0] = np.nan
    return 0


def advance(pose: NDArray[Any], action: NDArray[Any]) -> NDArray[np.float64]:
    """The free robot's pose float64[6] one environment step (0.02 s) later.

    Pose: x, y, heading, vx, vy, spin in the world's frame and SI units. The action's two numbers
    count from -1 to 1. ValueError for another shape, or a number that is not finite.
    """
    moved = _numbers("pose", pose, (6,))
    drive(moved, np.clip(_numbers("action", action, (2,)), -1, 1))
    return moved


def sensors(pose: NDArray[Any], action: NDArray[Any]) -> NDArray[np.float64]:
    """float64[12]: accelerometer, velocimeter, gyro, magnetometer of a free robot under `action`.

    In its own frame: ahead, left, up. ValueError as for `advance`.
    """
    pose, vector = _numbers("pose", pose, (6,)), np.zeros(SENSORS)
    force, target = np.clip(_numbers("action", action, (2,)), -1, 1)
    sense(pose, np.zeros(2), vector)
    vector[:2] = felt(vector[3], vector[4], pose[5], GEAR * clip(force, STRENGTH), target)
    return vector


def lidar(pose: NDArray[Any], points: NDArray[Any], reach: float = 3.0) -> NDArray[np.float64]:
    """float64[16]: what a lidar sees of points [n, 2], counter-clockwise from straight ahead.

    The nearer, the closer to 1; from `reach` (m) on 0. ValueError for another shape or reach.
    """
    pose, bins = _numbers("pose", pose, (6,)), np.zeros(BINS)
    if not reach > 0:
        raise ValueError(f"reach is {reach!r}: choose a length above 0")
    spot(pose, *cos_sin(pose[2]), _numbers("points", points, (np.shape(points)[0], 2)), reach, bins)
    return bins


def _numbers(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A fresh array of finite numbers. ValueError for anything else."""
    array = np.array(value, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} has shape {array.shape}: give {shape}, and finite numbers only")
    return array
