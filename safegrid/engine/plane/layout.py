"""Layouts of plane tasks: the record of a state, and random places of robot and objects."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import uniform
from safegrid.engine.compiling import njit
from safegrid.engine.plane.lidars import BINS
from safegrid.engine.plane.robot import SENSORS

TRIES, RESTARTS = 100, 10_000  # most tries of one object's place, and of a whole layout
RELOCATION_TRIES = 10_000  # most tries of a new goal's place
MOST_OBJECTS = 1000


class Arena(NamedTuple):
    """A level of a plane task as the compiled functions take it."""

    background: NDArray[np.float64]  # [numbers of an observation] zeros, for `observe` to fill
    areas: NDArray[np.float64]  # [1 + objects, 4] m: least x, y, most x, y of robot and objects
    keepouts: NDArray[np.float64]  # [1 + objects] m: radius that each keeps free at a reset
    parameters: NDArray[np.float64]  # [n] the task's own numbers


def arena(lidars: int, placed: list[tuple[int, float, float]], *parameters: float) -> Arena:
    """The arena of a level.

    lidars: how many. placed: of the robot, then of each kind of object, (how many, half the edge of
    the square that it is placed in, keepout), m; its keepout lies inside the square. parameters:
    the task's own numbers. ValueError for more than MOST_OBJECTS, and for a square that is smaller
    than a keepout.
    """
    if (objects := sum(count for count, *_ in placed) - 1) > MOST_OBJECTS:
        raise ValueError(f"the level has {objects:,} objects: choose {MOST_OBJECTS:,} or fewer")
    for _, edge, keepout in placed:
        if edge < keepout:
            raise ValueError(
                f"half the square's edge is {edge:g} m, and an object in it keeps {keepout:g} m "
                "free: choose a greater extent"
            )
    sizes = [(edge - keepout, keepout) for count, edge, keepout in placed for _ in range(count)]
    areas = [(-reach, -reach, reach, reach) for reach, _ in sizes]
    return Arena(
        np.zeros(SENSORS + BINS * lidars),
        np.array(areas),
        np.array([keepout for _, keepout in sizes]),
        np.array(parameters, np.float64),
    )


def state_dtype(objects: dict[str, int], *fields: Any) -> np.dtype[np.record]:
    """The record of a plane task's state: the robot, the places of objects, and `fields`.

    objects: how many there are of each kind. The field `layout` has the places of all objects, and
    a field of each kind's name has its part of the same memory.
    """
    count = sum(objects.values())
    common: list[Any] = [
        ("pose", np.float64, (6,)),  # x, y, heading, their rates: m, rad, m/s, rad/s, world frame
        ("acceleration", np.float64, (2,)),  # m/s^2, forward and left, in the robot's frame
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
def distance(x, y, points, k):
    """The distance, m, of x, y from points[k]. points: [n, 2]."""
    dx, dy = points[k, 0] - x, points[k, 1] - y
    return math.sqrt(dx * dx + dy * dy)


@njit
def is_free(pose, layout, keepouts, x, y, one, count):
    """Whether the keepouts of robot and other objects leave x, y free for object `one`.

    pose: of the robot. layout: places of objects. keepouts: of the arena. x, y: m. count: how many
    objects, the first, have places.
    """
    dx, dy = pose[0] - x, pose[1] - y
    if math.sqrt(dx * dx + dy * dy) < keepouts[0] + keepouts[1 + one]:
        return False
    for k in range(count):
        if k != one and distance(x, y, layout, k) < keepouts[1 + k] + keepouts[1 + one]:
            return False
    return True


@njit
def relocate(state, level, one, count, key, first, tries):
    """Draws a new place for object `one` until one is free.

    state: with the layout. level: an Arena. count: how many objects, the first, have places. key:
    of the draws. first: number of the first draw. tries: at most. Returns the number of tries, or 0
    where no place was free; the object then stays where it was.
    """
    area = level.areas[1 + one]
    for t in range(tries):
        x = area[0] + (area[2] - area[0]) * uniform(key, first + 2 * t)
        y = area[1] + (area[3] - area[1]) * uniform(key, first + 2 * t + 1)
        if is_free(state.pose, state.layout, level.keepouts, x, y, one, count):
            state.layout[one, 0], state.layout[one, 1] = x, y
            return t + 1
    return 0


@njit
def sample_layout(state, level, key):
    """Draws places for the robot, at rest, and for every object; returns the next draw's number.

    state: to fill. level: an Arena. key: of the draws. The robot is first, then each object in turn
    where it is free; where one has no free place in TRIES, all are drawn again. Where that fails
    RESTARTS times, the robot's x becomes NaN.
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
