"""Infos: costs at the ends of episodes, where Gymnasium's own vector of environments has them."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import Autoreset

import safegrid
from safegrid.engine import registry

COSTLY = [("hazard_goal", {}), ("hazard_button", {}), ("point_goal", {"level": 2, "hazards": 9})]
LANES, LIMIT, STEPS = 4, 9, 40


def assert_equal(expected, got, seen=()):
    """The same keys, types, shapes and bytes; batched observations where they are masked True."""
    assert set(expected) == set(got)
    for key, value in expected.items():
        if isinstance(value, dict):
            assert_equal(value, got[key], (*seen, key))
        elif key == "final_obs":
            for i in np.flatnonzero(expected["_final_obs"]):
                np.testing.assert_array_equal(value[i], got[key][i])
        else:
            assert (value.dtype, value.shape) == (got[key].dtype, got[key].shape), (*seen, key)
            assert value.tobytes() == got[key].tobytes(), (*seen, key)


@pytest.mark.parametrize("wrap", [lambda env: env, safegrid.Reveal], ids=["plain", "Reveal"])
@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize(("name", "options"), COSTLY, ids=[name for name, _ in COSTLY])
def test_infos_are_those_of_gymnasiums_own_vector(name, options, mode, wrap):
    identifier = registry.environment(name).identifier

    def single():
        return wrap(gymnasium.make(identifier, max_episode_steps=LIMIT, **options))

    theirs = SyncVectorEnv([single] * LANES, autoreset_mode=mode)
    ours = wrap(
        gymnasium.make_vec(
            identifier, LANES, autoreset_mode=mode, max_episode_steps=LIMIT, **options
        )
    )
    assert_equal(theirs.reset(seed=3)[1], ours.reset(seed=3)[1])
    ours.action_space.seed(0)
    costs = endings = 0
    for t in range(STEPS):
        if mode is AutoresetMode.DISABLED and t == 4:  # lanes then end at different times
            mask = np.arange(LANES) < 2
            assert_equal(*(env.reset(options={"reset_mask": mask})[1] for env in (theirs, ours)))
        actions = ours.action_space.sample()
        expected, got = theirs.step(actions), ours.step(actions)
        assert_equal(expected[4], got[4])
        ended = expected[2] | expected[3]
        endings += ended.sum()
        costs += got[4]["cost"].sum()
        if mode is AutoresetMode.DISABLED and ended.any():
            assert_equal(*(env.reset(options={"reset_mask": ended})[1] for env in (theirs, ours)))
    assert endings > LANES and (costs > 0 or name != "hazard_goal")


def test_costs_of_a_vector_summed_as_gymnasium_splits_them_are_counted_once():
    name = "safegrid/HazardGoal-v0"
    sums = []
    for mode in ("same_step", "next_step"):
        venv = gymnasium.make_vec(name, 64, autoreset_mode=mode, max_episode_steps=20)
        _, info = venv.reset(seed=0)
        total, random = info["cost"].copy(), np.random.default_rng(0)
        for _ in range(20):
            info = venv.step(random.integers(0, 4, 64))[4]
            total += np.where(info["_cost"], info["cost"], 0)
            if "final_info" in info:
                total += np.where(info["_final_info"], info["final_info"]["cost"], 0)
        sums.append(total)
    running = venv.unwrapped._lanes.records["episode"] == 1  # others lost a step to their reset
    assert running.sum() > 20 and sums[0].sum() > 0
    assert sums[0][running].tolist() == sums[1][running].tolist()


@pytest.mark.parametrize("name", ["boat_race", "point_goal"])
def test_costs_of_a_single_environment_are_float64_from_the_reset_on(name):
    env = gymnasium.make(registry.environment(name).identifier)
    _, first = env.reset(seed=0)
    last = env.step(env.action_space.sample())[4]
    assert set(first) == set(last) >= {"cost"} and not any(first.values())
    assert {type(value) for value in (*first.values(), *last.values())} == {np.float64}


def test_the_cost_limit_is_known_at_every_environment():
    for name in ("hazard_goal", "boat_race"):
        spec = registry.environment(name)
        for env in (
            gymnasium.make(spec.identifier).unwrapped,
            gymnasium.make_vec(spec.identifier).unwrapped,
            safegrid.sb3.make(name),
        ):
            assert env.cost_limit == spec.cost_limit
    assert registry.environment("hazard_goal").cost_limit is not None


def test_six_values_go_on_over_the_ends_of_episodes():
    env = safegrid.SixTuple(
        Autoreset(gymnasium.make("safegrid/HazardGoal-v0", max_episode_steps=2))
    )
    _, info = env.reset(seed=0)
    assert info["cost_sum"] == 0
    for _ in range(6):
        *_, cost, _, _, info = env.step(0)
        assert cost == info["cost"] == info["cost_sum"]


@pytest.mark.parametrize("mode", ["same_step", "next_step"])
def test_six_values_of_a_vector_have_the_cost_of_the_step_that_ends_an_episode(mode):
    name, random = "safegrid/HazardGoal-v0", np.random.default_rng(1)
    singles = [safegrid.SixTuple(gymnasium.make(name, max_episode_steps=5)) for _ in range(8)]
    venv = safegrid.SixTuple(gymnasium.make_vec(name, 8, autoreset_mode=mode, max_episode_steps=5))
    _, info = venv.reset(seed=0)
    assert info["cost_sum"].tolist() == [0] * 8 and info["_cost_sum"].all()
    for i, env in enumerate(singles):
        env.reset(seed=i)
    ended, last = np.zeros(8, bool), 0
    for _ in range(60):
        actions = random.integers(0, 4, 8)
        _, _, costs, terminated, truncated, info = venv.step(actions)
        assert info["cost_sum"].tobytes() == info["cost"].tobytes()
        for i, env in enumerate(singles):
            if mode == "next_step" and ended[i]:
                env.reset()
                assert costs[i] == 0
                continue
            cost = env.step(actions[i])[2]
            assert costs[i] == cost
            if terminated[i] or truncated[i]:
                last += cost
                if mode == "same_step":
                    assert info["final_info"]["cost_sum"][i] == cost
                    env.reset()
        ended = terminated | truncated
    assert last > 0


def test_what_is_no_environment_has_no_six_values():
    with pytest.raises(ValueError, match="'boat_race' is not an environment of Gymnasium"):
        safegrid.SixTuple("boat_race")


@pytest.mark.parametrize("mode", ["same_step", "next_step", "disabled"])
@pytest.mark.parametrize("name", ["hazard_goal", "point_goal"])
def test_no_array_of_a_step_shares_memory_with_another(name, mode):
    """One allocation for all would let an agent find the performance beside its rewards."""
    identifier = registry.environment(name).identifier
    venv = gymnasium.make_vec(identifier, 3, autoreset_mode=mode, max_episode_steps=2)
    observations, info = venv.reset(seed=0)
    shown = [observations, *info.values()]
    for _ in range(2):
        *arrays, info = venv.step(venv.action_space.sample())
        shown += [*arrays, *info.values(), *info.get("final_info", {}).values()]
    arrays = [array for array in shown if isinstance(array, np.ndarray)]
    assert len(arrays) > 10
    for array in arrays:
        assert array.base is None or (array.base.base is None and array.base.size == array.size)
    for i, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[i + 1 :])
