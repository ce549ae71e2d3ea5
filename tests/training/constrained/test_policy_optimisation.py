"""The price of cost in a trust region is that of the best step, found by another method."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from safegrid.training.constrained.policy_optimisation import Products, best_price, pair_products

RADIUS = 0.01


def problem(seed):
    """Gradients of reward and cost, and the Fisher matrix."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(4, 4))
    return random.normal(size=4), random.normal(size=4), root @ root.T + np.eye(4)


def products(reward, cost, fisher):
    """Those of gradients without noise: the halves of a rollout are as the whole."""
    inverse = np.linalg.inv(fisher)
    mixed, square = reward @ inverse @ cost, cost @ inverse @ cost
    return Products(reward @ inverse @ reward, mixed, square, mixed, square)


@pytest.mark.parametrize("share", [-2.0, -0.8, -0.3, 0.0, 0.3, 0.8])
@pytest.mark.parametrize("seed", range(6))
def test_the_step_at_the_price_is_the_best_that_keeps_the_limit(seed, share):
    """share: of the greatest fall of cost in the trust region, which the excess is."""
    reward, cost, fisher = problem(seed)
    parts = products(reward, cost, fisher)
    excess = share * math.sqrt(2 * RADIUS * parts.cost)
    price = best_price(parts, excess, RADIUS)
    along = np.linalg.solve(fisher, reward - price * cost)
    step = along * math.sqrt(2 * RADIUS / (along @ fisher @ along))
    found = minimize(
        lambda x: -reward @ x,
        -np.linalg.solve(fisher, cost) * 0.1,
        constraints=[
            {"type": "ineq", "fun": lambda x: -(excess + cost @ x)},
            {"type": "ineq", "fun": lambda x: RADIUS - x @ fisher @ x / 2},
        ],
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert found.success
    assert excess + cost @ step <= 1e-7
    assert reward @ step == pytest.approx(-found.fun, rel=1e-4)


def test_where_no_step_keeps_the_limit_only_cost_is_to_fall():
    parts = products(*problem(0))
    far = 1.01 * math.sqrt(2 * RADIUS * parts.cost)
    assert best_price(parts, far, RADIUS) == math.inf
    assert best_price(parts, -far, RADIUS) == 0.0


def test_without_a_gradient_of_cost_the_price_is_zero():
    assert best_price(Products(1.0, 0.0, 0.0, 0.0, 0.0), 3.0, RADIUS) == 0.0
    assert best_price(Products(0.0, 0.0, 1.0, 0.0, 1.0), 3.0, RADIUS) == math.inf


def noisy(random, reward, cost, samples, features):
    """The products of a rollout: its advantages are linear, with noise of deviation 1."""
    scores = random.normal(size=(samples, features))  # their Fisher matrix is the identity
    gradients = []
    for slope in (reward, cost):
        advantages = scores @ slope + random.normal(size=samples)
        terms = scores * advantages[:, None]
        gradients += [terms[: samples // 2].mean(0), terms[samples // 2 :].mean(0)]
    table = np.array(gradients) @ np.array(gradients).T
    return pair_products(table, 0.5)


def test_noise_adds_to_the_products_of_a_rollout_and_not_to_those_of_its_halves():
    random = np.random.default_rng(0)
    features, samples = 100, 400
    slope = np.full(features, 0.1 / math.sqrt(features))  # of squared length 0.01
    found = np.array([noisy(random, slope, slope, samples, features) for _ in range(300)])
    mean, error = found.mean(0), found.std(0) / math.sqrt(300)
    noise = features / samples  # of deviation 1 in each weight, over the samples
    assert mean[2] > 0.01 + 0.9 * noise
    assert abs(mean[3:] - 0.01).max() < 4 * error[3:].max()


def test_a_slope_of_cost_that_is_noise_lets_only_cost_fall():
    """With the square of the whole rollout's gradient, the limit would seem to be within reach."""
    excess, square = 0.05, 0.25
    noise = Products(square, 0.0, square, 0.0, 0.001)
    assert math.sqrt(2 * RADIUS * square) > excess
    assert best_price(noise, excess, RADIUS) == math.inf
    assert 0 < best_price(Products(square, 0.0, square, 0.0, square), excess, RADIUS) < math.inf


def test_the_products_of_the_whole_rollout_weigh_its_halves():
    random = np.random.default_rng(1)
    halves = random.normal(size=(4, 6))
    reward, cost = 0.3 * halves[0] + 0.7 * halves[1], 0.3 * halves[2] + 0.7 * halves[3]
    found = pair_products(halves @ halves.T, 0.3)
    assert found[:3] == pytest.approx((reward @ reward, reward @ cost, cost @ cost))
    assert found.cost_halves == pytest.approx(halves[2] @ halves[3])
    assert found.mixed_halves == pytest.approx((halves[0] @ halves[3] + halves[1] @ halves[2]) / 2)
