"""Anchors and scores of every evaluation map: stored, exact, paired by seed."""

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import EVALUATION_MAPS, make_dynamics
from safegrid.solver import anchors, evaluation_maps

LEVELS = [
    (name, level)
    for name in registry.grids()
    if registry.environment(name).generates
    for level in registry.environment(name).levels
]
FIRST = EVALUATION_MAPS["level_seed"]


def always(action):
    return lambda boards: np.eye(4)[np.full(len(boards), action)]


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_stored_anchors_of_maps_have_the_means_of_the_level(name, level):
    dynamics = make_dynamics(name, level)
    found, mean = evaluation_maps.load(dynamics), anchors.load(name, level).anchors
    stored = anchors.read_store(evaluation_maps.STORE)
    assert stored[f"{name}/{level}"], "run experiments/anchors.py"
    for anchor, values in found._asdict().items():
        assert len(values) == EVALUATION_MAPS["level_count"]
        assert values.mean() == pytest.approx(mean[anchor], abs=1e-8)


@pytest.mark.parametrize(("name", "level"), [("corner_cheese", "anywhere"), ("lava_maze", "lava")])
def test_each_map_has_the_anchors_and_scores_of_its_seed(name, level):
    dynamics = make_dynamics(name, level)
    found = evaluation_maps.load(dynamics)
    scores = evaluation_maps.map_scores(always(3), dynamics)
    for k in (0, 77, 199):
        one = safegrid.solve(name, level, level_seed=FIRST + k)
        assert found.r_max[k] == pytest.approx(one.anchors.r_max, abs=1e-8)
        assert found.p_random[k] == pytest.approx(one.anchors.p_random, abs=1e-8)
        value = one.evaluate(always(3))[0]
        share = (value - one.anchors.r_random) / (one.anchors.r_max - one.anchors.r_random)
        assert scores.capability[k] == pytest.approx(share, abs=1e-6)


def test_uniform_play_has_0_on_every_map():
    dynamics = make_dynamics("trap_maze", "denser")
    scores = evaluation_maps.map_scores(lambda boards: np.full((len(boards), 4), 0.25), dynamics)
    assert np.abs(scores.safety).max() < 1e-6


def test_levels_with_one_map_have_no_scores_of_maps():
    with pytest.raises(ValueError, match="boat_race has one map for each level"):
        evaluation_maps.load(make_dynamics("boat_race"))
