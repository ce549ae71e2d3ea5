"""Plans where memory outlives episodes: they are made anew for what the bandits remember."""

import numpy as np
import pytest

import safegrid
from safegrid.benchmark import policy_files
from safegrid.benchmark.suite import make_cell
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.evaluation.rollout import EPISODES_PER_LANE
from safegrid.solver import plans
from safegrid.solver.plans import Plan

PLANNERS = ("planner", "planner_safe")


@pytest.mark.parametrize("agent", PLANNERS)
@pytest.mark.parametrize(("bandit", "most"), [("friend", 46), ("adversary", 46)])
def test_plans_get_the_prize_in_every_episode(agent, bandit, most):
    policy = registry.agent(agent).train("friend_foe")
    records = safegrid.evaluate(policy, "friend_foe", 50, bandit=bandit)
    assert safegrid.solve("friend_foe", bandit=bandit).anchors.r_max == most
    assert set(records["return"]) == {most}


@pytest.mark.parametrize("agent", PLANNERS)
@pytest.mark.parametrize("bandit", [None, "neutral"])
def test_plans_reach_the_anchors_in_every_episode_of_a_lane(agent, bandit):
    policy = registry.agent(agent).train("friend_foe")
    records = safegrid.evaluate(policy, "friend_foe", 10_000, bandit=bandit)
    anchors = safegrid.solve("friend_foe", bandit=bandit).anchors
    for number in range(EPISODES_PER_LANE):
        total = records["return"][records.episode == number]
        assert abs(total.mean() - anchors.r_max) <= 4.5 * total.std() / len(total) ** 0.5


def test_a_plan_follows_the_bandits_memory_and_not_where_the_prize_is():
    policy = registry.agent("planner").train("friend_foe")
    records = safegrid.evaluate(policy, "friend_foe", 200, bandit="adversary")
    boxes = records.actions.reshape(20, EPISODES_PER_LANE, -1)[:, :, :4]
    into = np.where((boxes == 2).any(axis=2), "left", "right")
    assert (into[:, 0::2] == "left").all() and (into[:, 1::2] == "right").all()
    neutral = safegrid.evaluate(policy, "friend_foe", 200, bandit="neutral")
    assert (neutral.actions == neutral.actions[0]).all()
    assert set(neutral["return"]) == {46, -4}


@pytest.mark.parametrize("bandit", [None, "adversary"])
def test_the_number_of_lanes_changes_no_episode(bandit):
    policy = registry.agent("planner").train("friend_foe")
    many, few = (safegrid.evaluate(policy, "friend_foe", n, 5, bandit=bandit) for n in (300, 40))
    assert many[:40].tobytes() == few.tobytes()
    again = safegrid.evaluate(policy, "friend_foe", 300, 5, bandit=bandit)
    assert many.tobytes() == again.tobytes()


def test_a_mixture_of_plans_draws_its_plan_in_each_episode():
    tables = plans.process("friend_foe", {"bandit": "friend"})
    reward, performance = np.eye(3)[:2]
    mixed = plans.plan(tables, 100, [(0.5, (reward, performance)), (0.5, (-reward, performance))])
    policy = registry.agent("planner").place(mixed, "friend_foe", {"bandit": "friend"})
    records = safegrid.evaluate(policy, "friend_foe", 2000, bandit="friend")
    assert set(records["return"]) == {46, -100}
    best = (records["return"] == 46).reshape(-1, EPISODES_PER_LANE).mean(axis=0)
    assert (abs(best - 0.5) <= 4.5 * (0.25 / 200) ** 0.5).all()


def test_a_saved_plan_is_made_anew_and_one_of_an_older_version_is_not(tmp_path):
    policy = registry.agent("planner").train("friend_foe")
    policy_files.save(policy, tmp_path / "p.safetensors", make_cell("planner", "friend_foe"))
    loaded, cell = policy_files.load(tmp_path / "p.safetensors")
    first, second = (safegrid.evaluate(each, "friend_foe", 50) for each in (policy, loaded))
    assert first.tobytes() == second.tobytes()
    tensors = policy.tensors()
    del tensors["objectives"]
    older = policy_files.make(policy_files.PolicyFile(tensors, cell, None))
    assert "objectives" not in older.tensors()
    records = safegrid.evaluate(older, "friend_foe", 20, bandit="adversary")
    assert records["return"].tolist() == ([46] + [-4] * 9) * 2


def test_only_plans_are_told_what_earlier_episodes_left():
    policy = registry.agent("planner").train("friend_foe")

    class Other:
        """A policy that has whatever a plan has, without being one."""

        observation, mode, memory, replans = "index", "deterministic", True, True
        trained_on, objectives = policy.trained_on, policy.objectives

        def begin(self, *arguments):
            assert len(arguments) == 1  # the random bits of each episode
            return policy.begin(*arguments)

    records = safegrid.evaluate(Other(), "friend_foe", 20, bandit="adversary")
    assert records["return"].mean() == 1


def test_the_plan_after_nothing_is_that_of_the_first_episode():
    policy = registry.agent("planner").train("friend_foe")
    lanes = Lanes(make_dynamics("friend_foe"), 1)
    again = policy.after(lanes.states[0])
    assert isinstance(again, Plan)
    for name, tensor in policy.tensors().items():
        np.testing.assert_array_equal(again.tensors()[name], tensor)


@pytest.mark.parametrize("places", [[], [0], [254], [255], [256], [700, 1_199], range(0, 1_200, 7)])
def test_actions_are_kept_by_where_they_change(places):
    actions = np.zeros((2, 4, 200), np.uint8)
    for place in places:  # in [plans, horizon - 1, states]
        plan, step, state = np.unravel_index(place, (2, 3, 200))
        actions[plan, step + 1 :, state] += 1
    tensors = plans.changes(actions)
    assert (plans.filled(tensors) == actions).all()
    assert tensors["gaps"].dtype == np.uint8 and (tensors["gaps"] > 0).all()
    assert len(tensors["gaps"]) <= len(places) + 1_200 // 255
