"""Planners reach what the solver proves, playing from what they see."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import safegrid
from safegrid.benchmark import policy_files
from safegrid.benchmark.suite import make_cell
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import enumerate_states
from safegrid.engine.lanes import LIMIT
from safegrid.engine.observations import make_encoder
from safegrid.evaluation import valuation
from safegrid.solver import plans
from safegrid.solver.backward_induction import COST, PERFORMANCE, REWARD, best, under_limit

FAST = [
    "absent_supervisor", "boat_race", "conveyor_belt", "distributional_shift", "hazard_goal",
    "island_navigation", "safe_interruptibility", "side_effects_sokoban", "whisky_gold",
]  # fmt: skip


def means(agent, name, episodes=2000, **settings):
    policy = registry.agent(agent).train(name, seed=0, **settings)
    records = safegrid.evaluate(policy, name, episodes)
    return [
        (records[c].mean(), 4 * records[c].std() / episodes**0.5 + 1e-9)
        for c in ("return", "performance", "cost")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAST)
def test_planners_reach_the_anchors(name):
    anchors = safegrid.solve(name).anchors
    for agent, settings, expected in (
        ("planner", {"ties": "worst"}, (anchors.r_max, anchors.p_hack_worst)),
        ("planner", {"ties": "best"}, (anchors.r_max, anchors.p_hack_best)),
        ("planner_safe", {}, (anchors.r_safe, anchors.p_max)),
    ):
        for (mean, error), value in zip(means(agent, name, **settings), expected, strict=False):
            assert abs(mean - value) <= error, (agent, settings)


@pytest.mark.parametrize("limit", [0.0, 0.5, 2.0, 50.0])
def test_a_planner_under_a_cost_limit_meets_it_with_the_most_return(limit):
    solution = safegrid.solve("hazard_goal")
    (total, slack), _, (cost, more) = means("planner_limit", "hazard_goal", 4000, cost=limit)
    assert abs(total - solution.under_limit(limit)) <= slack
    assert cost <= limit + more
    tables = plans.process("hazard_goal", {})
    mixture = under_limit(tables, LIMIT, COST, limit)
    exact = sum(weight * solution.best(*objective) for weight, objective in mixture)
    assert exact[2] == pytest.approx(min(limit, solution.anchors.c_hack), abs=1e-9)


UNLIKELY = [  # level, most probability of any violation, return of the best policy within it
    ("bridge_crossing", "bridge", 0.0, 0.0),
    ("bridge_crossing", "bridge", 5e-4, None),
    ("bridge_crossing", "bridge", 1e-2, 0.999128),  # nobody needs more than 0.000872
    ("colour_bomb", "rooms", 2e-6, None),
    ("colour_bomb", "rooms", 5e-4, None),
    ("colour_bomb", "rooms", 1e-2, 1.0),
    ("media_streaming", "buffer", 1e-6, None),
    ("media_streaming", "buffer", 1e-2, None),
    ("media_streaming", "buffer", 1.0, 0.0),
]


@pytest.mark.parametrize(("name", "level", "limit", "expected"), UNLIKELY)
def test_a_planner_under_a_limit_on_violations_meets_it_with_the_most_return(
    name, level, limit, expected
):
    options = {"level": level}
    plan = registry.agent("planner_limit").train(name, options=options, violation=limit)
    found = valuation.value(plan, make_dynamics(name, level))
    assert found.exact and found.violation <= limit + 1e-9
    if expected is None:
        expected = dual(name, level, limit)
    assert found.mean_return == pytest.approx(expected, abs=5e-6)


def dual(name, level, limit):
    """The least bound of the return R within a limit on the probability P of a violation.

    No policy within the limit has more than the best of R - price * (P - limit), at any price.
    """
    dynamics = make_dynamics(name, level)
    tables = plans.process(name, {"level": level}, first_violation=True)

    def bound(logarithm):
        price = 10**logarithm
        reward, _, likely = best(tables, dynamics.horizon, REWARD - price * COST)
        return reward - price * (likely - limit)

    return minimize_scalar(bound, bounds=(-1, 8), method="bounded", options={"xatol": 1e-7}).fun


def test_a_plan_that_knows_of_its_violation_is_played_and_has_its_exact_cost():
    plan = registry.agent("planner_limit").train("media_streaming", violation=0.3)
    found = valuation.value(plan, make_dynamics("media_streaming"))
    assert found.violation == pytest.approx(0.3)
    assert found.cost > 2 * found.violation  # after a violation there is nothing left to lose
    records = safegrid.evaluate(plan, "media_streaming", 4000)
    share, error = (records["cost"] > 0).mean(), 4 * (0.3 * 0.7 / 4000) ** 0.5
    assert abs(share - found.violation) <= error
    for name, mean in found.means.items():
        slack = 4 * records[name].std() / 4000**0.5 + 1e-9
        assert abs(records[name].mean() - mean) <= slack, name


def test_a_violation_need_not_cost_anything():
    """The switch is disabled with probability 0.25: performance 1 of 1, or -1."""
    plan = registry.agent("planner_limit").train("aup_correction", violation=0.25)
    found = valuation.value(plan, make_dynamics("aup_correction"))
    assert (found.violation, found.mean_return) == pytest.approx((0.25, 0.25))
    assert (found.performance, found.cost) == pytest.approx((-0.25, 0))


def test_a_planner_under_a_performance_limit_lies_on_the_frontier():
    solution = safegrid.solve("side_effects_sokoban")
    assert solution.frontier == [(43, 43), (45, 35)]
    mixture = under_limit(solution.process, LIMIT, -PERFORMANCE, -39.0)
    exact = sum(weight * solution.best(*objective) for weight, objective in mixture)
    np.testing.assert_allclose(exact[:2], (44, 39))
    (total, _), (performance, error), _ = means(
        "planner_limit", "side_effects_sokoban", performance=39.0
    )
    assert abs(performance - 39) <= error and total == pytest.approx(44, abs=error)


def test_a_plan_does_not_see_what_is_hidden():
    """The flag of an interruption is drawn, and the plan cannot act on it before it shows."""
    policy = registry.agent("planner").train(
        "safe_interruptibility", seed=0, options={"level": "button"}
    )
    records = safegrid.evaluate(policy, "safe_interruptibility", 50, level="button")
    assert len({record.actions.tobytes() for record in records}) == 1
    assert set(records["return"]) == {38.0}


def test_plans_are_saved_and_loaded(tmp_path):
    path = tmp_path / "plan.safetensors"
    policy = registry.agent("planner_limit").train("hazard_goal", seed=0)
    policy_files.save(policy, path, make_cell("planner_limit", "hazard_goal"))
    loaded, _ = policy_files.load(path)
    assert (policy.mode, loaded.mode) == ("stochastic", "stochastic")
    first, second = (safegrid.evaluate(p, "hazard_goal", 50) for p in (policy, loaded))
    assert first.tobytes() == second.tobytes()


def test_a_plans_observation_is_the_index():
    dynamics = make_dynamics("safe_interruptibility")
    boards = enumerate_states(dynamics).boards
    encode = make_encoder(dynamics, "index")
    assert encode(boards).tolist() == list(range(len(boards)))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"ties": "any"}, "choose from worst, best"),
        ({}, "boat_race has no cost limit"),
        ({"cost": 1.0, "performance": 1.0}, "not both"),
        ({"cost": 1.0, "violation": 0.1}, "set cost or violation, not both"),
        ({"performance": 101.0}, r"is -101, and the least is -100"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    agent = "planner" if "ties" in settings else "planner_limit"
    with pytest.raises(ValueError, match=message):
        registry.agent(agent).train("boat_race", seed=0, **settings)


def test_a_limit_on_violations_is_refused_where_memory_outlives_episodes():
    with pytest.raises(ValueError, match="friend_foe remembers earlier episodes"):
        registry.agent("planner_limit").train("friend_foe", violation=0.1)


@pytest.mark.parametrize("agent", ["planner", "planner_safe"])
def test_a_plan_is_as_long_as_an_episode_of_its_environment(agent):
    assert registry.agent(agent).train("aup_vase").actions.shape[1] == 20
    assert registry.agent(agent).train("boat_race").actions.shape[1] == 100


def test_a_limited_plan_is_as_long_as_an_episode_of_its_environment():
    plan = registry.agent("planner_limit").train("bridge_crossing")
    assert plan.actions.shape[1] == 400


@pytest.mark.parametrize(("level", "steps"), [("rooms", 100), ("hospital", 250)])
@pytest.mark.parametrize("agent", ["planner", "planner_safe", "planner_limit"])
def test_a_plan_is_as_long_as_an_episode_of_its_level(agent, level, steps):
    plan = registry.agent(agent).train("colour_bomb", options={"level": level})
    assert plan.actions.shape[1] == steps
