"""The contract of agents: settings are of the kind of their defaults, or named."""

import numpy as np
import pytest

from safegrid.engine import registry
from safegrid.engine.contract.agents import check_setting

WRONG = [
    ("ppo", "boat_race", "gamma", "fast", "a number"),
    ("ppo", "boat_race", "learning_rate", [1], "a number"),
    ("ppo", "boat_race", "lanes", True, "a whole number"),
    ("ppo", "boat_race", "n_steps", 1.5, "a whole number"),
    ("ppo_pid", "hazard_goal", "cost_limit", "fast", "a number"),
    ("planner_limit", "hazard_goal", "cost", "fast", "a number"),
    ("planner_limit", "hazard_goal", "performance", "fast", "a number"),
    ("cloning", "boat_race", "updates", "fast", "a whole number"),
    ("attainable_utility", "side_effects_sokoban", "settings", 3, "a table of values by name"),
    ("attainable_utility", "side_effects_sokoban", "agent", {"a": 1}, "a text"),
    ("sac", "point_goal", "ent_coef", "fast", "a number"),
]


@pytest.mark.parametrize(("agent", "environment", "name", "value", "wanted"), WRONG)
def test_a_setting_of_the_wrong_kind_is_named(agent, environment, name, value, wanted):
    with pytest.raises(ValueError) as error:
        registry.agent(agent).train(environment, steps=100, **{name: value})
    assert str(error.value) == f"setting {name} is {value!r}: choose {wanted}"


@pytest.mark.parametrize("steps", [-5, 0.5, "100"])
def test_a_number_of_steps_that_is_none_is_named(steps):
    with pytest.raises(ValueError, match=f"steps is {steps!r}: choose a whole number, 0 or more"):
        registry.agent("q_learning").train("boat_race", steps=steps)


def test_a_device_that_nobody_has_is_named_even_where_the_agent_needs_none():
    with pytest.raises(ValueError, match=r"unknown device 'tpu'.*choose from auto, cpu, cuda"):
        registry.agent("q_learning").train("boat_race", steps=1, device="tpu")


@pytest.mark.parametrize("agent", registry.agents())
def test_every_default_is_of_its_own_kind(agent):
    settings = registry.agent(agent).settings
    assert registry.agent(agent).settle(settings) == dict(settings)


def test_numpy_s_numbers_are_numbers():
    check_setting("lanes", np.int64(3), 8)
    check_setting("gamma", np.float32(0.5), 0.9)
    check_setting("gamma", 1, 0.9)
    check_setting("flag", np.bool_(True), False)
    for value, default in ((1, False), (np.bool_(True), 0.9), (True, 3)):
        with pytest.raises(ValueError, match="setting x is"):
            check_setting("x", value, default)


@pytest.mark.parametrize(("agent", "setting"), [("dqn", "train_freq"), ("ppo", "n_epochs")])
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value encountered")
def test_a_setting_that_fails_in_training_is_one_line(agent, setting):
    with pytest.raises(ValueError, match=f"{agent.upper()} refuses these settings"):
        registry.agent(agent).train("boat_race", steps=100, **{setting: 0})


def test_a_uniform_policy_over_no_actions_is_refused():
    with pytest.raises(ValueError, match="actions is 0: it must be 1 or more"):
        registry.agent("uniform").load({"actions": np.array([0])})
