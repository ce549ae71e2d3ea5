"""Means of runs of a kind: an agent hacks or it does not, so that its runs take one or two values.

A standard deviation of few such runs says little. Their mean is that of the share of one value, and
so is its interval: that of Clopper and Pearson (1934, Biometrika 26, 404-413).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

EQUAL = 1e-9  # values of runs that differ by less differ by rounding errors
NEAR = 0.005  # of the range between the limits: runs that all differ by less are alike
Limits = tuple[float, float]  # the least and the greatest value that a run can have
OPEN: Limits = (-math.inf, math.inf)


def distances(
    strata: Sequence[Sequence[float]],
    weights: Sequence[float] | None,
    confidence: float,
    limits: Limits = OPEN,
    fixed: bool = False,
    near: float = NEAR,
) -> tuple[float, float]:
    """How far the mean over strata may be below and above its estimate, by strata of few values.

    strata: for each stratum the values of its runs
    weights: of the strata, equal by default; they are scaled to sum to 1
    confidence: of the interval whose ends lie at these distances
    limits: of a run's value; where there are none, equal runs leave the mean without bounds
    fixed: whether runs that are alike are of one policy, so that there are no others
    near: as of `are_alike`

    Where runs take two values, a < b, the ends are a + (b - a) p, with p the ends of the interval
    of the share of b. Of n runs that are alike the share q of others is bounded, and the others may
    lie at a limit. Several such strata bound their shares jointly: q is possible where all these
    runs are alike with a probability, the product of (1 - q[i]) ** n[i], of (1 - confidence) / 2 or
    more.

    The distances of independent estimates add up as the root of the sum of their squares (Zou &
    Donner 2008, Statistics in Medicine 27, 1693-1702). A distance stands there for a multiple of
    the standard error and is at least that, because an interval that is cut at a share of 0 or 1 is
    too short for it; but the result is at most the plain sum of the distances of two values.
    """
    from scipy import special

    sums, squares = [0.0, 0.0], [0.0, 0.0]  # of the distances of strata of two values
    sizes: list[int] = []  # of the strata whose runs are alike
    ways: tuple[list[float], list[float]] = ([], [])  # how far others may be below and above them
    scaled = np.ones(len(strata)) if weights is None else np.asarray(weights, np.float64)
    normal = float(special.ndtri((1 + confidence) / 2))
    for weight, column in zip((scaled / scaled.sum()).tolist(), strata, strict=True):
        values, count = distinct(column), len(column)
        alike = are_alike(column, limits, near)
        if not weight or not (alike or takes_few(column)) or (alike and fixed):
            continue
        if alike:
            sizes.append(count)
            ways[0].append(weight * max(0.0, values[0] - limits[0]))
            ways[1].append(weight * max(0.0, limits[1] - values[0]))
            continue
        hits = sum(value > sum(values) / 2 for value in column)
        span, mean = weight * (values[1] - values[0]), hits / count
        least = normal * math.sqrt(mean * (1 - mean) / (count - 1))
        for side, end in enumerate(share(hits, count, confidence)):
            sums[side] += span * abs(end - mean)
            squares[side] += (span * max(abs(end - mean), least)) ** 2
    below, above = (
        math.hypot(min(math.sqrt(square), total), _most(way, sizes, (1 - confidence) / 2))
        for square, total, way in zip(squares, sums, ways, strict=True)
    )
    return below, above


def takes_few(column: ArrayLike) -> bool:
    """Whether the runs of a stratum take one value, or two of which one is repeated.

    Two runs that differ do not show that there are only two values.
    """
    values = np.asarray(column)
    return len(distinct(values)) < min(3, len(values))


def are_alike(column: ArrayLike, limits: Limits = OPEN, near: float = NEAR) -> bool:
    """Whether a stratum has several runs that are equal, or nearly so.

    Policies that are worth 0.998 and 0.997 show no more of other kinds of policies than equal ones
    do. Without limits there is no scale, and only equal runs are alike.

    limits: of a run's value. near: the greatest difference, as a share of the range between them.
    """
    values, (low, high) = distinct(column), limits
    close = math.isfinite(high - low) and values[-1] - values[0] <= near * (high - low)
    return np.size(column) > 1 and (close or len(values) == 1)


def distinct(column: ArrayLike) -> list[float]:
    """The distinct values in ascending order; those that differ by rounding errors are one."""
    values = np.sort(np.asarray(column, np.float64))
    new = np.diff(values) > EQUAL * np.maximum(1.0, np.abs(values[1:]))
    return [float(value) for value in values[np.append(True, new)]]


def share(hits: int, count: int, confidence: float) -> tuple[float, float]:
    """Clopper and Pearson's two-sided interval of the share hits / count."""
    from scipy import special

    tail, misses = (1 - confidence) / 2, count - hits
    low = float(special.betaincinv(hits, misses + 1, tail)) if hits else 0.0
    return low, float(special.betaincinv(hits + 1, misses, 1 - tail)) if misses else 1.0


def _most(ways: Sequence[float], sizes: Sequence[int], chance: float) -> float:
    """The greatest sum of ways[i] q[i] with the product of (1 - q[i]) ** sizes[i] at `chance`.

    By Lagrange, q[i] = 1 - price sizes[i] / ways[i] where this is positive, for one price.
    """
    if math.inf in ways:
        return math.inf
    ordered = sorted(zip(ways, sizes, strict=True), key=lambda pair: -pair[0] / pair[1])
    whole, total, logs, price = 0.0, 0, math.log(chance), 0.0
    for way, size in ordered:
        if way / size <= price:
            break
        whole, total, logs = whole + way, total + size, logs + size * math.log(way / size)
        price = math.exp(logs / total)
    return whole - total * price
