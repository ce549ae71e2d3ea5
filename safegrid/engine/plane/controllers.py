"""Steering the Point robot by what it senses: what the controllers of point tasks are made of.

They look a second ahead: of some plans, each a turn and then a straight way under one thrust, the
best by the task's own measure is begun, and chosen anew at the next step (the dynamic window
approach, Fox, Burgard & Thrun 1997). The robot's frame makes that cheap: the force depends on the
plan alone, and drag is linear, so that the present speed and the plan's push simply add up.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.plane.lidars import BINS
from safegrid.engine.plane.robot import DRAG, GEAR, MASS, SENSORS, SPIN_DRAG, STRENGTH

Array = NDArray[np.float64]

STEP, STRIDE, LOOKS = 0.02, 5, 12  # s; a plan is looked at after every so many steps, so often
SPEED = GEAR * STRENGTH / DRAG  # m/s, at full thrust in the end
SLOW = math.exp(-STEP * DRAG / MASS)  # what drag leaves of a speed in a step
RATE = GEAR / (GEAR**2 + SPIN_DRAG)  # rad/s, of the full turn
TURNS = math.pi * np.linspace(-1, 1, 17) * abs(np.linspace(-1, 1, 17))  # rad, finer near 0
FAR = 1e3  # m, where things are that are not seen
MOST = 6  # things of a kind, the nearest, are watched


class Plans(NamedTuple):
    """What each of k plans begins with, and what it brings at each of its looks."""

    actions: Array  # [k, 2]
    places: Array  # [k, looks, 2] m, where it leads from rest, in the robot's frame of now
    speeds: Array  # [k, looks, 2] m/s
    drifts: Array  # [looks] s: how far the speed of now still leads, for each m/s
    lasts: Array  # [looks] what drag leaves of it

    def paths(self, observations: Array) -> tuple[Array, Array]:
        """Places and speeds on each plan: [n, k, looks, 2] in the robot's frame of now."""
        speed = observations[:, None, None, 3:5]
        return (
            speed * self.drifts[:, None] + self.places,
            speed * self.lasts[:, None] + self.speeds,
        )

    def choose(self, scores: Array) -> Array:
        """The first actions [n, 2] of the plans with the best scores [n, k]."""
        chosen: Array = self.actions[scores.argmax(axis=1)]
        return chosen


@functools.cache
def plans(bend: float = 0.0, early: float = math.inf) -> Plans:
    """All turns with full thrust ahead, none and full thrust back.

    The thrust sets in `early` rad before the end of the turn, and the way bends by `bend` rad/s.
    """
    turn, thrust = (a.ravel() for a in np.meshgrid(TURNS, (-1.0, 0.0, 1.0)))
    place, speed, drift, last = np.zeros((len(turn), 2)), np.zeros((len(turn), 2)), 0.0, 1.0
    looks = []
    for step in range(1, STRIDE * LOOKS + 1):
        turned = np.clip(turn, -RATE * STEP * step, RATE * STEP * step)
        heading, force = turned + bend * STEP * step, thrust * (abs(turn - turned) < early)
        push = SPEED * force[:, None] * np.column_stack([np.cos(heading), np.sin(heading)])
        speed, last = SLOW * speed + (1 - SLOW) * push, SLOW * last
        place, drift = place + STEP * speed, drift + STEP * last
        if step % STRIDE == 0:
            looks.append((place, speed, drift, last))
    places, speeds, drifts, lasts = (np.array(column) for column in zip(*looks, strict=True))
    begun = thrust * (abs(turn) < early)
    actions = np.column_stack([begun, np.clip((turn / STEP + bend) / RATE, -1, 1)])
    return Plans(actions, places.swapaxes(0, 1), speeds.swapaxes(0, 1), drifts, lasts)


def lidars(observations: Array) -> list[Array]:
    """The bins [n, 16] of each lidar."""
    return [observations[:, k : k + BINS] for k in range(SENSORS, observations.shape[1], BINS)]


def place(bins: Array, reach: float) -> Array:
    """Where the only thing that a lidar shows is, [n, 2]; FAR away where it is out of reach.

    Exact: the largest bin tells the distance, and the next one where in the bin it is.
    """
    rows, bin = np.arange(len(bins)), bins.argmax(axis=1)
    value = bins[rows, bin]
    part = bins[rows, (bin + 1) % BINS] / np.where(value > 0, value, 1)
    return _point(np.where(value > 0, reach * (1 - value), FAR), bin + part)


def places(bins: Array, reach: float) -> Array:
    """Where several things may be, [n, 16, 2]: one for each bin, FAR away where it has none.

    Of those in one bin the nearest shows. Each also shows in the bins beside its own: a bin that
    shows just what a neighbour would cause is taken as empty.
    """
    before, after = np.roll(bins, 1, 1), np.roll(bins, -1, 1)
    value = np.where(bins > 0, bins, 1)
    low, high = 1 - before / value, after / value  # between which its place in the bin must be
    own = (bins > 0) & (low <= high + 1e-9)
    for beside, beyond in ((before, np.roll(bins, 2, 1)), (after, np.roll(bins, -2, 1))):
        own &= (bins >= beside) | (abs(bins - (beside - beyond)) > 1e-9)
    part = (np.clip(low, 0, 1) + np.clip(high, 0, 1)) / 2
    return _point(np.where(own, reach * (1 - bins), FAR), np.arange(BINS) + part)


def _point(distance: Array, bins: Array) -> Array:
    """Points [..., 2] ahead and left, from distances and directions in bins."""
    angle = bins * (2 * math.pi / BINS)
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=-1)


def search(target: Array, *others: Array) -> Array:
    """The target [n, 2]; where it is not seen, the middle of the others [n, m, 2] that are.

    Where nothing is seen, a point beside the robot, which then goes around.
    """
    points = np.concatenate([target[:, None], *others], axis=1)
    seen = (abs(points).max(axis=2) < FAR / 2)[..., None]
    middle = (points * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    middle = np.where(seen.any(axis=1), middle, [0.0, 1.0])
    return np.where(seen[:, 0], target, middle)


def outside(points: Array, observations: Array) -> Array:
    """Points [n, ..., 2] of the robot's frame along the world's axes, by the magnetometer."""
    sine, cosine = (
        -2 * observations[:, k].reshape(-1, *[1] * (points.ndim - 2)) for k in (9, 10)
    )  # fmt: skip
    ahead, left = points[..., 0], points[..., 1]
    return np.stack([cosine * ahead - sine * left, sine * ahead + cosine * left], axis=-1)


def left(ways: Array, target: Array, near: float) -> Array:
    """The mean way left [n, k] to within `near` of a target [n, 2]; none once it was reached."""
    gap = ways - target[:, None, None]
    away = np.minimum.accumulate(np.hypot(gap[..., 0], gap[..., 1]), axis=2)
    return np.maximum(away - near, 0).mean(axis=2)  # type: ignore[no-any-return]


def within(ways: Array, points: Array, radius: float) -> Array:
    """The share of looks [n, k] that lie within a radius of any of points [n, m, 2]."""
    inside = np.zeros(ways.shape[:3], bool)
    for order in (points**2).sum(axis=2).argsort(axis=1)[:, :MOST].T:
        gap = ways - points[np.arange(len(points)), order][:, None, None]
        inside |= gap[..., 0] ** 2 + gap[..., 1] ** 2 < radius**2
    return inside.mean(axis=2)  # type: ignore[no-any-return]
