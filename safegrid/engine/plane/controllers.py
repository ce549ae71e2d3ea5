"""Control of the Point robot by its sensors and lidars, for the controllers of point tasks.

A controller predicts some plans for 1.2 s, each a turn and then a straight path under one thrust,
begins the one with the best score, and chooses again at the next step (the dynamic window approach,
Fox, Burgard & Thrun 1997). In the robot's frame prediction is cheap: the force depends on the plan
only, and drag is linear, so that the effects of present speed and of thrust add up.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.plane.lidars import BINS
from safegrid.engine.plane.robot import DRAG, GEAR, MASS, SENSORS, SPIN_DRAG, STRENGTH

Array = NDArray[np.float64]

STEP, STRIDE, SAMPLES = 0.02, 5, 12  # s; steps from one sample of a plan to the next; samples
SPEED = GEAR * STRENGTH / DRAG  # m/s, terminal speed under full thrust
SLOW = math.exp(-STEP * DRAG / MASS)  # factor of a speed by drag in a step
RATE = GEAR / (GEAR**2 + SPIN_DRAG)  # rad/s, of a turn at full control
TURNS = math.pi * np.linspace(-1, 1, 17) * abs(np.linspace(-1, 1, 17))  # rad, finer near 0
FAR = 1e3  # m, distance of an object that no lidar detects
MOST = 6  # objects of a kind, the nearest, that `within` considers


class Plans(NamedTuple):
    """The first actions of k plans, and their predictions in the present frame of the robot."""

    actions: Array  # [k, 2]
    places: Array  # [k, samples, 2] m, from rest
    speeds: Array  # [k, samples, 2] m/s, from rest
    drifts: Array  # [samples] s: distance by the present speed, for each m/s
    decays: Array  # [samples] factor of the present speed by drag

    def paths(self, observations: Array) -> tuple[Array, Array]:
        """Predicted places, m, and speeds, m/s: [n, k, samples, 2] in the present frame."""
        speed = observations[:, None, None, 3:5]
        return (
            speed * self.drifts[:, None] + self.places,
            speed * self.decays[:, None] + self.speeds,
        )

    def choose(self, scores: Array) -> Array:
        """The first actions [n, 2] of the plans with the best scores [n, k]."""
        chosen: Array = self.actions[scores.argmax(axis=1)]
        return chosen


@functools.cache
def plans(bend: float = 0.0, early: float = math.inf) -> Plans:
    """The plans of all TURNS, each with full thrust ahead, no thrust, and full thrust back.

    bend: rad/s, by which paths curve. early: rad before the end of the turn at which the thrust
    begins.
    """
    turn, thrust = (a.ravel() for a in np.meshgrid(TURNS, (-1.0, 0.0, 1.0)))
    place, speed, drift, decay = np.zeros((len(turn), 2)), np.zeros((len(turn), 2)), 0.0, 1.0
    samples = []
    for step in range(1, STRIDE * SAMPLES + 1):
        turned = np.clip(turn, -RATE * STEP * step, RATE * STEP * step)
        heading, force = turned + bend * STEP * step, thrust * (abs(turn - turned) < early)
        push = SPEED * force[:, None] * np.column_stack([np.cos(heading), np.sin(heading)])
        speed, decay = SLOW * speed + (1 - SLOW) * push, SLOW * decay
        place, drift = place + STEP * speed, drift + STEP * decay
        if step % STRIDE == 0:
            samples.append((place, speed, drift, decay))
    places, speeds, drifts, decays = (np.array(column) for column in zip(*samples, strict=True))
    initial = thrust * (abs(turn) < early)
    actions = np.column_stack([initial, np.clip((turn / STEP + bend) / RATE, -1, 1)])
    return Plans(actions, places.swapaxes(0, 1), speeds.swapaxes(0, 1), drifts, decays)


def lidars(observations: Array) -> list[Array]:
    """The bins [n, 16] of each lidar."""
    return [observations[:, k : k + BINS] for k in range(SENSORS, observations.shape[1], BINS)]


def place(bins: Array, reach: float) -> Array:
    """The place [n, 2], m, of the only object of a lidar; FAR away where it is out of reach.

    Exact: the largest bin determines the distance, and its ratio to the next one the direction.
    bins: [n, 16]. reach: of the lidar, m.
    """
    rows, bin = np.arange(len(bins)), bins.argmax(axis=1)
    value = bins[rows, bin]
    part = bins[rows, (bin + 1) % BINS] / np.where(value > 0, value, 1)
    return _point(np.where(value > 0, reach * (1 - value), FAR), bin + part)


def places(bins: Array, reach: float) -> Array:
    """Estimated places [n, 16, 2], m, of objects of a lidar: one in each bin, or FAR away for none.

    Of several objects in a bin only the nearest has an effect. An object also has a share in the
    bins beside its own: a bin with just such a share is taken as empty. bins: [n, 16]. reach: of
    the lidar, m.
    """
    before, after = np.roll(bins, 1, 1), np.roll(bins, -1, 1)
    value = np.where(bins > 0, bins, 1)
    low, high = 1 - before / value, after / value  # bounds of its position in the bin, 0 to 1
    own = (bins > 0) & (low <= high + 1e-9)
    for beside, beyond in ((before, np.roll(bins, 2, 1)), (after, np.roll(bins, -2, 1))):
        own &= (bins >= beside) | (abs(bins - (beside - beyond)) > 1e-9)
    part = (np.clip(low, 0, 1) + np.clip(high, 0, 1)) / 2
    return _point(np.where(own, reach * (1 - bins), FAR), np.arange(BINS) + part)


def _point(distance: Array, bins: Array) -> Array:
    """Points [..., 2], ahead and left, from distances and directions in numbers of bins."""
    angle = bins * (2 * math.pi / BINS)
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=-1)


def search(target: Array, *others: Array) -> Array:
    """A place [n, 2] to drive to: the target, or where it is FAR, the mean of others that are not.

    Where all are, a point to the left of the robot, which then drives in a circle. target: [n, 2].
    others: each [n, m, 2].
    """
    points = np.concatenate([target[:, None], *others], axis=1)
    seen = (abs(points).max(axis=2) < FAR / 2)[..., None]
    middle = (points * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    middle = np.where(seen.any(axis=1), middle, [0.0, 1.0])
    return np.where(seen[:, 0], target, middle)


def outside(points: Array, observations: Array) -> Array:
    """Points [n, ..., 2] of the robot's frame, turned to the world's axes by the magnetometer."""
    sine, cosine = (
        -2 * observations[:, k].reshape(-1, *[1] * (points.ndim - 2)) for k in (9, 10)
    )  # fmt: skip
    ahead, left = points[..., 0], points[..., 1]
    return np.stack([cosine * ahead - sine * left, sine * ahead + cosine * left], axis=-1)


def left(paths: Array, target: Array, near: float) -> Array:
    """The mean distance left [n, k], m, to within `near` of a target; 0 once it is reached.

    paths: [n, k, samples, 2]. target: [n, 2]. near: m.
    """
    offset = paths - target[:, None, None]
    away = np.minimum.accumulate(np.hypot(offset[..., 0], offset[..., 1]), axis=2)
    return np.maximum(away - near, 0).mean(axis=2)  # type: ignore[no-any-return]


def within(paths: Array, points: Array, radius: float) -> Array:
    """The share of samples [n, k] within a radius of any of the nearest MOST points.

    paths: [n, k, samples, 2]. points: [n, m, 2]. radius: m.
    """
    inside = np.zeros(paths.shape[:3], bool)
    for nearest in (points**2).sum(axis=2).argsort(axis=1)[:, :MOST].T:
        offset = paths - points[np.arange(len(points)), nearest][:, None, None]
        inside |= offset[..., 0] ** 2 + offset[..., 1] ** 2 < radius**2
    return inside.mean(axis=2)  # type: ignore[no-any-return]
