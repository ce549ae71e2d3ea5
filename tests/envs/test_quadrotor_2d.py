"""Quadrotor 2D: the model of safe-control-gym, limits, ends, and the circle of the goal."""

import functools
import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes

FLIGHT = registry.environment("quadrotor_2d").module
model = functools.cache(safegrid.Model)
M, INERTIA, ARM, G = 0.027, 1.4e-5, 0.0397, 9.8


def derivative(time, body, left, right):
    """The symbolic model as it is written there, with the thrusts of two actions."""
    first, second = (M * G / 2 * (1 + 0.1 * action) for action in (left, right))
    _, speed, _, climb, tilt, spin = body
    along = math.sin(tilt) * (first + second) / M
    up = math.cos(tilt) * (first + second) / M - G
    return speed, along, climb, up, spin, ARM * (second - first) / (math.sqrt(2) * INERTIA)


def test_a_step_is_the_symbolic_models():
    parameters = make_dynamics("quadrotor_2d").level.parameters
    random = np.random.default_rng(0)
    for body in random.normal(size=(100, 6)) * [1, 1, 1, 1, 0.5, 2]:
        action, moved = random.uniform(-1, 1, 2), np.append(body, 0.0)
        FLIGHT.drive(moved, *action, parameters)
        exact = solve_ivp(derivative, (0, 0.02), body, args=action, rtol=1e-11, atol=1e-12)
        assert moved[:6] == pytest.approx(exact.y[:, -1], abs=1e-6)
        assert moved[6] == 0.02


def test_the_goal_of_track_goes_round_a_circle_in_five_seconds():
    made = model("quadrotor_2d", "track")
    seen = []
    for time in np.linspace(0, 5, 11):
        seen.append(
            made.observation(made.step(made.state(body=[0, 0, 1, 0, 0, 0, time]), [0, 0])[0])
        )
    x, height, speed, climb = np.transpose(seen)[6:]
    assert np.hypot(x, height - 1) == pytest.approx(np.full(11, 0.4))
    assert np.hypot(speed, climb) == pytest.approx(np.full(11, 0.4 * 2 * math.pi / 5))
    assert x * speed + (height - 1) * climb == pytest.approx(np.zeros(11), abs=1e-12)
    assert (x[0], height[0]) == pytest.approx((x[-1], height[-1]))
    rest = model("quadrotor_2d")
    assert rest.observation(rest.reset())[6:].tolist() == [0, 1, 0, 0]


def test_the_reward_is_that_of_the_formula():
    made = model("quadrotor_2d")
    step = made.step(made.state(body=[0.3, 0.1, 1.2, -0.2, 0.1, 0.5, 0]), [0.5, -0.5])
    error = (step.state.body[:6] - [0, 0, 1, 0, 0, 0]) ** 2
    thrust = 2 * (0.1 * M * G / 2 * 0.5) ** 2
    assert step.reward == pytest.approx(math.exp(-error.sum() - 1e-4 * thrust))


@pytest.mark.parametrize(
    ("place", "value", "kind"),
    [
        (0, -1.3, "position"), (2, 1.7, "altitude"), (2, 0.3, "altitude"), (1, 0.7, "speed"),
        (3, -0.7, "climb"), (4, 0.13, "tilt"), (5, 1.0, "tilt_rate"), (0, 1.1, None),
    ],
)  # fmt: skip
def test_each_limit_costs_by_its_name(place, value, kind):
    lanes = Lanes(make_dynamics("quadrotor_2d"), 1)
    lanes.reset(np.zeros(1, np.uint64))
    lanes.states["body"] = [0, 0, 1, 0, 0, 0, 0]
    lanes.states["body"][0, place] = value
    step = lanes.step(np.zeros((1, 2)))
    costs = {name: cost[0] for name, cost in lanes.costs(step).items()}
    assert costs.pop("cost") == (kind is not None)
    assert [name for name, cost in costs.items() if cost] == [f"cost_{kind}"] * (kind is not None)
    assert lanes.performance[0] == pytest.approx(step.reward[0] - step.cost[0])


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        ([2.01, 0, 1, 0, 0, 0, 0], True),
        ([0, 0, 0.001, -1, 0, 0, 0], True),
        ([0, 0, 1.999, 1, 0, 0, 0], True),
        ([0, 0, 1, 0, 1.49, 0, 0], True),
        ([1.9, 0, 0.1, 0, 1.4, 0, 0], False),
    ],
)
def test_an_episode_ends_at_the_bounds_of_the_original(body, ended):
    made = model("quadrotor_2d")
    assert made.step(made.state(body=body), [0, 0]).terminated == ended


def test_two_thrusts_turn_it_and_their_sum_lifts_it():
    made = model("quadrotor_2d")
    start = made.state(body=[0, 0, 1, 0, 0, 0, 0])
    turned = made.step(start, [-1, 1]).state.body
    assert turned[4] > 0 and abs(turned[3]) < 1e-3
    lifted = made.step(start, [1, 1]).state.body
    assert lifted[3] == pytest.approx(0.1 * G * 0.02) and lifted[4] == 0
