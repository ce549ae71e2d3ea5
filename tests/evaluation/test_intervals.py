"""Intervals against hand-computed values, SciPy and their symmetries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from safegrid.evaluation import intervals

RUNS = [0.3, 0.9, 0.4, 0.7, 0.55]


OTHERS = [0.1, 0.2, 0.35]


def average(strata):
    return np.mean([rows.mean(axis=1) for rows in strata], axis=0)


def test_the_mean_of_one_stratum_has_students_interval():
    low, high = stats.t.interval(0.95, 4, np.mean(RUNS), stats.sem(RUNS))
    assert intervals.mean([RUNS])[:3] == pytest.approx((np.mean(RUNS), low, high))
    assert intervals.mean([RUNS]).runs == (tuple(RUNS),)


def test_two_strata_have_welchs_interval():
    welch = stats.ttest_ind(RUNS, OTHERS, equal_var=False)
    found = intervals.mean([RUNS, [-value for value in OTHERS]])
    expected = welch.confidence_interval()
    assert (2 * found.low, 2 * found.high) == pytest.approx((expected.low, expected.high))
    assert intervals.moments([RUNS, OTHERS]).freedom == pytest.approx(welch.df)


def test_weights_are_those_of_the_strata():
    found = intervals.mean([[1, 3], [10, 14]], [3, 1])
    parts = np.array([0.75**2 * 2 / 2, 0.25**2 * 8 / 2])  # w^2 s^2 / n
    freedom = parts.sum() ** 2 / (parts**2).sum()
    reach = stats.t.ppf(0.975, freedom) * parts.sum() ** 0.5
    assert found[:3] == pytest.approx((4.5, 4.5 - reach, 4.5 + reach))


KNOWN = [  # by hand: z^2/(n+z^2); 1-0.05^(1/n); Garwood's table
    (intervals.proportion(0, 100), (0, 0, 0.0369935)),
    (intervals.proportion(5, 10), (0.5, 0.2365931, 0.7634069)),
    (intervals.proportion_bound(0, 100), 0.0295130),
    (intervals.proportion_bound(0, 1000), 0.0029912),
    (intervals.proportion_bound(7, 7), 1.0),
    (intervals.count(0), (0, 0, 3.6888795)),
    (intervals.count(10), (10, 4.7953887, 18.3903560)),
]


@pytest.mark.parametrize("number", range(len(KNOWN)))
def test_proportions_and_counts_are_those_worked_out_by_hand(number):
    found, expected = KNOWN[number]
    found = found[:3] if isinstance(found, tuple) else found
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("estimate", [intervals.mean, lambda x: intervals.bootstrap(x, average)])
@pytest.mark.parametrize("strata", [[[1.5]], [[1.0, 2.0], [3.0]]])
def test_one_run_has_no_interval(estimate, strata):
    found = estimate(strata)
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize("estimate", [intervals.mean, lambda x: intervals.bootstrap(x, average)])
@pytest.mark.parametrize(
    ("strata", "message"),
    [([], "one value or more"), ([[]], "one value or more"), ([[1, 2], []], "one value or more")]
    + [([[1.0, value]], f"{value}: it must be a finite") for value in (np.nan, np.inf, -np.inf)],
)
def test_what_is_no_number_is_refused(estimate, strata, message):
    with pytest.raises(ValueError, match=message):
        estimate(strata)


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, np.nan]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="give 2 that are not negative"):
        intervals.mean([RUNS, OTHERS], weights)


@settings(max_examples=25)
@given(st.permutations(RUNS), st.permutations(OTHERS))
def test_the_order_of_the_runs_changes_nothing(runs, others):
    for estimate in (intervals.mean, lambda x: intervals.bootstrap(x, average, replicates=50)):
        assert estimate([runs, others])[:3] == estimate([RUNS, OTHERS])[:3]


@settings(max_examples=25)
@given(
    st.lists(st.integers(-50, 50).map(lambda x: x / 10), min_size=2, max_size=6),
    st.floats(0.1, 9),
    st.floats(-9, 9),
)
def test_intervals_follow_an_affine_change(runs, scale, shift):
    moved = [scale * value + shift for value in runs]
    for estimate in (intervals.mean, lambda x: intervals.bootstrap(x, average, replicates=50)):
        before, after = estimate([runs]), estimate([moved])
        if before.low is None:
            assert after.low is after.high is None
        else:
            expected = [scale * value + shift for value in before[:3]]
            assert after[:3] == pytest.approx(expected, abs=1e-6)


def test_two_values_have_the_interval_of_their_share():
    for hits, count in ((1, 3), (2, 5), (9, 10)):
        test = stats.binomtest(hits, count).proportion_ci(0.95, "exact")
        found = intervals.mean([[7.0] * hits + [3.0] * (count - hits)])
        expected = [3 + 4 * share for share in (hits / count, test.low, test.high)]
        assert found[:3] == pytest.approx(expected)
    rounded = [0.3, 0.1 + 0.2, 1.0]  # the first two are equal but for rounding errors
    assert intervals.mean([rounded])[:3] == pytest.approx(intervals.mean([[0.3, 0.3, 1]])[:3])


def test_two_runs_that_differ_do_not_show_that_there_are_only_two_values():
    low, high = stats.t.interval(0.95, 1, 0.5, 0.5)
    assert intervals.mean([[0.0, 1.0]])[1:3] == pytest.approx((low, high))


def test_equal_runs_bound_the_share_of_others():
    found = intervals.mean([[0.5] * 5], limits=(-1, 1))
    others = 1 - 0.025**0.2  # the share of which five of five runs are free with 2.5 %
    assert found[:3] == pytest.approx((0.5, 0.5 - 1.5 * others, 0.5 + 0.5 * others))
    assert found.text(2) == str(found).replace("0.5", "0.50") == "0.50 (5 of 5, others ≤ 52 %)"
    for estimate in (intervals.mean, lambda x: intervals.bootstrap(x, average)):
        unbounded = estimate([[0.1] * 3])
        assert (unbounded.low, unbounded.high) == (None, None)
        assert unbounded.text(1) == "0.1 (3 of 3, others ≤ 71 %)"
    assert intervals.mean([[0.0, 0.0, 1e-3]]).equal == intervals.mean([[1.0]]).equal == ""


def test_a_suite_of_equal_runs_has_one_interval():
    found = intervals.mean([[1.0] * 5] * 12, limits=(-1, 1))
    assert found[:3] == pytest.approx((1.0, 1 - 2 * (1 - 0.025 ** (1 / 60)), 1.0))
    assert found.text(2) == "1.00 [0.88, 1.00]"
    assert intervals.mean([[1.0] * 5, [0.0] * 5]).low is None  # nothing is known of other values


def test_equal_runs_of_one_policy_bound_nothing():
    values = [2.9, 3.0, 3.1]
    varying = intervals.mean([values], limits=(0, 6))
    found = intervals.mean([[6.0] * 5, values], limits=(0, 6), fixed=True)
    assert found.mean == 4.5
    assert found.low == pytest.approx(4.5 - (varying.mean - varying.low) / 2)
    assert found.high < intervals.mean([[6.0] * 5, values], limits=(0, 9)).high
    for strata in ([[1.0] * 5], [[1.0] * 5, [0.0] * 5]):
        alone = intervals.mean(strata, limits=(0, 1), fixed=True)
        assert alone[1:] == (None, None, (), False) and not alone.equal


@pytest.mark.parametrize("runs", [[1.05, 1.1, 1.2], [0.9, 0.95, 1.1], [-1.3, -1.9, -1.1]])
def test_a_limit_that_a_run_has_passed_holds_for_no_other(runs):
    found, free = intervals.mean([runs], limits=(-1, 1)), intervals.mean([runs])
    sides = [side for side, end in (("high", max(runs)), ("low", min(runs))) if abs(end) > 1]
    for side in sides:
        assert getattr(found, side) == getattr(free, side) is not None
    assert found.low < found.mean < found.high


def test_what_rounding_adds_passes_no_limit():
    found = intervals.mean([[0.2, 0.7, 1.0 + 1e-12]], limits=(0, 1))
    assert (found.low, found.high) == (0, 1)


def test_the_ends_are_within_the_limits_of_a_runs_value():
    found = intervals.mean([[0.1, 0.5, 1.0]], limits=(0, 1))
    assert (found.low, found.high) == (0, 1)


def test_a_bootstrap_without_variation_has_no_interval():
    found = intervals.bootstrap([[1.0] * 19 + [0.0]], intervals.interquartile_mean)
    assert found.low is found.high is None and found.text(2) == "1.00"


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_resamples_are_the_same_for_any_number_of_workers(workers):
    whole = intervals.resamples(7, [3, 5], np.arange(1000))
    blocks = np.array_split(np.arange(1000), workers)
    parts = [intervals.resamples(7, [3, 5], block) for block in blocks]
    for i, column in enumerate(whole):
        assert (np.concatenate([part[i] for part in parts]) == column).all()


def test_resamples_are_uniform_and_owe_nothing_to_the_global_generator():
    np.random.seed(0)
    first, second = intervals.resamples(0, [4, 4], np.arange(20_000))
    np.random.seed(1)
    assert (intervals.resamples(0, [4, 4], np.arange(20_000))[0] == first).all()
    assert (intervals.resamples(1, [4, 4], np.arange(20_000))[0] != first).any()
    assert stats.chisquare(np.bincount(first.ravel())).pvalue > 0.001
    together = np.bincount((first * 4 + second).ravel(), minlength=16)
    assert stats.chisquare(together).pvalue > 0.001


def test_the_bootstrap_of_a_mean_is_close_to_its_t_interval():
    runs = stats.norm.ppf((np.arange(40) + 0.5) / 40)
    found, expected = intervals.bootstrap([runs], average), intervals.mean([runs])
    assert found[:3] == pytest.approx(expected[:3], abs=0.01)


def test_an_interval_is_clipped_to_the_range_of_its_statistic():
    found = intervals.Interval(0.5, -3.0, 3.0, ((0.5,),))
    assert found.within(-1, 1) == (0.5, -1, 1, ((0.5,),), False)
    assert intervals.Interval(0.5, None, None).within(-1, 1) == (0.5, None, None, (), False)


def test_interquartile_and_tail_means_are_those_of_a_list():
    values = [np.arange(1.0, 13.0)[None, ::-1]]
    assert intervals.interquartile_mean(values) == [6.5]
    assert intervals.tail_mean(values) == [2.0]  # of 1, 2 and 3
    assert intervals.tail_mean(values, 0.1) == [1.5]  # ceil(1.2) are two
    assert intervals.tail_mean([np.ones((1, 1))]) == [1.0]


def test_catastrophes_show_in_the_tail_and_not_in_the_interquartile_mean():
    rows = [np.array([[1.0] * 17 + [-1.0] * 3])]
    assert intervals.interquartile_mean(rows) == [1.0]
    assert intervals.tail_mean(rows, 0.1) == [-1.0]


def test_the_detectable_difference_is_detected_as_often_as_was_planned():
    assert [round(intervals.detectable(n), 2) for n in (3, 5, 10, 20)] == [0.92, 0.61, 0.40, 0.27]
    assert intervals.detectable(1) is None
    random, hits = np.random.default_rng(0), 0
    shift = intervals.detectable(5, deviation=2.0)
    for _ in range(1000):
        one, other = random.normal(0, 2, 5), random.normal(shift, 2, 5)
        hits += stats.ttest_ind(one, other).pvalue < 0.05
    assert abs(hits / 1000 - 0.8) < 0.04
