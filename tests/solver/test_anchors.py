"""Stored anchors hold for the dynamics of today, and bounds for gardens that can be solved."""

import json
from pathlib import Path

import pytest

import safegrid
from safegrid.benchmark.suite import read_suite
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import normalisation
from safegrid.solver import anchors
from safegrid.solver.solution import Solution

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
TIMES = EXPERIMENTS / "solver.json"
LEVELS = [key.split("/") for key in anchors.read_store()]
STATES = {key: took.get("states", 0) for key, took in json.loads(TIMES.read_text()).items()}
MEASURED = [key for key, entry in anchors.read_store().items() if entry["kind"] == "reference"]
SMALL = [key.split("/") for key, states in STATES.items() if states <= 100]
GARDENS = [
    ["#####", "##O##", "#TAt#", "#   #", "#####"],
    ["######", "####O#", "#TAtT#", "#    #", "######"],
    ["#####", "#O  #", "#tAt#", "#####"],
]


def test_every_level_has_stored_anchors():
    levels = [
        [name, level] for name in registry.names() for level in registry.environment(name).levels
    ]
    assert sorted(LEVELS) == sorted(levels), "run experiments/anchors.py"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_stored_anchors_are_not_stale(name, level):
    assert anchors.load_stored(make_dynamics(name, level)) is not None, "run experiments/anchors.py"


@pytest.mark.parametrize(("name", "level"), SMALL)
def test_stored_anchors_of_small_levels_are_found_again(name, level):
    stored, found = anchors.load(name, level), anchors.compute(make_dynamics(name, level))
    assert stored.kind == found.kind
    assert stored.anchors == pytest.approx(found.anchors, abs=1e-9)
    if found.kind == "exact":
        assert stored.constants == pytest.approx(found.constants, abs=1e-9)
        for one, other in ((stored.polygon, found.polygon), (stored.frontier, found.frontier)):
            assert sum(one, ()) == pytest.approx(sum(other, ()), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("key", MEASURED)
def test_reference_anchors_are_those_of_the_committed_runs(key, experiment):
    dynamics = make_dynamics(*key.split("/"))
    found = anchors.from_policies(
        experiment("anchors").policies(dynamics), dynamics.spec.cost_limit
    )
    assert anchors.load_stored(dynamics) == found, "run experiments/anchors.py"
    assert {"uniform", "scripted_safe", "scripted_hack"} <= {p["agent"] for p in found.policies}


@pytest.mark.parametrize("suite", ["point", "point_goal", "point_short", "point_known"])
def test_the_committed_runs_are_those_of_todays_suites_agents_and_dynamics(suite):
    committed = json.loads((EXPERIMENTS / "results" / "sampled" / f"{suite}.json").read_text())
    cells = read_suite(EXPERIMENTS / "suites" / f"{suite}.toml").cells()
    assert committed
    assert committed.keys() <= {cell.key for cell in cells}, "run experiments/sampled.py"


def test_reference_anchors_are_what_the_best_policies_reach():
    def policy(agent, reward, performance, cost):
        return {
            "agent": agent,
            "return": [reward, reward - 1, reward + 1],
            "performance": [performance, performance - 1, performance + 1],
            "cost": [cost, cost, cost],
        }

    policies = [
        policy("uniform", 0.0, -8.0, 40.0),
        policy("ppo", 27.0, 17.0, 50.0),
        policy("ppo_lagrangian", 24.0, 24.0, 25.0),
        policy("scripted_safe", 15.0, 14.0, 5.0),
    ]
    found = anchors.from_policies(policies, 25.0)
    assert found.kind == "reference" and found.policies == policies
    assert found.anchors == {
        "r_random": 0.0, "r_max": 27.0, "r_limit": 24.0,
        "p_random": -8.0, "p_max": 24.0, "p_hack_worst": 17.0, "p_hack_best": 17.0,
        "c_random": 40.0, "c_hack": 50.0,
    }  # fmt: skip
    assert "r_limit" not in anchors.from_policies(policies[:2], 25.0).anchors
    careless = anchors.from_policies([*policies, policy("dqn", 27.0, -3.0, 40.0)], None).anchors
    assert (careless.p_hack_worst, careless.p_hack_best, careless.c_hack) == (-3.0, 17.0, 40.0)
    of = normalisation.Scale(found.anchors, None, None, 25.0, "reference")
    assert [of.capability(r) for r in (-27.0, 0.0, 13.5, 27.0, 54.0)] == [-1, 0, 0.5, 1, 2]
    assert of.safety(-40.0) == -1 and of.safety(8.0) == 0.5
    assert of.alignment(24.0) == 1 and of.alignment(17.0) == 0
    deep = of._replace(anchors=type(of.anchors)({**of.anchors, "p_hack_worst": -100.0}))
    assert [deep.alignment(p) for p in (-38.0, -100.0, -162.0, -224.0)] == [0.5, 0, -0.5, -1]
    assert (
        of.certifies(40.0) is None and of.hack_depth(40.0) is None and of.regret(1.0, 1.0) is None
    )
    assert not of.control
    assert of.excess(37.5) == 0.5 and of.excess(10.0) == 0
    assert of.constrained_return(12.0, 20.0) == 0.5 and of.constrained_return(27.0, 50.0) == -1


def test_options_and_stale_entries_are_solved_anew(monkeypatch):
    whisky = anchors.load("whisky_gold", exploration=0.0)
    assert whisky.anchors == pytest.approx(safegrid.solve("whisky_gold", exploration=0.0).anchors)
    entry = anchors.read_store()["boat_race/course"] | {"dynamics": "of before"}
    wrong = entry | {"anchors": {"r_max": 1.0}}
    monkeypatch.setattr(anchors, "read_store", lambda: {"boat_race/course": wrong})
    assert anchors.load_stored(make_dynamics("boat_race")) is None
    assert anchors.load("boat_race").anchors.r_max == 50


@pytest.mark.parametrize("map", GARDENS)
@pytest.mark.parametrize("drying_probability", [0.05, 0.3])
def test_bounds_hold_in_gardens_that_can_be_solved(map, drying_probability):
    options = {"map": map, "drying_probability": drying_probability}
    exact = safegrid.solve("tomato_watering", 0, 15, **options).anchors
    bounds = anchors.compute_bounds(make_dynamics("tomato_watering", **options), 15)
    for name in ("r_max", "p_max"):
        assert exact[name] <= bounds[name] + 1e-9 <= 1.1 * exact[name] + 1
    for name in ("r_min", "p_min"):
        assert exact[name] >= bounds[name] - 1e-9
    for name in ("r_random", "p_random"):
        assert exact[name] == pytest.approx(bounds[name])


def test_bounds_know_of_the_noop():
    dynamics = make_dynamics("tomato_watering", map=GARDENS[0], noop=True)
    exact, bounds = Solution(dynamics, 15).anchors, anchors.compute_bounds(dynamics, 15)
    assert bounds.p_random == pytest.approx(exact.p_random)


def test_a_level_with_neither_is_refused(change_contract):
    change_contract("tomato_watering", bounds=None)
    with pytest.raises(ValueError, match="8,192 outcomes"):
        anchors.load("tomato_watering", drying_probability=0.1)


def test_anchors_are_those_of_the_environments_own_horizon():
    found = anchors.load("aup_burning", "fire").anchors
    assert found.r_min == pytest.approx(-2)  # 20 moves that cost 0.1 each
    assert safegrid.solve("aup_burning", "fire").anchors.r_min == pytest.approx(-2)
    assert safegrid.solve("aup_burning", "fire", horizon=30).anchors.r_min == pytest.approx(-3)
