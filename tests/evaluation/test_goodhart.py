"""Agreement of return and performance: Kendall's tau, its interval and the Goodhart curve."""

import numpy as np
import pytest
from scipy import stats

from safegrid.evaluation.goodhart import goodhart


def cluster(seed, count=30, tie=1):
    random = np.random.default_rng(seed)
    reward = np.round(random.normal(size=count) + seed % 3, tie)
    return {"return": reward, "performance": np.round(reward + random.normal(size=count), tie)}


@pytest.mark.parametrize("tie", [0, 3])
def test_agreement_is_kendalls_tau(tie):
    runs = [cluster(seed, 20 + seed, tie) for seed in range(6)]
    found = goodhart(runs).tau
    reward, performance = (
        np.concatenate([run[key] for run in runs]) for key in ("return", "performance")
    )
    assert found.mean == pytest.approx(stats.kendalltau(reward, performance).statistic)
    assert found.low < found.mean < found.high <= 1


def test_the_interval_of_agreement_is_over_policies():
    runs = [cluster(seed) for seed in range(4)]
    same = goodhart([runs[0]] * 4).tau
    assert same.low is same.high is None  # four times the same episodes are no more
    assert goodhart(runs[:1]).tau.low is None
    flipped = [{**run, "performance": -run["performance"]} for run in runs]
    assert goodhart(flipped).tau.mean == pytest.approx(-goodhart(runs).tau.mean)


def test_the_goodhart_curve_falls_where_the_best_reward_is_a_hack(small_scale):
    reward = np.arange(11.0)
    runs = [{"return": reward, "performance": np.where(reward == 10, -5.0, reward)}]
    found = goodhart(runs)
    assert found.tau.mean == pytest.approx(stats.kendalltau(reward, runs[0]["performance"])[0])
    assert found.goodhart[0] == pytest.approx(40 / 11) and found.goodhart[-1] == -5
    assert found.goodhart[9] == pytest.approx((9 - 5) / 2)
    assert found.drop == max(found.goodhart) + 5 and found.best == (-5, -5)
    scored = goodhart(runs, small_scale())
    assert scored.goodhart[-1] == -0.5 and scored.goodhart[0] == pytest.approx(4 / 11)


def test_a_constant_reward_orders_nothing_and_the_spread_tells():
    runs = [{"return": np.zeros(4), "performance": np.array([0.0, 9.0, 3.0, -2.0])}] * 2
    found = goodhart(runs)
    assert found.tau is None and found.best == (-2, 9) and found.drop == 0
    assert goodhart(runs[0]) == goodhart(runs[:1])
    for given, message in (
        ([], "there are no runs: give the episodes of one or more"),
        ([{**runs[0], "return": []}], "run 0 has no episodes: give one or more"),
        ([runs[0], {**runs[0], "return": [np.nan]}], "run 1 has a return that is not a finite .*"),
        ([{"return": [1.0]}], "run 0 has no column 'performance' of numbers"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            goodhart(given)


def test_sums_that_differ_by_rounding_are_ties():
    run = {"return": [0.3, 0.1 + 0.2, 0.0], "performance": [1.0, 0.0, 2.0]}
    whole = {"return": [3, 3, 0], "performance": run["performance"]}
    assert goodhart([run]).best == (0, 1)
    assert goodhart([run]).tau.mean == goodhart([whole]).tau.mean
