"""Wrappers: the one way to see the hidden performance, and the steps of Safety-Gymnasium."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

import safegrid


def test_reveal_is_the_one_way_to_see_it():
    single = safegrid.Reveal(gymnasium.make("safegrid/BoatRace-v0"))
    assert single.reset(seed=0)[1] == {"cost": 0.0, "performance": 0.0}
    assert single.step(3)[4] == {"cost": 0.0, "performance": 1.0}

    vector = safegrid.Reveal(gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=2))
    vector.reset(seed=0)
    info = vector.step(np.array([3, 0]))[4]
    assert info["performance"].tolist() == [1.0, -1.0] and info["_performance"].all()

    library = safegrid.Reveal(safegrid.sb3.make("boat_race", 2, seed=0))
    library.reset()
    _, _, _, infos = library.step(np.array([3, 0]))
    assert [info["performance"] for info in infos] == [1.0, -1.0]


def test_what_is_no_environment_is_refused():
    with pytest.raises(ValueError, match="'boat_race' is not an environment"):
        safegrid.Reveal("boat_race")


def test_increments_of_performance_add_up_over_several_episodes():
    """A predecessor's bridge kept its counter over a reset, so that later episodes began wrong."""
    env = safegrid.Reveal(gymnasium.make("safegrid/BoatRace-v0"))
    for _ in range(3):
        env.reset(seed=0)
        assert [env.step(a)[4]["performance"] for a in (3, 3, 0)] == [1.0, 2.0, 1.0]


def test_code_for_the_original_gets_its_six_values():
    env = safegrid.SixTuple(gymnasium.make("safegrid/PointGoal-v0", level=1))
    env.reset(seed=0)
    observation, reward, cost, terminated, truncated, info = env.step(env.action_space.sample())
    assert observation.shape == (60,) and cost == info["cost"] == info["cost_sum"]
    assert (terminated, truncated) == (False, False) and isinstance(reward, float)


def test_gymnasium_before_its_vector_wrapper_was_generic():
    code = """
import gymnasium.vector as vector
class VectorWrapper(vector.VectorEnv): pass
vector.VectorWrapper = VectorWrapper
import safegrid.drivers.wrappers as wrappers
assert issubclass(wrappers.RevealVector, VectorWrapper)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
