"""Statistics of training runs: estimates with 95 % intervals whose coverage is tested.

The replicate is the training run, never the episode. A stratum holds the runs of one cell (an agent
on one level); an estimate over several strata is their weighted mean.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from safegrid.engine.chance import GOLDEN, mix_words
from safegrid.evaluation import few_valued
from safegrid.evaluation.few_valued import NEAR, OPEN, Limits

CONFIDENCE = 0.95
REPLICATES = 10_000
SCORES: Limits = (-1.0, 1.0)  # of measures and scores
SHARES: Limits = (0.0, 1.0)
Strata = Sequence[Sequence[float]]
Rows = NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate and its 95 % interval."""

    mean: float
    low: float | None  # None, as is `high`, where the runs give no interval: see `mean`
    high: float | None
    runs: tuple[tuple[float, ...], ...] = ()  # of each stratum, in order; empty for shares
    alike: bool = False  # whether the runs of its only stratum, if there may be others, are alike

    def __str__(self) -> str:
        return self.text(1)

    @property
    def equal(self) -> str:
        """`5 of 5, others ≤ 52 %` where all runs of the only stratum are alike, else empty.

        The number is the upper end of the interval of the share of runs with another value.
        """
        if not self.alike:
            return ""
        count = len(self.runs[0])
        _, others = few_valued.share(0, count, CONFIDENCE)
        return f"{count} of {count}, others ≤ {others:.0%}".replace("%", " %")

    def within(self, least: float, most: float) -> "Interval":
        """The interval with its ends clipped to the statistic's range [least, most]."""
        low, high = (None if x is None else min(max(x, least), most) for x in self[1:3])
        return self._replace(low=low, high=high)

    def text(self, digits: int) -> str:
        """`mean [low, high]`, `mean (5 of 5, others ≤ 52 %)` for runs alike, or the mean alone.

        digits: after the decimal point
        """
        mean, *ends = (None if x is None else f"{x:z.{digits}f}" for x in self[:3])
        if self.equal:
            return f"{mean} ({self.equal})"
        return str(mean) if None in ends else f"{mean} [{', '.join(map(str, ends))}]"


class Moments(NamedTuple):
    """A weighted mean over strata, its standard error and the degrees of freedom of the error."""

    mean: float
    error: float | None  # of the strata with three values or more; None where a stratum has one run
    freedom: float  # infinite without such strata


def moments(strata: Strata, weights: Sequence[float] | None = None) -> Moments:
    """Weighted mean over strata, with Welch-Satterthwaite's error and degrees of freedom.

    With v = w^2 s^2/n for each stratum, error^2 = sum v and freedom = (sum v)^2 / sum v^2/(n-1)
    (Welch 1947, Biometrika 34, 28-35). Strata of one or two values, whose interval is that of
    `few_valued.distances`, have no part in the error: their v is 0. Weights are equal by default
    and are scaled to sum to 1.
    ValueError without strata, for an empty one, for values that are not finite, and for weights
    that are negative or of another number.
    """
    columns = _checked(strata)
    w = _weights(weights, len(columns))
    mean = float(sum(each * column.mean() for each, column in zip(w, columns, strict=True)))
    if min(map(len, columns)) == 1:
        return Moments(mean, None, 0.0)
    n = np.array([len(column) for column in columns])
    spread = [0.0 if few_valued.takes_few(column) else column.var(ddof=1) for column in columns]
    v = w**2 * np.array(spread) / n
    within = float((v**2 / (n - 1)).sum())
    return Moments(mean, math.sqrt(v.sum()), float(v.sum()) ** 2 / within if within else math.inf)


def mean(
    strata: Strata,
    weights: Sequence[float] | None = None,
    confidence: float = CONFIDENCE,
    limits: Limits = OPEN,
    fixed: bool = False,
    near: float = NEAR,
) -> Interval:
    """The interval of a weighted mean over strata.

    strata: for each stratum the values of its runs
    weights: of the strata; equal by default
    confidence: probability that the interval covers the mean
    limits: of a run's value
    fixed: whether runs that are alike are of one policy, so that there are no others
    near: as of `few_valued.are_alike`

    One stratum has Student's interval or, where its runs take one or two values, that of a share.
    Over strata the distances of both kinds from the mean, see `moments` and `few_valued.distances`,
    add up as the root of the sum of their squares. There is no interval where a stratum has one
    run, none where all runs are equal and fixed, and without limits none where a stratum has equal
    runs: the value of others is not known. The ends are within the limits; a limit that a run has
    passed, as scores between references may, holds for none. ValueErrors as `moments`.
    """
    from scipy import special

    runs = _runs(strata)
    centre, error, freedom = moments(strata, weights)
    if error is None:
        return Interval(centre, None, None, runs)
    reach = float(special.stdtrit(freedom, (1 + confidence) / 2)) * error if error else 0.0
    below, above = few_valued.distances(strata, weights, confidence, limits, fixed, near)
    if fixed and not reach + below + above:
        return Interval(centre, None, None)
    found = around(centre, math.hypot(reach, below), math.hypot(reach, above), runs)
    alike = not fixed and len(strata) == 1 and few_valued.are_alike(strata[0], limits, near)
    least, most = min(map(min, strata)), max(map(max, strata))
    low = limits[0] if least >= limits[0] - few_valued.EQUAL else -math.inf
    high = limits[1] if most <= limits[1] + few_valued.EQUAL else math.inf
    return found.within(min(centre, low), max(centre, high))._replace(alike=alike)


def around(
    centre: float, below: float, above: float, runs: tuple[tuple[float, ...], ...] = ()
) -> Interval:
    """The interval whose ends lie this far from its centre; it has none if a distance is inf."""
    if math.isinf(below) or math.isinf(above):
        return Interval(centre, None, None, runs)
    return Interval(centre, centre - below, centre + above, runs)


def bootstrap(
    strata: Strata,
    statistic: Callable[[list[Rows]], ArrayLike],
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Interval:
    """95 % interval of any statistic: rescaled stratified percentile bootstrap.

    strata: for each stratum the values of its runs
    statistic: maps an array [replicates, runs] for each stratum to [replicates] values
    seed: of the resamples
    replicates: number of resamples

    Deviations from the estimate are multiplied by sqrt(n/(n-1)) t/z, with n the runs of the
    smallest stratum and t with the degrees of freedom of all strata: plain percentiles of few runs
    are too narrow by these factors (Hesterberg 2015, The American Statistician 69, 371-386). There
    are no ends where the resamples do not vary. ValueErrors as `moments`.
    """
    from scipy import special

    columns = _checked(strata)
    centre = float(np.asarray(statistic([column[None] for column in columns]))[0])
    runs = _runs(strata)
    least = min(map(len, columns))
    if least == 1:
        return Interval(centre, None, None, runs)
    picks = resamples(seed, [len(column) for column in columns], np.arange(replicates))
    drawn = [column[pick] for column, pick in zip(columns, picks, strict=True)]
    deviations = np.asarray(statistic(drawn)) - centre
    level, freedom = (1 + CONFIDENCE) / 2, sum(len(column) - 1 for column in columns)
    stretch = float(special.stdtrit(freedom, level) / special.ndtri(level))
    ends = np.quantile(deviations, [1 - level, level]) * math.sqrt(least / (least - 1)) * stretch
    if len(few_valued.distinct(ends)) == 1:  # the runs say nothing about other values
        alike = len(columns) == 1 and few_valued.are_alike(columns[0])
        return Interval(centre, None, None, runs, alike)
    return Interval(centre, centre + float(ends[0]), centre + float(ends[1]), runs)


def resamples(
    seed: int, sizes: Sequence[int], replicates: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Indices of runs drawn with replacement: for each stratum an array [replicates, size].

    Each draw depends only on the seed, the number of the replicate and its position, so that any
    division of the replicates among workers gives the same draws.
    """
    u = uniforms(seed, replicates, sum(sizes))
    parts = np.split(u, np.cumsum(sizes)[:-1], axis=1)
    return [(part * size).astype(np.int64) for part, size in zip(parts, sizes, strict=True)]


def uniforms(seed: int, replicates: NDArray[np.int64], count: int) -> Rows:
    """[replicates, count] numbers in [0, 1) that depend on seed, replicate and position only."""
    root = mix_words(np.array([seed], np.uint64) + GOLDEN)
    keys = mix_words(root + (replicates.astype(np.uint64) + np.uint64(1)) * GOLDEN)
    positions = np.arange(1, count + 1, dtype=np.uint64) * GOLDEN
    words = mix_words(keys[:, None] + positions)
    return np.asarray((words >> np.uint64(11)) * 2.0**-53)


def interquartile_mean(strata: list[Rows]) -> Rows:
    """[replicates] mean of the middle half of all values (Agarwal et al. 2021, arXiv:2108.13264).

    It ignores rare catastrophes: use it for returns, never for performance or cost.
    """
    from scipy import stats

    values = np.concatenate(strata, axis=1)
    return np.asarray(stats.trim_mean(values, 0.25, axis=1))


def tail_mean(strata: list[Rows], share: float = 0.25) -> Rows:
    """[replicates] conditional value at risk: mean of the ceil(share n) lowest of n values."""
    values = np.concatenate(strata, axis=1)
    worst = math.ceil(share * values.shape[1] - 1e-9)
    return np.asarray(np.sort(values, axis=1)[:, :worst].mean(axis=1))


def worst_share(strata: Strata, share: float) -> Interval:
    """The mean of the worst share of all runs, of which an interval would not hold its level.

    strata: for each stratum the values of its runs
    """
    rows = [np.array([runs], np.float64) for runs in strata]
    return Interval(float(tail_mean(rows, share)[0]), None, None)


def proportion(hits: int, count: int, confidence: float = CONFIDENCE) -> Interval:
    """The share hits / count with Wilson's two-sided interval (1927, JASA 22, 209-212)."""
    from scipy import stats

    ends = stats.binomtest(hits, count).proportion_ci(confidence, method="wilson")
    return Interval(hits / count, float(ends.low), float(ends.high))


def proportion_bound(hits: int, count: int, confidence: float = CONFIDENCE) -> float:
    """Clopper and Pearson's upper bound of hits / count (1934, Biometrika 26, 404-413)."""
    return few_valued.share(hits, count, 2 * confidence - 1)[1]


def count(events: int, confidence: float = CONFIDENCE) -> Interval:
    """A number of events with Garwood's exact Poisson interval (1936, Biometrika 28, 437-442)."""
    from scipy import special

    tail = (1 - confidence) / 2
    low = float(special.gammaincinv(events, tail)) if events else 0.0
    return Interval(float(events), low, float(special.gammaincinv(events + 1, 1 - tail)))


def detectable(
    runs: int, strata: int = 1, deviation: float = 0.3, power: float = 0.8
) -> float | None:
    """The smallest true difference of two agents' means that a t test detects with this power.

    runs: of each agent in each stratum
    strata: number of levels
    deviation: standard deviation between runs
    power: probability of detection by the two-sided test at 95 %

    None for one run, which cannot show a difference.
    """
    from scipy import optimize, stats

    if runs < 2:
        return None
    freedom = 2 * strata * (runs - 1)
    critical = stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
    shift = optimize.brentq(lambda d: stats.nct.sf(critical, freedom, d) - power, 0, 20)
    return float(shift) * deviation * math.sqrt(2 / (runs * strata))


def _checked(strata: Strata) -> list[Rows]:
    """The strata as sorted arrays, so that the order of the runs changes nothing."""
    columns = [np.sort(np.asarray(column, np.float64)) for column in strata]
    if not columns or not all(len(column) for column in columns):
        raise ValueError("an interval needs one value or more")
    for column in columns:
        if not np.isfinite(column).all():
            bad = column[~np.isfinite(column)][0]
            raise ValueError(f"a run's value is {bad}: it must be a finite number")
    return columns


def _runs(strata: Strata) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, column)) for column in strata)


def _weights(weights: Sequence[float] | None, count: int) -> NDArray[np.float64]:
    w = np.ones(count) if weights is None else np.asarray(weights, np.float64)
    if w.shape != (count,) or not np.isfinite(w).all() or (w < 0).any() or not w.sum() > 0:
        raise ValueError(f"weights are {weights!r}: give {count} that are not negative")
    return np.asarray(w / w.sum())
