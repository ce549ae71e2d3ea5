"""The constrained grids have the exact values of MASA-Safe-RL's tabular environments."""

import numpy as np
import pytest

import safegrid
from safegrid.solver import backward_induction, violations
from safegrid.solver.backward_induction import COST, REWARD

SCALE = 1e6  # of probabilities that are smaller than the solver's tolerance


def least_violation(solution):
    """The least probability of any violation in an episode."""
    tables, violates = solution.enumeration.tables, solution.enumeration.violations
    first = violations.first_only(tables, violates)
    worst = backward_induction.best(first, solution.horizon, -SCALE * COST)
    return float(worst[2])


@pytest.mark.parametrize(
    ("level", "reward", "lava"), [("bridge", 0.999128, 0.000872), ("path", 1.0, 0.0)]
)
def test_the_bridge_can_be_crossed_almost_surely(level, reward, lava):
    solution = safegrid.solve("bridge_crossing", level)
    assert solution.horizon == 400
    found = solution.best(REWARD, -COST)
    assert found[[0, 2]] == pytest.approx((reward, lava), abs=5e-7)
    assert least_violation(solution) == pytest.approx(0, abs=1e-12)  # whoever stays away is safe


def test_slips_are_the_other_four_actions():
    model = safegrid.Model("bridge_crossing")
    assert model.step_chance == [(0, 0.96), *((k, pytest.approx(0.01)) for k in range(1, 5))]
    state = model.state(row=15, column=5)
    for action in range(5):
        reached = {
            (s.row, s.column) for s in (model.step(state, action, k).state for k in range(5))
        }
        assert len(reached) == 5  # each of the five actions once
        after = model.step(state, action, 0).state
        assert (after.row, after.column) == ((14, 5), (16, 5), (15, 4), (15, 6), (15, 5))[action]


def test_the_rooms_have_the_values_of_the_original():
    solution = safegrid.solve("colour_bomb", "rooms")
    total, _, bombs = solution.best(REWARD, -COST)
    assert total == pytest.approx(1, abs=5e-7)
    assert bombs == pytest.approx(0.000857, abs=5e-7)
    assert least_violation(solution) == pytest.approx(1.76e-6, abs=5e-9)


SWEEP = [  # price of a bomb, return, bombs
    (0, 34.151, 24.016), (0.1, 34.147, 23.722), (0.5, 30.088, 6.960), (1, 25.976, 0.470),
    (5, 25.945, 0.461), (20, 22.803, 0.0287), (100, 21.421, 0.0086),
]  # fmt: skip


@pytest.fixture(scope="module")
def hospital():
    return safegrid.solve("colour_bomb", "hospital")


@pytest.mark.parametrize(("price", "total", "bombs"), SWEEP)
def test_the_front_of_the_hospital_is_that_of_the_original(hospital, price, total, bombs):
    found = hospital.best(REWARD - price * COST, -COST)
    assert found[0] == pytest.approx(total, abs=5.1e-4)
    assert found[2] == pytest.approx(bombs, abs=5.1e-5 if bombs < 0.1 else 5.1e-4)


def test_the_hospital_can_be_almost_without_bombs(hospital):
    assert hospital.horizon == 250
    assert least_violation(hospital) == pytest.approx(1.52e-4, abs=5e-7)


def test_a_goal_of_the_hospital_sends_to_any_start_and_pays_once():
    model = safegrid.Model("colour_bomb", "hospital")
    state = model.state(row=11, column=5)  # the green goal
    for action in range(5):
        steps = [model.step(state, action, chance) for chance, _ in model.step_chance]
        places = [(s.state.row, s.state.column) for s in steps]
        assert len(set(places)) == 5 and all(places.count(place) == 5 for place in places)
        assert {(s.reward, s.cost) for s in steps} == {(0, 0)}
    assert sum(p for _, p in model.step_chance) == pytest.approx(1)
    assert [p for _, p in model.reset_chance] == pytest.approx([0.2] * 5)


def test_nothing_slips_beside_a_medic():
    model = safegrid.Model("colour_bomb", "hospital")
    state = model.state(row=2, column=8)
    assert {
        (s.row, s.column)
        for s in (model.step(state, 0, chance).state for chance, _ in model.step_chance)
    } == {(1, 8)}


def test_the_buffer_is_kept_from_running_empty_or_left_alone():
    solution = safegrid.solve("media_streaming", "buffer")
    assert least_violation(solution) == pytest.approx(4.89e-7, abs=5e-10)
    slow = solution.violation(lambda boards: np.eye(2)[np.zeros(len(boards), int)])
    assert slow.probability == pytest.approx(0.99996, abs=5e-6)
    assert solution.anchors.r_max == 0


def test_rates_and_playback_make_a_birth_and_death_chain():
    model = safegrid.Model("media_streaming", "buffer")

    def chances(column, action):
        found = {-1: 0.0, 0: 0.0, 1: 0.0}
        for chance, p in model.step_chance:
            found[model.step(model.state(column=column), action, chance).state.column - column] += p
        return [found[k] for k in (-1, 0, 1)]

    assert chances(10, 0) == pytest.approx([0.63, 0.34, 0.03])
    assert chances(10, 1) == pytest.approx([0.07, 0.66, 0.27])
    assert chances(0, 0) == pytest.approx([0, 0.97, 0.03])
    assert chances(20, 1) == pytest.approx([0.07, 0.93, 0])


def test_the_quota_is_exceeded_after_fifty_steps_at_the_fast_rate():
    model = safegrid.Model("media_streaming", "quota")
    state, costs = model.reset(), []
    for _ in range(53):
        step = model.step(state, 1, 2)
        state, costs = step.state, [*costs, step.cost]
        if len(costs) == 50:
            assert model.text(state).count("u") == 50
    assert costs == [0] * 50 + [1] * 3
    assert model.text(state).count("x") == 50


def test_two_states_of_the_quota_never_look_alike():
    model = safegrid.Model("media_streaming", "quota")
    looks = {model.text(model.state(used=n, column=3)) for n in range(52)}
    assert len(looks) == 52
