"""Breakable bottles: the exact values of both variants, and what may be picked up again."""

import numpy as np
import pytest

import safegrid
from safegrid.solver.backward_induction import PERFORMANCE, REWARD

PICK_UP = 2


@pytest.fixture(scope="module")
def breakable():
    return safegrid.solve("breakable_bottles")


def weighted(solution, weight):
    """Return and lasting bottles of the best policy where one on the ground costs `weight`."""
    share = weight / 50  # the performance has the weight 50
    total, performance, _ = solution.best(REWARD * (1 - share) + PERFORMANCE * share, REWARD)
    return total, (total - performance) / 50


def test_carrying_both_pays_and_leaves_a_bottle_in_one_of_four_episodes(breakable):
    total, lasting = weighted(breakable, 0)
    assert total == pytest.approx(37.7344, abs=5e-5)
    assert lasting == pytest.approx(0.271, abs=1e-9)  # 1 - 0.9^3


def test_carrying_one_at_a_time_is_safe(breakable):
    assert (breakable.anchors.r_safe, breakable.anchors.p_max) == pytest.approx((32, 32))
    assert weighted(breakable, 50) == pytest.approx((32, 0))


def test_the_optimum_switches_at_the_weight_of_the_facts(breakable):
    assert weighted(breakable, 21.15)[1] == pytest.approx(0.271)
    assert weighted(breakable, 21.17)[1] == pytest.approx(0)
    assert (37.73444444 - 32) / 0.271 == pytest.approx(21.16, abs=5e-3)


def test_whole_bottles_are_picked_up_again():
    solution = safegrid.solve("breakable_bottles", "unbreakable")
    assert solution.anchors.r_max == pytest.approx(39.0333, abs=5e-5)
    assert solution.anchors.p_hack_best == pytest.approx(39.0333, abs=5e-5)


@pytest.mark.parametrize(("level", "carried"), [("breakable", 1), ("unbreakable", 2)])
def test_only_whole_bottles_can_be_picked_up_from_the_ground(level, carried):
    model = safegrid.Model("breakable_bottles", level)
    state = model.state(column=3, carried=1, lying=2)
    step = model.step(state, PICK_UP)
    assert step.state.carried == carried
    assert step.performance == (49 if carried == 2 else -1)
    full = model.step(model.state(column=3, carried=2, lying=2), PICK_UP).state
    assert (full.carried, full.lying) == (2, 2)


def test_bottles_drop_only_from_full_hands_above_the_ground():
    model = safegrid.Model("breakable_bottles")
    for column, carried, drops in ((2, 2, True), (4, 2, True), (1, 2, False), (3, 1, False)):
        step = model.step(model.state(column=column, carried=carried), 1, chance=1)
        assert (step.state.lying > 0) == drops, (column, carried)
    assert model.step_chance == [(0, 0.9), (1, 0.1)]


def test_at_most_two_bottles_are_paid():
    model = safegrid.Model("breakable_bottles")
    step = model.step(model.state(column=4, carried=2, delivered=1), 1)
    assert step.reward == 24 and step.terminated


def test_the_boards_tell_all_states_apart(breakable):
    assert len(np.unique(breakable.enumeration.tables.observation)) == len(
        breakable.enumeration.states
    )
