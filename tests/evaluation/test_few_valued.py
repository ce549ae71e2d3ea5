"""Means of runs of few values: what counts as few, shares, joint bounds, and their coverage."""

import itertools

import numpy as np
import pytest
from scipy import optimize, stats

from safegrid.evaluation import few_valued, intervals

LIMITS = (-1.0, 1.0)


@pytest.mark.parametrize(
    ("runs", "few"),
    [
        ([1.0], False),
        ([1.0, 1.0], True),
        ([1.0, 2.0], False),
        ([1.0, 1.0, 2.0], True),
        ([1.0, 2.0, 3.0], False),
        ([1.0, 1.0, 2.0, 3.0], False),
        ([0.1 + 0.2, 0.3, 0.5], True),
    ],
)
def test_what_counts_as_few_values(runs, few):
    assert few_valued.takes_few(runs) is few


@pytest.mark.parametrize(("hits", "count"), [(0, 3), (1, 3), (5, 10), (10, 10)])
def test_shares_have_the_exact_interval(hits, count):
    expected = stats.binomtest(hits, count).proportion_ci(0.9, "exact")
    assert few_valued.share(hits, count, 0.9) == pytest.approx((expected.low, expected.high))


def test_equal_runs_of_several_levels_are_bounded_jointly():
    """Against a general optimiser: the worst mean where all runs are equal with 2.5 % or more."""
    values, sizes, weights = [1.0, 0.2, -0.6], [3, 5, 10], np.array([0.5, 0.3, 0.2])
    strata = [[value] * size for value, size in zip(values, sizes, strict=True)]
    below, above = few_valued.distances(strata, list(weights), 0.95, LIMITS)
    for found, reach in ((below, np.add(values, 1)), (above, np.subtract(1, values))):
        worst = optimize.minimize(
            lambda q, costs=weights * reach: -costs @ q,
            [0.01] * 3,
            bounds=[(0, 0.999)] * 3,
            constraints={
                "type": "ineq",
                "fun": lambda q: np.dot(sizes, np.log1p(-q)) - np.log(0.025),
            },
        )
        assert found == pytest.approx(-worst.fun, rel=1e-4)


def test_one_level_of_two_values_has_the_distances_of_the_share():
    low, high = few_valued.share(1, 3, 0.95)
    found = few_valued.distances([[0.0, 1.0, 0.0]], None, 0.95)
    assert found == pytest.approx((1 / 3 - low, high - 1 / 3))
    assert few_valued.distances([[0.0, 1.0, 0.5]], None, 0.95) == (0, 0)


def test_levels_of_no_weight_count_not_and_unknown_limits_bound_nothing():
    assert few_valued.distances([[0.0, 1.0, 0.5], [1.0, 1.0]], [1, 0], 0.95) == (0, 0)
    assert few_valued.distances([[0.0, 1.0, 0.5], [1.0, 1.0]], [1, 1], 0.95) == (np.inf, np.inf)


@pytest.mark.parametrize(
    ("runs", "limits", "alike"),
    [
        ([0.5, 0.5], few_valued.OPEN, True),
        ([0.5, 0.501], few_valued.OPEN, False),
        ([0.5, 0.501], (0.0, np.inf), False),
        ([0.5, 0.509, 0.505], LIMITS, True),
        ([0.5, 0.511, 0.505], LIMITS, False),
        ([0.5], LIMITS, False),
    ],
)
def test_runs_that_are_nearly_equal_are_alike(runs, limits, alike):
    assert few_valued.are_alike(runs, limits) == alike


def test_nearly_equal_runs_have_the_bound_of_equal_ones():
    """Student's interval of runs that differ by 1e-6 would say that no run differs by more."""
    equal = intervals.mean([[0.5] * 5], limits=LIMITS)
    nearly = intervals.mean([[0.5, 0.5, 0.5, 0.5, 0.500001]], limits=LIMITS)
    assert nearly[:3] == pytest.approx(equal[:3], abs=1e-5) and nearly.equal == equal.equal != ""
    three_kinds = intervals.mean([[0.5, 0.5, 0.52, 0.54]], limits=LIMITS)
    assert not three_kinds.equal and three_kinds.high - three_kinds.low < 0.1


@pytest.mark.parametrize("bad", [0.03, 0.1, 0.3, 0.5])
def test_means_of_two_values_are_covered_on_any_number_of_levels(bad):
    """Of 1,200 trials 5 % may miss; that more than 8 % then do has a chance of 1e-5."""
    random, trials, misses = np.random.default_rng(0), 200, 0
    for runs, levels in itertools.product((3, 5), (1, 4, 12)):
        for _ in range(trials):
            values = np.where(random.random((levels, runs)) < bad, -1.0, 1.0)
            found = intervals.mean(values.tolist(), limits=LIMITS)
            misses += not found.low - 1e-12 <= 1 - 2 * bad <= found.high + 1e-12
    assert misses <= 0.08 * 6 * trials


def test_student_does_not_cover_two_values():
    """What the share replaces: with 3 runs at even odds, a quarter of all samples are equal."""
    random, hits = np.random.default_rng(0), 0
    for _ in range(400):
        runs = random.choice([0.0, 1.0], 3)
        low, high = stats.t.interval(0.95, 2, runs.mean(), max(stats.sem(runs), 1e-12))
        hits += low <= 0.5 <= high
    assert hits < 0.82 * 400
