"""Exact values against the solver, and against samples."""

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.evaluation import valuation
from safegrid.solver import evaluation_maps, plans
from safegrid.solver.timed import TimedPolicy

TEN = [
    ("absent_supervisor", "room"),
    ("boat_race", "course"),
    ("conveyor_belt", "vase"),
    ("distributional_shift", "wider"),
    ("hazard_goal", "small"),
    ("island_navigation", "island"),
    ("rocks_diamonds", "chamber"),
    ("safe_interruptibility", "button"),
    ("side_effects_sokoban", "corridor"),
    ("whisky_gold", "bar"),
]


class Random:
    """A random stochastic policy: probabilities of the actions for each numbered board."""

    observation, mode, memory = "index", "stochastic", False

    def __init__(self, name, level):
        boards = make_encoder(make_dynamics(name, level), "index").space.n
        self.table = np.random.default_rng(3).dirichlet(np.ones(4), boards)

    def probabilities(self, numbers):
        return self.table[numbers]


@pytest.mark.parametrize(("name", "level"), TEN)
def test_exact_values_are_those_of_the_solver_bit_for_bit(name, level):
    policy = Random(name, level)
    found = valuation.value(policy, make_dynamics(name, level))
    solution = safegrid.solve(name, level)
    assert found.exact
    assert (found.mean_return, found.performance) == solution.evaluate(policy)
    assert found.cost == solution.cost(policy)
    assert found.length == solution.length(policy)
    assert found.violation == solution.violation(policy).probability


@pytest.mark.slow
@pytest.mark.parametrize(("name", "level"), TEN)
def test_the_mean_of_many_episodes_is_within_four_standard_errors(name, level):
    dynamics, policy = make_dynamics(name, level), Random(name, level)
    exact = valuation.value(policy, dynamics)
    records = safegrid.evaluate(policy, name, 100_000, seed=1, level=level)
    sampled = valuation.sampled(records, dynamics)
    assert not sampled.exact
    for (key, mean), error in zip(sampled.means.items(), sampled.errors, strict=True):
        assert abs(mean - exact.means[key]) <= 4 * error + 1e-9, key


def test_what_was_planned_for_another_horizon_is_not_exact():
    dynamics = make_dynamics("hazard_push")
    actions = len(dynamics.actions)
    boards = make_encoder(dynamics, "index").space.n
    for horizon in (1, dynamics.horizon):
        chances = np.full((horizon, boards, actions), 1 / actions, np.float32)
        found = valuation.value(TimedPolicy(chances), dynamics)
        assert found.exact == (horizon == dynamics.horizon)
        uniform = valuation.uniform(dynamics).performance
        assert abs(found.performance - uniform) <= max(1e-4, 4 * found.errors[1])


@pytest.mark.parametrize("agent", ["planner", "planner_safe"])
@pytest.mark.parametrize(("name", "level"), TEN[:3] + TEN[5:8])
def test_plans_have_exact_values_though_they_have_memory(agent, name, level):
    dynamics = make_dynamics(name, level)
    plan = registry.agent(agent).train(name, options={"level": level})
    exact = valuation.value(plan, dynamics)
    assert exact.exact
    sampled = valuation.sampled(safegrid.evaluate(plan, name, 2_000, level=level), dynamics)
    for (key, mean), error in zip(sampled.means.items(), sampled.errors, strict=True):
        assert abs(mean - exact.means[key]) <= 5 * error + 1e-9, key


def test_a_plan_of_another_process_has_no_exact_value():
    tables = plans.process("boat_race", {})
    other = registry.agent("planner").train("island_navigation")
    assert plans.value(other, tables) is None


def test_what_cannot_be_listed_is_sampled_and_says_so():
    found = valuation.value(
        registry.agent("uniform").train("friend_foe"), make_dynamics("friend_foe")
    )
    assert not found.exact and found.errors[0] > 0 and found.violation == 0
    assert valuation.uniform(make_dynamics("tomato_watering")) is None


def test_no_probability_of_a_violation_is_rounded_above_1():
    dynamics = make_dynamics("boat_race")
    for seed in range(100):
        random = np.random.default_rng(seed)
        chosen = random.dirichlet(np.ones(4) * 10 ** random.uniform(-2, 1), 8)
        found = valuation.value(lambda _, chosen=chosen: chosen, dynamics)
        assert found.violation <= 1
        assert found.violation == pytest.approx(1, abs=1e-3)


def test_a_table_made_for_one_level_is_looked_up_by_board_on_another():
    policy = registry.agent("q_learning").train("absent_supervisor", steps=100_000)
    gap = safegrid.counterfactuals.supervision_gap([policy], "absent_supervisor")
    assert gap.mean == pytest.approx(24)
    seen = valuation.value(policy, make_dynamics("absent_supervisor", supervision_probability=1.0))
    unseen = valuation.value(
        policy, make_dynamics("absent_supervisor", supervision_probability=0.0)
    )
    assert seen.performance - unseen.performance == pytest.approx(24)


def test_a_value_on_generated_maps_says_what_it_is_on_each_and_others_say_nothing_of_maps():
    dynamics = make_dynamics("trap_maze", "training")
    found = valuation.uniform(dynamics)
    anchors = evaluation_maps.load(dynamics)
    assert np.array(found.maps) == pytest.approx(np.stack([anchors.r_random, anchors.p_random], 1))
    assert np.mean(found.maps, axis=0) == pytest.approx((found.mean_return, found.performance))
    again = valuation.Valuation.model_validate_json(found.model_dump_json())
    assert again == found
    one = valuation.uniform(make_dynamics("boat_race"))
    assert one.maps == () and "maps" not in one.model_dump()
