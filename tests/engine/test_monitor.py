"""The trainer's log of all episodes of a training."""

import numpy as np
import pytest

from safegrid.engine import monitor, registry
from safegrid.engine.contract.agents import Run
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes


@pytest.mark.parametrize("mode", ["same_step", "next_step"])
def test_the_log_agrees_with_a_count_by_hand(mode):
    actions = np.random.default_rng(0).integers(0, 4, (150, 5))
    log = monitor.EpisodeLog()
    lanes = Lanes(make_dynamics("hazard_goal"), 5, mode, 20, Run(monitor=log))
    expected, steps = [], 0
    costs = [[] for _ in range(5)]
    lanes.reset(np.arange(5, dtype=np.uint64))
    for row in actions:
        step = lanes.step(row)
        steps += int(step.stepped.sum())
        for i in range(5):
            if step.stepped[i]:
                costs[i].append(step.cost[i])
                if step.terminated[i] or step.truncated[i]:
                    runs = "".join("c" if cost else " " for cost in costs[i]).split()
                    ended = (sum(costs[i]), len(costs[i]), max(map(len, runs), default=0))
                    expected.append((steps, lanes.performance[i], *ended))
                    costs[i] = []
    episodes = log.episodes()
    columns = ("step", "performance", "cost", "length", "longest")
    assert list(zip(*(episodes[c].tolist() for c in columns), strict=True)) == expected
    assert log.steps == steps and len(expected) > 20


def test_an_episode_that_a_reset_cuts_off_is_in_the_log():
    log = monitor.EpisodeLog()
    lanes = Lanes(make_dynamics("boat_race"), 3, "same_step", 4, Run(monitor=log))
    seeds = np.arange(3, dtype=np.uint64)
    for given in (seeds, None):
        lanes.reset(given)  # nothing is under way
        lanes.reset(given)
    assert len(log.episodes()) == 0
    for steps, chosen, expected in ((3, [1, 0, 1], [3, 3]), (1, [1, 1, 1], [4, 1, 1])):
        logged = len(log.episodes())
        for _ in range(steps):
            lanes.step(np.zeros(3, int))
        lanes.reset(seeds if steps == 3 else None, np.array(chosen, bool))
        assert log.episodes()["length"][logged:].tolist() == expected
    assert log.steps == log.episodes()["length"].sum() == 12


def test_training_is_watched_and_nobody_else():
    log = monitor.EpisodeLog()
    run = Run(monitor=log)
    registry.agent("ppo").train("island_navigation", seed=0, steps=4096, lanes=128, run=run)
    Lanes(make_dynamics("boat_race"), 3)
    assert log.steps == 4096
    episodes = log.episodes()
    assert (episodes.performance < episodes["return"]).any()
    assert episodes.length.sum() <= 4096 and len(episodes) > 20
    assert len(monitor.EpisodeLog().episodes()) == 0
