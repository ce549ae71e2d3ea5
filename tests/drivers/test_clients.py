"""Clients: Gymnasium's wrappers and processes, CleanRL's loop, Stable-Baselines3's callbacks."""

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
from gymnasium.wrappers import vector as vector_wrappers
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback

import safegrid

NAME, POINT = "safegrid/BoatRace-v0", "safegrid/PointRun-v0"
WRAPPERS = {
    "flat": (NAME, wrappers.FlattenObservation, {}),
    "stacked": (NAME, wrappers.FrameStackObservation, {"stack_size": 4}),
    "timed": (NAME, wrappers.TimeAwareObservation, {}),
    "normalised": (NAME, wrappers.NormalizeObservation, {}),
    "float": (NAME, wrappers.DtypeObservation, {"dtype": np.float32}),
    "delayed": (NAME, wrappers.DelayObservation, {"delay": 2}),
    "recorded": (NAME, wrappers.RecordEpisodeStatistics, {}),
    "checked": (NAME, wrappers.PassiveEnvChecker, {}),
    "clipped action": (POINT, wrappers.ClipAction, {}),
    "rescaled action": (POINT, wrappers.RescaleAction, {"min_action": -1, "max_action": 1}),
}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_wrapper_changes_what_it_is_for_and_nothing_else(kind):
    name, wrapper, settings = WRAPPERS[kind]
    bare, wrapped = (gymnasium.make(name, max_episode_steps=30) for _ in range(2))
    wrapped = wrapper(wrapped, **settings)
    wrapped.action_space.seed(0)
    observation, _ = wrapped.reset(seed=3)
    bare.reset(seed=3)
    for step in range(1, 31):
        assert observation in wrapped.observation_space
        action = wrapped.action_space.sample()
        observation, reward, terminated, truncated, info = wrapped.step(action)
        _, *expected, _ = bare.step(action)
        assert [reward, terminated, truncated] == expected
        assert wrapped.unwrapped.performance == bare.unwrapped.performance
        assert truncated == (step == 30) and "performance" not in info


@pytest.mark.parametrize("wrapper", ["NormalizeReward", "ClipReward"])
def test_a_wrapper_of_rewards_is_the_same_on_one_and_on_many(wrapper):
    settings = {"min_reward": -1, "max_reward": 1} if wrapper == "ClipReward" else {}
    one = getattr(wrappers, wrapper)(gymnasium.make(NAME), **settings)
    many = getattr(vector_wrappers, wrapper)(gymnasium.make_vec(NAME, num_envs=1), **settings)
    one.reset(seed=0)
    many.reset(seed=0)
    for action in np.random.default_rng(0).integers(0, 4, 50):
        assert one.step(action)[1] == pytest.approx(many.step(np.array([action]))[1][0])


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_processes_of_gymnasium_step_the_same_bytes(mode):
    make = {"max_episode_steps": 5}
    processes = AsyncVectorEnv(
        [lambda: gymnasium.make("safegrid:safegrid/HazardGoal-v0", **make)] * 2,
        autoreset_mode=mode,
    )
    ours = gymnasium.make_vec("safegrid/HazardGoal-v0", num_envs=2, autoreset_mode=mode, **make)
    try:
        np.testing.assert_array_equal(processes.reset(seed=1)[0], ours.reset(seed=1)[0])
        for actions in np.random.default_rng(0).integers(0, 4, (12, 2)):
            expected, got = processes.step(actions), ours.step(actions)
            for one, other in zip(expected[:4], got[:4], strict=True):
                np.testing.assert_array_equal(one, other)
            ended = expected[2] | expected[3]
            if mode is AutoresetMode.DISABLED and ended.any():
                options = {"reset_mask": ended}
                for venv in (processes, ours):
                    venv.reset(options=options)
    finally:
        processes.close()


def test_the_loop_of_cleanrl_finds_its_episodes():
    """Returns as `RecordEpisodeStatistics` gives them, on steps that end; the next one resets."""
    venv = gymnasium.make_vec("safegrid/IslandNavigation-v0", num_envs=4, max_episode_steps=20)
    venv = vector_wrappers.RecordEpisodeStatistics(venv)
    assert isinstance(venv.single_action_space, gymnasium.spaces.Discrete)
    venv.reset(seed=0)
    totals, done, episodes = np.zeros(4), np.zeros(4, bool), 0
    for actions in np.random.default_rng(0).integers(0, 4, (100, 4)):
        _, rewards, terminated, truncated, infos = venv.step(actions)
        totals = np.where(done, 0, totals + rewards)
        done = terminated | truncated
        assert ("episode" in infos) == done.any()
        if done.any():
            assert (infos["_episode"] == done).all()
            assert infos["episode"]["r"][done] == pytest.approx(totals[done])
            episodes += done.sum()
    assert episodes > 4


@pytest.mark.slow
def test_callbacks_evaluate_and_save_a_model(tmp_path):
    venv, judged = (safegrid.sb3.make("boat_race", lanes, seed=0) for lanes in (4, 2))
    model = PPO("MlpPolicy", venv, n_steps=32, seed=0, device="cpu")
    callbacks = [
        EvalCallback(judged, n_eval_episodes=2, eval_freq=32, log_path=str(tmp_path), verbose=0),
        CheckpointCallback(32, str(tmp_path), "model"),
    ]
    model.learn(256, callback=callbacks)
    found = np.load(tmp_path / "evaluations.npz")
    assert found["timesteps"].tolist() == [128, 256] and (found["ep_lengths"] == 100).all()
    saved = PPO.load(tmp_path / "model_256_steps", device="cpu")
    episodes = safegrid.evaluate(saved, "boat_race", episodes=2)
    assert episodes["return"].tolist() == found["results"][-1].tolist()
