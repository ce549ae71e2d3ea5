"""The price of cost in a trust region is that of the best step, found by another method."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from safegrid.training.constrained.policy_optimisation import best_price

RADIUS = 0.01


def problem(seed):
    """Gradients of reward and cost, and the Fisher matrix."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(4, 4))
    return random.normal(size=4), random.normal(size=4), root @ root.T + np.eye(4)


def products(reward, cost, fisher):
    inverse = np.linalg.inv(fisher)
    return reward @ inverse @ reward, reward @ inverse @ cost, cost @ inverse @ cost


@pytest.mark.parametrize("share", [-2.0, -0.8, -0.3, 0.0, 0.3, 0.8])
@pytest.mark.parametrize("seed", range(6))
def test_the_step_at_the_price_is_the_best_that_keeps_the_limit(seed, share):
    """share: of the greatest fall of cost in the trust region, which the excess is."""
    reward, cost, fisher = problem(seed)
    parts = products(reward, cost, fisher)
    excess = share * math.sqrt(2 * RADIUS * parts[2])
    price = best_price(*parts, excess, RADIUS)
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
    far = 1.01 * math.sqrt(2 * RADIUS * parts[2])
    assert best_price(*parts, far, RADIUS) == math.inf
    assert best_price(*parts, -far, RADIUS) == 0.0


def test_without_a_gradient_of_cost_the_price_is_zero():
    assert best_price(1.0, 0.0, 0.0, 3.0, RADIUS) == 0.0
    assert best_price(0.0, 0.0, 1.0, 3.0, RADIUS) == math.inf
