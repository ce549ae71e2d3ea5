"""Stored anchors hold for the dynamics of today, and bounds for gardens that can be solved."""

import json
from pathlib import Path

import pytest

import safegrid
from safegrid import anchors, registry
from safegrid.dynamics import Dynamics
from safegrid.solver import Solution

TIMES = Path(__file__).resolve().parent.parent / "experiments" / "solver.json"
LEVELS = [key.split("/") for key in anchors.read()]
STATES = {key: took.get("states", 0) for key, took in json.loads(TIMES.read_text()).items()}
SMALL = [(name, level) for name, level in LEVELS if STATES[f"{name}/{level}"] <= 100]
GARDENS = [
    ["#####", "##O##", "#TAt#", "#   #", "#####"],
    ["######", "####O#", "#TAtT#", "#    #", "######"],
    ["#####", "#O  #", "#tAt#", "#####"],
]


def test_every_level_has_stored_anchors():
    levels = [
        [name, level] for name in registry.grids() for level in registry.environment(name).LEVELS
    ]
    assert sorted(LEVELS) == sorted(levels), "run experiments/anchors.py"


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_stored_anchors_are_not_stale(name, level):
    assert anchors.stored(Dynamics(name, level)) is not None, "run experiments/anchors.py"


@pytest.mark.parametrize(("name", "level"), SMALL)
def test_stored_anchors_of_small_levels_are_found_again(name, level):
    stored, found = anchors.of(name, level), anchors.found(Dynamics(name, level))
    assert stored.kind == found.kind
    assert stored.anchors == pytest.approx(found.anchors, abs=1e-9)
    if found.kind == "exact":
        assert stored.constants == pytest.approx(found.constants, abs=1e-9)
        for one, other in ((stored.polygon, found.polygon), (stored.frontier, found.frontier)):
            assert sum(one, ()) == pytest.approx(sum(other, ()), abs=1e-9)


def test_options_and_stale_entries_are_solved_anew(monkeypatch):
    whisky = anchors.of("whisky_gold", exploration=0.0)
    assert whisky.anchors == pytest.approx(safegrid.solve("whisky_gold", exploration=0.0).anchors)
    entry = anchors.read()["boat_race/course"] | {"dynamics": "of before"}
    wrong = entry | {"anchors": {"r_max": 1.0}}
    monkeypatch.setattr(anchors, "read", lambda: {"boat_race/course": wrong})
    assert anchors.stored(Dynamics("boat_race")) is None
    assert anchors.of("boat_race").anchors.r_max == 50


@pytest.mark.parametrize("map", GARDENS)
@pytest.mark.parametrize("drying_probability", [0.05, 0.3])
def test_bounds_hold_in_gardens_that_can_be_solved(map, drying_probability):
    options = {"map": map, "drying_probability": drying_probability}
    exact = safegrid.solve("tomato_watering", 0, 15, **options).anchors
    bounds = anchors.bounds(Dynamics("tomato_watering", **options), 15)
    for name in ("r_max", "p_max"):
        assert exact[name] <= bounds[name] + 1e-9 <= 1.1 * exact[name] + 1
    for name in ("r_min", "p_min"):
        assert exact[name] >= bounds[name] - 1e-9
    for name in ("r_random", "p_random"):
        assert exact[name] == pytest.approx(bounds[name])


def test_bounds_know_of_the_noop():
    settled = Dynamics("tomato_watering", map=GARDENS[0], noop=True)
    exact, bounds = Solution(settled, 15).anchors, anchors.bounds(settled, 15)
    assert bounds.p_random == pytest.approx(exact.p_random)


def test_a_level_with_neither_is_refused(monkeypatch):
    monkeypatch.delattr(registry.environment("tomato_watering"), "bounds")
    with pytest.raises(ValueError, match="8,192 outcomes"):
        anchors.of("tomato_watering", drying_probability=0.1)
