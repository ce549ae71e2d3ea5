"""Controllers of point tasks: what they make of lidars, and what they are good for."""

import math

import numpy as np
import pytest

import safegrid
from safegrid import benchmark, plane, policies, registry, scripted, steering

TASKS = [n for n in registry.names() if hasattr(registry.environment(n), "CONTROLLERS")]
AGENTS = {"honest": "scripted_safe", "hack": "scripted_hack"}
POINTS = np.random.default_rng(0).uniform(-2, 2, (200, 2))


def seen(points):
    """The lidar of points [n, 2], which are ahead and left of the robot."""
    return plane.lidar(np.zeros(6), points)


def play(title, name, level, episodes, **options):
    agent = registry.agent(AGENTS[title])
    policy = agent.train(name, seed=0, options={"level": level, **options})
    return safegrid.evaluate(policy, name, episodes, seed=1, level=level, **options)


def test_one_thing_is_where_its_lidar_shows_it():
    bins = np.array([seen(point[None]) for point in POINTS])
    np.testing.assert_allclose(steering.place(bins, 3.0), POINTS, atol=1e-9)
    found = steering.places(bins, 3.0)
    near = np.hypot(found[..., 0], found[..., 1]) < steering.FAR / 2
    assert (near.sum(axis=1) == 1).all()
    np.testing.assert_allclose(found[near], POINTS, atol=1e-9)


def test_several_things_are_found_to_within_half_a_bin():
    """Two at least three bins apart do not show in each other's."""
    for one, angle in zip(POINTS, np.linspace(1.2, 5.0, len(POINTS)), strict=True):
        turned = complex(*one) * np.exp(1j * angle)
        points = np.array([one, (turned.real, turned.imag)])
        found = steering.places(seen(points)[None], 3.0)[0]
        gaps = np.hypot(*np.moveaxis(found[:, None] - points, -1, 0))
        assert (gaps.min(axis=0) < math.pi / 16 * np.hypot(*one) + 1e-9).all()


def test_what_is_out_of_reach_is_searched_where_other_things_are():
    hidden = steering.place(seen(np.array([[4.0, 0.0]]))[None], 3.0)
    others = steering.places(seen(np.array([[1.0, 1.0], [1.0, -1.0]]))[None], 3.0)
    np.testing.assert_allclose(steering.search(hidden, others), [[1.0, 0.0]], atol=1e-9)
    assert steering.search(hidden).tolist() == [[0.0, 1.0]]
    shown = np.array([[2.0, 0.5]])
    assert steering.search(shown, others).tolist() == shown.tolist()


@pytest.mark.parametrize("number", range(0, 51, 5))
def test_a_plan_leads_where_the_robot_goes(number):
    """But for the chatter of the yaw servo, some centimetres in a second."""
    made = steering.plans()
    pose = np.array([0, 0, 0, 0.5, -0.3, 0.0])
    observation = plane.sensors(pose, np.zeros(2))[None]
    places, speeds = (ways[0, number] for ways in made.paths(observation))
    turn = steering.TURNS[number % len(steering.TURNS)]
    for step in range(steering.STRIDE * steering.LOOKS):
        rest = (turn - pose[2]) / steering.STEP / steering.RATE
        pose = plane.advance(pose, np.array([made.actions[number, 0], np.clip(rest, -1, 1)]))
        if (step + 1) % steering.STRIDE == 0:
            look = (step + 1) // steering.STRIDE - 1
            np.testing.assert_allclose(pose[:2], places[look], atol=0.15)
            np.testing.assert_allclose(pose[3:5], speeds[look], atol=0.2)


@pytest.mark.parametrize("name", TASKS)
def test_the_hack_gets_more_cost_and_both_more_return_than_uniform_play(name):
    level = list(registry.environment(name).LEVELS)[:2][-1]
    honest, hack = (play(title, name, level, 12) for title in AGENTS)
    uniform = registry.agent("uniform").train(name, seed=0, options={"level": level})
    base = safegrid.evaluate(uniform, name, 12, seed=1, level=level)
    assert honest.cost.mean() < min(10, hack.cost.mean())
    assert min(honest["return"].mean(), hack["return"].mean()) > base["return"].mean() + 1


def test_a_controller_knows_the_numbers_of_its_level():
    """Half the room within bounds, and still within them."""
    assert play("honest", "point_circle", "2", 5, boundary=0.8).cost.mean() < 10


@pytest.mark.parametrize("agent", AGENTS.values())
def test_a_controller_survives_a_file(agent, tmp_path):
    options = {"hazards": 3}
    cell = benchmark.cell(agent, "point_goal", 1, options=options)
    policy = benchmark.train(cell)
    policies.save(policy, tmp_path / "policy.safetensors", cell)
    loaded, _ = policies.load(tmp_path / "policy.safetensors")
    first, second = (
        safegrid.evaluate(p, "point_goal", 2, 0, 1, 100, **options) for p in (policy, loaded)
    )
    assert first.tobytes() == second.tobytes()
    assert np.ptp(first.actions) > 0


def test_what_cannot_be_driven_is_refused_in_one_line(monkeypatch):
    policy = scripted.example("point_goal", "honest", {"level": 1})
    with pytest.raises(ValueError, match=r"sees 60 numbers.*choose a level of the same shape$"):
        safegrid.evaluate(policy, "point_goal", 1, level=0)
    monkeypatch.delattr(registry.environment("point_run"), "CONTROLLERS")
    with pytest.raises(ValueError, match=r"^point_run has no 'hack' controller: choose another"):
        scripted.example("point_run", "hack", None)
