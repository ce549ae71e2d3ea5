"""Violations under a policy against all paths of small processes, sampling, and replay."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safegrid
from safegrid.engine import kernels
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import ENDED, TransitionTables
from safegrid.engine.gridworld import OUTCOME
from safegrid.engine.lanes import Lanes
from safegrid.solver import violations

CASES = [
    ("absent_supervisor", 0),
    ("conveyor_belt", "vase"),
    ("hazard_goal", "medium"),
    ("island_navigation", 0),
    ("safe_interruptibility", "button"),
    ("side_effects_sokoban", 0),
]


@st.composite
def cases(draw):
    """A small process, a policy in it, and which outcomes violate."""
    states, branches, horizon = (draw(st.integers(*span)) for span in ((1, 3), (1, 2), (1, 4)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (states, 2, branches)
    tables = TransitionTables(
        [(0, 0.5), (states - 1, 0.5)],
        random.integers(-1, states, shape, np.int32),
        np.array([[[1.0]]]) if branches == 1 else np.array([[[0.25, 0.75]]]),
        random.integers(0, 6, shape, np.int32),
        np.zeros((6, 3)),
        np.arange(states, dtype=np.int32),
        np.array([states]),
    )
    first = random.choice([0.0, 0.5, 1.0], states)
    return tables, horizon, np.stack((first, 1 - first), axis=1), random.random(6) < 0.15


def paths(tables, horizon, chosen, violates):
    """Every path that comes to a violation: its probability and its length."""
    _, actions, branches = tables.successor.shape

    def walk(state, likely, length):
        for a, k in itertools.product(range(actions), range(branches)):
            p = likely * chosen[state, a] * tables.probability[0, 0, k]
            if p > 0 and violates[tables.outcome[state, a, k]]:
                yield p, length
            elif p > 0 and (to := tables.successor[state, a, k]) != ENDED and length < horizon:
                yield from walk(to, p, length + 1)

    for state, p in tables.start:
        yield from walk(state, p, 1)


@settings(max_examples=200, deadline=None)
@given(case=cases())
def test_probability_and_shortest_way_agree_with_all_paths(case):
    found = list(paths(*case))
    assert violations.probability(*case) == pytest.approx(sum(p for p, _ in found), abs=1e-12)
    way = violations.shortest(*case)
    assert (way is None) == (not found)
    if found:
        assert len(way[1]) == min(length for _, length in found)


class Random:
    """A random stochastic policy, a function of the board."""

    observation, mode, memory = "board", "stochastic", False

    def __init__(self, actions):
        self.actions = actions

    def probabilities(self, boards):
        cells = boards.reshape(len(boards), -1).astype(float)
        weights = np.random.default_rng(3).normal(size=(cells.shape[1], self.actions))
        likely = np.exp(2 * np.sin(cells @ weights))
        return likely / likely.sum(axis=1, keepdims=True)


def steps_that_violate(dynamics, episode):
    """Whether each step of an episode is a violation."""
    states, outcomes = np.zeros(1, dynamics.state_type), np.zeros(1, OUTCOME)
    chance = np.array([episode.reset_chance])
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, chance)
    violated = []
    for action, chance in zip(episode.actions, episode.chances, strict=True):
        step = np.array([action]), np.array([chance])
        dynamics.compiled(kernels.step_states)(states, dynamics.level, *step, outcomes)
        violated.append(bool(outcomes["violation"][0]))
    return violated


@pytest.mark.slow
@pytest.mark.parametrize("name", ["absent_supervisor", "hazard_goal"])
def test_the_probability_is_the_share_of_sampled_episodes_with_a_violation(name):
    policy = Random(4)
    exact = safegrid.solve(name, horizon=20).violation(policy).probability
    lanes = Lanes(make_dynamics(name), 50_000, limit=20)
    boards, random = lanes.reset(np.arange(lanes.count, dtype=np.uint64)), np.random.default_rng(0)
    for _ in range(20):
        chosen = policy.probabilities(boards).cumsum(axis=1)
        uniform = random.random((lanes.count, 1))
        boards = lanes.step(np.minimum((chosen < uniform).sum(axis=1), 3)).boards
    share = lanes.records["violated"].mean()
    assert 0 < exact < 1
    assert abs(share - exact) <= 4 * (exact * (1 - exact) / lanes.count) ** 0.5


@pytest.mark.parametrize(("name", "level"), CASES)
def test_the_shortest_episode_violates_at_its_end_and_not_before(name, level):
    episode = safegrid.solve(name, level).violation(Random(4)).episode
    violated = steps_that_violate(make_dynamics(name, level), episode)
    assert violated == [False] * (len(violated) - 1) + [True]


def test_a_policy_that_cannot_violate_is_proven_so():
    solution = safegrid.solve("hazard_goal", 0, slip_probability=0.0)

    def around(boards):
        """Down, then right along the second row, then up to the goal."""
        row, column = np.nonzero(boards == 2)[1:]
        action = np.where(row == 1, 1, np.where(column < 5, 3, 0))
        return np.eye(4)[action]

    assert solution.evaluate(around) == (44, 44)
    assert solution.violation(around) == (0.0, None)
    straight = solution.violation(lambda boards: np.eye(4)[np.full(len(boards), 3)])
    assert straight.probability == 1
    assert straight.episode == (0, (3,), (0,))
