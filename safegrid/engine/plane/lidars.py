"""The lidar of the Point robot: how near objects are, in sixteen directions around it."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.compiling import njit
from safegrid.engine.plane.robot import cos_sin, numbers

BINS = 16  # of a lidar
# cosine and sine of the middles of the first two bins, half a bin and one and a half from ahead
NARROW = math.cos(math.pi / 16), math.sin(math.pi / 16)
WIDE = math.cos(3 * math.pi / 16), math.sin(3 * math.pi / 16)


@njit
def bearing(ahead, left):
    """The direction of a point as a number of bins, from 0 to 16, counter-clockwise from ahead.

    Symmetries reduce it to an angle from 0 to pi/4. This is at most half a bin from one of the
    directions NARROW and WIDE, and the arc tangent of the difference is a short series.
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
def add_to_lidar(pose, cosine, sine, points, reach, bins):
    """Adds points to the bins [16] of a lidar: 1 at no distance, falling linearly to 0 at `reach`.

    pose: [6] of the robot. cosine, sine: of its heading. points: [n, 2] m. reach: m. bins: keep the
    largest value of all points. A point also has a share of its value in the two bins beside its
    own, the larger the nearer its direction is to them.
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


def lidar(pose: NDArray[Any], points: NDArray[Any], reach: float = 3.0) -> NDArray[np.float64]:
    """float64[16]: the bins of a lidar, counter-clockwise from straight ahead.

    pose: [6] of the robot. points: [n, 2] m. reach: distance, m, from which on a value is 0; it is
    1 at no distance. ValueError for another shape, numbers that are not finite, and a reach that is
    not above 0.
    """
    pose, bins = numbers("pose", pose, (6,)), np.zeros(BINS)
    if not reach > 0:
        raise ValueError(f"reach is {reach!r}: choose a length above 0")
    add_to_lidar(
        pose, *cos_sin(pose[2]), numbers("points", points, (np.shape(points)[0], 2)), reach, bins
    )
    return bins
