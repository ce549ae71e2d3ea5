"""Differences and ranks against Welch's test, their symmetries, and what one run leaves open."""

import numpy as np
import pytest
from scipy import stats

from safegrid.evaluation import few_valued, ranking
from safegrid.evaluation.intervals import Interval

RUNS = [0.3, 0.9, 0.4, 0.7, 0.55]


OTHERS = [0.1, 0.2, 0.35]


AGENTS = {
    "good": [[0.8, 0.9, 0.85], [0.7, 0.9, 0.8]],
    "same": [[0.81, 0.9, 0.84], [0.7, 0.88, 0.81]],
    "poor": [[0.1, 0.2, 0.15], [0.2, 0.1, 0.15]],
}


def test_runs_of_one_policy_leave_no_room_for_others():
    """A script that is alike in all runs, beside an agent whose runs differ."""
    agents = {"script": [[0.0] * 5], "p": [[0.45, 0.5, 0.55, 0.52, 0.48]]}
    assert set(ranking.ranks(agents, None, (-1.0, 1.0)).values()) == {(1, 2)}
    apart = {"p": (1, 1), "script": (2, 2)}
    assert ranking.ranks(agents, None, (-1.0, 1.0), fixed={"script"}) == apart
    assert ranking.differences(agents, fixed={"script"})["script", "p"].high < -0.4


def test_agents_that_cannot_be_told_apart_share_their_ranks():
    assert ranking.ranks(AGENTS) == {"good": (1, 2), "same": (1, 2), "poor": (3, 3)}


def test_ranks_do_not_depend_on_the_order_of_the_agents():
    for order in (["poor", "good", "same"], ["same", "poor", "good"]):
        assert ranking.ranks({name: AGENTS[name] for name in order}) == ranking.ranks(AGENTS)
    one = ranking.differences(AGENTS)["good", "poor"]
    other = ranking.differences(dict(reversed(AGENTS.items())))["poor", "good"]
    assert one[:3] == pytest.approx((-other.mean, -other.high, -other.low))


def test_simultaneous_intervals_of_one_pair_are_welchs():
    pair = {"one": [RUNS], "other": [OTHERS]}
    expected = stats.ttest_ind(RUNS, OTHERS, equal_var=False).confidence_interval()
    found = ranking.differences(pair)["one", "other"]
    width = expected.high - expected.low
    assert found[1:3] == pytest.approx((expected.low, expected.high), abs=0.03 * width)
    more = ranking.differences({**pair, "third": [RUNS[::-1]]})["one", "other"]
    assert more.low < found.low and found.high < more.high


LIMITS = (-1.0, 1.0)


def test_agents_that_do_not_vary_are_ranked_as_far_as_their_runs_bear():
    def agents(runs, levels):
        values = {"a": 0.3, "b": 0.1 + 0.2, "c": -0.9}
        return {name: [[value] * runs] * levels for name, value in values.items()}

    apart = {"a": (1, 2), "b": (1, 2), "c": (3, 3)}
    assert ranking.ranks(agents(10, 5), None, LIMITS) == apart
    assert set(ranking.ranks(agents(3, 1), None, LIMITS).values()) == {(1, 3)}
    assert set(ranking.ranks(agents(10, 5)).values()) == {(1, 3)}  # other runs may be anywhere


def test_two_agents_of_few_values_have_the_distances_of_both():
    """In one pair there is no correction: the root of the sum of the squares of two shares."""
    runs = [0.0, 1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0, 0.0]
    (low, _), (_, high) = few_valued.share(4, 5, 0.95), few_valued.share(1, 5, 0.95)
    found = ranking.differences({"one": [runs[0]], "other": [runs[1]]})["one", "other"]
    assert found.low == pytest.approx(0.6 - ((0.8 - low) ** 2 + (high - 0.2) ** 2) ** 0.5)
    three = {"one": [runs[0]], "other": [runs[1]], "third": [[0.1, 0.2, 0.4]]}
    assert ranking.differences(three)["one", "other"].low < found.low


def test_ranks_of_two_values_at_even_odds_cover():
    """Two equal agents: an order of them is false. Student's t found one in a fifth of trials."""
    random, false = np.random.default_rng(0), 0
    for _ in range(300):
        agents = {name: random.choice([0.0, 1.0], (1, 3)).tolist() for name in "ab"}
        false += ranking.ranks(agents, None, LIMITS, replicates=10)["a"] != (1, 2)
    assert false <= 0.05 * 300


def test_a_permutation_test_of_two_kinds_is_fishers():
    one, other = [[0.0, 0.0, 0.0, 1.0]], [[1.0, 1.0, 1.0, 1.0]]
    exact = stats.fisher_exact([[1, 3], [4, 0]], alternative="less").pvalue
    found = ranking.permutation_test(one, other)
    assert found == pytest.approx(exact, abs=5 * (exact / ranking.PERMUTATIONS) ** 0.5)
    assert ranking.permutation_test(other, one) == 1
    for runs, splits in ((3, 20), (4, 70), (5, 252)):
        found = ranking.permutation_test([[0.0] * runs], [[1.0] * runs])
        assert found == pytest.approx(1 / splits, rel=0.15)


def test_a_permutation_test_of_several_levels_weighs_them():
    one, other = [[0.0] * 3, [1.0] * 3], [[1.0] * 3, [0.0] * 3]
    assert ranking.permutation_test(one, other, [1, 0]) == pytest.approx(1 / 20, rel=0.1)
    assert ranking.permutation_test(one, other, [0, 1]) == 1
    both = ranking.permutation_test([[0.0] * 3] * 2, [[1.0] * 3] * 2)
    assert both == pytest.approx(1 / 400, rel=0.4)


def test_one_run_leaves_every_rank_open():
    agents = {"one": [[1.0]], "other": [[0.0]], "third": [[-5.0, -5.0]]}
    assert set(ranking.ranks(agents).values()) == {(1, 3)}
    assert ranking.differences(agents)["one", "other"] == Interval(1.0, None, None)
    assert str(ranking.Rank(1, 3)) == "1-3" and str(ranking.Rank(2, 2)) == "2"


def test_ragged_runs_are_compared_without_cutting_any():
    agents = {"long": [[1.0, 1.1, 0.9, 1.0, 1.05]], "short": [[0.0, 0.1]]}
    assert ranking.differences(agents)["long", "short"].mean == pytest.approx(0.96)


def test_improvement_counts_pairs_of_runs():
    assert ranking.improvement([[1, 2]], [[0, 1]]) == 0.875
    assert ranking.improvement([[1], [0]], [[0], [1]], [3, 1]) == 0.75
    assert ranking.improvement([[0.1 + 0.2]], [[0.3]]) == 0.5  # equal but for rounding
