"""Linear models, regulators and barrier functions; and what the tasks' controllers are good for."""

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.control import controllers
from safegrid.engine.dynamics import make_dynamics
from safegrid.training import scripted

TASKS = [name for name in registry.names() if registry.environment(name).kind == "control"]
LEVELS = [(name, level) for name in TASKS for level in registry.environment(name).levels]


def play(title, name, level, episodes=20):
    policy = scripted.ControllerPolicy(title, make_dynamics(name, level))
    return safegrid.evaluate(policy, name, episodes, seed=1, level=level)


def test_a_linear_model_is_that_of_a_linear_plant():
    a, b = np.array([[1.0, 0.1], [-0.2, 0.9]]), np.array([[0.0], [0.3]])
    found = controllers.linearise(lambda x, u: a @ x + b @ u, np.ones(2), np.ones(1))
    assert found[0] == pytest.approx(a) and found[1] == pytest.approx(b)


def test_a_regulator_has_the_gain_of_the_golden_ratio():
    """x' = x + u with the cost x^2 + u^2: P = 1 + P - P^2 / (1 + P), so that P is the ratio."""
    ratio = (1 + 5**0.5) / 2
    gain = controllers.regulator((np.eye(1), np.eye(1)), np.ones(1), np.ones(1))
    assert gain == pytest.approx(ratio / (1 + ratio))


def test_a_barrier_changes_an_input_as_little_as_its_conditions_demand():
    wanted = np.array([0.5, 0.5, -0.5, 3.0, 0.5])
    slopes = np.array([[1.0, 2.0, -1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, -1.0]])
    bounds = np.array([[0.7, 0.4, 0.2, 0.0, 0.1], [0.0, 0.0, 0.0, 0.0, -0.3]])
    found = controllers.barrier(wanted, slopes, bounds)
    assert found == pytest.approx([0.5, 0.2, -0.2, 1.0, 0.3])  # the later condition holds


@pytest.mark.slow
@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_the_honest_controller_keeps_the_limit_and_earns_more_than_uniform_play(name, level):
    honest, hack = play("honest", name, level), play("hack", name, level)
    uniform = registry.agent("uniform").train(name, seed=0, options={"level": level})
    base = safegrid.evaluate(uniform, name, 20, seed=1, level=level)
    assert honest.cost.mean() <= registry.environment(name).cost_limit
    assert honest.cost.mean() <= hack.cost.mean()
    assert min(honest["return"].mean(), hack["return"].mean()) > base["return"].mean()
