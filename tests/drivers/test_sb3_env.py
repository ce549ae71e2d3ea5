"""The VecEnv of Stable-Baselines3: what the library and its users ask of one."""

import gymnasium
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import safegrid
from safegrid.engine.contract.agents import Run
from safegrid.engine.monitor import EpisodeLog


def test_infos_are_those_of_the_librarys_own_vector():
    name, lanes = "safegrid/HazardGoal-v0", 5
    theirs = DummyVecEnv([lambda: Monitor(gymnasium.make(name, max_episode_steps=6))] * lanes)
    ours = safegrid.sb3.make("hazard_goal", lanes, max_episode_steps=6)
    assert theirs.env_is_wrapped(Monitor) == ours.env_is_wrapped(Monitor) == [True] * lanes
    for venv in (theirs, ours):
        venv.seed(4)
        venv.reset()
    assert ours.reset_infos == theirs.reset_infos == [{"cost": 0.0}] * lanes
    random, episodes, cost = np.random.default_rng(0), 0, np.zeros(lanes)
    for _ in range(40):
        actions = random.integers(0, 4, lanes)
        *expected, infos = theirs.step(actions)
        *got, own = ours.step(actions)
        for a, b in zip(expected, got, strict=True):
            assert a.tobytes() == b.tobytes()
        for i, (one, other) in enumerate(zip(infos, own, strict=True)):
            assert one["cost"] == other["cost"] and type(other["cost"]) is np.float64
            cost[i] += one["cost"]
            assert ("episode" in one) == ("episode" in other)
            if "episode" in one:
                episodes += 1
                sums = {key: one["episode"][key] for key in "rl"}
                assert {**sums, "c": cost[i]} == other["episode"]
                assert one["TimeLimit.truncated"] == other["TimeLimit.truncated"]
                cost[i] = 0
    assert episodes > lanes


def test_the_librarys_evaluation_sees_unscaled_rewards():
    lanes = safegrid.sb3.make("boat_race", 4, seed=0)
    venv = VecNormalize(lanes, gamma=0.99)
    model = PPO("MlpPolicy", venv, n_steps=32, seed=0, device="cpu")
    venv.reset()
    for _ in range(200):  # so that the scale is not 1
        venv.step(np.zeros(4, int))
    venv.training = False
    returns, lengths = evaluate_policy(model, venv, 4, return_episode_rewards=True)
    assert lengths == [100] * 4
    assert all(value == round(value) for value in returns)


def test_a_monitors_wrapper_is_the_only_one():
    venv = safegrid.sb3.make("boat_race", 3)
    assert venv.env_is_wrapped(Monitor, indices=[0, 2]) == [True, True]
    assert venv.env_is_wrapped(gymnasium.wrappers.TimeLimit) == [False] * 3


def test_attributes_and_methods_are_of_the_lanes_that_are_asked_for():
    venv = safegrid.sb3.make("boat_race", 4, seed=0)
    venv.reset()
    venv.step(np.array([3, 0, 3, 0]))
    assert venv.get_attr("performance") == [1.0, -1.0, 1.0, -1.0]
    assert venv.get_attr("performance", indices=[1, 2]) == [-1.0, 1.0]
    assert venv.get_attr("performance", 3) == [-1.0]
    assert venv.get_attr("num_envs", [0]) == [4]
    venv.mask = lambda boards: np.arange(16).reshape(4, 4) % 3 > 0
    masks = venv.env_method("action_masks", indices=[2, 0])
    assert [mask.tolist() for mask in masks] == [venv.action_masks()[i].tolist() for i in (2, 0)]
    with pytest.raises(NotImplementedError, match="no methods of their own"):
        venv.env_method("reset")


def test_performance_is_refused_in_a_training():
    venv = safegrid.sb3.make("boat_race", 2, seed=0, run=Run(monitor=EpisodeLog()))
    venv.reset()
    for attempt in (
        lambda: venv.get_attr("performance"),
        lambda: venv.performance,
        lambda: safegrid.Reveal(venv).step(np.zeros(2, int)),
    ):
        with pytest.raises(AttributeError, match="performance is hidden in a training"):
            attempt()
    assert not venv.has_attr("performance")


def test_reveal_has_the_performance_of_a_reset():
    venv = safegrid.Reveal(safegrid.sb3.make("boat_race", 2, seed=0))
    venv.reset()
    assert venv.reset_infos == [{"cost": 0.0, "performance": 0.0}] * 2


def test_pictures_have_the_mode_theme_and_size_that_are_asked_for():
    venv = safegrid.sb3.make("boat_race", 2, theme="paper", tile_size=8)
    for attempt in (venv.render, venv.get_images, lambda: venv.env_method("render")):
        with pytest.raises(RuntimeError, match=r"before reset\(\): call reset\(\) first"):
            attempt()
    venv.reset()
    env = gymnasium.make(
        "safegrid/BoatRace-v0", render_mode="rgb_array", theme="paper", tile_size=8
    )
    env.reset()
    venv.step(np.array([3, 3]))
    env.step(3)
    for image in (*venv.get_images(), *venv.env_method("render")):
        assert image.tobytes() == env.render().tobytes()
    assert venv.render().shape == (80, 40, 3)
    text = safegrid.sb3.make("boat_race", 2, render_mode="ansi")
    text.reset()
    assert text.render() == text.env_method("render") == ["#####\n#A> #\n#^#v#\n# < #\n#####"] * 2
    assert text.get_images() == [None, None]
    with pytest.raises(ValueError, match="render_mode 'gif'"):
        safegrid.sb3.make("boat_race", render_mode="gif")
    with pytest.raises(ValueError, match="tile_size is 0"):
        safegrid.sb3.make("boat_race", tile_size=0)


def test_a_window_shows_the_lanes(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    venv = safegrid.sb3.make("boat_race", 2, render_mode="human")
    venv.reset()
    venv.step(np.array([3, 3]))
    assert venv.render() is None
    venv.close()


def test_a_changed_observation_changes_neither_the_picture_nor_the_mask():
    venv = safegrid.sb3.make("boat_race", 2)
    venv.mask = lambda boards: boards.reshape(2, -1)[:, :4] == 0
    observations = venv.reset()
    images, masks = venv.get_images(), venv.action_masks()
    observations[:] = 1
    assert all(map(np.array_equal, venv.get_images(), images))
    assert np.array_equal(venv.action_masks(), masks)
