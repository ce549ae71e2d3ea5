"""Contact: fixed solids as the original has them; how near moving bodies come to it."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.plane import collision, contact, robot

NOBODY, NOWHERE = np.zeros((0, 9)), np.zeros((0, 3))


def recorded(env):
    path = Path(__file__).parents[2] / "golden" / "point.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        return [step for step in map(json.loads, lines) if step["env"] == env]


def places(step, kind):
    return np.array([v for k, v in sorted(step["layout"].items()) if k.startswith(kind)])


@pytest.mark.slow
def test_touching_a_button_is_the_originals_to_rounding():
    steps = [
        step
        for step in recorded("Button1")
        if step["touch"] and all(name.startswith("button") for name in step["touch"])
    ]
    assert len(steps) >= 5
    missed, ends = [], []
    kind = registry.environment("point_button").module.GREMLIN
    for step in steps:
        pose, buttons = np.array(step["before"]), places(step, "button")
        free = robot.advance(pose, step["action"])
        felt = contact.drive_among(
            pose, np.array(step["action"]), buttons, 0.1, NOBODY, kind, NOWHERE
        )
        np.testing.assert_allclose(pose, step["after"], atol=1e-9)
        np.testing.assert_allclose(felt, step["sensors"][:2], atol=1e-6)
        after = np.array(step["after"])
        ends.append(any(collision.touches(after, *button, 0.1) for button in buttons))
        missed.append(np.abs(free - step["after"]).max())
    assert max(missed) > 0.5  # without contact it would be elsewhere
    assert any(ends)  # the record names what is touched in any part of a step


def test_away_from_everything_it_is_the_free_robot():
    random = np.random.default_rng(0)
    kind = registry.environment("point_button").module.GREMLIN
    for _ in range(20):
        pose, action = random.normal(size=6), random.uniform(-1, 1, 2)
        free, driven = robot.advance(pose, action), pose.copy()
        contact.drive_among(driven, action, np.array([[30.0, 0]]), 0.1, NOBODY, kind, NOWHERE)
        np.testing.assert_allclose(driven, free, atol=1e-9)


def test_a_pushed_box_takes_up_the_momentum_that_the_robot_loses():
    """Without drag, motor or floor nothing else can change it."""
    kind = registry.environment("point_push").module.BOX
    pose, box = np.array([-0.41, 0.0, 0.0, 1.0, 0.0, 0.0]), np.zeros((1, 9))
    box[0, 1] = 0.2  # the nose meets a post
    before = robot.MASS * pose[3]
    contact.drive_among(pose, np.zeros(2), np.zeros((0, 2)), 0.2, box, kind, np.zeros((1, 3)))
    assert box[0, 3] > 0.1 and pose[3] < 0.99
    after = robot.MASS * pose[3] + kind.mass * box[0, 3]
    lost = 0.01 * 0.02 + robot.GRAVITY * kind.mass * 0.02  # at most, to drag and to the floor
    assert before - lost < after < before


def test_pushing_the_box_is_nearer_to_the_original_than_no_contact():
    """Median errors of a step: of the robot's velocity, and of where the box is."""
    kind, errors = registry.environment("point_push").module.BOX, []
    for step in recorded("Push1"):
        if not any(name.startswith(("push", "col")) for name in step["touch"]):
            continue
        pose, box = np.array(step["before"]), np.zeros((1, 9))
        box[0, :6] = step["box"]
        before, free = box[0, :2].copy(), robot.advance(pose, step["action"])
        contact.drive_among(
            *(pose, np.array(step["action"]), places(step, "pillar"), 0.2),
            *(box, kind, np.zeros((1, 3))),
        )
        wanted, box_wanted = np.array(step["after"]), step["moved"].get("push_box", before)
        speeds = [np.hypot(*(end - wanted)[3:5]) for end in (pose, free)]
        ways = [np.hypot(*np.subtract(end, box_wanted)) for end in (box[0, :2], before)]
        errors.append([*speeds, *ways])
    ours, free, place, stays = np.median(errors, axis=0)
    assert len(errors) > 100 and ours < 0.8 * free and place < 0.15 * stays


def test_a_gremlin_circles_its_centre_and_yields_to_the_robot():
    made = safegrid.Model("point_button", level=1)
    state = made.reset(3)
    centres = state.gremlins
    for _ in range(200):
        state = made.step(state, [0.0, 0.0]).state
        if state.time > 0.5:
            reach = np.hypot(*(state.bodies[:, :2] - centres).T)
            assert (abs(reach - 0.35) < 0.06).all()
    assert state.time == pytest.approx(4.0)


def test_a_button_that_is_touched_pays_once_and_another_lights_up_after_a_rest():
    made = safegrid.Model("point_button", level=1)
    state = made.reset(1)
    goal = state.goal
    pose = [goal[0] - 0.32, goal[1], 0.0, 1.0, 0.0, 0.0]
    state = made.state(
        pose=pose,
        layout=state.layout,
        lit=state.lit,
        bodies=state.bodies + 9,
        targets=state.targets,
    )
    paid, rests = [], []
    for t in range(14):
        step = made.step(state, [1.0, 0.0], chance=t)
        state = step.state
        paid.append(step.reward)
        rests.append(state.rest)
    first = int(np.argmax(np.array(paid) > 0.5))
    assert paid[first] > 0.9 and rests[first] == 10
    assert not made.observation(made.state(pose=pose, rest=3))[12:28].any()
    assert made.observation(made.state(pose=pose, rest=0))[12:28].any()


def test_a_vase_is_shoved_aside_and_stops():
    made = safegrid.Model("point_goal", level=2)
    state = made.reset(2)
    vase = state.vases[0]
    bodies = state.bodies.copy()
    state = made.state(
        pose=[vase[0] - 0.4, vase[1], 0.0, 1.0, 0.0, 0.0], layout=state.layout, bodies=bodies
    )
    kinds = []
    for _ in range(60):
        step = made.step(state, [1.0, 0.0])
        kinds.append(step.cost)
        state = step.state
    assert np.hypot(*(state.vases[0] - vase)) > 0.1 and max(kinds) == 1.0
    still = made.state(pose=[9.0, 9.0, 0, 0, 0, 0], layout=state.layout, bodies=state.bodies)
    for _ in range(40):
        still = made.step(still, [0.0, 0.0]).state
    assert not still.bodies[:, 3:6].any() and math.isfinite(still.vases.sum())
