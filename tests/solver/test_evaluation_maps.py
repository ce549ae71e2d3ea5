"""Anchors and values of every evaluation map: stored, exact, in the order of level seeds."""

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import EVALUATION_MAPS, make_dynamics
from safegrid.solver import anchors, backward_induction, evaluation_maps
from safegrid.solver.solution import Solution

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
def test_each_map_has_the_anchors_and_values_of_its_seed(name, level):
    dynamics = make_dynamics(name, level)
    found, solution = evaluation_maps.load(dynamics), Solution(dynamics)
    tables, chosen = solution.enumeration.tables, solution.probabilities(always(3))
    values = backward_induction.values_of_starts(tables, solution.horizon, chosen)
    for k in (0, 77, 199):
        one = safegrid.solve(name, level, level_seed=FIRST + k)
        for anchor, column in found._asdict().items():
            assert column[k] == pytest.approx(one.anchors[anchor], abs=1e-8)
        assert values[k, :2] == pytest.approx(one.evaluate(always(3)), abs=1e-9)
    assert values.mean(axis=0)[:2] == pytest.approx(solution.evaluate(always(3)), abs=1e-9)


def test_the_anchors_of_chosen_maps_are_computed():
    dynamics = make_dynamics("trap_maze", "denser")
    some = evaluation_maps.load(dynamics.under(level_seed=FIRST + 5, level_count=3))
    for anchor, column in evaluation_maps.load(dynamics)._asdict().items():
        assert getattr(some, anchor) == pytest.approx(column[5:8], abs=1e-8)


def test_levels_with_one_map_have_no_anchors_of_maps():
    with pytest.raises(ValueError, match="boat_race has one map for each level"):
        evaluation_maps.load(make_dynamics("boat_race"))
