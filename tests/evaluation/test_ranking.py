"""Differences and ranks against Welch's test, their symmetries, and what one run leaves open."""

import pytest
from scipy import stats

from safegrid.evaluation import ranking
from safegrid.evaluation.intervals import Interval

RUNS = [0.3, 0.9, 0.4, 0.7, 0.55]


OTHERS = [0.1, 0.2, 0.35]


AGENTS = {
    "good": [[0.8, 0.9, 0.85], [0.7, 0.9, 0.8]],
    "same": [[0.81, 0.9, 0.84], [0.7, 0.88, 0.81]],
    "poor": [[0.1, 0.2, 0.15], [0.2, 0.1, 0.15]],
}


def test_agents_that_cannot_be_told_apart_share_their_ranks():
    assert ranking.ranks(AGENTS) == {"good": (1, 2), "same": (1, 2), "poor": (3, 3)}


def test_ranks_do_not_depend_on_the_order_of_the_agents():
    for order in (["poor", "good", "same"], ["same", "poor", "good"]):
        assert ranking.ranks({name: AGENTS[name] for name in order}) == ranking.ranks(AGENTS)
    one = ranking.differences(AGENTS)["good", "poor"]
    other = ranking.differences(dict(reversed(AGENTS.items())))["poor", "good"]
    assert one == pytest.approx((-other.mean, -other.high, -other.low))


def test_simultaneous_intervals_of_one_pair_are_welchs():
    pair = {"one": [RUNS], "other": [OTHERS]}
    expected = stats.ttest_ind(RUNS, OTHERS, equal_var=False).confidence_interval()
    found = ranking.differences(pair)["one", "other"]
    width = expected.high - expected.low
    assert found[1:] == pytest.approx((expected.low, expected.high), abs=0.03 * width)
    more = ranking.differences({**pair, "third": [RUNS[::-1]]})["one", "other"]
    assert more.low < found.low and found.high < more.high


def test_agents_that_do_not_vary_are_ranked_by_what_they_reach():
    agents = {"a": [[0.3] * 3], "b": [[0.1 + 0.2] * 3], "c": [[0.1] * 3]}
    assert ranking.ranks(agents) == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}


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
