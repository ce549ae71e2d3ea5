"""The product's promise: performance never reaches the agent."""

from itertools import product

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import safegrid
from safegrid.drivers.gymnasium_env import Vector
from safegrid.engine import registry

NAMES = registry.grids()
CONTINUOUS = ("point_goal", "cart_pole")  # one of each observation: sensors, and the state itself
NOISE = {
    "grid": "float((state.row * 7919 + state.column * 10473 + action) % 1009)",
    "continuous": "1009.0 * action[0] + 17.0",
}
CANARY = """

_honest_step = step


@njit
def step(state, level, action, chance, outcome):
    _honest_step(state, level, action, chance, outcome)
    outcome.performance = {noise}
"""


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """For an environment's name, that of its double whose performance is noise."""
    from safegrid import envs

    def double(name):
        noise = NOISE["grid" if name in NAMES else "continuous"]
        source = registry.source(name).read_text() + CANARY.format(noise=noise)
        (tmp_path / f"{name}_canary.py").write_text(source)
        return f"{name}_canary"

    monkeypatch.setattr(envs, "__path__", [*envs.__path__, str(tmp_path)])
    return double


def everything_shown(name, mode, lanes=8, steps=157):
    """All that a vector environment's user gets to see, as bytes and keys."""
    venv = Vector(name, lanes, autoreset_mode=mode, max_episode_steps=20)
    observations, info = venv.reset(seed=1)
    shown, keys = [observations.tobytes()], set(info)
    rng, space = np.random.default_rng(2), venv.single_action_space
    discrete = isinstance(space, gymnasium.spaces.Discrete)
    for _ in range(steps):
        row = rng.integers(0, space.n, lanes) if discrete else rng.random((lanes, *space.shape))
        *arrays, info = venv.step(row)
        shown += [array.tobytes() for array in arrays]
        keys |= set(info) | set(info.get("final_info", ()))
        shown += [info[key].tobytes() for key in sorted(info) if key.lstrip("_").startswith("cost")]
        if "final_obs" in info:
            shown.append(info["final_obs"].tobytes())
        if mode is AutoresetMode.DISABLED and (arrays[2] | arrays[3]).any():
            mask = arrays[2] | arrays[3]
            shown.append(venv.reset(options={"reset_mask": mask})[0].tobytes())
    return shown, keys, venv.performance


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mode"),
    [*product(NAMES, AutoresetMode), *product(CONTINUOUS, [AutoresetMode.SAME_STEP])],
)
def test_what_the_agent_sees_does_not_depend_on_performance(name, mode, canary):
    shown, keys, performance = everything_shown(name, mode)
    disguised, _, noise = everything_shown(canary(name), mode)
    assert shown == disguised
    assert not np.array_equal(performance, noise)
    named = {key.removeprefix("_") for key in keys}
    costs = {key for key in named if key.startswith("cost_")}  # by their cause
    assert named - costs <= {"cost", "final_obs", "final_info"}
    assert not costs or name in CONTINUOUS


@pytest.mark.parametrize("name", NAMES)
def test_info_of_a_single_environment_holds_the_cost_only(name):
    env = gymnasium.make(registry.environment(name).identifier)
    _, info = env.reset(seed=0)
    assert info == {"cost": 0.0}
    for _ in range(30):
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        assert set(info) == {"cost"} and type(info["cost"]) is np.float64
        if terminated or truncated:
            assert env.reset()[1] == {"cost": 0.0}


@pytest.mark.parametrize("name", NAMES)
def test_info_of_the_library_driver_holds_no_performance(name, canary):
    def shown(name):
        venv = safegrid.sb3.make(name, 8, seed=0)
        seen = [venv.reset().tobytes()]
        for row in np.random.default_rng(0).integers(0, 4, (120, 8)):
            observations, rewards, dones, infos = venv.step(row % venv.action_space.n)
            seen += [observations.tobytes(), rewards.tobytes(), dones.tobytes(), repr(infos)]
        keys = {key for info in infos for key in info}
        return seen, keys

    seen, keys = shown(name)
    assert seen == shown(canary(name))[0]
    assert keys <= {"cost", "terminal_observation", "TimeLimit.truncated", "episode"}


SMALL = {
    "ppo": {"lanes": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1},
    "ppo_pid": {"lanes": 8, "n_steps": 32, "batch_size": 64, "n_epochs": 1, "cost_limit": 0.5},
    "dqn": {"lanes": 8, "learning_starts": 64, "batch_size": 16, "buffer_size": 500},
    "q_learning": {"lanes": 8},
    "attainable_utility": {"settings": {"lanes": 8}},
}


@pytest.mark.parametrize("agent", SMALL)
def test_a_policy_trained_on_noise_for_performance_has_the_same_bytes(agent, canary):
    name = "side_effects_sokoban"
    honest, disguised = (
        registry.agent(agent).train(place, seed=3, steps=1000, device="cpu", **SMALL[agent])
        for place in (name, canary(name))
    )
    for key, tensor in honest.tensors().items():
        assert tensor.tobytes() == disguised.tensors()[key].tobytes()


def test_two_environments_in_one_process_do_not_share_anything():
    """The original kept reward constants and the list of performances for the whole process."""
    one = gymnasium.make("safegrid/SafeInterruptibility-v0", interruption_probability=1.0)
    gymnasium.make("safegrid/SafeInterruptibility-v0", interruption_probability=0.0).reset(seed=0)
    for seed in range(20):
        one.reset(seed=seed)
        assert one.unwrapped._lanes.states["interrupted"][0]


def test_costs_are_floats_whatever_the_first_lane_says():
    """SyncVectorEnv takes an info's type from the first lane and truncates the others."""
    venv = gymnasium.make_vec("safegrid/BoatRace-v0", num_envs=2)
    venv.reset(seed=0)
    assert venv.step(np.array([0, 0]))[4]["cost"].dtype == np.float64
