"""Ranking of agents on the same levels: simultaneous intervals of differences and of ranks."""

from collections.abc import Container, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from safegrid.evaluation import few_valued, intervals
from safegrid.evaluation.few_valued import OPEN, Limits
from safegrid.evaluation.intervals import (
    CONFIDENCE,
    REPLICATES,
    Interval,
    Moments,
    Strata,
    moments,
    uniforms,
)

TIE = 1e-9  # smaller differences are rounding errors
PERMUTATIONS = 100_000


class Rank(NamedTuple):
    """Interval of the ranks that an agent may have; 1 is the best rank."""

    best: int
    worst: int

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}-{self.worst}"


def differences(
    agents: Mapping[str, Strata],
    weights: Sequence[float] | None = None,
    limits: Limits = OPEN,
    seed: int = 0,
    replicates: int = REPLICATES,
    fixed: Container[str] = (),
) -> dict[tuple[str, str], Interval]:
    """Difference of the means of each pair, first minus second, with simultaneous 95 % intervals.

    agents: for each agent its strata: the runs' values on each level, levels in the same order
    weights: of the levels; equal by default
    limits: of a run's value; where there are none, the differences of an agent with a level of
        equal runs have open ends
    seed: of the simulated means and variances
    replicates: how many of them
    fixed: the agents whose runs are alike because they are of one policy

    On levels with three values or more, the distance of the ends from the estimate is the 95 %
    quantile of the largest studentised difference, times the pair's standard error (max-T; Westfall
    & Young 1993, Resampling-based multiple testing). The quantile is simulated: each agent's mean
    is drawn from a normal and its variance from a chi-square distribution, because few runs do not
    allow resampling. On levels of one or two values it is that of `few_valued.distances`, with a
    probability of error that is divided by the number of pairs (Bonferroni). Both kinds, of both
    agents, add up as the root of the sum of their squares. ValueErrors as `intervals.moments`.
    """
    estimates = {name: moments(strata, weights) for name, strata in agents.items()}
    quantile = _largest(list(estimates.values()), seed, replicates)
    number = max(1, len(agents) * (len(agents) - 1) // 2)
    confidence = 1 - (1 - CONFIDENCE) / number
    few = {
        name: few_valued.distances(strata, weights, confidence, limits, name in fixed)
        for name, strata in agents.items()
    }
    pairs = {}
    for (one, a), (other, b) in combinations(estimates.items(), 2):
        difference = a.mean - b.mean
        if a.error is None or b.error is None:
            pairs[one, other] = Interval(difference, None, None)
            continue
        half = quantile * float(np.hypot(a.error, b.error))
        below, above = (
            float(np.linalg.norm([half, few[one][side], few[other][1 - side]])) for side in (0, 1)
        )
        pairs[one, other] = intervals.around(difference, below, above)
    return pairs


def ranks(
    agents: Mapping[str, Strata],
    weights: Sequence[float] | None = None,
    limits: Limits = OPEN,
    seed: int = 0,
    replicates: int = REPLICATES,
    fixed: Container[str] = (),
) -> dict[str, Rank]:
    """Simultaneous 95 % intervals of the ranks; the highest mean has rank 1.

    agents, weights, limits, seed, replicates, fixed: as for `differences`

    Of K agents, an agent's ranks go from 1 + the number of agents that are significantly better to
    K - the number that are significantly worse (Mogstad et al. 2024, Review of Economic Studies 91,
    476-518). ValueErrors as `intervals.moments`.
    """
    better = dict.fromkeys(agents, 0)
    worse = dict.fromkeys(agents, 0)
    found = differences(agents, weights, limits, seed, replicates, fixed)
    for (one, other), difference in found.items():
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
    """Probability that a run of `one` has a greater value than a run of `other`.

    Ties count half; `weights` are those of the strata, equal by default (probability of
    improvement: Agarwal et al. 2021, arXiv:2108.13264).
    """
    apart = [np.subtract.outer(a, b) for a, b in zip(one, other, strict=True)]
    shares = [np.mean(np.sign(d) * (np.abs(d) > TIE) + 1) / 2 for d in apart]
    return float(np.average(shares, weights=weights))


def permutation_test(one: Strata, other: Strata, weights: Sequence[float] | None = None) -> float:
    """Probability of a mean of `one` as far below that of `other`, were all their runs alike.

    one, other: the runs' values on each level, levels in the same order
    weights: of the levels; equal by default

    The runs of a level are divided at random between the two (Fisher 1935, The design of
    experiments). With the given division as one of the replicates, the test keeps its level for any
    number of them (Phipson & Smyth 2010, Statistical Applications in Genetics and Molecular Biology
    9, 39). Runs that are correlated between the two, because they have the same seeds, make it
    conservative.
    """
    scaled = np.ones(len(one)) if weights is None else np.asarray(weights, np.float64)
    observed, drawn = 0.0, np.zeros(PERMUTATIONS)
    for level, (a, b) in enumerate(zip(one, other, strict=True)):
        runs, weight = np.sort(np.concatenate([a, b])), scaled[level] / scaled.sum()
        observed += weight * float(np.mean(a) - np.mean(b))
        order = np.argsort(uniforms(level, np.arange(PERMUTATIONS), len(runs)), axis=1)
        sides = runs[order[:, : len(a)]], runs[order[:, len(a) :]]
        drawn += weight * (sides[0].mean(axis=1) - sides[1].mean(axis=1))
    return float(1 + (drawn <= observed + TIE).sum()) / (1 + PERMUTATIONS)


def _largest(estimates: list[Moments], seed: int, replicates: int) -> float:
    """The 95 % quantile of the largest studentised difference of agents with equal true means."""
    from scipy import special

    errors = sorted(
        (e.error, e.freedom if e.error else 1.0) for e in estimates if e.error is not None
    )
    error, freedom = np.reshape(errors, (-1, 2)).T
    u = uniforms(seed, np.arange(replicates), 2 * len(errors)) + 2.0**-54
    drawn = error * special.ndtri(u[:, : len(errors)])
    variance = error**2 * special.gammaincinv(freedom / 2, u[:, len(errors) :]) * 2 / freedom
    largest = np.zeros(replicates)
    for j, k in combinations(range(len(errors)), 2):
        if error[j] or error[k]:
            spread = np.sqrt(variance[:, j] + variance[:, k])
            np.maximum(largest, np.abs(drawn[:, j] - drawn[:, k]) / spread, out=largest)
    return float(np.quantile(largest, CONFIDENCE))
