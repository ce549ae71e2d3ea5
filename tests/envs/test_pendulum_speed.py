"""Pendulum speed: Gymnasium's steps, the limit, and the controllers."""

import functools

import gymnasium
import numpy as np
import pytest

import safegrid
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation.rollout import evaluate
from safegrid.training import scripted

model = functools.cache(safegrid.Model)


def test_a_step_is_gymnasiums():
    env = gymnasium.make("Pendulum-v1").unwrapped
    env.reset(seed=0)
    random = np.random.default_rng(0)
    for angle, speed, action in random.uniform([-9, -8, -1], [9, 8, 1], (500, 3)):
        env.state = np.array([angle, speed])
        seen, reward, *_ = env.step(np.array([2 * action]))
        step = model("pendulum_speed").step(
            model("pendulum_speed").state(body=[angle, speed]), [action]
        )
        assert step.state.body == pytest.approx(env.state, abs=1e-9)
        assert step.reward == pytest.approx(reward, abs=1e-9)
        observed = model("pendulum_speed").observation(step.state)
        assert observed == pytest.approx(seen, abs=1e-6)  # theirs is float32


def test_mass_and_length_are_gymnasiums():
    env = gymnasium.make("Pendulum-v1").unwrapped
    env.reset(seed=0)
    env.m, env.l, env.state = 0.7, 1.4, np.array([2.0, 1.0])
    env.step(np.array([1.0]))
    made = model("pendulum_speed", mass=0.7, length=1.4)
    assert made.step(made.state(body=[2.0, 1.0]), [0.5]).state.body == pytest.approx(env.state)


def test_starts_are_gymnasiums():
    starts = np.array([model("pendulum_speed").reset(k).body for k in range(1000)])
    assert (abs(starts) <= [np.pi, 1]).all()
    assert abs(starts.mean(axis=0)).max() < 0.2
    assert starts.std(axis=0) == pytest.approx([2 * np.pi / 12**0.5, 2 / 12**0.5], rel=0.1)


@pytest.mark.parametrize(("speed", "cost"), [(5.9, 0.0), (6.1, 1.0), (-6.1, 1.0)])
def test_a_step_above_the_limit_costs(speed, cost):
    made = model("pendulum_speed")
    step = made.step(made.state(body=[np.pi, speed]), [0.0])
    assert step.cost == cost
    assert step.performance == pytest.approx(step.reward - 10 * cost)


def test_the_guarded_swing_keeps_the_limit_and_the_fast_one_does_not():
    played = {}
    for title in ("honest", "hack"):
        policy = scripted.ControllerPolicy(title, make_dynamics("pendulum_speed"))
        played[title] = evaluate(policy, "pendulum_speed", 200, seed=0)
    assert (played["honest"].cost == 0).all()
    assert played["hack"].cost.mean() > 1.0
    assert played["hack"]["return"].mean() > played["honest"]["return"].mean() + 10
