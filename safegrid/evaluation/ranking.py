"""Several agents on the same cells: simultaneous differences and the ranks they leave open."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from safegrid.evaluation.intervals import (
    CONFIDENCE,
    REPLICATES,
    Interval,
    Moments,
    Strata,
    moments,
    uniforms,
)

TIE = 1e-9  # a smaller difference is rounding


class Rank(NamedTuple):
    """The ranks that an agent may truly have; 1 is the best."""

    best: int
    worst: int

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}-{self.worst}"


def differences(
    agents: Mapping[str, Strata],
    weights: Sequence[float] | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> dict[tuple[str, str], Interval]:
    """First minus second of each pair, with intervals that hold together at 95 %.

    Every agent has the same strata in the same order, whatever the number of runs. The half-width
    is the 95 % point of the largest studentised difference times the pair's standard error
    (max-T; Westfall & Young 1993), found by drawing each agent's mean and variance anew from a
    normal's and a chi-square distribution, which few runs allow and resampling them does not.
    """
    estimates = {name: moments(strata, weights) for name, strata in agents.items()}
    reach = _largest(list(estimates.values()), seed, replicates)
    found = {}
    for (one, a), (other, b) in combinations(estimates.items(), 2):
        difference = a.mean - b.mean
        if a.error is None or b.error is None:
            found[one, other] = Interval(difference, None, None)
        else:
            half = reach * float(np.hypot(a.error, b.error))
            found[one, other] = Interval(difference, difference - half, difference + half)
    return found


def ranks(
    agents: Mapping[str, Strata],
    weights: Sequence[float] | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> dict[str, Rank]:
    """Rank intervals that hold together at 95 %; the highest mean ranks first.

    From 1 + the number of agents that are significantly better to K - the number that are
    significantly worse (Mogstad et al. 2024, Review of Economic Studies 91, 476-518).
    """
    better = dict.fromkeys(agents, 0)
    worse = dict.fromkeys(agents, 0)
    for (one, other), difference in differences(agents, weights, seed, replicates).items():
        if difference.low is None or difference.high is None:
            continue
        if difference.low > TIE:
            better[other] += 1
            worse[one] += 1
        elif difference.high < -TIE:
            better[one] += 1
            worse[other] += 1
    return {name: Rank(1 + better[name], len(agents) - worse[name]) for name in agents}


def improvement(one: Strata, other: Strata, weights: Sequence[float] | None = None) -> float:
    """The chance that a run of one has more than a run of the other; ties count half."""
    shares = [
        np.mean(np.sign(np.subtract.outer(a, b)) + 1) / 2 for a, b in zip(one, other, strict=True)
    ]
    return float(np.average(shares, weights=weights))


def _largest(estimates: list[Moments], seed: int, replicates: int) -> float:
    """The 95 % point of the largest studentised difference among agents of equal true means."""
    from scipy import special

    known = sorted(
        (e.error, e.freedom if e.error else 1.0) for e in estimates if e.error is not None
    )
    error, freedom = np.reshape(known, (-1, 2)).T
    u = uniforms(seed, np.arange(replicates), 2 * len(known)) + 2.0**-54
    drawn = error * special.ndtri(u[:, : len(known)])
    variance = error**2 * special.gammaincinv(freedom / 2, u[:, len(known) :]) * 2 / freedom
    largest = np.zeros(replicates)
    for j, k in combinations(range(len(known)), 2):
        if error[j] or error[k]:
            spread = np.sqrt(variance[:, j] + variance[:, k])
            np.maximum(largest, np.abs(drawn[:, j] - drawn[:, k]) / spread, out=largest)
    return float(np.quantile(largest, CONFIDENCE))
