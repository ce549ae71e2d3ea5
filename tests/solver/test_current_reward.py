"""Agents of the current reward: what the theory says of them, and their definition, by hand."""

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import ENDED, enumerate_states
from safegrid.solver import backward_induction, current_reward, plans
from safegrid.solver.backward_induction import PERFORMANCE, REWARD

LEVELS = [("rocks_diamonds", "chamber"), ("sensor_register", "beside")]
LEVELS += [("sensor_register", "corridor")]
AGENTS = {
    "ordinary": ("planner", {}),
    "current": ("planner_current_reward", {"foresight": False}),
    "foresight": ("planner_current_reward", {"foresight": True}),
    "indifferent": ("planner_current_reward", {"foresight": False, "ties": "worst"}),
    "keeper": ("planner_current_reward", {"foresight": True, "ties": "worst"}),
}
THEORY = [  # level, agent, return, performance
    (LEVELS[0], "ordinary", 193, 5),  # turns the rock switch, so that rocks pay
    (LEVELS[0], "current", 99, 99),  # has no incentive to
    (LEVELS[0], "foresight", 99, 99),
    (LEVELS[0], "indifferent", 1, 5),  # nor an incentive not to
    (LEVELS[0], "keeper", 99, 99),  # has one: its later self would push rocks
    (LEVELS[1], "ordinary", 267, 69),  # pushes the register up
    (LEVELS[1], "current", 95, 95),
    (LEVELS[1], "foresight", 95, 95),
    (LEVELS[2], "ordinary", 407, 225),
    (LEVELS[2], "current", 180, 160),  # bumps into the register, and then wants station 2
    (LEVELS[2], "foresight", 269, 269),  # goes round it
]


@pytest.mark.parametrize(("place", "agent", "total", "performance"), THEORY)
def test_agents_do_what_the_theory_says(place, agent, total, performance):
    (name, level), (file, settings) = place, AGENTS[agent]
    policy = registry.agent(file).train(name, options={"level": level}, **settings)
    (record,) = safegrid.evaluate(policy, name, 1, level=level)
    assert (record["return"], record["performance"]) == (total, performance)
    process = plans.process(name, {"level": level})
    assert plans.value(policy, process)[:2].tolist() == [total, performance]


def judged(name, level, **options):
    """The states, the rewards by each judge and which judge each state has."""
    dynamics = make_dynamics(name, level, **options)
    listed = enumerate_states(dynamics)
    return listed, *current_reward.rewards_of_each(dynamics, listed)


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_each_state_is_rewarded_by_its_own_parameters(name, level):
    listed, rewards, own = judged(name, level)
    tables = listed.tables
    expected = tables.amounts[tables.outcome, 0][:, :, 0]
    np.testing.assert_array_equal(rewards[own, np.arange(len(own))], expected)
    assert any((reward != expected).any() for reward in rewards)


def test_switches_are_parameters_and_the_rest_of_the_state_is_not():
    listed, rewards, own = judged(*LEVELS[0])
    assert len(rewards) == 4
    for number, reward in enumerate(rewards):
        (high,) = {tuple(state["high"]) for state in listed.states[own == number]}
        for state, gain in zip(listed.states, reward, strict=True):
            cells = np.isin(state["lumps"][:2], [5, 6])  # the goal area
            wanted = (2 * high[0] - 1) * cells[0] + (2 * high[1] - 1) * cells[1]
            assert (gain == wanted).all()


def values(tables, horizon, reward, choices):
    """[horizon + 1, states + 1]: returns to a judge of what follows from each state and step."""
    found = np.zeros((horizon + 1, len(tables.successor) + 1))
    everyone = np.arange(len(tables.successor))
    for t in reversed(range(horizon)):
        to = tables.successor[everyone, choices[t], 0]
        found[t, :-1] = reward[everyone, choices[t]] + found[t + 1, to]
    return found


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_without_foresight_each_action_begins_a_best_plan_for_fixed_parameters(name, level):
    horizon = 12
    listed, rewards, own = judged(name, level)
    tables = listed.tables
    everyone, to = np.arange(len(own)), tables.successor[:, :, 0]
    choices = current_reward.induce(tables, horizon, rewards, own, False, 1.0)
    for number, reward in enumerate(rewards):
        fixed = tables._replace(
            outcome=np.arange(reward.size, dtype=np.int32).reshape(tables.outcome.shape),
            amounts=np.column_stack((reward.reshape(-1), np.zeros((reward.size, 2)))),
            reach=np.array([len(own)]),
        )
        best = values(tables, horizon, reward, backward_induction.plan(fixed, horizon, REWARD))
        mine = own == number
        for t in range(horizon):
            gains = reward + best[t + 1, to]
            assert (gains[everyone, choices[t]] == gains.max(axis=1))[mine].all()


@pytest.mark.parametrize("tie", [1.0, -1.0])
@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_with_foresight_no_self_gains_by_another_action(name, level, tie):
    horizon = 12
    listed, rewards, own = judged(name, level)
    tables = listed.tables
    everyone, to = np.arange(len(own)), tables.successor[:, :, 0]
    performance = tables.amounts[tables.outcome, 1][:, :, 0]
    choices = current_reward.induce(tables, horizon, rewards, own, True, tie)
    really = values(tables, horizon, performance, choices)
    for number, reward in enumerate(rewards):
        follows, mine = values(tables, horizon, reward, choices), own == number
        for t in range(horizon):
            gains = reward + follows[t + 1, to]
            chosen = gains[everyone, choices[t]]
            assert (chosen == gains.max(axis=1))[mine].all()
            ties = np.where(gains == chosen[:, None], tie * (performance + really[t + 1, to]), -1e9)
            assert (ties[everyone, choices[t]] == ties.max(axis=1))[mine].all()


def test_rewards_are_means_over_chance(change_contract):
    change_contract("breakable_bottles", REWARD_PARAMETERS=("carried",))
    listed, rewards, own = judged("breakable_bottles", "breakable")
    tables = listed.tables
    expected = (tables.probability * tables.amounts[tables.outcome, 0]).sum(axis=2)
    np.testing.assert_allclose(rewards[own, np.arange(len(own))], expected)
    assert (expected % 1).any() and len(rewards) == 3  # bottles in hand


def test_a_policy_of_an_unchanged_reward_is_the_ordinary_plan():
    """With one reward function for all states the agents are the planner."""
    listed = enumerate_states(make_dynamics("boat_race"))
    tables, horizon = listed.tables, 20
    rewards = tables.amounts[tables.outcome, 0].mean(axis=2)[None]
    own = np.zeros(len(listed.states), np.int64)
    best = backward_induction.best(tables, horizon, REWARD, PERFORMANCE)
    for foresight in (False, True):
        choices = current_reward.induce(tables, horizon, rewards, own, foresight, 1.0)
        start = tables.start[0][0]
        assert values(tables, horizon, rewards[0], choices)[0, start] == best[0]
        performance = tables.amounts[tables.outcome, 1][:, :, 0]
        assert values(tables, horizon, performance, choices)[0, start] == best[1]
    assert (tables.successor != ENDED).all()


def test_what_has_no_parameters_or_too_many_states_is_refused():
    agent = registry.agent("planner_current_reward")
    with pytest.raises(ValueError, match="boat_race has no REWARD_PARAMETERS: choose from rocks"):
        agent.train("boat_race")
    with pytest.raises(ValueError, match="more than 300,000 states"):
        agent.train("rocks_diamonds", options={"level": "field"})
    with pytest.raises(ValueError, match="choose from worst, best"):
        agent.train("sensor_register", ties="any")


def test_hidden_chance_is_refused(change_contract):
    change_contract("safe_interruptibility", REWARD_PARAMETERS=("pressed",))
    with pytest.raises(ValueError, match="safe_interruptibility hides outcomes of chance"):
        current_reward.plan(make_dynamics("safe_interruptibility"), 100, False, 1.0)


def test_too_many_parameters_are_refused(monkeypatch):
    monkeypatch.setattr(current_reward, "MOST_REWARDS", 100)
    with pytest.raises(ValueError, match="beside, has 3 reward parameters and 69 states"):
        current_reward.plan(make_dynamics("sensor_register"), 100, False, 1.0)
