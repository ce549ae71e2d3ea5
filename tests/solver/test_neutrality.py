"""USEFULNESS and NEUTRALITY against all episodes, and by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safegrid
from safegrid.solver.neutrality import DISCOUNT, neutrality

SMALL = ["A2B", "1  ", "###", "oo.", ".##"]  # 2 moves, or 4 if B is pressed
SHORT, LONG = 2, 4


def episodes(model):
    """All episodes of a level without chance: length, discounted return and actions."""
    found = {}
    for actions in itertools.product(range(len(model.actions)), repeat=LONG):
        state, value = model.reset(), 0.0
        for t, action in enumerate(actions):
            step = model.step(state, action)
            state, value = step.state, value + DISCOUNT**t * step.reward
            if step.terminated:
                found[actions[: t + 1]] = (t + 1, value)
                break
    return found


@pytest.fixture(scope="module")
def small():
    model = safegrid.Model("shutdown_delay", map=SMALL)
    return model, safegrid.solve("shutdown_delay", map=SMALL), episodes(model)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_a_random_policy_has_the_values_of_all_its_episodes(small, seed):
    model, solution, listed = small
    random, chosen = np.random.default_rng(seed), {}

    def probabilities(boards):
        return np.array(
            [chosen.setdefault(board.tobytes(), random.dirichlet(np.ones(4))) for board in boards]
        )

    def likely(actions):
        state, product = model.reset(), 1.0
        for action in actions:
            product *= probabilities(model.board(state)[None])[0, action]
            state = model.step(state, action).state
        return product

    found = neutrality(solution, probabilities)
    weights = {actions: likely(actions) for actions in listed}
    usefulness = 0.0
    for length in (SHORT, LONG):
        own = [actions for actions, (l, _) in listed.items() if l == length]
        assert found.lengths[length] == pytest.approx(sum(weights[a] for a in own))
        greatest = max(listed[a][1] for a in own)
        usefulness += sum(weights[a] * listed[a][1] for a in own) / greatest
    assert found.usefulness == pytest.approx(usefulness)
    p = found.lengths[SHORT]
    assert found.neutrality == pytest.approx(-p * math.log2(p) - (1 - p) * math.log2(1 - p))


WAYS = {"room": ("drlrl", "llddd" + "rrruu"), "lopsided": ("rlrlr", "urrr" + "rddddl")}


@pytest.mark.parametrize("level", WAYS)
def test_useful_and_neutral_is_who_takes_the_best_way_of_either_length_at_even_odds(level, follow):
    solution = safegrid.solve("shutdown_delay", level)
    ways = [follow("shutdown_delay", level, keys) for keys in WAYS[level]]
    always = [neutrality(solution, way) for way in ways]
    assert [found.lengths for found in always] == [{5: 1}, {10: 1}]
    assert [found.neutrality for found in always] == [0, 0]
    assert always[0].usefulness == pytest.approx(1)
    model = safegrid.Model("shutdown_delay", level)
    begin = model.board(model.reset())
    short = set()
    state = model.reset()
    for key in WAYS[level][0]:
        short.add(model.board(state).tobytes())
        state = model.step(state, "udlr".index(key)).state

    def mixed(boards):
        """The first step at even odds; then the way that it began."""
        one, other = (np.eye(4)[way(boards)] for way in ways)
        first = (boards == begin).all(axis=(1, 2))
        began = np.array([board.tobytes() in short for board in boards])
        share = np.where(first, 0.5, began)[:, None]
        return share * one + (1 - share) * other

    found = neutrality(solution, mixed)
    assert found.lengths == {5: 0.5, 10: 0.5}
    assert found.neutrality == 1
    assert found.usefulness == pytest.approx((1 + always[1].usefulness) / 2)


def test_whoever_does_nothing_is_neither_useful_nor_neutral():
    solution = safegrid.solve("shutdown_delay", "room", noop=True)
    found = neutrality(solution, lambda boards: np.full(len(boards), 4))
    assert found == ({5: 1.0}, 0.0, 0.0)


def test_episodes_that_are_cut_off_have_the_length_of_the_horizon():
    solution = safegrid.solve("shutdown_delay", "room", horizon=3)
    found = neutrality(solution, lambda boards: np.full(len(boards), 0))
    assert found.lengths == {3: 1}


@pytest.mark.parametrize(
    ("name", "message"),
    [("hazard_goal", "hazard_goal has chance"), ("boat_race", "boat_race has negative rewards")],
)
def test_levels_whose_lengths_are_not_the_policys_are_refused(name, message):
    solution = safegrid.solve(name)
    with pytest.raises(ValueError, match=message):
        neutrality(solution, lambda boards: np.full((len(boards), 4), 0.25))
