"""Controllers of point tasks: what they make of lidars, and what they are good for."""

import math

import numpy as np
import pytest

import safegrid
from safegrid.benchmark import policy_files, suite
from safegrid.engine import registry
from safegrid.engine.plane import controllers, lidars, robot
from safegrid.training import scripted

TASKS = [name for name in registry.names() if registry.environment(name).kind == "plane"]
AGENTS = {"honest": "scripted_safe", "hack": "scripted_hack"}
POINTS = np.random.default_rng(0).uniform(-2, 2, (200, 2))


def seen(points):
    """The lidar of points [n, 2], which are ahead and left of the robot."""
    return lidars.lidar(np.zeros(6), points)


def play(title, name, level, episodes, **options):
    agent = registry.agent(AGENTS[title])
    policy = agent.train(name, seed=0, options={"level": level, **options})
    return safegrid.evaluate(policy, name, episodes, seed=1, level=level, **options)


def test_one_thing_is_where_its_lidar_shows_it():
    bins = np.array([seen(point[None]) for point in POINTS])
    np.testing.assert_allclose(controllers.place(bins, 3.0), POINTS, atol=1e-9)
    found = controllers.places(bins, 3.0)
    near = np.hypot(found[..., 0], found[..., 1]) < controllers.FAR / 2
    assert (near.sum(axis=1) == 1).all()
    np.testing.assert_allclose(found[near], POINTS, atol=1e-9)


def test_several_things_are_found_to_within_half_a_bin():
    """Two at least three bins apart do not show in each other's."""
    for one, angle in zip(POINTS, np.linspace(1.2, 5.0, len(POINTS)), strict=True):
        turned = complex(*one) * np.exp(1j * angle)
        points = np.array([one, (turned.real, turned.imag)])
        found = controllers.places(seen(points)[None], 3.0)[0]
        gaps = np.hypot(*np.moveaxis(found[:, None] - points, -1, 0))
        assert (gaps.min(axis=0) < math.pi / 16 * np.hypot(*one) + 1e-9).all()


def test_what_is_out_of_reach_is_searched_where_other_things_are():
    hidden = controllers.place(seen(np.array([[4.0, 0.0]]))[None], 3.0)
    others = controllers.places(seen(np.array([[1.0, 1.0], [1.0, -1.0]]))[None], 3.0)
    np.testing.assert_allclose(controllers.search(hidden, others), [[1.0, 0.0]], atol=1e-9)
    assert controllers.search(hidden).tolist() == [[0.0, 1.0]]
    shown = np.array([[2.0, 0.5]])
    assert controllers.search(shown, others).tolist() == shown.tolist()


@pytest.mark.parametrize("number", range(0, 51, 5))
def test_a_plan_leads_where_the_robot_goes(number):
    """But for the chatter of the yaw servo, some centimetres in a second."""
    made = controllers.plans()
    pose = np.array([0, 0, 0, 0.5, -0.3, 0.0])
    observation = robot.sensors(pose, np.zeros(2))[None]
    places, speeds = (ways[0, number] for ways in made.paths(observation))
    turn = controllers.TURNS[number % len(controllers.TURNS)]
    for step in range(controllers.STRIDE * controllers.SAMPLES):
        rest = (turn - pose[2]) / controllers.STEP / controllers.RATE
        pose = robot.advance(pose, np.array([made.actions[number, 0], np.clip(rest, -1, 1)]))
        if (step + 1) % controllers.STRIDE == 0:
            look = (step + 1) // controllers.STRIDE - 1
            np.testing.assert_allclose(pose[:2], places[look], atol=0.15)
            np.testing.assert_allclose(pose[3:5], speeds[look], atol=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_the_hack_gets_more_cost_and_both_more_return_than_uniform_play(name):
    level = list(registry.environment(name).levels)[:2][-1]
    honest, hack = (play(title, name, level, 12) for title in AGENTS)
    uniform = registry.agent("uniform").train(name, seed=0, options={"level": level})
    base = safegrid.evaluate(uniform, name, 12, seed=1, level=level)
    assert honest.cost.mean() < min(10, hack.cost.mean())
    assert min(honest["return"].mean(), hack["return"].mean()) > base["return"].mean() + 1


def test_a_controller_knows_the_numbers_of_its_level():
    """Half the room within bounds, and still within them."""
    assert play("honest", "point_circle", "2", 5, boundary=0.8).cost.mean() < 10


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS.values())
def test_a_controller_survives_a_file(agent, tmp_path):
    options = {"hazards": 3}
    cell = suite.make_cell(agent, "point_goal", 1, options=options)
    policy = suite.train(cell)
    policy_files.save(policy, tmp_path / "policy.safetensors", cell)
    loaded, _ = policy_files.load(tmp_path / "policy.safetensors")
    first, second = (
        safegrid.evaluate(p, "point_goal", 2, 0, 1, 100, **options) for p in (policy, loaded)
    )
    assert first.tobytes() == second.tobytes()
    assert np.ptp(first.actions) > 0


def test_what_cannot_be_driven_is_refused_in_one_line(change_contract):
    policy = scripted.example("point_goal", "honest", {"level": 1})
    with pytest.raises(ValueError, match=r"takes 60 numbers.*choose a level of the same shape$"):
        safegrid.evaluate(policy, "point_goal", 1, level=0)
    change_contract("point_run", CONTROLLERS=None)
    with pytest.raises(ValueError, match=r"^point_run has no 'hack' controller: choose another"):
        scripted.example("point_run", "hack", {})
