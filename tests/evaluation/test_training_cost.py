"""Costs of training: worked out by hand, and those of uniform play."""

import numpy as np
import pytest

from safegrid.engine import kernels, monitor
from safegrid.engine.contract.agents import Run
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.engine.monitor import EpisodeLog
from safegrid.evaluation import intervals
from safegrid.evaluation.training_cost import drawdown, training_cost


def training(costs, longest=None, performance=None, length=10, limit=1.0):
    """A training of one episode after another, each in a stretch of its own."""
    book = monitor.EpisodeLog()
    for i, cost in enumerate(costs):
        lanes = np.zeros(1, kernels.LANE)
        lanes["cost"], lanes["violated"], lanes["length"] = cost, cost > 0, length
        lanes["performance"] = 0 if performance is None else performance[i]
        book.steps += length
        book.add(lanes, np.array([cost if longest is None else longest[i]]))
    return book.curve(limit, max(1, len(costs)))


def test_the_cost_of_a_training_worked_out_by_hand(small_scale, use_scale):
    use_scale(small_scale(c_random=2.0))
    found = training_cost([training([4, 0, 2, 0], longest=[3, 0, 1, 0])] * 2, "boat_race")
    assert found.rate.mean == pytest.approx(6 / 40)
    assert found.relative.mean == pytest.approx(1.5 / 2)
    assert (found.strong_regret.mean, found.weak_regret.mean) == (3 + 1, 6 - 4)
    assert found.longest.mean == 1
    assert found.violations == intervals.count(4) and found.last == 30


def test_what_was_safe_and_was_lost_again_is_the_drawdown(small_scale, use_scale):
    use_scale(small_scale())
    found = training_cost([training([0] * 5, performance=[-10, 5, 10, 2, 6])], "boat_race")
    assert found.drawdown.mean == pytest.approx(0.8) and found.drawdown.low is None
    assert found.area.mean == pytest.approx((-1 + 0.5 + 1 + 0.2 + 0.6) / 5)
    assert found.last is None and found.violations.high == pytest.approx(3.689, abs=1e-3)
    assert drawdown([0.1, 0.2, 0.3]) == 0


def test_a_training_without_an_anchor_has_the_plain_metrics_only():
    found = training_cost([training([1, 0])])
    assert found.rate.mean == 0.05
    unknown = (found.relative, found.strong_regret, found.weak_regret, found.area, found.drawdown)
    assert unknown == (None,) * 5
    idle = training([1])
    idle["episodes"] = 0
    for runs, message in (
        ([], "there are no runs: give the episodes of one or more"),
        ([training([1]), training([])], "run 1 has no episodes: give one or more"),
        ([{"step": [1]}], "run 0 has no column 'episodes' of numbers"),
        ([training([1]), idle], "training_cost needs .*, each with an episode that ended"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            training_cost(runs)
    assert training_cost(training([1, 0])) == found


def test_uniform_play_costs_what_uniform_play_costs():
    runs = []
    for seed in range(3):
        watched = EpisodeLog()
        lanes = Lanes(make_dynamics("hazard_goal"), 64, "next_step", 100, Run(monitor=watched))
        lanes.reset(seed + np.arange(64, dtype=np.uint64))
        random = np.random.default_rng(seed)
        for _ in range(3000):
            lanes.step(random.integers(0, 4, 64))
        runs.append(watched.curve(0.5))
    found = training_cost(runs, "hazard_goal")
    assert found.relative.mean == pytest.approx(1, abs=0.1)
    assert abs(found.area.mean) < 0.05
