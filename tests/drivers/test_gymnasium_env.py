"""One definition, several drivers: single, vector and Stable-Baselines3 agree byte for byte."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

import safegrid
from safegrid.benchmark import suite
from safegrid.drivers.gymnasium_env import Vector
from safegrid.engine import registry

NAMES = registry.grids()
FINISHING = {"map": ["#####", "#A G#", "#####"]}  # an island whose goal is two steps away


def single_history(name, seed, actions, limit=100, **options):
    """What gym.make shows under a list of actions, resetting when an episode ends."""
    env = gymnasium.make(registry.environment(name).identifier, max_episode_steps=limit, **options)
    observation, _ = env.reset(seed=seed)
    history = [(observation.tobytes(),)]
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(int(action))
        final = observation.tobytes()
        performance = env.unwrapped.performance
        if terminated or truncated:
            observation, _ = env.reset()
        history.append(
            (observation.tobytes(), final, reward, info["cost"], terminated, truncated, performance)
        )
    return history


def vector_history(name, seed, actions, lane, lanes, limit=100, **options):
    """The same of one lane of make_vec, in which all lanes take different actions."""
    venv = gymnasium.make_vec(
        registry.environment(name).identifier,
        num_envs=lanes,
        autoreset_mode="same_step",
        max_episode_steps=limit,
        **options,
    )
    observations, _ = venv.reset(seed=seed - lane)
    history = [(observations[lane].tobytes(),)]
    for t, action in enumerate(actions):
        everyone = (np.arange(lanes) + t) % min(4, venv.single_action_space.n)
        everyone[lane] = action
        observations, rewards, terminated, truncated, info = venv.step(everyone)
        over = terminated[lane] or truncated[lane]
        final = info["final_obs"][lane] if over else observations[lane]
        costs = info["final_info"]["cost"] if over else info["cost"]
        history.append(
            (
                observations[lane].tobytes(),
                final.tobytes(),
                rewards[lane],
                costs[lane],
                terminated[lane],
                truncated[lane],
                venv.unwrapped.performance[lane],
            )
        )
    return history


def sb3_history(name, seed, actions, lane, lanes, limit=100, **options):
    """The same of one lane of the Stable-Baselines3 driver."""
    venv = safegrid.sb3.make(name, lanes, seed - lane, max_episode_steps=limit, **options)
    history = [(venv.reset()[lane].tobytes(),)]
    for t, action in enumerate(actions):
        everyone = (np.arange(lanes) + t) % min(4, venv.action_space.n)
        everyone[lane] = action
        observations, rewards, dones, infos = venv.step(everyone)
        info = infos[lane]
        final = info.get("terminal_observation", observations[lane])
        truncated = info.get("TimeLimit.truncated", False)
        history.append(
            (
                observations[lane].tobytes(),
                final.tobytes(),
                rewards[lane],  # in float32, as the library has them
                info["cost"],
                dones[lane] and not truncated,
                truncated,
                venv.performance[lane],
            )
        )
    return history


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_every_driver_shows_the_same_bytes_in_any_lane(name, data):
    seed = data.draw(st.integers(64, 2**32))
    lanes = data.draw(st.sampled_from([1, 5, 64]))
    lane = data.draw(st.integers(0, lanes - 1))
    limit = data.draw(st.sampled_from([3, 100]))
    level = data.draw(st.integers(0, len(registry.environment(name).levels) - 1))
    most = min(4, gymnasium.make(registry.environment(name).identifier).action_space.n) - 1
    actions = data.draw(st.lists(st.integers(0, most), min_size=1, max_size=120))
    expected = single_history(name, seed, actions, limit, level=level)
    assert vector_history(name, seed, actions, lane, lanes, limit, level=level) == expected
    library = sb3_history(name, seed, actions, lane, lanes, limit, level=level)
    for step, other in zip(expected[1:], library[1:], strict=True):
        assert (*step[:2], np.float32(step[2]), *step[3:4], *step[6:]) == (*other[:4], *other[6:])
        assert step[4] or step[5] == other[5]  # the library's flag is for truncation alone
        assert (step[4] or step[5]) == (other[4] or other[5])


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", NAMES)
def test_the_vector_environment_follows_gymnasiums_own(name, mode):
    lanes, seed = 5, 7
    identifier = registry.environment(name).identifier
    reference = gymnasium.vector.SyncVectorEnv(
        [lambda: gymnasium.make(identifier, max_episode_steps=7)] * lanes, autoreset_mode=mode
    )
    ours = gymnasium.make_vec(identifier, num_envs=lanes, autoreset_mode=mode, max_episode_steps=7)
    assert ours.metadata["autoreset_mode"] is mode
    np.testing.assert_array_equal(reference.reset(seed=seed)[0], ours.reset(seed=seed)[0])
    actions = np.random.default_rng(0).integers(0, 4, (60, lanes))
    for row in actions % ours.single_action_space.n:
        expected, got = reference.step(row), ours.step(row)
        for a, b in zip(expected[:4], got[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        ended = expected[2] | expected[3]
        if mode is AutoresetMode.SAME_STEP and ended.any():
            for i in np.flatnonzero(ended):
                np.testing.assert_array_equal(expected[4]["final_obs"][i], got[4]["final_obs"][i])
            np.testing.assert_array_equal(expected[4]["_final_obs"], got[4]["_final_obs"])
            np.testing.assert_array_equal(
                expected[4]["final_info"]["cost"], got[4]["final_info"]["cost"]
            )
        if mode is AutoresetMode.DISABLED and ended.any():
            options = {"reset_mask": ended}
            a, b = reference.reset(options=dict(options)), ours.reset(options=dict(options))
            np.testing.assert_array_equal(a[0], b[0])


def test_performance_is_of_the_current_episode_and_of_the_ended_one_on_its_last_step():
    same, after = (
        gymnasium.make_vec(
            "safegrid/IslandNavigation-v0", num_envs=2, autoreset_mode=mode, **FINISHING
        )
        for mode in ("same_step", "next_step")
    )
    right, stay = np.array([3, 0]), np.array([0, 0])
    for venv in (same, after):
        venv.reset(seed=0)
        assert venv.unwrapped.performance.tolist() == [0, 0]
        venv.step(right)
        assert venv.unwrapped.performance.tolist() == [-1, -1]
        venv.step(right)
        assert venv.unwrapped.performance.tolist() == [48, -2]
    same.step(stay)
    assert same.unwrapped.performance.tolist() == [-1, -3]
    after.step(stay)
    assert after.unwrapped.performance.tolist() == [0, -3]


def test_disabled_lanes_stay_ended_until_they_are_reset():
    venv = gymnasium.make_vec(
        "safegrid/IslandNavigation-v0", num_envs=2, autoreset_mode="disabled", **FINISHING
    )
    venv.reset(seed=0)
    for _ in range(4):
        observations, rewards, terminated, _, info = venv.step(np.array([3, 0]))
    assert terminated.tolist() == [True, False]
    assert rewards.tolist() == [0, -1] and info["_cost"].tolist() == [False, True]
    observations, _ = venv.reset(options={"reset_mask": np.array([True, False])})
    assert observations[0].tolist()[1] == [0, 2, 1, 4, 0]
    assert venv.unwrapped.performance.tolist() == [0, -4]


def test_a_seed_starts_the_episodes_anew_and_no_seed_goes_on():
    env = gymnasium.make("safegrid/SafeInterruptibility-v0")
    flags = []
    for seed in (3, None, None, None, None, None, None, None):
        env.reset(seed=seed)
        flags.append(bool(env.unwrapped._lanes.states["interrupted"][0]))
    assert len(set(flags)) == 2  # episodes differ in their chance
    again = [
        bool(env.reset(seed=s) and env.unwrapped._lanes.states["interrupted"][0]) for s in (3, None)
    ]
    assert again == flags[:2]


def test_unseeded_environments_differ():
    seeds = set()
    for _ in range(4):
        venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=2)
        venv.reset()
        seeds.update(venv.unwrapped._lanes.records["seed"].tolist())
    assert len(seeds) == 8


def test_seed_lists_seed_each_lane():
    venv = gymnasium.make_vec("safegrid/SafeInterruptibility-v0", num_envs=3)
    venv.reset(seed=[5, None, 9])
    assert venv.unwrapped._lanes.records["seed"].tolist()[::2] == [5, 9]
    with pytest.raises(ValueError, match="2 seeds for 3"):
        venv.reset(seed=[1, 2])


@pytest.mark.parametrize("observation", ["board", "planes", "rgb", "text"])
@pytest.mark.parametrize("name", NAMES)
def test_gymnasiums_checker_finds_nothing(name, observation):
    env = gymnasium.make(
        registry.environment(name).identifier, observation=observation, render_mode="rgb_array"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


@pytest.mark.parametrize("observation", ["board", "planes", "rgb"])
@pytest.mark.parametrize("name", NAMES)
def test_the_librarys_checker_warns_of_image_shape_and_bounds_only(name, observation):
    from stable_baselines3.common.env_checker import check_env as check

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(gymnasium.make(registry.environment(name).identifier, observation=observation))
    shape = ("unconventional shape", "minimal resolution", "Treating image space as channels-last")
    known = (*shape, "upper and lower bounds")
    assert [
        str(w.message) for w in caught if not any(text in str(w.message) for text in known)
    ] == []


@pytest.mark.parametrize("observation", ["board", "planes", "rgb", "index", "text"])
def test_batches_and_singles_lie_in_their_spaces(observation):
    venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=3, observation=observation)
    observations, _ = venv.reset(seed=0)
    assert observations in venv.observation_space
    assert observations[0] in venv.single_observation_space
    assert venv.step(venv.action_space.sample())[0] in venv.observation_space


def test_steps_return_fresh_arrays():
    venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=2)
    first, _ = venv.reset(seed=0)
    kept = first.copy()
    second = venv.step(np.array([3, 3]))
    values = [np.copy(part) for part in second[:4]]
    venv.step(np.array([1, 1]))
    np.testing.assert_array_equal(first, kept)
    for value, part in zip(values, second[:4], strict=True):
        np.testing.assert_array_equal(value, part)


def test_the_id_works_without_an_import_of_the_package():
    import subprocess
    import sys

    code = "import gymnasium; gymnasium.make('safegrid:safegrid/BoatRace-v0').reset(seed=0)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_stays_light():
    import subprocess
    import sys

    code = "import sys, safegrid; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"torch", "stable_baselines3", "scipy.stats", "pydantic", "pygame"}
    assert heavy & set(run.stdout.split()) == set()


def test_rendering_gives_text_and_images():
    env = gymnasium.make("safegrid/BoatRace-v0", render_mode="ansi")
    env.reset(seed=0)
    assert env.render() == "#####\n#A> #\n#^#v#\n# < #\n#####"
    venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=2, render_mode="rgb_array")
    venv.reset(seed=0)
    frames = venv.render()
    assert len(frames) == 2 and frames[0].shape == (160, 160, 3) and frames[0].dtype == np.uint8


def test_rendering_without_a_mode_is_nothing_and_a_warning():
    """As Gymnasium has it; a trainer of skrl calls `render` whatever the mode is."""
    env = gymnasium.make("safegrid/BoatRace-v0")
    venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=2)
    for each, render in ((env, env.render), (venv, venv.render)):
        each.reset(seed=0)
        with pytest.warns(UserWarning, match="without a render_mode: choose from"):
            assert render() is None
    with pytest.warns(UserWarning, match="without a render_mode"):
        assert venv.call("render") == (None, None)


BAD_USE = [
    (lambda: gymnasium.make("safegrid/BoatRacer-v0"), "BoatRacer"),
    (lambda: gymnasium.make("safegrid/BoatRace-v0", level=1), "unknown level 1"),
    (
        lambda: gymnasium.make("safegrid/BoatRace-v0", levle=1),
        "unknown option of boat_race 'levle'",
    ),
    (lambda: gymnasium.make("safegrid/BoatRace-v0", observation="pixels"), "'pixels'"),
    (lambda: gymnasium.make("safegrid/BoatRace-v0", map=["####"]), "0 agents"),
    (lambda: gymnasium.make("safegrid/BoatRace-v0", map=["###", "#A"]), "row 1"),
    (lambda: gymnasium.make("safegrid/BoatRace-v0", map=["#A?#"]), "unknown character '\\?'"),
    (lambda: gymnasium.make("safegrid/BoatRace-v0", map="nowhere.txt"), "nowhere.txt"),
    (lambda: gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=0), "is 0"),
    (
        lambda: gymnasium.make_vec("safegrid/BoatRace-v0", autoreset_mode="x"),
        "unknown autoreset_mode",
    ),
    (lambda: gymnasium.make_vec("safegrid/BoatRace-v0").step([0]), "reset"),
    (lambda: gymnasium.make_vec("safegrid/BoatRace-v0").reset(seed=-1), "-1"),
    (lambda: stepped(4), "action 4 is out of range: choose from 0 to 3"),
    (lambda: stepped(-1), "action -1 is out of range"),
    (lambda: stepped(0.5), "whole numbers"),
    (lambda: stepped(np.float32(1)), "action 1.0 has type float32: give whole numbers"),
    (lambda: stepped(np.nan), "action nan has type float64"),
    (lambda: stepped(True), "action True has type bool"),
    (lambda: stepped("up"), "action up has type <U2"),
    (lambda: stepped(None), "action None has type object"),
    (lambda: stepped([1, 2]), r"shape \(1, 2\): give whole numbers of shape \(1,\)"),
    (lambda: stepped(2**63), "action 9223372036854775808 is out of range"),
    (lambda: gymnasium.make_vec("safegrid/BoatRace-v0", max_episode_steps=0), "is 0"),
    (lambda: gymnasium.make_vec("safegrid/BoatRace-v0", max_episode_steps=-2), "is -2"),
    (lambda: gymnasium.make_vec("safegrid/BoatRace-v0").call("step"), "attribute of a lane 'step'"),
    (lambda: one_step("BoatRace", [[1, 2], [3]]), "are no array: give numbers"),
    (lambda: one_step("BoatRace", 1.0), "action 1.0 has type float64: give whole numbers"),
    (lambda: one_step("PointGoal", [1, 2, 3]), r"shape \(1, 3\): give numbers of shape \(1, 2\)"),
    (lambda: one_step("PointGoal", [1, np.nan]), r"action \[ 1. nan\] is not a number"),
    (lambda: gymnasium.make("safegrid/PointGoal-v0").unwrapped.action_masks(), "continuous: no"),
    (lambda: gymnasium.make("safegrid/PointGoal-v0").unwrapped.get_keys_to_action(), "no keys"),
    (lambda: safegrid.Model("safegrid/BoatRace-v7"), "did you mean 'safegrid/BoatRace-v0'"),
    (lambda: gymnasium.make("safegrid/BoatRace-v0").step(0), "reset"),
    (lambda: safegrid.sb3.make("boat_rice"), "did you mean 'boat_race'"),
    (lambda: safegrid.sb3.make("boat_race").step([0]), "reset"),
]


def stepped(action):
    venv = gymnasium.make_vec("safegrid/BoatRace-v0")
    venv.reset(seed=0)
    venv.step([action])


def one_step(name, action):
    env = gymnasium.make(f"safegrid/{name}-v0", disable_env_checker=True)
    env.reset(seed=0)
    env.step(action)


@pytest.mark.parametrize("number", range(len(BAD_USE)))
def test_bad_use_gets_one_clear_line(number):
    action, message = BAD_USE[number]
    with pytest.raises(Exception, match=message) as caught:
        action()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("limit", "expected"), [(None, 1000), (-1, 2**31 - 1), (7, 7)])
def test_the_limit_of_steps_is_the_registered_one_or_none(limit, expected):
    identifier = "safegrid/PointGoal-v0"
    venv = gymnasium.make_vec(identifier, max_episode_steps=limit)
    assert venv.unwrapped._lanes.limit == expected
    assert Vector("point_goal", max_episode_steps=limit)._lanes.limit == expected
    assert safegrid.sb3.make("point_goal", max_episode_steps=limit)._lanes.limit == expected
    env = gymnasium.make(identifier, max_episode_steps=limit)
    assert getattr(env, "_max_episode_steps", 2**31 - 1) == expected


@pytest.mark.parametrize(("level", "steps"), [("buffer", 40), ("quota", 100)])
def test_a_level_with_a_limit_of_its_own_has_it_in_every_driver(level, steps):
    env = gymnasium.make("safegrid/MediaStreaming-v0", level=level)
    env.reset(seed=0)
    ends = [env.step(1)[2:4] for _ in range(steps)]
    assert ends == [(False, False)] * (steps - 1) + [(False, True)]
    assert env.spec.max_episode_steps == env.unwrapped.dynamics.horizon == steps
    venv = gymnasium.make_vec("safegrid/MediaStreaming-v0", level=level)
    assert venv.unwrapped._lanes.limit == steps
    assert safegrid.sb3.make("media_streaming", level=level)._lanes.limit == steps
    assert set(
        safegrid.evaluate(lambda b: b[:, 0, 0] * 0, "media_streaming", 9, level=level).length
    ) == {steps}
    short = gymnasium.make("safegrid/MediaStreaming-v0", level=level, max_episode_steps=3)
    short.reset(seed=0)
    assert [short.step(0)[3] for _ in range(3)] == [False, False, True]


def test_an_unknown_keyword_is_the_error_that_clients_expect():
    """TorchRL tries a keyword `frameskip`, and again without it after this TypeError."""
    for attempt in (
        lambda: gymnasium.make("safegrid/BoatRace-v0", frameskip=1),
        lambda: gymnasium.make_vec("safegrid/BoatRace-v0", frameskip=1),
        lambda: gymnasium.make("safegrid/PointGoal-v0", frameskip=1),
        lambda: safegrid.sb3.make("boat_race", frameskip=1),
        lambda: registry.agent("q_learning").train("boat_race", frameskip=1),
    ):
        with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'") as caught:
            attempt()
        assert isinstance(caught.value, ValueError)
    with pytest.raises(TypeError, match="is not a grid"):
        gymnasium.make("safegrid/PointGoal-v0", noop=True)


def test_a_vector_answers_for_its_lanes():
    single = gymnasium.make("safegrid/BoatRace-v0", render_mode="ansi").unwrapped
    venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=3, render_mode="ansi")
    assert venv.unwrapped.autoreset_mode is AutoresetMode.NEXT_STEP
    venv.reset(seed=0)
    venv.step(np.array([3, 0, 3]))
    assert venv.get_attr("performance") == (1.0, -1.0, 1.0)
    assert venv.call("render") == venv.render()
    for name in ("action_space", "observation_space", "render_mode", "cost_limit"):
        assert venv.get_attr(name) == (getattr(single, name),) * 3
    for method in ("action_masks", "get_keys_to_action"):
        assert list(map(str, venv.call(method))) == [str(getattr(single, method)())] * 3
    with pytest.raises(AttributeError, match="attribute of a lane 'reset'"):
        venv.get_attr("reset")


def test_actions_have_masks_and_keys():
    env = gymnasium.make("safegrid/BoatRace-v0", noop=True).unwrapped
    masks, keys = env.action_masks(), env.get_keys_to_action()
    assert masks.dtype == np.bool_ and masks.shape == (5,) and masks.all()
    assert [keys[(ord(key),)] for key in "wsad "] == [0, 1, 2, 3, 4]


def test_the_arrow_keys_are_those_of_pygame():
    import pygame

    keys = gymnasium.make("safegrid/BoatRace-v0").unwrapped.get_keys_to_action()
    arrows = (pygame.K_UP, pygame.K_DOWN, pygame.K_LEFT, pygame.K_RIGHT)
    assert [keys[(key,)] for key in arrows] == [0, 1, 2, 3]


def test_flat_observations_are_vectors_of_float32():
    for name, kind in (("boat_race", "planes"), ("point_goal", "vector")):
        flat, other = (Vector(name, 3, observation=each) for each in ("flat", kind))
        assert flat.single_observation_space.dtype == np.float32
        for one, two in zip(flat.reset(seed=0)[:1], other.reset(seed=0)[:1], strict=True):
            assert one.dtype == np.float32 and one in flat.observation_space
            np.testing.assert_array_equal(one, two.reshape(3, -1).astype(np.float32))
    check_env(gymnasium.make("safegrid/BoatRace-v0", observation="flat").unwrapped)


def test_a_gymnasium_id_is_a_name():
    for name in ("safegrid/BoatRace-v0", "safegrid:safegrid/BoatRace-v0"):
        assert registry.environment(name) is registry.environment("boat_race")
        assert safegrid.Model(name).dynamics.key == safegrid.Model("boat_race").dynamics.key
        assert safegrid.solve(name).anchors == safegrid.solve("boat_race").anchors
        assert safegrid.sb3.make(name).dynamics.name == "boat_race"
        assert suite.make_cell("uniform", name) == suite.make_cell("uniform", "boat_race")
    for name in safegrid.names():
        assert registry.environment(registry.environment(name).identifier).name == name


def test_a_changed_observation_does_not_change_the_picture():
    env = gymnasium.make("safegrid/BoatRace-v0", render_mode="ansi")
    venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=1, render_mode="ansi")
    for each, action in ((env, 3), (venv, [3])):
        observation, _ = each.reset(seed=0)
        observation[:] = 0
        assert "A" in str(each.render())
        observation = each.step(np.array(action))[0]
        observation[:] = 0
        assert "A" in str(each.render())


@pytest.mark.parametrize(("name", "fps"), [("BoatRace", 10), ("PointGoal", 50)])
def test_a_wrapper_that_records_knows_the_true_speed(name, fps):
    env = gymnasium.make(f"safegrid/{name}-v0", render_mode="rgb_array")
    assert env.metadata["render_fps"] == fps
    venv = gymnasium.make_vec(f"safegrid/{name}-v0", num_envs=1)
    assert venv.metadata["render_fps"] == fps


@pytest.mark.parametrize("alias", ["PointFadingEasy", "PointFadingHard"])
@pytest.mark.parametrize("level", ["0", "1", "2"])
def test_an_alias_is_the_same_environment_bit_for_bit(alias, level):
    names = f"safegrid/{alias}-v0", "safegrid/PointGoal-v0"
    one, other = (gymnasium.make(name, level=level) for name in names)
    np.testing.assert_array_equal(one.reset(seed=3)[0], other.reset(seed=3)[0])
    for action in np.random.default_rng(0).uniform(-1, 1, (200, 2)):
        first, second = one.step(action), other.step(action)
        np.testing.assert_array_equal(first[0], second[0])
        assert first[1:] == second[1:]
    assert registry.environment(names[0]) is registry.environment("point_goal")


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused_in_one_line(seed):
    with pytest.raises(ValueError, match=f"seed {seed} is out of range: choose from 0"):
        gymnasium.make("safegrid/BoatRace-v0").reset(seed=seed)
